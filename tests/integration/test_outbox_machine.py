"""A stateful model: whatever is pushed, deleted, restarted, refused or delayed, the outbox equals a dictionary.

The model holds, for each zone, the content accepted last (or its absence). The machine works on a real SQLite store
and plays the dispatcher itself, with late, failed, lost and repeated attempts.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.records import Claim, Kind, NewPin, Origin, Receipt, Settle, Settlement, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer
from tests.support.made import H1, a_change_id, a_delete, a_push

ZONES = ["a.example", "b.example", "c.example"]
BACKENDS = ["one", "two"]
zone = st.sampled_from(ZONES)
backend = st.sampled_from(BACKENDS)


def _counted(connection: sqlite3.Connection) -> tuple[int, list[tuple[str, str, float]]]:
    """The truth, row by row."""
    (zones,) = connection.execute("SELECT COUNT(*) FROM zone WHERE kind = 'put'").fetchone()
    return zones, connection.execute("SELECT backend, state, wanted_at FROM delivery").fetchall()


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

    @rule(name=zone, content=st.sampled_from(["x", "y", "z"]), step=st.integers(-3, 5))
    def push(self, name: str, content: str, step: int) -> None:
        self.serial = max(self.serial + step, 1)
        before = self.behind[name] if name in self.behind else self.wanted.get(name)
        receipt = self.run(self.store.record_push(a_push(name, self.serial, content=content)))
        if name in self.serials and before != content:
            assert is_newer(receipt.serial, self.serials[name])
        assert name not in self.serials or not is_newer(self.serials[name], receipt.serial)
        self.serials[name] = receipt.serial
        self._accepted(name, content, receipt)

    def _accepted(self, name: str, content: str | None, receipt: Receipt) -> None:
        if name in self.behind:
            assert not receipt.changed, "a pinned zone was changed"
            self.behind[name] = content
        elif content is None:
            self.wanted.pop(name, None)
        else:
            self.wanted[name] = content

    @rule(name=zone)
    def delete(self, name: str) -> None:
        receipt = self.run(self.store.record_delete(a_delete(name)))
        assert (name in self.wanted and name not in self.behind) == receipt.changed
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
            self._accepted(name, content, receipt)

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
    def what_status_tells_is_counted_right(self) -> None:
        if hasattr(self, "store"):
            zones, deliveries = self.run(self.store._viewer.call(_counted))
            assert zones == self.run(self.store.count_zones())
            for told in self.run(self.store.backlog()):
                rows = [(state, at) for name, state, at in deliveries if name == told.backend]
                waiting = [at for state, at in rows if state in {"pending", "leased", "applied"}]
                assert told.pending == sum(state == "pending" for state, _ in rows)
                assert told.leased == sum(state in {"leased", "applied"} for state, _ in rows)
                assert told.dead == sum(state == "dead" for state, _ in rows)
                assert told.oldest_wanted_at == min(waiting, default=None)

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
