"""A stateful model: whatever is pushed, deleted, restarted, refused or delayed, the outbox equals a dictionary.

The model holds, for each zone, the content accepted last (or its absence), whose it is, and what waits for approval; two
servers push each other's zones, and zones above and below them. The machine works on a real SQLite store and plays the
dispatcher itself, with late, failed, lost and repeated attempts.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from directdnsonly.clock import ManualClock
from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox.ownership import (
    Above,
    Act,
    GiveWay,
    Hold,
    Ignore,
    Record,
    Refuse,
    There,
    Waiting,
    is_foreign,
    judge,
)
from directdnsonly.outbox.records import (
    Claim,
    Kind,
    NewPin,
    NewVersion,
    Origin,
    Owner,
    Receipt,
    Settle,
    Settlement,
    Source,
)
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer
from tests.contract.test_ownership import below
from tests.support.made import H1, H2, a_change_id, a_delete, a_push

HELD_BY_PARENT = "www.a.example"  # each zone of `a_push` has records at www
ZONES = ["a.example", "b.a.example", HELD_BY_PARENT, "c.example"]
BACKENDS = ["one", "two"]
zone = st.sampled_from(ZONES)
backend = st.sampled_from(BACKENDS)
server = st.sampled_from([H1, H1, H1, H2, replace(H1, hostname=""), replace(H2, credential="other")])


def _counted(connection: sqlite3.Connection) -> tuple[int, list[tuple[str, str, float]]]:
    """The truth, row by row."""
    (zones,) = connection.execute("SELECT COUNT(*) FROM zone WHERE kind = 'put'").fetchone()
    return zones, connection.execute("SELECT backend, state, wanted_at FROM delivery").fetchall()


def _proven(connection: sqlite3.Connection) -> dict[str, int]:
    """Living zones whose newest version is proven, by backend, row by row."""
    asked = (
        "SELECT d.backend, COUNT(*) FROM zone z JOIN delivery d USING (zone) WHERE z.kind = 'put' AND d.state = 'verified'"
        " AND d.verified_version = z.version GROUP BY d.backend"
    )
    return dict(connection.execute(asked))


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.stack = AsyncExitStack()
        self.store: SqliteStore
        self.wanted: dict[str, str] = {}  # zone -> content that shall be served, absent when deleted
        self.behind: dict[str, str | None] = {}  # pinned zone -> content accepted last, None when deleted
        self.served: dict[tuple[str, str], str] = {}  # (backend, zone) -> content
        self.applied_version: dict[tuple[str, str], int] = {}
        self.serials: dict[str, int] = {}
        self.down: set[str] = set()
        self.held: list[Claim] = []  # attempts that are running (or forgotten)
        self.serial = 1
        self.owners: dict[str, Owner] = {}  # whose the newest version of a living zone is, also behind a pin
        self.buried: dict[str, Owner] = {}
        self.serving: dict[str, Owner] = {}  # whose a zone is that shall be served
        self.waits: dict[str, tuple[Waiting, str]] = {}  # with its content

    def run(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    @initialize()
    def start(self) -> None:
        self.run(self._open())

    async def _open(self) -> None:
        self.store = await self.stack.enter_async_context(
            open_store(
                Path(self.folder.name), settings=OutboxSettings(disk_reserve_mb=0), clock=self.clock, backends=BACKENDS
            )
        )
        await self.store.adopt_backends(BACKENDS)

    def _there(self, name: str, asker: Owner, *, around: bool) -> There:
        """As the model knows it; the store must find the same."""
        above = next((one for one in ZoneName.trusted(name).ancestors() if one in self.serving), None)
        below = [owner for zone, owner in self.serving.items() if zone.endswith(f".{name}")]
        return There(
            zone=self.owners.get(name),
            buried=self.buried.get(name),
            waits=self.waits[name][0] if name in self.waits else None,
            above=Above(name=above, owner=self.serving[above], holds=name == HELD_BY_PARENT)
            if above and around
            else None,
            below=next((owner for owner in below if around and is_foreign(owner, asker)), None),
        )

    @rule(
        name=zone,
        content=st.sampled_from(["x", "y", "z"]),
        step=st.integers(-3, 5),
        owner=server,
        takeover=st.sampled_from(["transfer", "transfer", "hold", "reject"]),
    )
    def push(self, name: str, content: str, step: int, owner: Owner, takeover: str) -> None:
        self.serial = max(self.serial + step, 1)
        push = replace(
            a_push(name, self.serial, content=content, owner=owner), takeover=takeover, body=content.encode()
        )
        there = self._there(name, owner, around=True)
        verdict = judge(Act.PUSH, ZoneName.trusted(name), owner, there, takeover=takeover)  # type: ignore[arg-type]
        if isinstance(verdict, Refuse):
            self._is_refused(push, verdict)
            return
        receipt = self.run(self.store.record_push(push))
        if isinstance(verdict, Hold):
            assert receipt.withheld is not None
            assert verdict.rule == receipt.withheld.rule
            waiting = Waiting(rule=verdict.rule, owner=owner, digest=push.zone.digest.hex())
            self.waits[name] = waiting, content
            return
        assert isinstance(verdict, Record)
        self._is_recorded(push, content, receipt, verdict)

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), owner=server)
    def push_the_same(self, data, owner: Owner) -> None:
        """What a server does with a zone that has moved to it."""
        name = data.draw(st.sampled_from(sorted(self.owners)))
        content = self.behind[name] if name in self.behind else self.wanted[name]
        assert content is not None
        self.push(name, content, 0, owner, "transfer")

    def _is_refused(self, push: NewVersion, verdict: Refuse) -> None:
        with pytest.raises(OwnershipRefused) as refusal:
            self.run(self.store.record_push(push))
        assert verdict.rule == refusal.value.rule

    def _is_recorded(self, push: NewVersion, content: str, receipt: Receipt, verdict: Record) -> None:
        name = str(push.zone.name)
        before = self.behind[name] if name in self.behind else self.wanted.get(name)
        assert receipt.withheld is None
        assert verdict.former == receipt.took_over
        if name in self.serials and before != content:
            assert is_newer(receipt.serial, self.serials[name])
        assert name not in self.serials or not is_newer(self.serials[name], receipt.serial)
        self.serials[name] = receipt.serial
        if verdict.drops:
            del self.waits[name]
        self.owners[name] = push.origin.owner
        self.buried.pop(name, None)
        self._accepted(name, content, receipt)

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def let_in(self, data) -> None:
        """Somebody approves what waits."""
        self._let_in(data.draw(st.sampled_from(sorted(self.waits))))

    def _let_in(self, name: str) -> None:
        waiting, content = self.waits[name]
        self.serial += 1
        push = replace(
            a_push(name, self.serial, content=content, owner=waiting.owner), takeover="reject", approves=waiting.digest
        )
        there = self._there(name, waiting.owner, around=False)
        verdict = judge(
            Act.LET_IN, push.zone.name, waiting.owner, there, takeover="reject", approves=waiting.digest
        )  # fmt: skip
        assert isinstance(verdict, Record)
        self._is_recorded(push, content, self.run(self.store.record_push(push)), verdict)
        assert name not in self.waits

    def _accepted(self, name: str, content: str | None, receipt: Receipt) -> None:
        if name in self.behind:
            assert not receipt.changed, "a pinned zone was changed"
            self.behind[name] = content
        elif content is None:
            self.wanted.pop(name, None)
            self.serving.pop(name, None)
        else:
            self.wanted[name] = content
            self.serving[name] = self.owners[name]

    @rule(name=zone, owner=server)
    def delete(self, name: str, owner: Owner) -> None:
        verdict = judge(
            Act.DELETE, ZoneName.trusted(name), owner, self._there(name, owner, around=False), takeover="transfer"
        )
        receipt = self.run(self.store.record_delete(a_delete(name, owner=owner)))
        if isinstance(verdict, GiveWay):
            assert verdict.digest == receipt.gives_way
            self._let_in(name)
            receipt = self.run(self.store.record_delete(replace(a_delete(name, owner=owner), gives_way=False)))
            assert receipt.ignored.startswith("late delete")
            return
        assert isinstance(verdict, (Record, Ignore))
        if verdict.drops:
            del self.waits[name]
        if isinstance(verdict, Ignore):
            assert (False, verdict.reason) == (receipt.changed, receipt.ignored)
            return
        assert (name in self.wanted and name not in self.behind) == receipt.changed
        self.buried[name] = self.owners.pop(name)
        self._accepted(name, None, receipt)

    @rule(name=zone)
    def pin(self, name: str) -> None:
        pin = self.run(self.store.pin(NewPin(name=ZoneName.parse(name), actor="m")))
        assert (name in self.wanted) == (pin is not None)
        if pin is not None:
            self.behind.setdefault(name, self.wanted[name])

    @rule(name=zone)
    def unpin(self, name: str) -> None:
        origin = Origin(change_id=a_change_id(), source=Source.API, owner=H1)
        receipt = self.run(self.store.unpin(ZoneName.parse(name), origin))
        assert (name in self.behind) == (receipt is not None)
        if name in self.behind:
            content = self.behind.pop(name)
            self._accepted(name, content, receipt)  # with the owner that came meanwhile

    @rule(name=st.none() | zone, server=st.just("") | backend)
    def revive(self, name: str | None, server: str) -> None:
        self.run(self.store.revive(name=ZoneName.parse(name) if name else None, backend=server))

    @rule(name=backend, limit=st.integers(1, 3))
    def claim(self, name: str, limit: int) -> None:
        if name in self.down:
            return
        claims = self.run(self.store.claim(name, limit=limit, lease_s=60))
        for claim in claims:
            assert claim.version >= self.applied_version.get((name, claim.name), 0), "an older version was claimed"
        self.held += claims

    def _apply(self, claim: Claim) -> None:
        """What a backend does; an attempt whose lease is lost may no longer run (it is stopped by its time limit)."""
        key = (claim.backend, str(claim.name))
        self.applied_version[key] = claim.version
        if claim.kind is Kind.DELETE:
            self.served.pop(key, None)
        else:
            self.served[key] = claim.text.split('"')[1]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(list(Settle)))
    def settle(self, data, how: Settle) -> None:
        claim = data.draw(st.sampled_from(self.held))
        self.held.remove(claim)
        if how in {Settle.VERIFIED, Settle.APPLIED}:
            self._apply(claim)
        self.run(self.store.settle([Settlement(claim=claim, how=how, reason="r", due_at=self.clock.now_s() + 30)]))

    @rule(seconds=st.sampled_from([1, 20]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def leases_are_lost(self) -> None:
        """The process hung: its attempts are over, their ends come too late."""
        late, self.held = self.held, []
        self.clock.advance(61)
        again = [claim for name in BACKENDS for claim in self.run(self.store.claim(name, limit=9, lease_s=60))]
        self.run(self.store.settle([Settlement(claim=claim, how=Settle.VERIFIED) for claim in late]))
        self.held = again

    @rule(name=backend)
    def goes_down(self, name: str) -> None:
        """What runs is given back unharmed, as a lane does; nothing is taken until it is back."""
        self.down.add(name)
        given_back = [claim for claim in self.held if claim.backend == name]
        self.held = [claim for claim in self.held if claim.backend != name]
        self.run(self.store.settle([Settlement(claim=claim, how=Settle.DEFER, reason="down") for claim in given_back]))

    @rule(name=backend)
    def comes_up(self, name: str) -> None:
        self.down.discard(name)

    @rule(clock_moved_s=st.sampled_from([0, 0, 3600, -3600]))
    def restart(self, clock_moved_s: int) -> None:
        self.run(self.stack.aclose())
        self.clock.advance(clock_moved_s)
        self.stack = AsyncExitStack()
        self.held = []
        self.run(self._open())

    @rule()
    def history_is_forgotten(self) -> None:
        """Tombstones go, and with them the serials; the numbers of versions must not come again."""
        self.clock.advance(91 * 86_400)
        while self.run(self.store.prune()):
            pass
        for name in list(self.serials):
            if self.run(self.store.zone(ZoneName.parse(name))) is None:
                del self.serials[name]
                self.buried.pop(name, None)

    @rule(name=backend)
    def drift(self, name: str) -> None:
        self.run(self.store.requeue(name, [ZoneName.parse(zone) for zone in ZONES], reason="drift"))

    @invariant()
    def the_store_holds_what_was_accepted(self) -> None:
        if hasattr(self, "store"):
            held = {str(found.name) for found in self.run(self.store.zones())}
            assert set(self.wanted) == held
            for name, content in self.wanted.items():
                assert f'"{content}"' in self.run(self.store.text(ZoneName.parse(name)))

    @invariant()
    def each_zone_has_its_owner_and_what_waits_for_it(self) -> None:
        if hasattr(self, "store"):
            zones = {str(zone.name): zone.owner for zone in self.run(self.store.zones())}
            assert self.serving == zones
            held = {str(one.name): (one.owner, one.digest) for one in self.run(self.store.held_pushes())}
            assert {name: (one.owner, one.digest) for name, (one, _) in self.waits.items()} == held
            counted, true = self.run(self.store._viewer.call(below))
            assert true == counted

    @invariant()
    def what_status_tells_is_counted_right(self) -> None:
        if hasattr(self, "store"):
            zones, deliveries = self.run(self.store._viewer.call(_counted))
            proven = self.run(self.store._viewer.call(_proven))
            assert zones == self.run(self.store.count_zones())
            for told in self.run(self.store.backlog()):
                rows = [(state, at) for name, state, at in deliveries if name == told.backend]
                waiting = [at for state, at in rows if state in {"pending", "leased", "applied"}]
                assert told.pending == sum(state == "pending" for state, _ in rows)
                assert told.leased == sum(state in {"leased", "applied"} for state, _ in rows)
                assert told.dead == sum(state == "dead" for state, _ in rows)
                assert told.oldest_wanted_at == min(waiting, default=None)
                assert told.proven == proven.get(told.backend, 0)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self._drain()
        self.run(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()

    def _drain(self) -> None:
        """Let everything be delivered: each backend then serves exactly what was accepted last."""
        self.run(self.store.revive())
        for _ in range(10):
            self.clock.advance(3600)
            for name in BACKENDS:
                for claim in self.run(self.store.claim(name, limit=9, lease_s=60)):
                    self._apply(claim)
                    self.run(self.store.settle([Settlement(claim=claim, how=Settle.VERIFIED)]))
        for name in BACKENDS:
            serving = {zone: content for (server, zone), content in self.served.items() if server == name}
            assert self.wanted == serving


OutboxMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOutboxMachine = OutboxMachine.TestCase
