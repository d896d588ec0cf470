"""Handing over in the commit, over SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from tests.contract.store_exercises.handing_over import *  # the exercise
from tests.contract.store_exercises.handing_over import Lanes, states
from tests.contract.store_exercises.opening import BACKENDS, NAME
from tests.support.made import a_push


async def test_nothing_is_handed_over_when_the_commit_fails(store, lanes):
    """A lane must not deliver what the store does not have."""
    await store.engine.commits.submit(
        lambda connection: connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON change BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    )

    with pytest.raises(Exception, match="no"):
        await store.recording.record_push(a_push())

    assert ([], {}) == (lanes.taken, await states(store))


async def test_a_pusher_who_hangs_up_does_not_strand_the_delivery(store, lanes):
    """The change is committed and leased, so the lane is told, though nobody waits for the receipt any more."""
    loop = asyncio.get_running_loop()
    begun, told, go_on = asyncio.Event(), asyncio.Event(), threading.Event()

    def pause() -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(60)

    def slow(connection: sqlite3.Connection) -> None:
        connection.create_function("pause", 0, pause)
        connection.execute("CREATE TEMP TRIGGER slow AFTER INSERT ON version BEGIN SELECT pause(); END")

    await store.engine.commits.submit(slow)
    lanes.on_taken = told.set
    push = asyncio.create_task(store.recording.record_push(a_push()))
    await asyncio.wait_for(begun.wait(), 60)
    push.cancel()
    with pytest.raises(asyncio.CancelledError):
        await push

    go_on.set()

    await asyncio.wait_for(told.wait(), 60)
    assert [NAME] == [claim.name for claim in lanes.taken]


async def test_what_was_handed_to_a_process_that_died_is_due_again(tmp_path, clock):
    """kill -9 between the commit and the delivery: the start gives the lease back."""
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path / "s", settings=settings, clock=clock, backends=BACKENDS) as first:
        await first.upkeep.adopt_backends(BACKENDS)
        first.recording.serve(lanes := Lanes())
        await first.recording.record_push(a_push())
        assert 1 == len(lanes.taken)

    async with open_store(tmp_path / "s", settings=settings, clock=clock, backends=BACKENDS) as second:
        await second.upkeep.adopt_backends(BACKENDS)

        assert [NAME] == [claim.name for claim in await second.work.claim("one", limit=10, lease_s=60)]
