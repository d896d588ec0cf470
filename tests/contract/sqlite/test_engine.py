"""What is of this engine alone: commits in groups, the file, its locks, its limits, its migrations."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from contextlib import closing

import pytest

from directdnsonly.errors import OutboxTooNew, OutboxUnavailable
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import open_store
from tests.contract.store_exercises.recording import a_pin
from tests.support.made import a_push


async def test_the_next_group_does_not_wait_for_a_busy_loop(store):
    """While requests are parsed nothing else of the loop runs: the disk must not stand still for so long."""
    begun, committed = threading.Event(), threading.Event()

    def first(connection):
        begun.set()
        connection.execute("SELECT 1")
        return "first"

    one = asyncio.create_task(store.engine.commits.submit(first))
    two = asyncio.create_task(store.engine.commits.submit(lambda _: threading.Event().wait(0.2)))
    while not begun.is_set():
        await asyncio.sleep(0)
    three = asyncio.create_task(store.engine.commits.submit(lambda _: committed.set()))
    await asyncio.sleep(0)

    assert committed.wait(60)  # the loop stands still until then

    assert "first" == await one
    await asyncio.gather(two, three)
    assert store.engine.commits.at_rest


async def test_a_write_whose_caller_has_gone_before_it_began_leaves_no_trace(store):
    """Who gave up while others' group was on its way has recorded nothing."""
    begun, go_on = threading.Event(), threading.Event()

    def first(_):
        begun.set()
        assert go_on.wait(60)

    one = asyncio.create_task(store.engine.commits.submit(first))
    while not begun.is_set():
        await asyncio.sleep(0)
    gone = asyncio.create_task(store.recording.record_push(a_push("gone.example")))
    stays = asyncio.create_task(store.recording.record_push(a_push("stays.example")))
    while store.engine.commits.waiting < 2:
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    go_on.set()

    await asyncio.gather(one, stays)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert ["stays.example"] == [zone.name for zone in await store.looking.zones()]
    assert store.engine.commits.at_rest


async def test_waiting_pushes_share_a_commit(store):
    """Group commit: 200 waiting pushes cost a handful of fsyncs, not 200."""
    before = store.engine.commits.commits

    await asyncio.gather(*(store.recording.record_push(a_push(f"z{number}.example")) for number in range(200)))

    assert store.engine.commits.commits - before <= 3


async def test_a_store_that_another_program_locks_waits_then_says_so_then_recovers(opener, tmp_path):
    """Faults A11."""
    import sqlite3

    store = await opener.open(busy_timeout_s=0.2)
    await store.recording.record_push(a_push("before.example"))
    with closing(sqlite3.connect(tmp_path / "store" / FILE_NAME, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxUnavailable, match="locked"):
            await store.recording.record_push(a_push("during.example"))
        foreign.execute("ROLLBACK")

    assert (await store.recording.record_push(a_push("after.example"))).changed
    assert ["after.example", "before.example"] == [str(zone.name) for zone in await store.looking.zones()]


async def test_a_second_process_is_refused_with_the_first_ones_number(opener):
    """One process owns a store."""
    await opener.open()

    with pytest.raises(OutboxUnavailable, match=rf"in use by process {os.getpid()}\b"):
        async with open_store(opener.folder, settings=OutboxSettings(), clock=opener.clock, backends=[]):
            pass


async def test_a_store_of_a_newer_program_is_refused_unharmed(opener):
    """Never damage what we do not understand."""
    import sqlite3

    await opener.open()
    await opener.close()
    with closing(sqlite3.connect(opener.folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 999")

    with pytest.raises(OutboxTooNew, match="999"):
        await opener.open()


async def test_commits_are_synced_to_disk(store):
    """error=0 means on disk: WAL with synchronous=FULL."""

    def look(connection):
        return (
            connection.execute("PRAGMA journal_mode").fetchone()[0],
            connection.execute("PRAGMA synchronous").fetchone()[0],
        )

    assert ("wal", 2) == await store.engine.commits.submit(look)


async def test_only_what_a_power_loss_must_not_undo_waits_for_the_disk(store):
    """Claims and proofs are committed without an fsync of their own; one durable write makes its whole group durable."""

    def synchronous(connection):
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    alone = await store.engine.commits.submit(synchronous, durable=False)
    mixed = await asyncio.gather(
        store.engine.commits.submit(synchronous, durable=False), store.engine.commits.submit(synchronous, durable=True)
    )
    after = await store.engine.commits.submit(synchronous)

    normal, full = 1, 2
    assert (normal, [full, full], full) == (alone, mixed, after)


async def test_a_write_that_fails_fails_alone(store):
    """Its neighbours in the same group are committed."""

    def bad(_connection):
        raise ZeroDivisionError

    results = await asyncio.gather(
        store.recording.record_push(a_push("a.example")),
        store.engine.commits.submit(bad),
        store.recording.record_push(a_push("b.example")),
        return_exceptions=True,
    )

    assert isinstance(results[1], ZeroDivisionError)
    assert 2 == await store.looking.count_zones()


async def test_each_migration_is_one_transaction(opener):
    """A migration that fails leaves the schema before it, and the next start goes on from there."""
    import sqlite3

    from directdnsonly.outbox.sqlite.migrate import migrate, migrations

    opener.folder.mkdir()
    with closing(sqlite3.connect(opener.folder / FILE_NAME, isolation_level=None)) as connection:
        first, *_ = migrations()
        connection.executescript(f"BEGIN;{first[1]};PRAGMA user_version = 1;COMMIT;")
        connection.execute("CREATE TABLE waiting (in_the_way)")  # 0002 makes `pin` first, then fails at this one
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate(connection)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert (1, False) == (connection.execute("PRAGMA user_version").fetchone()[0], "pin" in tables)
        connection.execute("DROP TABLE waiting")

    store = await opener.open()

    assert (await store.recording.record_push(a_push())).changed
    assert (await store.recording.pin(a_pin())) is not None


async def test_hot_queries_use_indexes(store):
    """No work grows with the number of zones: nothing is scanned but the due rows and the dead ones themselves."""
    from directdnsonly.outbox.sqlite import deliveries, history, look, view

    claim = {"backend": "one", "priority": 0, "now": 0.0, "lease_end": 0.0, "limit": 5}
    page = {"backend": "one", "priority": 0, "due_at": 0.0, "zone": "", "limit": 5}
    revive = {"backend": "one", "zone": "a", "now": 0.0, "priority": 1}
    hot = {
        "claim": (deliveries._CLAIM, claim),
        "newest": (deliveries._NEWEST % "?,?", ("a", "b")),
        "due": (view.NEXT_DUE, ("a", 1)),
        "backlog": (view.BACKLOG, ("a",)),
        "dead of each": (view.DEAD_OF_EACH, ()),
        "revive a zone": (deliveries.REVIVE % "AND zone = :zone", revive),
        "revive a backend": (deliveries.REVIVE % "", revive),
        "list the dead": (history.DEAD, page),
        "list the outstanding": (history.OUTSTANDING, page),
        "versions": (history.VERSIONS, ("a", 5, 5)),
        "summary": (view.SUMMARY + "WHERE zone = ?", ("a",)),
        "placements": (view.PLACEMENT + "WHERE zone = ?", ("a",)),
        "look": (look.LOOK, ("a",)),
    }

    def plan(connection, sql, parameters):
        return " | ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters))

    plans = {
        name: await store.engine.commits.submit(lambda connection, query=query: plan(connection, *query))
        for name, query in hot.items()
    }

    assert {} == {
        name: found
        for name, found in plans.items()
        if re.search(
            r"SCAN (?!delivery USING (COVERING )?INDEX delivery_(due|dead)|zone USING INDEX zone_redirects|CONSTANT ROW|always)|TEMP B-TREE FOR ORDER",
            found,
        )
    }
    for name in ("claim", "backlog", "list the outstanding"):
        assert "delivery_due" in plans[name], plans[name]
    for name in ("dead of each", "list the dead", "revive a backend"):
        assert "delivery_dead" in plans[name], plans[name]


async def test_a_push_that_did_not_fit_counts_until_there_is_more_room(opener):
    """However long nobody pushes again: the store is as full as it was. What is only locked is over when it is over."""
    import sqlite3

    store = await opener.open(backends=["one"], max_store_mb=1, busy_timeout_s=0)

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    opener.clock.advance(3600)
    with pytest.raises(OutboxUnavailable, match="full"):
        await store.upkeep.probe()
    await opener.close()

    store = await opener.open(backends=["one"], max_store_mb=64, busy_timeout_s=0)
    other = sqlite3.connect(opener.folder / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutboxUnavailable, match="locked"):
        await store.recording.record_push(a_push())
    with pytest.raises(OutboxUnavailable, match="locked"):
        await store.upkeep.probe()
    other.execute("ROLLBACK")
    other.close()
    await store.upkeep.probe()
