"""No statement of a push, a claim, a proof, the status or the metrics walks through every zone."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, NewPin, Owner, Terms
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.kept import LostPush
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import deliveries, triggers
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H2, a_delete, a_push

NAME = ZoneName.parse("a.example")
# One row, or an index of nothing but what is outstanding or dead.
SMALL = {
    "SCAN zone_count",
    "SCAN version_floor",
    "SCAN delivery USING COVERING INDEX delivery_due",
    "SCAN CONSTANT ROW",
    "SCAN always",  # a constant row
    "SCAN migration",  # announced moves that are open
    "SCAN json_each VIRTUAL TABLE INDEX 1:",  # the names of the backends
}
SMALL |= {"SCAN delivery USING COVERING INDEX delivery_dead", "SCAN backend", "SCAN paused_backend"}
# What waits for a person: pushes that are held, or were lost (10,000 at most).
SMALL |= {"SCAN h", "SCAN h USING INDEX held_at", "SCAN lost_push", "SCAN lost_push USING INDEX lost_push_at"}
SMALL |= {"SCAN lost_push USING COVERING INDEX lost_push_at"}
SMALL |= {"SCAN zone USING INDEX zone_redirects"}  # zones that have a DNAME; it ends at the first one
SMALL |= {"SCAN p"}  # zones that a person holds


@pytest.fixture
async def store(tmp_path: Path):
    settings = OutboxSettings(disk_reserve_mb=0, history_versions=2)
    async with open_store(tmp_path, settings=settings, clock=ManualClock(), backends=["one", "two"]) as opened:
        await opened.upkeep.adopt_backends(["one", "two"])
        await opened.upkeep.count_limited(["da"])
        yield opened


async def test_no_statement_walks_through_all_zones(store):
    """Every statement that SQLite was really given, on each connection, is explained."""
    seen: list[str] = []
    connections = [store.engine.commits._connection, store.engine.reader, store.engine.viewer]
    for connection in connections:
        await connection.call(lambda raw: raw.set_trace_callback(seen.append))

    for serial in (1, 2, 2, 3, 4):  # new, changed, the same again, and beyond what is kept
        await store.recording.record_push(a_push("a.example", serial))
        for backend in ("one", "two"):
            claims = await store.work.claim(backend, limit=10, lease_s=60)
            await store.work.settle([Settlement(claim=claim, how=Settle.APPLIED) for claim in claims])
            await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED, served_serial=1) for claim in claims])
            await store.work.next_due_at(backend)
    await store.looking.find_held([NAME])
    await store.recording.pin(NewPin(name=NAME, actor="test"))
    waits = a_push("a.example", 5)
    await store.recording.record_push(replace(waits, terms=Terms(expected_version=4, max_zones=9, key="k")))
    await store.recording.record_push(
        replace(a_push("b.example"), terms=Terms(max_zones=9))
    )  # one more for its credential
    above = a_push("d.example")
    await store.recording.record_push(
        replace(above, zone=above.zone.model_copy(update={"redirects": ("sub.d.example.",)}))
    )
    await store.recording.record_push(a_push("sub.d.example"))
    await store.looking.facts_of(NAME)
    await store.recording.unpin(NAME, replace(waits.origin, change_id="unpin"))
    await store.recording.record_push(
        replace(a_push("a.example", 6, owner=H2), takeover="hold", body=b"x")
    )  # a take-over waits
    for above_or_below in ("x.y.a.example", "example"):
        await store.recording.record_push(replace(a_push(above_or_below, owner=H2), takeover="hold", body=b"x"))
        await store.recording.record_push(a_push(above_or_below, owner=H2))
    await store.recording.record_delete(a_delete("a.example"))  # gives way
    await store.recording.record_delete(replace(a_delete("a.example"), gives_way=False))
    await store.looking.count_zones()
    await store.looking.figures()
    await store.approval.held_pushes(limit=10, bodies=False)
    await store.recording.record_lost(
        [LostPush(name=NAME, kind=Kind.PUT, change_id="l", reason="full", owner=Owner(), address="", at=1.0)]
    )
    await store.recording.lost()
    await store.recording.lost_push(NAME)
    await store.recording.forget_lost(NAME)
    await store.upkeep.probe()
    for connection in connections:
        await connection.call(lambda raw: raw.set_trace_callback(None))

    asked = [sql for sql in dict.fromkeys(seen) if sql.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}]
    assert 20 < len(asked)
    asked += triggers.statements() + deliveries.statements()  # of triggers no plan is told

    values = dict.fromkeys(re.findall(r":(\w+)", " ".join(asked)))

    def explain(raw: sqlite3.Connection) -> dict[str, list[str]]:
        return {sql: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)] for sql in asked}

    plans = await store.engine.commits.submit(explain)
    walks = {sql: steps for sql, plan in plans.items() if (steps := [s for s in plan if s.startswith("SCAN")])}
    assert {} == {sql: steps for sql, steps in walks.items() if not SMALL.issuperset(steps)}
    sorts = [sql for sql, plan in plans.items() if any("TEMP B-TREE" in step for step in plan)]
    assert [] == [sql for sql in sorts if "FROM attempt WHERE zone = " not in sql]  # the few attempts on one zone
    # By its first column alone: that is every zone of a backend, however it is called a search.
    assert [] == [sql for sql, plan in plans.items() if any("PRIMARY KEY (backend=?)" in step for step in plan)]


async def test_no_page_and_no_filter_of_the_lists_sorts_or_walks(store):
    """Whatever is asked for together: an index leads to the page, newest first, and its order is that of the answer."""
    seen: list[str] = []
    await store.engine.viewer.call(lambda raw: raw.set_trace_callback(seen.append))
    for before in (None, 7):
        for since in (None, 1.0):
            for given in ({}, {"zone": "z"}, {"event": "e"}, {"actor": "a"}, {"zone": "z", "event": "e", "actor": "a"}):
                await store.looking.events(**given, since=since, before=before)
        for given in ({}, {"name": "n"}, {"server": "s"}, {"rule": "r"}, {"name": "n", "server": "s", "rule": "r"}):
            await store.looking.refused(**given, before=before, bodies=False)
        await store.looking.attempts(NAME, before=before)
        await store.looking.versions(NAME, before=before)
    await store.approval.held_pushes(after="1.5/a.example")
    await store.drift.sightings(after="a.example", limit=10)
    await store.approval.migrations(after=7, limit=10)
    await store.engine.viewer.call(lambda raw: raw.set_trace_callback(None))

    asked = [sql for sql in dict.fromkeys(seen) if sql.startswith("SELECT") or "FROM held" in sql]
    assert 30 < len(asked)

    plans = await store.engine.viewer.call(
        lambda raw: {sql: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in asked}
    )

    assert {} == {sql: plan for sql, plan in plans.items() if any("TEMP B-TREE" in step for step in plan)}
    assert {} == {sql: plan for sql, plan in plans.items() if any(step.startswith("SCAN") for step in plan)}
    filtered = {sql: plan for sql, plan in plans.items() if " = '" in sql.partition("WHERE")[2]}
    by_number = "USING INTEGER PRIMARY KEY"  # past every row of the others
    assert {} == {sql: plan for sql, plan in filtered.items() if any(by_number in step for step in plan)}


async def test_the_count_of_zones_is_filled_when_an_older_store_is_opened(tmp_path):
    """A store of the schema before counts what it holds, living zones only."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        for number, sql in migrations():
            if number < 6:
                old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        old.executemany(
            "INSERT INTO zone VALUES (?, 1, ?, 1, 1, 1, x'', x'', 0, '', '', '', 'api', 'c', 0, 0, '')",
            [("a.example", "put"), ("b.example", "delete"), ("c.example", "put")],
        )

    async with open_store(tmp_path, settings=OutboxSettings(), clock=ManualClock(), backends=["one"]) as store:
        assert 2 == await store.looking.count_zones()
