"""Decisions about zones are kept beside pins, held pushes and kept zones, as long as anybody needs them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Loss, NewPin, Origin, Source
from directdnsonly.outbox.peering import Decided, Matter
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.decisions import KEPT_OF_NOBODY
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, a_delete, a_push

NAME = ZoneName.parse("example.com")
SETTINGS = OutboxSettings(disk_reserve_mb=0)


@pytest.fixture
async def store(tmp_path: Path):
    async with open_store(tmp_path, settings=SETTINGS, clock=ManualClock(), backends=["one"]) as opened:
        await opened.upkeep.adopt_backends(["one"])
        yield opened


async def decided(store: SqliteStore) -> dict[Matter, Decided]:
    (state,) = await store.peering.states([NAME])
    return {one.matter: one for one in state.decided}


async def release(store: SqliteStore, number: int) -> None:
    await store.recording.unpin(NAME, Origin(change_id=f"c{number}", source=Source.API, owner=H1))


async def test_each_decision_has_an_id_and_those_before_it(store):
    """A pin that only gets another reason is the same decision."""
    await store.recording.record_push(a_push())
    ids = []
    for number in range(2):
        for reason in ("one", "two"):
            await store.recording.pin(NewPin(name=NAME, actor="anna", reason=reason))
        ids.append((await decided(store))[Matter.PIN].stated)
        await release(store, number)
        ids.append((await decided(store))[Matter.PIN].stated)

    last = (await decided(store))[Matter.PIN]
    assert 4 == len(set(ids))
    assert (False, tuple(ids[:3])) == (last.stands, last.past)


async def test_the_same_push_that_waits_already_is_no_other_decision(store):
    await store.recording.record_push(a_push(serial=1))
    loss = replace(a_push(serial=2), loss=Loss(version=1, reason="much"), body=b"body")
    ids = []
    for push in (loss, loss, replace(a_push(serial=3), loss=Loss(version=1, reason="much"), body=b"other")):
        await store.recording.record_push(push)
        ids.append((await decided(store))[Matter.HOLD].stated)

    assert ids[0] == ids[1] != ids[2]
    await store.recording.record_push(a_push(serial=4))
    assert not (await decided(store))[Matter.HOLD].stands


async def test_pushes_and_deletes_alone_leave_no_decision(store):
    for serial in (1, 2, 2):
        await store.recording.record_push(a_push(serial=serial))
    await store.recording.record_delete(a_delete())

    assert {} == await decided(store)


async def test_a_delete_ends_that_the_zone_is_kept(store):
    await store.recording.record_push(a_push())
    assert await store.drift.keep(NAME)
    assert (await decided(store))[Matter.KEEP].stands
    await store.recording.record_delete(a_delete())

    assert not (await decided(store))[Matter.KEEP].stands
    assert [] == await store.drift.sightings()


async def test_ended_decisions_about_zones_that_nobody_has_are_bounded(store):
    """Those in force stay, and those of a zone that is here."""
    await store.recording.record_push(a_push())
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await release(store, 1)

    def fill(raw: sqlite3.Connection) -> None:
        rows = [(f"z{number}.example", number % 10 == 0) for number in range(KEPT_OF_NOBODY + 100)]
        raw.executemany(
            "INSERT INTO decision (zone, matter, stated, stands) VALUES (?, 'hold', randomblob(16), ?)", rows
        )

    await store.engine.write(fill)
    await store.upkeep.prune()

    count = "SELECT COUNT(*), SUM(zone = 'example.com'), SUM(stands) FROM decision"
    found = await store.engine.viewer.call(lambda raw: raw.execute(count).fetchone())
    assert (KEPT_OF_NOBODY + 10 + 1, 1, KEPT_OF_NOBODY / 10 + 10) == found


async def test_what_an_earlier_program_had_pinned_has_ids_of_its_own(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as raw:
        for number, text in migrations():
            if number < 21:
                raw.executescript(f"BEGIN;{text};PRAGMA user_version = {number};COMMIT;")
        raw.execute(
            "INSERT INTO pin (zone, version, actor, address, reason, at) VALUES ('example.com', 1, 'anna', '', '', 5)"
        )
        raw.execute(
            "INSERT INTO held (zone, version, digest, rule, reason, difference, credential, hostname, username, address, at, body)"
            " VALUES ('b.example', 1, x'aa', 'loss', 'much', '', 'da', 'h1.example', '', '', 5, x'')"
        )
    async with open_store(tmp_path, settings=SETTINGS, clock=ManualClock(), backends=["one"]) as store:
        query = "SELECT zone, matter, stands, length(stated) FROM decision ORDER BY zone"
        rows = await store.engine.viewer.call(lambda raw: raw.execute(query).fetchall())
        (held,) = await store.approval.held_pushes(limit=5) or [None]

    assert [("b.example", "hold", 1, 16), ("example.com", "pin", 1, 16)] == rows
    assert held is None or held.serial is None
