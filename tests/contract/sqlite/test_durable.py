"""What is answered `error=0` is on disk: every commit that somebody is promised waits for its fsync, each way that leads to it.

No kill shows a missing fsync, since the system keeps what was written. So the store's own connection is watched: how SQLite
was told to sync when each transaction was committed. FULL syncs the log at every commit, NORMAL at checkpoints only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import NewPin, Origin, Priority, Source
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, H2, a_change_id, a_delete, a_push

NAME = ZoneName.parse("example.com")
Act = Callable[[SqliteStore], Awaitable[object]]


class Watched:
    """What the writer's connection was told, statement by statement."""

    def __init__(self) -> None:
        self._level = "FULL"  # of the durable write that begins to watch
        self._levels: list[str] = []

    def heard(self, statement: str) -> None:
        if statement.startswith("PRAGMA synchronous ="):
            self._level = statement.rpartition(" ")[2]
        elif statement == "COMMIT":
            self._levels.append(self._level)

    async def levels_of(self, done: Awaitable[object]) -> list[str]:
        """How each commit was synced that this took."""
        self._levels = []
        await done
        return list(self._levels)


class Lanes:
    """Lanes that wait: what is recorded is leased to them in the same commit."""

    def __init__(self) -> None:
        self.taken: list[Claim] = []

    def waiting(self) -> Mapping[str, float]:
        return {"one": 60.0}

    def take(self, claims: Sequence[Claim]) -> None:
        self.taken += claims


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=ManualClock(), backends=["one"]) as it:
        await it.upkeep.adopt_backends(["one"])
        yield it


@pytest.fixture
async def watched(store: SqliteStore) -> Watched:
    it = Watched()
    await store.engine.commits.submit(lambda connection: connection.set_trace_callback(it.heard))
    return it


async def _orphan(store: SqliteStore) -> object:
    absent = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=2e9, last_at=2e9,
        state=SightingState.QUARANTINED, quarantined_at=2e9,
    )  # fmt: skip
    await store.drift.save_sightings([absent], [])
    receipt = await store.drift.record_orphan_delete(absent, a_delete(source=Source.RECONCILE))
    assert receipt is not None
    return receipt


async def _unpin(store: SqliteStore) -> object:
    await store.recording.pin(NewPin(name=NAME, actor="bob"))
    return await store.recording.unpin(NAME, Origin(change_id=a_change_id(), source=Source.API, owner=H1))


PROMISED: dict[str, Act] = {
    "a push": lambda store: store.recording.record_push(a_push("new.example")),
    "a change": lambda store: store.recording.record_push(a_push(serial=2)),
    "an urgent push": lambda store: store.recording.record_push(a_push(serial=2, priority=Priority.URGENT)),
    "a bulk": lambda store: store.recording.record_push(a_push(serial=2, priority=Priority.BULK)),
    "the same again": lambda store: store.recording.record_push(a_push(serial=1)),
    "another server's push": lambda store: store.recording.record_push(a_push(serial=2, owner=H2)),
    "a pull": lambda store: store.recording.record_push(a_push("pulled.example", source=Source.RECONCILE)),
    "a delete": lambda store: store.recording.record_delete(a_delete()),
    "a push that is held": lambda store: store.recording.record_push(
        replace(a_push(serial=2, owner=H2), takeover="hold", body=b"as sent")
    ),
    "an orphan's delete": _orphan,
    "an extra zone's delete": lambda store: store.drift.record_extra_delete(
        "one", [ZoneName.parse("ghost.example")], change_id=a_change_id()
    ),
    "a pin": lambda store: store.recording.pin(NewPin(name=NAME, actor="bob")),
    "the end of a pin": _unpin,
    "a refusal": lambda store: store.recording.record_refused(
        Refused(
            change_id=a_change_id(), name="x", rule="told", reason="as told", owner=H1, address="", at=0.0, body=b""
        )
    ),
    "a line of the audit": lambda store: store.recording.record_event(Event(at=0.0, event="zone.pinned", zone=NAME)),
    "a pause": lambda store: store.operators.pause("one", Pause(actor="bob", at=0.0, reason="as told")),
    "the probe of /readyz": lambda store: store.upkeep.probe(),
}


@pytest.mark.parametrize("handed", [False, True], ids=["claimed later", "handed over"])
@pytest.mark.parametrize("act", PROMISED.values(), ids=PROMISED.keys())
async def test_every_commit_that_somebody_is_promised_waits_for_the_disk(store, watched, act, handed):
    """Promise 1; also after a commit of the kind that does not wait, and where a lane is handed the change at once."""
    await store.recording.record_push(a_push(serial=1))
    (claim,) = await store.work.claim("one", limit=1, lease_s=60)
    await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED, served_serial=1)])
    if handed:
        store.recording.serve(Lanes())

    levels = await watched.levels_of(act(store))

    assert levels
    assert {"FULL"} == set(levels)


async def test_a_handed_over_push_and_delete_are_one_commit_on_disk(store, watched):
    """The lease rides on the commit of the push: one fsync for both, and not none."""
    store.recording.serve(lanes := Lanes())

    pushed = await watched.levels_of(store.recording.record_push(a_push(serial=1)))
    await store.work.settle([Settlement(claim=lanes.taken[0], how=Settle.VERIFIED, served_serial=1)])
    deleted = await watched.levels_of(store.recording.record_delete(a_delete()))

    assert (["FULL"], ["FULL"]) == (pushed, deleted)
    assert lanes.taken


async def test_what_is_done_again_anyway_does_not_wait(store, watched):
    """Claims and proofs: a power loss may undo them, and an fsync for each would halve what a disk delivers."""
    await store.recording.record_push(a_push(serial=1))

    async def claim_and_prove() -> None:
        (claim,) = await store.work.claim("one", limit=1, lease_s=60)
        await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED, served_serial=1)])

    assert ["NORMAL", "NORMAL"] == await watched.levels_of(claim_and_prove())
