"""The act of accepting: order, honesty, one line per push."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from structlog.testing import capture_logs

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.clock import ManualClock
from directdnsonly.errors import NameRefused, OutboxUnavailable, PushRefused, ZonePolicyError
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.changes import Kind, Owner, Priority, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone import text
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from tests.support.parsers import obedient

H1 = Owner(credential="h1", hostname="s1", username="alice")
H2 = Owner(credential="h2", hostname="s2", username="bob")
NAME = ZoneName("a.example")


BACKENDS = ["one"]


class Parts:
    """An acceptance and what stands around it, in front of a real store."""

    def __init__(self, store: SqliteStore, clock: ManualClock, parser: ZoneParser, policy: Policy) -> None:
        self.store = store
        self.clock = clock
        self.woken: list[Priority] = []
        self.acceptance = Acceptance(
            recording=store.recording,
            looking=store.looking,
            approval=store.approval,
            parser=parser,
            clock=clock,
            journal=Journal(store.recording, clock),
            notify=lambda receipt: self.woken.append(receipt.priority),
            policy=policy,
        )

    async def break_writes_of(self, table: str) -> None:
        """From now on no row can be written to a table, as on a full disk."""
        trigger = (
            f"CREATE TEMP TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        await self.store.engine.commits.submit(lambda connection: connection.execute(trigger) and None)


class Start(Protocol):
    """Opens a store and puts an acceptance in front of it."""

    async def __call__(self, parser: ZoneParser | None = None, **policy: Any) -> Parts: ...


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    """Closed with the test, or by it: then the store is gone, and every question to it fails."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path: Path, opened: AsyncExitStack) -> Start:
    async def open_it(parser: ZoneParser | None = None, **policy: Any) -> Parts:
        clock = ManualClock()
        settings = OutboxSettings(disk_reserve_mb=0)
        store = await opened.enter_async_context(
            open_store(tmp_path, settings=settings, clock=clock, backends=BACKENDS)
        )
        await store.upkeep.adopt_backends(BACKENDS)
        return Parts(store, clock, parser or ZoneParser(obedient), Policy(**policy))

    return open_it


class SlowFirst(ZoneParser):
    """The first zone takes until `go` is set; all others are parsed at once."""

    def __init__(self) -> None:
        super().__init__(obedient)
        self.go = asyncio.Event()
        self.begun = asyncio.Event()

    async def parse(self, body: bytes, name: ZoneName, deadline: asyncio.Timeout | None = None) -> Zone:
        if not self.begun.is_set():
            self.begun.set()
            await self.go.wait()
        return await super().parse(body, name, deadline)


async def test_row_27_a_slow_older_push_does_not_overtake_a_quick_newer_one(start: Start) -> None:
    """The big zone that came first is recorded first, however long its parser takes."""
    parser = SlowFirst()
    parts = await start(parser)
    async with asyncio.TaskGroup() as group:
        older = group.create_task(parts.acceptance.push(NAME, b"1\nolder", owner=H1))
        await parser.begun.wait()
        newer = group.create_task(parts.acceptance.push(NAME, b"2\nnewer", owner=H1))
        elsewhere = await parts.acceptance.push("b.example", b"1\nother", owner=H1)
        parser.go.set()

    assert 1 == elsewhere.receipt.version
    assert (1, 2) == (older.result().receipt.version, newer.result().receipt.version)
    assert '"newer"' in str(await parts.store.looking.text(NAME))


async def test_row_69_a_delete_waits_for_the_push_that_came_before_it(start: Start) -> None:
    parser = SlowFirst()
    parts = await start(parser)
    async with asyncio.TaskGroup() as group:
        group.create_task(parts.acceptance.push(NAME, b"1\nzone", owner=H1))
        await parser.begun.wait()
        group.create_task(parts.acceptance.delete(NAME, owner=H1))
        await asyncio.sleep(0)
        parser.go.set()

    held = await parts.store.looking.zone(NAME)
    assert held is not None
    assert (Kind.DELETE, 2) == (held.kind, held.version)


async def test_the_lanes_are_woken_only_by_what_made_work(start: Start) -> None:
    parts = await start()
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)
    await parts.acceptance.push(NAME, b"2\nzone", owner=H1, named_reload=True)
    await parts.acceptance.delete("unknown.example", owner=H1)
    await parts.acceptance.delete(NAME, owner=H1)

    assert [Priority.INTERACTIVE, Priority.URGENT, Priority.INTERACTIVE] == parts.woken


async def test_a_mass_rewrite_becomes_bulk_and_the_others_do_not(start: Start) -> None:
    parts = await start(bulk_burst=5)
    for number in range(10):
        await parts.acceptance.push(f"z{number}.example", b"1\nzone", owner=H1)
    await parts.acceptance.push("other.example", b"1\nzone", owner=H2)
    await parts.acceptance.push("person.example", b"1\nzone", owner=H1, source=Source.API)

    assert [Priority.INTERACTIVE] * 5 + [Priority.BULK] * 5 + [Priority.INTERACTIVE] * 2 == parts.woken


async def test_a_store_that_cannot_commit_is_never_a_yes(start: Start, opened: AsyncExitStack) -> None:
    parts = await start()
    await opened.aclose()

    with capture_logs() as lines:
        with pytest.raises(OutboxUnavailable, match="the store is clos"):
            await parts.acceptance.push(NAME, b"1\nzone", owner=H1)
        with pytest.raises(OutboxUnavailable, match="the store is clos"):
            await parts.acceptance.delete(NAME, owner=H1)
        with pytest.raises(OutboxUnavailable):
            await parts.acceptance.exists(NAME)

    assert ["push.failed", "delete.failed"] == [line["event"] for line in lines]
    assert [] == parts.woken


async def test_a_push_that_takes_too_long_is_not_a_yes(start: Start, tmp_path: Path) -> None:
    """Somebody else holds the store locked; what had begun is recorded when he is done, and was not promised."""
    parts = await start(request_timeout_s=0.05)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (parts.acceptance.push(NAME, b"1\nzone", owner=H1), parts.acceptance.delete(NAME, owner=H1)):
            with pytest.raises(OutboxUnavailable, match=r"not recorded within 0\.05 s"):
                await write

    clock = ManualClock()
    patient = Acceptance(
        recording=parts.store.recording, looking=parts.store.looking, approval=parts.store.approval,
        parser=ZoneParser(obedient), clock=clock, journal=Journal(parts.store.recording, clock),
        notify=lambda _receipt: None,
    )  # fmt: skip
    assert 1 == (await patient.push(NAME, b"1\nzone", owner=H1)).receipt.version


async def test_a_refused_push_is_kept_with_the_first_part_of_its_body(start: Start) -> None:
    parts = await start()
    body = b"policy\n" + b"x" * 60_000

    with capture_logs() as lines, pytest.raises(ZonePolicyError):
        await parts.acceptance.push("A.Example.", body, owner=H1, address="192.0.2.1")

    (kept,) = await parts.store.looking.refused()
    assert ("A.Example.", "told", "line 8: as told") == (kept.name, kept.rule, kept.reason)
    assert (H1, "192.0.2.1", body) == (kept.owner, kept.address, kept.body)
    assert ["push.refused"] == [line["event"] for line in lines]
    assert kept.change_id == lines[0]["change_id"]


async def test_a_refusal_that_cannot_be_kept_is_still_a_refusal(start: Start) -> None:
    parts = await start()
    await parts.break_writes_of("refused")

    with capture_logs() as lines, pytest.raises(NameRefused):
        await parts.acceptance.push("..", b"1\nzone", owner=H1)

    assert [("push.refused", False)] == [(line["event"], line["kept"]) for line in lines]


async def test_a_lost_event_does_not_take_back_the_push(start: Start) -> None:
    parts = await start()
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)

    await parts.break_writes_of("event")

    accepted = await parts.acceptance.push(NAME, b"2\nzone", owner=H2)

    assert H1 == accepted.receipt.took_over


async def test_a_persons_edit_takes_no_zone_and_is_no_news(start: Start) -> None:
    parts = await start(takeover="reject")
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)

    accepted = await parts.acceptance.push(NAME, b"2\nzone", owner=Owner(credential="admin"), source=Source.API)

    held = await parts.store.looking.zone(NAME)
    assert held is not None
    assert (None, H1) == (accepted.receipt.took_over, held.owner)
    assert [] == await parts.store.looking.events()
    assert (await parts.acceptance.delete(NAME, owner=Owner(credential="admin"), source=Source.API)).changed


async def test_takeover_can_be_rejected(start: Start) -> None:
    parts = await start(takeover="reject")
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)

    with pytest.raises(PushRefused, match=r"a\.example belongs to s1"):
        await parts.acceptance.push(NAME, b"2\nzone", owner=H2)
    assert 2 == (await parts.acceptance.push(NAME, b"2\nzone", owner=H1)).receipt.version


async def test_several_deletes_go_on_when_one_fails(start: Start) -> None:
    parts = await start()
    names = [f"z{number}.example" for number in range(200)]
    for name in names:
        await parts.acceptance.push(name, b"1\nzone", owner=H1)

    receipts = await parts.acceptance.delete_all([*names, names[0].upper()], owner=H1)

    assert [True] * 200 == [receipt.changed for receipt in receipts]
    assert 200 == len({receipt.change_id for receipt in receipts})
    assert 0 == await parts.store.looking.count_zones()


async def test_a_wrong_name_among_deletes_is_refused_before_anything_is_recorded(start: Start) -> None:
    parts = await start()
    await parts.acceptance.push(NAME, b"1\nzone", owner=H1)

    with pytest.raises(NameRefused):
        await parts.acceptance.delete_all([NAME, "../x"], owner=H1)

    assert 1 == await parts.store.looking.count_zones()
    assert ["../x"] == [refused.name for refused in await parts.store.looking.refused()]


async def test_exists_asks_the_store_once(start: Start) -> None:
    parts = await start()
    await parts.acceptance.push("example.com", b"1\nzone", owner=H1)

    near = await parts.acceptance.exists("a.b.example.com", check_parent=True)
    exact = await parts.acceptance.exists("EXAMPLE.com.", check_parent=True)
    far = await parts.acceptance.exists("a.b.example.com")

    assert near.held is not None
    assert ("example.com", False) == (near.held.name, near.exact)
    assert exact.exact
    assert far.held is None


async def test_signatures_that_have_ended_are_told_by_the_time_of_the_push(start: Start) -> None:
    """Also when the parser remembers the zone from a time when they had not."""
    parts = await start(ZoneParser(text.parse))
    signed = (
        "@ 60 IN SOA ns.host.example. h 1 1 1 1 1\n@ 60 IN NS ns.host.example.\n"
        f"@ 60 IN RRSIG NS 13 2 60 20270115083000 20270101000000 1 a.example. {'A' * 86}==\n"
    ).encode()
    before = await parts.acceptance.push(NAME, signed, owner=H1)

    parts.clock.advance(3600)
    after = await parts.acceptance.push(NAME, signed, owner=H1)

    assert [(), ("rrsig-expired",)] == [tuple(one.rule for one in each.warnings) for each in (before, after)]
