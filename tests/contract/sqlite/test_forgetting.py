"""A tombstone is forgotten after its time; a zone of the same name that is made later is not taken for the old one."""

from __future__ import annotations

import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.api.changes import follow
from directdnsonly.clock import ManualClock
from directdnsonly.errors import VersionConflict
from directdnsonly.outbox.changes import Kind, NewPin, Source, Terms
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.offline import kept_in
from directdnsonly.outbox.sqlite.removed import STEP
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_delete, a_push

NAME = ZoneName.parse("example.com")
DAY_S = 86_400.0


class Opener:
    """Opens the store again and again, with other backends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self._stack = folder, ManualClock(), AsyncExitStack()

    async def open(self, *backends: str) -> SqliteStore:
        await self.close()
        store = await self._stack.enter_async_context(
            open_store(self.folder, settings=OutboxSettings(disk_reserve_mb=0), clock=self.clock, backends=backends)
        )
        await store.upkeep.adopt_backends(backends)
        return store

    async def close(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()


@pytest.fixture
async def opener(tmp_path: Path):
    it = Opener(tmp_path)
    yield it
    await it.close()


async def prove(store: SqliteStore, backend: str = "one") -> None:
    while claims := await store.work.claim(backend, limit=100, lease_s=60):
        await store.work.settle(
            [Settlement(claim=one, how=Settle.VERIFIED, served_serial=one.serial) for one in claims]
        )


async def forget(store: SqliteStore, opener: Opener, *, days: float = 91) -> None:
    opener.clock.advance(days * DAY_S)
    while await store.upkeep.prune():
        pass


async def made_again(store: SqliteStore, opener: Opener) -> int:
    """Pushed, deleted, proven, forgotten, pushed again; the new number."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_delete(a_delete())
    await prove(store)
    await forget(store, opener)
    assert await store.looking.zone(NAME) is None
    assert [] == await store.looking.placements(NAME)
    return (await store.recording.record_push(a_push(serial=7, content="new"))).version


async def test_a_zone_made_again_goes_on_above_the_number_that_was_forgotten(opener):
    """And every other zone that is made from then on: no number is given twice. One that lives goes on as it was."""
    store = await opener.open("one")
    await store.recording.record_push(a_push("living.example", 1))

    assert 3 == await made_again(store, opener)
    assert 3 == (await store.recording.record_push(a_push("other.example"))).version
    assert 2 == (await store.recording.record_push(a_push("living.example", 2))).version
    await prove(store)
    assert (State.VERIFIED, 3) == (
        (await store.looking.placements(NAME))[0].state,
        (await store.looking.placements(NAME))[0].verified_version,
    )


async def test_an_if_match_for_the_old_zone_never_fits_the_new_one(opener):
    """A client that has read version 1 of the zone that is gone does not write over another one's."""
    store = await opener.open("one")
    await made_again(store, opener)

    with pytest.raises(VersionConflict):
        await store.recording.record_push(replace(a_push(serial=9), terms=Terms(expected_version=1)))


async def test_an_attempt_on_the_old_zone_that_ends_late_never_proves_the_new_one(opener):
    """Fences begin anew with the row; the number of the version does not."""
    store = await opener.open("one")
    await store.recording.record_push(a_push(serial=1))
    (late,) = await store.work.claim("one", limit=1, lease_s=1)
    opener.clock.advance(2)
    await store.recording.record_delete(a_delete())
    await prove(store)
    await forget(store, opener)
    await store.recording.record_push(a_push(serial=7, content="new"))
    (running,) = await store.work.claim("one", limit=1, lease_s=60)
    assert late.fence == running.fence

    await store.work.settle([Settlement(claim=late, how=Settle.VERIFIED, served_serial=1)])
    opener.clock.advance(61)
    (again,) = await store.work.claim("one", limit=1, lease_s=60)

    assert '"new"' in str(again.text)


async def test_a_receipt_of_the_old_zone_comes_to_an_end(opener):
    """The zone was deleted once more shortly before its tombstone was forgotten: that change is done, not waited for."""
    store = await opener.open("one")
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_delete(a_delete())
    await prove(store)
    opener.clock.advance(80 * DAY_S)
    receipt = await store.recording.record_delete(a_delete(source=Source.API))
    await forget(store, opener, days=11)
    await store.recording.record_push(a_push(serial=7, content="new"))
    await prove(store)

    kept = await store.looking.receipt(receipt.change_id)

    assert kept is not None
    assert (await follow(store.looking, kept, wait_s=0)).done


async def test_a_zone_that_is_not_ours_is_removed_above_the_floor_too(opener):
    """Its tombstone is one like any other."""
    store = await opener.open("one")
    await made_again(store, opener)

    assert 1 == await store.drift.record_extra_delete("one", [ZoneName.parse("extra.example")], change_id="x")

    found = await store.looking.zone(ZoneName.parse("extra.example"))
    assert (Kind.DELETE, 3) == (found.kind, found.version)


async def test_a_backend_that_is_away_keeps_the_tombstone_of_what_it_serves(opener):
    """However long it is away: when it comes back the zone is deleted there, too, and only then forgotten."""
    store = await opener.open("one", "two")
    await store.recording.record_push(a_push())
    await prove(store)
    await prove(store, "two")
    store = await opener.open("one")
    await store.recording.record_delete(a_delete())
    opener.clock.advance(1)
    await prove(store)
    await forget(store, opener, days=400)
    store = await opener.open("one", "two")

    (claim,) = await store.work.claim("two", limit=9, lease_s=60)

    assert (NAME, Kind.DELETE) == (claim.name, claim.kind)
    await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED)])
    await forget(store, opener)
    assert await store.looking.zone(NAME) is None


async def test_a_backend_that_is_gone_for_good_keeps_no_tombstone_once_it_is_forgotten(opener):
    """Its rows go in steps, those of the others stay; configured again it is a new backend."""
    store = await opener.open("one", "two")
    names = [f"z{number}.example" for number in range(2 * STEP + 1)]
    for name in names:
        await store.recording.record_push(a_push(name))
    await prove(store)
    await prove(store, "two")
    store = await opener.open("one")
    await store.recording.record_delete(a_delete(names[0]))
    opener.clock.advance(1)
    await prove(store)
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
    store = await opener.open("one", "two")
    again = await store.work.claim("two", limit=2 * len(names), lease_s=60)
    assert sorted(names[1:]) == sorted(claim.name for claim in again)


async def test_what_is_kept_for_a_removed_backend_is_seen_without_a_service(opener):
    """While a service runs and while none does; no file is made."""
    store = await opener.open("one", "two")
    await store.recording.record_push(a_push())
    store = await opener.open("one")
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
    with closing(sqlite3.connect(opener.folder / FILE_NAME)) as old:
        for number, sql in migrations():
            if number < 7:
                old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        old.execute("INSERT INTO change VALUES ('c', 'gone.example', 7, 'delete', 0, 1, 1, '', '', 0)")
        old.commit()
    store = await opener.open("one")

    assert 8 == (await store.recording.record_push(a_push("gone.example"))).version


async def test_what_is_forgotten_is_found_without_a_walk_through_all_zones(opener):
    """Pushes wait for this transaction."""
    store = await opener.open("one")
    seen: list[str] = []
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(seen.append))
    await forget(store, opener)
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(None))
    (asked,) = [sql for sql in seen if "kind = 'delete'" in sql]

    plan = await store.engine.commits.submit(lambda raw: [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {asked}")])

    assert [] == [step for step in plan if step.startswith("SCAN")], plan


async def test_one_start_with_a_clock_years_ahead_forgets_nothing(opener):
    """History and tombstones are there when the clock is put right; and after a second start with the wrong one."""
    store = await opener.open("one")
    for serial in (1, 2):
        await store.recording.record_push(a_push(serial=serial))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    await prove(store)
    assert 0 == await store.upkeep.judge_clock()
    await opener.close()

    opener.clock.advance(730 * DAY_S)
    for _ in range(2):
        store = await opener.open("one")
        assert 730 == round(await store.upkeep.judge_clock() / DAY_S)
        assert 0 == await store.upkeep.prune()
        await opener.close()

    opener.clock.advance(-730 * DAY_S)
    store = await opener.open("one")
    assert 0 == await store.upkeep.judge_clock()
    assert [2, 1] == [one.version for one in await store.looking.versions(NAME)]
    assert await store.looking.zone(ZoneName.parse("gone.example")) is not None


async def test_a_clock_that_was_right_is_believed_after_a_week_and_old_things_are_forgotten(opener):
    """The service was down for two years."""
    store = await opener.open("one")
    for serial in (1, 2):
        await store.recording.record_push(a_push(serial=serial))
    await prove(store)
    await store.upkeep.judge_clock()
    await opener.close()
    opener.clock.advance(730 * DAY_S)
    store = await opener.open("one")
    await store.upkeep.judge_clock()

    for _ in range(7):
        assert 0 == await store.upkeep.prune()
        opener.clock.advance(DAY_S)
        ahead = await store.upkeep.judge_clock()
    while await store.upkeep.prune():
        pass

    assert 0 == ahead
    assert [2] == [one.version for one in await store.looking.versions(NAME)]


async def test_a_deleted_zone_is_not_forgotten_while_a_pin_holds_it(opener):
    """Also where no backend has it: what a person holds is served again when there is one."""
    store = await opener.open()
    await store.recording.record_push(a_push(NAME))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_delete(a_delete(NAME))

    await forget(store, opener)

    assert 1 == await store.looking.count_zones()
    assert '"v1"' in await store.looking.published_text(NAME)
