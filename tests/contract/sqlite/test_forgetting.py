"""Forgetting over SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.offline import kept_in
from directdnsonly.outbox.sqlite.removed import STEP
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.forgetting import *  # the exercise
from tests.contract.store_exercises.forgetting import forget
from tests.contract.store_exercises.opening import finish
from tests.support.made import a_delete, a_push


async def test_a_backend_that_is_gone_for_good_keeps_no_tombstone_once_it_is_forgotten(opener):
    """Its rows go in steps, those of the others stay; configured again it is a new backend."""
    store = await opener.open(backends=["one", "two"])
    names = [f"z{number}.example" for number in range(2 * STEP + 1)]
    for name in names:
        await store.recording.record_push(a_push(name))
    await finish(store)
    await finish(store, "two")
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.recording.record_delete(a_delete(names[0]))
    opener.clock.advance(1)
    await finish(store)
    await forget(store, opener)
    assert await store.looking.zone(ZoneName.parse(names[0])) is not None  # "two" may still serve it
    assert {"two": len(names)} == await store.operators.removed_backends(["one"])
    assert {} == await store.operators.removed_backends(["one", "two"])  # switched off is not removed

    writes = store.engine.commits.writes
    assert len(names) == await store.operators.forget_backend("two")

    assert 4 == store.engine.commits.writes - writes  # steps: 500, 500, 1, none
    assert {} == await store.operators.removed_backends(["one"])
    assert 0 == await store.operators.forget_backend("two")
    await forget(store, opener)
    assert await store.looking.zone(ZoneName.parse(names[0])) is None
    (kept,) = await store.looking.placements(ZoneName.parse(names[1]))
    assert ("one", State.VERIFIED) == (kept.backend, kept.state)
    await opener.close()
    store = await opener.open(backends=["one", "two"])
    again = await store.work.claim("two", limit=2 * len(names), lease_s=60)
    assert sorted(names[1:]) == sorted(claim.name for claim in again)


async def test_what_is_kept_for_a_removed_backend_is_seen_without_a_service(opener):
    """While a service runs and while none does; no file is made."""
    store = await opener.open(backends=["one", "two"])
    await store.recording.record_push(a_push())
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.operators.pause("three", Pause(actor="anna", reason="", at=0.0))

    assert {"two": 1, "three": 0} == kept_in(opener.folder, ["one"])
    await opener.close()
    files = sorted(opener.folder.iterdir())
    assert {"two": 1, "three": 0} == kept_in(opener.folder, ["one"])
    assert files == sorted(opener.folder.iterdir())
    assert {} == kept_in(opener.folder / "nothing", ["one"])
    (opener.folder / FILE_NAME).write_bytes(b"no database" * 1000)
    assert {} == kept_in(opener.folder, ["one"])


async def test_an_older_store_begins_above_what_its_receipts_still_tell(opener):
    """Of zones that it has forgotten already."""
    opener.folder.mkdir()
    with closing(sqlite3.connect(opener.folder / FILE_NAME)) as old:
        for number, sql in migrations():
            if number < 7:
                old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        old.execute("INSERT INTO change VALUES ('c', 'gone.example', 7, 'delete', 0, 1, 1, '', '', 0)")
        old.commit()
    store = await opener.open(backends=["one"])

    assert 8 == (await store.recording.record_push(a_push("gone.example"))).version


async def test_what_is_forgotten_is_found_without_a_walk_through_all_zones(opener):
    """Pushes wait for this transaction."""
    store = await opener.open(backends=["one"])
    seen: list[str] = []
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(seen.append))
    await forget(store, opener)
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(None))
    (asked,) = [sql for sql in seen if "kind = 'delete'" in sql]

    plan = await store.engine.commits.submit(lambda raw: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {asked}")])

    assert [] == [step for step in plan if step.startswith("SCAN")], plan
