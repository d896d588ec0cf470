"""What changes nothing leaves no row of its own: however often it comes, the store does not grow, also in the disk's reserve."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.clock import ManualClock
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.changes import NewPin, Owner, Source, Terms
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.made import H2, a_delete, a_push
from tests.support.wire import zone_text

MANY = 300
OWNER = Owner(credential="da", hostname="h1.example", username="alice")
OTHER = Owner(credential="da", hostname="h2.example", username="bob")
RESERVE_OF_ALL = 10**9  # MiB: there is never so much


def rows(folder: Path) -> dict[str, int]:
    """How many there are in each table."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(tmp_path) as it:
        yield it


@asynccontextmanager
async def opened(folder: Path, reserve_mb: int = 0) -> AsyncIterator[SqliteStore]:
    settings = OutboxSettings(disk_reserve_mb=reserve_mb)
    async with open_store(folder, settings=settings, clock=ManualClock(), backends=["one"]) as it:
        await it.upkeep.adopt_backends(["one"])
        yield it


@asynccontextmanager
async def accepting(store: SqliteStore) -> AsyncIterator[Acceptance]:
    clock = ManualClock()
    policy = Policy(takeover="transfer")
    made = Acceptance(
        recording=store.recording, looking=store.looking, approval=store.approval,
        parser=ZoneParser(parse), clock=clock, journal=Journal(store.recording, clock), notify=lambda _: None,
        policy=policy,
    )  # fmt: skip
    try:
        yield made
    finally:
        await made.aclose()


async def test_deletes_of_zones_that_nobody_has_leave_nothing(tmp_path):
    """Also where deletes alone are still taken: under the disk's reserve. Each is answered as done."""
    async with opened(tmp_path, reserve_mb=RESERVE_OF_ALL) as store:
        before = rows(tmp_path)

        receipts = await asyncio.gather(
            *(store.recording.record_delete(a_delete(f"nobody-{number}.example")) for number in range(MANY))
        )

        assert not any(receipt.changed or receipt.ignored for receipt in receipts)
        assert before == rows(tmp_path)


async def test_the_same_delete_again_leaves_nothing_and_the_first_one_stays_known(store, tmp_path):
    await store.recording.record_push(a_push())
    gone = await store.recording.record_delete(a_delete())
    before = rows(tmp_path)

    again = await store.recording.record_delete(a_delete())

    assert (True, False) == (gone.changed, again.changed)
    assert before == rows(tmp_path)
    assert gone == await store.looking.receipt(gone.change_id)


async def test_a_late_delete_of_a_former_server_leaves_one_line_an_hour(store, tmp_path):
    """Somebody must see it, and sees it once."""
    async with accepting(store) as acceptance:
        await acceptance.push("a.example", zone_text("a.example").encode(), owner=OWNER)
        await acceptance.delete("a.example", owner=OTHER)
        before = rows(tmp_path)

        for _ in range(MANY):
            assert (await acceptance.delete("a.example", owner=OTHER)).ignored

        assert before == rows(tmp_path)
        assert 1 == len([one for one in await store.looking.events() if one.event == "delete.ignored"])


async def test_the_same_push_again_leaves_nothing_and_is_seen_on_its_zone(store, tmp_path):
    """When it came last and who pushes it is told by the zone's own row."""
    await store.recording.record_push(a_push(serial=1))
    before = rows(tmp_path)

    await asyncio.gather(*(store.recording.record_push(a_push(serial=1, owner=H2)) for _ in range(MANY)))

    assert before | {"past": 1} == rows(tmp_path)  # of another server: by which ids the zone was known before
    (zone,) = await store.looking.zones()
    assert "h2.example" == zone.owner.hostname


@pytest.mark.parametrize("source", [Source.API, Source.ROLLBACK])
async def test_who_is_told_an_id_may_ask_for_it_and_leaves_nothing_either(store, tmp_path, source):
    """The id of the change that made the content; with an Idempotency-Key his own, so that the answer is the same again."""
    made = await store.recording.record_push(a_push(serial=1, source=source))
    before = rows(tmp_path)

    again = await store.recording.record_push(a_push(serial=1, source=source))

    assert (False, made.change_id) == (again.changed, again.change_id)
    assert made == await store.looking.receipt(again.change_id)
    assert before == rows(tmp_path)
    keyed = replace(a_push(serial=1, source=source), terms=Terms(key="once", fingerprint=b"x"))
    own = await store.recording.record_push(keyed)
    assert own == await store.looking.receipt(keyed.origin.change_id)


async def test_when_the_change_is_forgotten_the_next_one_takes_its_place(store, tmp_path):
    """A zone that is put each minute and never changes has one row, also after its history is forgotten."""
    await store.recording.record_push(a_push(serial=1, source=Source.API))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("DELETE FROM change")

    receipts = [await store.recording.record_push(a_push(serial=1, source=Source.API)) for _ in range(3)]

    assert 1 == len({receipt.change_id for receipt in receipts})
    assert 1 == rows(tmp_path)["change"]
    assert receipts[0] == await store.looking.receipt(receipts[0].change_id)


async def test_a_push_of_a_pinned_zone_that_brings_nothing_new_leaves_one_line_an_hour(store, tmp_path):
    async with accepting(store) as acceptance:
        text = [zone_text("a.example", serial=serial).encode() for serial in (2026010100, 2026010101)]
        await acceptance.push("a.example", text[0], owner=OWNER)
        await store.recording.pin(NewPin(name=ZoneName.parse("a.example"), actor="anna"))
        await acceptance.push("a.example", text[1], owner=OWNER)
        before = rows(tmp_path)

        for _ in range(20):
            await acceptance.push("a.example", text[1], owner=OWNER)

        assert before == rows(tmp_path)
