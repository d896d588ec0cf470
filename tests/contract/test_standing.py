"""Which refused and lost pushes still stand: by the order of the store's commits, whatever the clock says."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Loss, NewPin
from directdnsonly.outbox.kept import LostPush, Refused
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import standing as refusals
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, a_delete, a_push

NAME = ZoneName.parse("a.example")
YEAR = 365 * 86_400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=clock, backends=["one"]) as opened:
        await opened.upkeep.adopt_backends(["one"])
        yield opened


def a_refusal(clock: ManualClock, reason: str = "no address", name: str = "A.Example.") -> Refused:
    """As it was sent, which need not be as we write names."""
    return Refused(
        change_id="r", name=name, rule="syntax", reason=reason, owner=H1, address="192.0.2.1", at=clock.now_s()
    )


def a_loss(clock: ManualClock) -> LostPush:
    return LostPush(
        name=NAME, kind=Kind.PUT, change_id="lost", reason="the disk is full", owner=H1, address="", at=clock.now_s()
    )


async def standing(store: SqliteStore) -> list[str]:
    return [one.reason for one in (await store.looking.facts_of(NAME)).standing]


@pytest.mark.parametrize("leap", [-YEAR, 0.0, YEAR])
async def test_a_refusal_stands_after_what_was_accepted_by_any_clock(store, clock, leap):
    """The clock was ahead when the zone was accepted, or behind: what came after it is what counts."""
    await store.recording.record_push(a_push("a.example"))
    clock.advance(leap)
    await store.recording.record_refused(a_refusal(clock, "first"))
    await store.recording.record_refused(a_refusal(clock, "second"))

    assert ["second", "first"] == await standing(store)


@pytest.mark.parametrize("leap", [-YEAR, 0.0, YEAR])
@pytest.mark.parametrize("how", ["pushed", "the same again", "deleted", "pinned", "deleted behind a pin", "held"])
async def test_whatever_is_accepted_later_ends_it_by_any_clock(store, clock, leap, how):
    """Also a push that is held or waits behind a pin: the verdict tells of that one then."""
    await store.recording.record_push(a_push("a.example"))
    if "pin" in how:
        await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_refused(a_refusal(clock))
    await store.recording.record_lost([a_loss(clock)])
    clock.advance(leap)

    match how:
        case "pushed" | "pinned":
            await store.recording.record_push(a_push("a.example", 2))
        case "the same again":
            await store.recording.record_push(a_push("a.example"))
        case "held":
            lossy = replace(a_push("a.example", 2), loss=Loss(version=1, reason="loses much"), body=b"x")
            assert (await store.recording.record_push(lossy)).withheld is not None
        case _:
            await store.recording.record_delete(a_delete("a.example"))

    assert ([], None) == (await standing(store), await store.recording.lost_push(NAME))
    clock.advance(-3 * leap)
    await store.recording.record_refused(a_refusal(clock, "later"))
    assert ["later"] == await standing(store)


@pytest.mark.parametrize("leap", [-YEAR, YEAR])
async def test_a_lost_push_stands_by_any_clock(store, clock, leap):
    """What was accepted before it does not make it good, however far ahead that clock was."""
    await store.recording.record_push(a_push("a.example"))
    clock.advance(leap)
    await store.recording.record_lost([a_loss(clock)])

    assert "lost" == (await store.recording.lost_push(NAME)).change_id
    assert 1 == (await store.looking.figures()).lost


async def test_what_changes_nothing_ends_nothing(store, clock):
    """A pull that came too late, a release of the pin, a delete of what is not there, a push of another zone."""
    await store.recording.record_push(a_push("a.example"))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_push(a_push("a.example", 2))
    await store.recording.record_refused(a_refusal(clock))
    await store.recording.record_refused(a_refusal(clock, name="b.example"))

    await store.recording.unpin(NAME, a_push().origin)
    assert (await store.recording.record_push(replace(a_push("a.example", 3), only_if_version=1))).overtaken
    await store.recording.record_push(a_push("c.example"))
    await store.recording.record_delete(a_delete("b.example"))

    assert ["no address"] == await standing(store)
    assert (await store.looking.facts_of(ZoneName.parse("b.example"))).standing


async def test_what_stands_is_forgotten_with_the_refusals_themselves(store, clock):
    """The table is never larger than what is kept of refusals."""
    for number in range(6):
        await store.recording.record_refused(a_refusal(clock, name=f"z{number}.example"))
    await store.recording.record_refused(a_refusal(clock))

    await store.engine.commits.submit(lambda connection: refusals.refused(connection, "last.example", 8, oldest=7))

    assert ["no address"] == await standing(store)
    assert (await store.looking.facts_of(ZoneName.parse("z5.example"))).refused_from is None


async def test_an_older_store_keeps_what_stood_by_its_times(tmp_path, clock):
    """Nothing else was written down then."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        for number, sql in migrations():
            if number < 16:
                old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        old.executemany(
            "INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential,"
            " hostname, username, source, change_id, pushed_at, changed_at)"
            " VALUES (?, 1, 'put', 1, 1, 1, x'', x'', 0, '', '', '', 'api', 'c', ?, 0)",
            [("a.example", 10), ("b.example", 99)],
        )
        for name in ("A.example", "b.example", "new.example"):
            old.execute(
                "INSERT INTO refused (change_id, name, rule, reason, credential, hostname, username, address, at, body)"
                " VALUES ('r', ?, 'syntax', 'old', '', '', '', '', 50, x'')",
                (name,),
            )
            old.execute("INSERT INTO lost_push VALUES (?, 'put', 'l', 'full', '', '', '', '', 50)", (name.lower(),))

    async with open_store(tmp_path, settings=OutboxSettings(), clock=clock, backends=["one"]) as store:
        found = {
            name: await store.looking.facts_of(ZoneName.parse(name))
            for name in ("a.example", "b.example", "new.example")
        }
        assert [1, 0, 1] == [len(one.standing) for one in found.values()]
        assert {"a.example", "new.example"} == {one.name for one in await store.recording.lost()}
