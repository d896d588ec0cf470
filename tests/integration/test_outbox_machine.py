"""A stateful model: whatever is pushed, pulled, deleted, pinned, restarted, refused or delayed, the outbox equals a dictionary.

The model holds, for each zone, the newest version (or its tombstone), whose it is, what is held instead, and what waits for
approval. Two servers push each other's zones, and zones above and below them; passes of reconciliation pull and delete by
what they saw a while ago; backends go and come back. The machine works on a real SQLite store and plays the dispatcher
itself, with late, failed, lost and repeated attempts.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox.changes import Kind, NewPin, NewVersion, Origin, Owner, Receipt, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.ownership import Act, GiveWay, Hold, Ignore, Record, Refuse, Waiting, judge
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer
from tests.contract.sqlite.test_ownership import below
from tests.support.made import H1, H2, a_change_id, a_delete, a_push
from tests.support.outbox_machine import BACKENDS, BehindTheStore, backend
from tests.support.outbox_model import ZONES, Known

zone = st.sampled_from(ZONES)
content = st.sampled_from(["x", "y", "z"])
step = st.integers(-3, 5)
server = st.sampled_from([H1, H1, H1, H2, replace(H1, hostname=""), replace(H2, credential="other")])


def _counted(connection: sqlite3.Connection) -> tuple[int, list[tuple[str, str, float]]]:
    """The truth, row by row."""
    (zones,) = connection.execute("SELECT COUNT(*) FROM wanted WHERE kind = 'put'").fetchone()
    return zones, connection.execute("SELECT backend, state, wanted_at FROM delivery").fetchall()


def _proven(connection: sqlite3.Connection) -> dict[str, int]:
    """Living zones whose wanted version is proven, by backend, row by row."""
    asked = (
        "SELECT d.backend, COUNT(*) FROM wanted z JOIN delivery d ON d.zone = z.zone WHERE z.kind = 'put'"
        " AND d.state = 'verified' AND d.verified_version = z.version GROUP BY d.backend"
    )
    return dict(connection.execute(asked))


class OutboxMachine(BehindTheStore):
    def __init__(self) -> None:
        super().__init__()
        self.serial = 1

    @initialize(pushed=st.sets(zone), pinned=st.sets(zone))
    def start(self, pushed: set[str], pinned: set[str]) -> None:
        """In the middle of things: some zones are there, some of these are pinned."""
        self.run(self._open(BACKENDS[:2]))
        for name in sorted(pushed):
            self.push(name, "x", 1, H1, "transfer")
        for name in sorted(pinned):
            self.pin(name)

    # -- servers push, people approve

    @rule(
        name=zone, text=content, by=step, owner=server, takeover=st.sampled_from(["transfer"] * 2 + ["hold", "reject"])
    )
    def push(self, name: str, text: str, by: int, owner: Owner, takeover: str) -> None:
        self.serial = max(self.serial + by, 1)
        push = replace(a_push(name, self.serial, content=text, owner=owner), takeover=takeover, body=text.encode())
        self._push(Act.PUSH, push, text)

    @precondition(lambda self: any(map(self.model.living, ZONES)))
    @rule(data=st.data(), owner=server)
    def push_the_same(self, data, owner: Owner) -> None:
        """What a server does with a zone that has moved to it."""
        name = data.draw(st.sampled_from(sorted(filter(self.model.living, ZONES))))
        self.push(name, self.model.living(name).content, 0, owner, "transfer")

    def _push(self, act: Act, push: NewVersion, text: str) -> None:
        name, owner = str(push.zone.name), push.origin.owner
        there = self.model.there(name, owner, around=True)
        verdict = judge(act, push.zone.name, owner, there, takeover=push.takeover)
        if isinstance(verdict, Refuse):
            with pytest.raises(OwnershipRefused) as refusal:
                self.run(self.store.recording.record_push(push))
            assert verdict.rule == refusal.value.rule
            return
        receipt = self.run(self.store.recording.record_push(push))
        if isinstance(verdict, Hold):
            assert receipt.withheld is not None
            assert verdict.rule == receipt.withheld.rule
            self.model.waits[name] = Waiting(rule=verdict.rule, owner=owner, digest=push.zone.digest.hex()), text
            return
        assert isinstance(verdict, Record)
        self._is_recorded(push, text, receipt, verdict)

    def _is_recorded(self, push: NewVersion, text: str, receipt: Receipt, verdict: Record) -> None:
        name = str(push.zone.name)
        before = self.model.newest.get(name)
        assert receipt.withheld is None
        assert verdict.former == receipt.took_over
        if before is not None and before.content != text:
            assert is_newer(receipt.serial, before.serial)
        assert before is None or not is_newer(before.serial, receipt.serial)
        assert before is None or receipt.version - before.version in {0, 1}
        assert not (receipt.changed and name in self.model.pins), "a pinned zone was changed"
        if verdict.drops:
            del self.model.waits[name]
        self.model.pushed(push, text, receipt, self.clock.now_s())

    @precondition(lambda self: self.model.waits)
    @rule(data=st.data())
    def let_in(self, data) -> None:
        """Somebody approves what waits."""
        self._let_in(data.draw(st.sampled_from(sorted(self.model.waits))))

    def _let_in(self, name: str) -> None:
        waiting, text = self.model.waits[name]
        self.serial += 1
        push = a_push(name, self.serial, content=text, owner=waiting.owner)
        push = replace(push, takeover="reject", approves=waiting.digest)
        there = self.model.there(name, waiting.owner, around=False)
        verdict = judge(
            Act.LET_IN, push.zone.name, waiting.owner, there, takeover="reject", approves=waiting.digest
        )  # fmt: skip
        assert isinstance(verdict, Record)
        self._is_recorded(push, text, self.run(self.store.recording.record_push(push)), verdict)
        assert name not in self.model.waits

    @rule(name=zone, by=st.none() | st.none() | server)
    def delete(self, name: str, by: Owner | None) -> None:
        """By its owner, mostly."""
        living = self.model.living(name)
        owner = by or (living.owner if living else H1)
        there = self.model.there(name, owner, around=False)
        verdict = judge(Act.DELETE, ZoneName.trusted(name), owner, there, takeover="transfer")
        receipt = self.run(self.store.recording.record_delete(a_delete(name, owner=owner)))
        if isinstance(verdict, GiveWay):
            assert verdict.digest == receipt.gives_way
            self._let_in(name)
            receipt = self.run(
                self.store.recording.record_delete(replace(a_delete(name, owner=owner), gives_way=False))
            )
            assert receipt.ignored.startswith("late delete")
            return
        assert isinstance(verdict, (Record, Ignore))
        self._is_deleted(name, receipt, verdict)

    def _is_deleted(self, name: str, receipt: Receipt, verdict: Record | Ignore) -> None:
        if verdict.drops:
            del self.model.waits[name]
        if isinstance(verdict, Ignore):
            assert (False, verdict.reason) == (receipt.changed, receipt.ignored)
            return
        assert (name in self.model.pins) == receipt.waits == (not receipt.changed)
        assert self.model.version(name) + 1 == receipt.version
        self.model.deleted(name, receipt, self.clock.now_s())

    # -- passes of reconciliation

    @rule(name=zone, text=content, by=step, owner=server, behind=st.sampled_from([0, 0, 1, 2]))
    def pull(self, name: str, text: str, by: int, owner: Owner, behind: int) -> None:
        """By compare-and-set: `behind` versions came since the pass looked, and each, also behind a pin, wins over it."""
        self.serial = max(self.serial + by, 1)
        newest = self.model.version(name)
        push = a_push(name, self.serial, content=text, owner=owner, source=Source.PULL)
        push = replace(push, only_if_version=max(newest - behind, 0))
        if push.only_if_version == newest:
            self._push(Act.PULL, push, text)
            return
        receipt = self.run(self.store.recording.record_push(push))
        assert (True, False, newest) == (receipt.overtaken, receipt.changed, receipt.version)

    @rule(name=zone)
    def its_server_lists_it_no_more(self, name: str) -> None:
        known, now = self.model.living(name), self.clock.now_s()
        if known is not None:
            self.model.seen[name] = known.version, now
            seen = Sighting(
                name=ZoneName.trusted(name), version=known.version, server=known.owner.server, absences=3, first_at=now,
                last_at=now, state=SightingState.QUARANTINED, quarantined_at=now,
            )  # fmt: skip
            self.run(self.store.drift.save_sightings([seen], []))

    @precondition(lambda self: self.model.seen)
    @rule(data=st.data())
    def the_grace_is_over(self, data) -> None:
        """An orphan is deleted, unless it was pushed or pinned since, or a push waits for it."""
        name = data.draw(st.sampled_from(sorted(self.model.seen)))
        (sighting,) = [one for one in self.run(self.store.drift.sightings()) if one.name == name]
        known = self.model.newest.get(name)
        owner = known.owner if known else Owner()
        deletion = a_delete(name, owner=owner, source=Source.RECONCILE)
        receipt = self.run(self.store.drift.record_orphan_delete(sighting, deletion))
        assert self.model.is_orphan(name) == (receipt is not None)
        if receipt is not None:
            del self.model.seen[name]
            there = self.model.there(name, owner, around=False)
            verdict = judge(Act.SWEEP, ZoneName.trusted(name), owner, there, takeover="transfer")
            assert isinstance(verdict, (Record, Ignore))
            self._is_deleted(name, receipt, verdict)

    @rule(name=zone, data=st.data())
    def a_backend_holds_what_is_not_ours(self, name: str, data) -> None:
        """What is wanted stays; what is not is removed there, and leaves a tombstone."""
        where = data.draw(st.sampled_from(self.active))
        parsed = ZoneName.trusted(name)
        removed = self.run(self.store.drift.record_extra_delete(where, [parsed], change_id=a_change_id()))
        if name in self.model.wanted:
            assert not removed
            return
        if removed:
            self.served[where, name] = "not ours"
        (held,) = self.run(self.store.drift.held([parsed]))
        now = self.clock.now_s()
        made = Known(version=held.version, content=None, owner=Owner(), serial=0, pushed_serial=0, pushed_at=now)
        assert self.model.newest.setdefault(name, made).version == held.version

    # -- a person holds a zone

    @rule(name=zone)
    def pin(self, name: str) -> None:
        pin = self.run(self.store.recording.pin(NewPin(name=ZoneName.parse(name), actor="m")))
        assert (name in self.model.wanted) == (pin is not None)
        self.model.pin(name)

    @rule(name=zone)
    def unpin(self, name: str) -> None:
        origin = Origin(change_id=a_change_id(), source=Source.API, owner=H1)
        receipt = self.run(self.store.recording.unpin(ZoneName.parse(name), origin))
        assert (name in self.model.pins) == (receipt is not None)
        if receipt is not None:
            version, _ = self.model.pins.pop(name)
            assert (self.model.version(name), self.model.version(name) > version) == (receipt.version, receipt.changed)

    @rule(name=st.none() | zone, server=st.just("") | backend)
    def revive(self, name: str | None, server: str) -> None:
        self.run(self.store.operators.revive(name=ZoneName.parse(name) if name else None, backend=server))

    # -- what must be true

    @invariant()
    def the_store_wants_what_was_accepted_or_is_held(self) -> None:
        if hasattr(self, "store"):
            wanted = self.model.wanted
            assert set(wanted) == {str(found.name) for found in self.run(self.store.looking.zones())}
            for name, text in wanted.items():
                assert f'"{text}"' in self.run(self.store.looking.text(ZoneName.parse(name)))

    @invariant()
    def the_newest_version_is_what_was_accepted_last(self) -> None:
        """Also behind a pin: by it every later change is judged."""
        if hasattr(self, "store"):
            told = {str(one.name): one for one in self.run(self.store.drift.held_page())}
            assert set(self.model.newest) == set(told)
            for name, known in self.model.newest.items():
                one = told[name]
                assert (known.version, known.owner) == (one.version, one.owner)
                assert (known.serial, known.pushed_serial) == (one.serial, one.pushed_serial)
                assert (known.content is None) == (one.kind is Kind.DELETE)
                if known.content is not None:
                    assert f'"{known.content}"' in self.run(self.store.looking.text(one.name, one.version))

    @invariant()
    def what_waits_and_what_lies_below_is_known(self) -> None:
        if hasattr(self, "store"):
            held = {str(one.name): (one.owner, one.digest) for one in self.run(self.store.approval.held_pushes())}
            assert {name: (one.owner, one.digest) for name, (one, _) in self.model.waits.items()} == held
            counted, true = self.run(self.store.engine.viewer.call(below))
            assert true == counted

    @invariant()
    def what_status_tells_is_counted_right(self) -> None:
        if hasattr(self, "store"):
            zones, deliveries = self.run(self.store.engine.viewer.call(_counted))
            proven = self.run(self.store.engine.viewer.call(_proven))
            assert zones == self.run(self.store.looking.count_zones())
            for told in self.run(self.store.looking.backlog()):
                rows = [(state, at) for name, state, at in deliveries if name == told.backend]
                waiting = [at for state, at in rows if state in {"pending", "leased", "applied"}]
                assert told.pending == sum(state == "pending" for state, _ in rows)
                assert told.leased == sum(state in {"leased", "applied"} for state, _ in rows)
                assert told.dead == sum(state == "dead" for state, _ in rows)
                assert told.oldest_wanted_at == min(waiting, default=None)
                assert told.proven == proven.get(told.backend, 0)


OutboxMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOutboxMachine = OutboxMachine.TestCase
