"""The half of the outbox's stateful model that plays what stands behind the store: lanes, name servers, restarts, forgetting."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, closing
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.lifecycle import BEGINS, TRANSITIONS, Event, State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.outbox_model import ZONES, Model

# What may happen to deliveries when the store is asked for this; nothing, when it is asked for anything else.
_ENDS = {Event.APPLY, Event.VERIFY, Event.RETRY, Event.BURY, Event.SUPERSEDE}
MAY: dict[str, AbstractSet[Event]] = {
    "record_push": {Event.WANT},
    "record_delete": {Event.WANT},
    "record_orphan_delete": {Event.WANT},
    "record_extra_delete": {Event.WANT, Event.DRIFT},
    "unpin": {Event.WANT},
    "claim": {Event.CLAIM},
    "settle": _ENDS,
    "revive": {Event.REVIVE},
    "requeue": {Event.DRIFT},
    "_open": {Event.LOSE_LEASE, Event.WANT},
}

BACKENDS = ["one", "two", "three"]
backend = st.sampled_from(BACKENDS)


class BehindTheStore(RuleBasedStateMachine):
    """A real store, and a name server for each backend that serves what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.stack = AsyncExitStack()
        self.store: SqliteStore
        self.model = Model()
        self.active: list[str] = []
        self.served: dict[tuple[str, str], str] = {}  # (backend, zone) -> content
        self.applied_version: dict[tuple[str, str], int] = {}
        self.down: set[str] = set()
        self.running: list[Claim] = []  # attempts that are running (or forgotten)

    def run(self, awaitable):
        """Await it; whatever it moved has moved along the table of a delivery's life."""
        events = MAY.get(awaitable.__qualname__.rpartition(".")[2], frozenset())
        before = self._states()
        try:
            return self.loop.run_until_complete(awaitable)
        finally:
            after = self._states()
            for key, state in after.items():
                ways = {TRANSITIONS[way] for event in events if (way := (before.get(key), event)) in TRANSITIONS}
                began = state is BEGINS and Event.WANT in events and key not in before
                assert began or state is before.get(key) or state in ways, f"{key}: {before.get(key)} became {state}"

    def _states(self) -> dict[tuple[str, str], State]:
        """Where each delivery stands, by backend and zone."""
        file = Path(self.folder.name) / FILE_NAME
        if not file.exists():
            return {}
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT backend, zone, state FROM delivery")
            return {(where, name): State(state) for where, name, state in rows}

    async def _open(self, backends: list[str]) -> None:
        self.active = backends
        self.store = await self.stack.enter_async_context(
            open_store(
                Path(self.folder.name), settings=OutboxSettings(disk_reserve_mb=0), clock=self.clock, backends=backends
            )
        )
        await self.store.upkeep.adopt_backends(backends)

    # -- lanes

    @rule(name=backend, limit=st.integers(1, 3))
    def claim(self, name: str, limit: int) -> None:
        if name in self.down or name not in self.active:
            return
        claims = self.run(self.store.work.claim(name, limit=limit, lease_s=60))
        for claim in claims:
            assert claim.version >= self.applied_version.get((name, claim.name), 0), "an older version was claimed"
        self.running += claims

    def _apply(self, claim: Claim) -> None:
        """What a backend does; an attempt whose lease is lost may no longer run (it is stopped by its time limit)."""
        key = (claim.backend, str(claim.name))
        self.applied_version[key] = claim.version
        if claim.kind is Kind.DELETE:
            self.served.pop(key, None)
        else:
            self.served[key] = claim.text.split('"')[1]

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(list(Settle)))
    def settle(self, data, how: Settle) -> None:
        claim = data.draw(st.sampled_from(self.running))
        self.running.remove(claim)
        if how in {Settle.VERIFIED, Settle.APPLIED}:
            self._apply(claim)
        self.run(self.store.work.settle([Settlement(claim=claim, how=how, reason="r", due_at=self.clock.now_s() + 30)]))

    @rule(seconds=st.sampled_from([1, 20]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def leases_are_lost(self) -> None:
        """The process hung: its attempts are over, their ends come too late."""
        late, self.running = self.running, []
        self.clock.advance(61)
        again: list[Claim] = []
        for name in self.active:
            while claims := self.run(self.store.work.claim(name, limit=9, lease_s=60)):  # a batch never mixes classes
                again += claims
        self.run(self.store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED) for claim in late]))
        self.running = again

    @rule(name=backend)
    def goes_down(self, name: str) -> None:
        """What runs is given back unharmed, as a lane does; nothing is taken until it is back."""
        self.down.add(name)
        given_back = [claim for claim in self.running if claim.backend == name]
        self.running = [claim for claim in self.running if claim.backend != name]
        self.run(
            self.store.work.settle([Settlement(claim=claim, how=Settle.DEFER, reason="down") for claim in given_back])
        )

    @rule(name=backend)
    def comes_up(self, name: str) -> None:
        self.down.discard(name)

    # -- the service

    @rule(clock_moved_s=st.sampled_from([0, 0, 3600, -3600]), backends=st.sampled_from([1, 2, 2, 3]))
    def restart(self, clock_moved_s: int, backends: int) -> None:
        """Also with a backend more, or without one: that one is away, and has to catch up when it is back."""
        self.run(self.stack.aclose())
        self.clock.advance(clock_moved_s)
        self.stack = AsyncExitStack()
        self.running = []
        self.run(self._open(BACKENDS[:backends]))

    @rule()
    def history_is_forgotten(self) -> None:
        """Tombstones go, and with them the serials; the numbers of versions must not come again."""
        self.clock.advance(91 * 86_400)
        while self.run(self.store.upkeep.prune()):
            pass
        left = {str(one.name) for one in self.run(self.store.drift.held_page())}
        for name in set(self.model.newest) - left:
            assert self.model.newest.pop(name).content is None
            assert name not in self.model.pins

    @rule(data=st.data())
    def drift(self, data) -> None:
        where = data.draw(st.sampled_from(self.active))
        self.run(self.store.work.requeue(where, [ZoneName.parse(zone) for zone in ZONES], reason="drift"))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.restart(0, len(BACKENDS))
            self._drain()
        self.run(self.stack.aclose())
        self.loop.close()
        self.folder.cleanup()

    def _drain(self) -> None:
        """Let everything be delivered: each backend then serves exactly what is wanted."""
        self.run(self.store.operators.revive())
        for _ in range(10):
            self.clock.advance(3600)
            for name in BACKENDS:
                for claim in self.run(self.store.work.claim(name, limit=9, lease_s=60)):
                    self._apply(claim)
                    self.run(self.store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED)]))
        for name in BACKENDS:
            serving = {zone: text for (server, zone), text in self.served.items() if server == name}
            assert self.model.wanted == serving
        for told in self.run(self.store.looking.backlog()):
            assert (0, 0, 0, len(serving)) == (told.pending, told.leased, told.dead, told.proven)
