"""What every engine of the store promises. The embedded SQLite is the one there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.errors import OutboxTooNew, OutboxUnavailable
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.records import Event, Kind, Owner, Priority, Refused, Settle, Settlement, Source
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import FILE_NAME, SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, H2, a_delete, a_push

NAME = ZoneName.parse("example.com")
BACKENDS = ["one", "two"]


class Opener:
    """Opens and closes the store of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self._stack = AsyncExitStack()

    async def open(self, *, backends: list[str] | None = None, **settings: object) -> SqliteStore:
        chosen = BACKENDS if backends is None else backends
        store = await self._stack.enter_async_context(
            open_store(
                self.folder,
                settings=OutboxSettings(**{"disk_reserve_mb": 0, **settings}),
                clock=self.clock,
                backends=chosen,
            )
        )
        await store.adopt_backends(chosen)
        return store

    async def close(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()


@pytest.fixture
async def opener(tmp_path: Path) -> AsyncIterator[Opener]:
    it = Opener(tmp_path / "store")
    yield it
    await it.close()


@pytest.fixture
async def store(opener: Opener) -> SqliteStore:
    return await opener.open()


async def only_claim(store: SqliteStore, backend: str = "one"):
    (claim,) = await store.claim(backend, limit=10, lease_s=60)
    return claim


async def finish(store: SqliteStore, backend: str = "one") -> int:
    """Claim and prove everything that is due."""
    done = 0
    while claims := await store.claim(backend, limit=100, lease_s=60):
        done += len(claims)
        await store.settle(
            [Settlement(claim=claim, how=Settle.VERIFIED, served_serial=claim.serial) for claim in claims]
        )
    return done


async def test_a_push_becomes_version_one_and_is_due_on_every_backend(store):
    """The receipt tells the version; each backend has one delivery."""
    receipt = await store.record_push(a_push(serial=7))

    assert (1, Kind.PUT, True, 7) == (receipt.version, receipt.kind, receipt.changed, receipt.serial)
    assert [("one", State.PENDING), ("two", State.PENDING)] == [
        (placement.backend, placement.state) for placement in await store.placements(NAME)
    ]


async def test_versions_count_pushes_and_deletes_of_a_zone_alike(store):
    """Save and delete share one order (promise 2)."""
    versions = [
        (await store.record_push(a_push(serial=1))).version,
        (await store.record_delete(a_delete())).version,
        (await store.record_push(a_push(serial=2))).version,
    ]

    assert [1, 2, 3] == versions


async def test_concurrent_pushes_of_one_zone_get_distinct_versions(store):
    """The increment happens inside the statement."""
    receipts = await asyncio.gather(*(store.record_push(a_push(serial=serial)) for serial in range(1, 101)))

    assert list(range(1, 101)) == sorted(receipt.version for receipt in receipts)


async def test_waiting_pushes_share_a_commit(store):
    """Group commit: 200 waiting pushes cost a handful of fsyncs, not 200."""
    before = store.commits.commits

    await asyncio.gather(*(store.record_push(a_push(f"z{number}.example")) for number in range(200)))

    assert store.commits.commits - before <= 3


async def test_the_same_content_again_is_recorded_but_gives_no_work(store):
    """Wire row 22."""
    await store.record_push(a_push(serial=1))
    await finish(store)

    receipt = await store.record_push(a_push(serial=1))

    assert (False, 1) == (receipt.changed, receipt.version)
    assert 0 == await finish(store)
    assert receipt == await store.receipt(receipt.change_id)


async def test_of_two_versions_only_the_newer_is_ever_claimed(store):
    """Newest wins: the older one is never delivered."""
    await store.record_push(a_push(serial=1))
    await store.record_push(a_push(serial=2))

    claim = await only_claim(store)

    assert (2, 2) == (claim.version, claim.serial)
    assert " 2 3600 3600" in claim.text
    assert not await store.claim("one", limit=10, lease_s=60)


async def test_a_thousand_pushes_wait_as_one_delivery(store):
    """While a backend is down a zone costs one row, and one delivery when it returns."""
    for serial in range(1, 1001, 50):
        await asyncio.gather(*(store.record_push(a_push(serial=serial + step)) for step in range(50)))

    assert 1 == await finish(store)


async def test_a_stale_retry_never_comes_before_the_newer_version(store, opener):
    """Faults A1: v1 failed and waits for its retry, v2 arrives: v2 is due at once, v1 ends superseded."""
    await store.record_push(a_push(serial=1))
    first = await only_claim(store)
    await store.settle([Settlement(claim=first, how=Settle.RETRY, reason="no", due_at=opener.clock.now_s() + 30)])
    await store.record_push(a_push(serial=2))
    opener.clock.advance(1)

    second = await only_claim(store)
    await store.settle([Settlement(claim=first, how=Settle.VERIFIED)])  # the old attempt wakes up late

    assert 2 == second.version
    assert State.LEASED is (await store.placements(NAME))[0].state


async def test_a_push_during_an_attempt_is_delivered_after_it(store, opener):
    """The running attempt is settled, then the newer version is due; nothing is lost, nothing overlaps."""
    await store.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.record_push(a_push(serial=2))
    assert not await store.claim("one", limit=10, lease_s=60)

    await store.settle([Settlement(claim=running, how=Settle.VERIFIED, served_serial=1)])
    opener.clock.advance(1)

    placement = (await store.placements(NAME))[0]
    assert (State.PENDING, 1, 2) == (placement.state, placement.verified_version, placement.want_version)
    assert 2 == (await only_claim(store)).version


async def test_a_failed_attempt_of_an_older_version_burns_nothing_of_the_newer(store, opener):
    """v1 is buried while v2 waits: v2 starts fresh."""
    await store.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.record_push(a_push(serial=2))

    await store.settle([Settlement(claim=running, how=Settle.BURY, reason="bad")])
    opener.clock.advance(1)

    placement = (await store.placements(NAME))[0]
    assert (State.PENDING, 0, "") == (placement.state, placement.attempts, placement.reason)


async def test_a_lost_lease_is_due_again_and_its_late_end_is_ignored(store, opener):
    """The fence decides, not the worker."""
    await store.record_push(a_push(serial=1))
    lost = await only_claim(store)
    opener.clock.advance(61)
    again = await only_claim(store)

    await store.settle([Settlement(claim=lost, how=Settle.VERIFIED)])

    assert again.fence == lost.fence + 1
    assert State.LEASED is (await store.placements(NAME))[0].state


async def test_dead_is_left_by_a_newer_version(store):
    """A new push gets a new chance."""
    await store.record_push(a_push(serial=1))
    await store.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="bad")])
    assert (State.DEAD, "bad") == ((await store.placements(NAME))[0].state, (await store.placements(NAME))[0].reason)
    assert 1 == (await store.backlog())[0].dead

    await store.record_push(a_push(serial=2))

    assert State.PENDING is (await store.placements(NAME))[0].state


async def test_urgent_work_comes_before_interactive_before_bulk(store):
    """A batch is of one class, the most urgent that has work."""
    await store.record_push(a_push("bulk.example", priority=Priority.BULK))
    await store.record_push(a_push("button.example"))
    await store.record_push(a_push("acme.example", priority=Priority.URGENT))

    order = [(await only_claim(store)).name for _ in range(3)]

    assert ["acme.example", "button.example", "bulk.example"] == order
    assert await store.claim("two", limit=10, lease_s=60, lowest=Priority.URGENT) != []


async def test_a_delete_is_delivered_as_absence(store):
    """A tombstone has no text."""
    await store.record_push(a_push(serial=1))
    await finish(store)
    receipt = await store.record_delete(a_delete())

    assert (2, True) == (receipt.version, receipt.changed)
    assert await store.find_held([NAME]) is None
    store_claims = await store.claim("two", limit=10, lease_s=60)
    assert [(Kind.DELETE, None, 2)] == [(claim.kind, claim.text, claim.version) for claim in store_claims]


async def test_deleting_the_unknown_changes_nothing(store):
    """Wire row 32."""
    receipt = await store.record_delete(a_delete("nobody.example"))

    assert (False, "") == (receipt.changed, receipt.ignored)
    assert [] == await store.placements(ZoneName.parse("nobody.example"))


async def test_a_late_delete_from_the_former_server_removes_nothing(store):
    """Wire row 33: A pushed, B pushed, A deletes late."""
    await store.record_push(a_push(serial=1, owner=H1))
    moved = await store.record_push(a_push(serial=2, owner=H2))

    late = await store.record_delete(a_delete(owner=H1))

    assert H1 == moved.took_over
    assert (False, True) == (late.changed, bool(late.ignored))
    assert NAME == (await store.find_held([NAME])).name


async def test_a_zone_made_again_with_a_lower_serial_moves_forward(store):
    """Promise 10; the tombstone remembers."""
    await store.record_push(a_push(serial=2026010105))
    await store.record_delete(a_delete())

    receipt = await store.record_push(a_push(serial=2026010100))

    assert 2026010106 == receipt.serial
    assert " 2026010106 3600" in await store.text(NAME)
    summary = await store.zone(NAME)
    assert (2026010106, 2026010100) == (summary.serial, summary.pushed_serial)


async def test_after_a_restart_leases_are_given_back_and_nothing_is_lost(opener):
    """Restart in any order (faults A12): attempts go on where they were."""
    store = await opener.open()
    await store.record_push(a_push("leased.example"))
    await store.record_push(a_push("waiting.example"))
    claims = {claim.name: claim for claim in await store.claim("one", limit=10, lease_s=60)}
    later = opener.clock.now_s() + 120
    await store.settle([Settlement(claim=claims["waiting.example"], how=Settle.RETRY, reason="no", due_at=later)])
    await opener.close()

    store = await opener.open()

    assert ["leased.example"] == [claim.name for claim in await store.claim("one", limit=10, lease_s=60)]
    waiting = (await store.placements(ZoneName.parse("waiting.example")))[0]
    assert (1, later, "no") == (waiting.attempts, waiting.due_at, waiting.reason)


async def test_a_clock_set_back_while_we_were_down_does_not_delay_for_ever(opener):
    """Faults A10: no due time is further away than the longest backoff."""
    store = await opener.open()
    await store.record_push(a_push())
    claim = await only_claim(store)
    await store.settle([Settlement(claim=claim, how=Settle.RETRY, due_at=opener.clock.now_s() + 30)])
    await opener.close()
    opener.clock.advance(-86_400)

    store = await opener.open()

    assert await store.next_due_at("one") <= opener.clock.now_s() + 3600


async def test_a_new_backend_is_given_every_zone_and_no_tombstone(opener):
    """Adding a backend to the configuration is all that is needed."""
    store = await opener.open(backends=["one"])
    await store.record_push(a_push("kept.example"))
    await store.record_push(a_push("gone.example"))
    await store.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open(backends=["one", "two"])

    assert ["kept.example"] == [claim.name for claim in await store.claim("two", limit=10, lease_s=60)]


async def test_a_backend_that_was_away_gets_what_it_missed_deletes_too(opener):
    """Disabled for a week, then enabled again."""
    store = await opener.open()
    await store.record_push(a_push("changed.example", 1))
    await store.record_push(a_push("gone.example", 1))
    await store.record_push(a_push("same.example", 1))
    await finish(store, "two")
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.record_push(a_push("changed.example", 2))
    await store.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open()

    claims = {claim.name: (claim.kind, claim.version) for claim in await store.claim("two", limit=10, lease_s=60)}
    assert {"changed.example": (Kind.PUT, 2), "gone.example": (Kind.DELETE, 2)} == claims


async def test_drift_makes_a_proven_delivery_due_again_as_bulk(store):
    """The reconciler and the sweep use it."""
    await store.record_push(a_push())
    await finish(store)

    assert 1 == await store.requeue("one", [NAME], reason="file was gone")

    claim = await only_claim(store)
    assert (Priority.BULK, 1) == (claim.priority, claim.version)


async def test_wanted_pages_through_what_should_be_served(store):
    """Only proven, living zones; page by page."""
    for number in range(7):
        await store.record_push(a_push(f"z{number}.example"))
    await finish(store)
    await store.record_delete(a_delete("z3.example"))

    pages = [[claim.name for claim in page] async for page in store.wanted("one", page=3)]

    assert [["z0.example", "z1.example", "z2.example"], ["z4.example", "z5.example", "z6.example"]] == pages


async def test_history_keeps_the_newest_versions_only(opener):
    """By count."""
    store = await opener.open(history_versions=3)
    for serial in range(1, 6):
        await store.record_push(a_push(serial=serial))

    assert [None, None, True, True, True] == [(await store.text(NAME, version)) and True for version in range(1, 6)]


async def test_old_history_and_proven_tombstones_are_forgotten_by_age(opener):
    """The newest version of a living zone stays, however old."""
    store = await opener.open(history_days=1)
    await store.record_push(a_push(serial=1))
    await store.record_push(a_push(serial=2))
    await store.record_push(a_push("gone.example"))
    await store.record_delete(a_delete("gone.example"))
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(2 * 86_400)

    while await store.prune():
        pass

    assert await store.text(NAME, 1) is None
    assert await store.text(NAME) is not None
    assert await store.zone(ZoneName.parse("gone.example")) is None
    assert [] == await store.placements(ZoneName.parse("gone.example"))


async def test_refused_pushes_and_events_are_kept_newest_first(store):
    """For the operator who asks why."""
    for number in range(3):
        await store.record_refused(
            Refused(
                change_id=f"c{number}",
                name="x",
                rule="soa",
                reason=f"r{number}",
                owner=H1,
                address="",
                at=1.0,
                body=b"zone",
            )
        )
        await store.record_event(Event(at=1.0, event="zone.taken_over", zone=f"z{number}"))

    assert ["r2", "r1"] == [entry.reason for entry in await store.refused(limit=2)]
    assert b"zone" == (await store.refused(limit=1))[0].body
    assert ["z1"] == [entry.zone for entry in await store.events(zone="z1")]


async def test_exists_finds_the_nearest_held_name(store):
    """Order of the names asked for decides."""
    await store.record_push(a_push("example.com"))
    await store.record_push(a_push("b.example.com"))
    asked = ZoneName.parse("a.b.example.com")

    assert "b.example.com" == (await store.find_held([asked, *asked.ancestors()])).name


async def test_an_edit_by_api_keeps_the_owner(store):
    """DirectAdmin's later delete still counts."""
    await store.record_push(a_push(serial=1, owner=H1))
    await store.record_push(a_push(serial=2, owner=Owner(credential="bob"), source=Source.API))

    assert H1 == (await store.zone(NAME)).owner
    assert (await store.record_delete(a_delete(owner=H1))).changed


async def test_a_full_store_refuses_exactly_what_it_cannot_keep_and_recovers(opener):
    """Faults A4: nothing acknowledged is lost, the refusal says why, and room makes it work again by itself."""
    store = await opener.open(backends=["one"], max_store_mb=1)
    kept: list[str] = []

    async def fill() -> None:
        for number in range(5000):
            content = "".join(f"{(number * 7919 + step) % 99991:05d}" for step in range(40))
            name = f"zone-{number:05d}.example"
            await store.record_push(a_push(name, content=content))
            kept.append(name)

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    assert len(kept) > 100

    still_there = [str(zone.name) for zone in await store.zones(limit=1000)]
    assert kept[: len(still_there)] == still_there
    await opener.close()

    store = await opener.open(backends=["one"], max_store_mb=64)
    assert len(kept) == await store.count_zones()
    assert (await store.record_push(a_push("after.example"))).changed


async def test_a_store_that_another_program_locks_waits_then_says_so_then_recovers(opener, tmp_path):
    """Faults A11."""
    import sqlite3

    store = await opener.open(busy_timeout_s=0.2)
    await store.record_push(a_push("before.example"))
    foreign = sqlite3.connect(tmp_path / "store" / FILE_NAME, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")

    with pytest.raises(OutboxUnavailable, match="locked"):
        await store.record_push(a_push("during.example"))
    foreign.execute("ROLLBACK")
    foreign.close()

    assert (await store.record_push(a_push("after.example"))).changed
    assert ["after.example", "before.example"] == [str(zone.name) for zone in await store.zones()]


async def test_a_backlog_above_the_limit_refuses_pushes_but_not_deletes(opener):
    """Back-pressure with the reason instead of unbounded growth."""
    store = await opener.open(max_backlog=4)
    await store.record_push(a_push("a.example"))
    await store.record_push(a_push("b.example"))

    with pytest.raises(OutboxUnavailable, match="outstanding"):
        await store.record_push(a_push("c.example"))

    assert (await store.record_delete(a_delete("a.example"))).changed
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(10)
    assert (await store.record_push(a_push("c.example"))).changed


async def test_under_the_disk_reserve_pushes_are_refused(opener):
    """A reserve that no disk has shows the rule."""
    store = await opener.open(disk_reserve_mb=10**9)

    with pytest.raises(OutboxUnavailable, match="reserve"):
        await store.record_push(a_push())


async def test_a_second_process_is_refused_with_the_first_ones_number(opener):
    """One process owns a store."""
    await opener.open()

    with pytest.raises(OutboxUnavailable, match=r"in use by process \d+"):
        async with open_store(opener.folder, settings=OutboxSettings(), clock=opener.clock, backends=[]):
            pass


async def test_a_store_of_a_newer_program_is_refused_unharmed(opener):
    """Never damage what we do not understand."""
    import sqlite3

    await opener.open()
    await opener.close()
    with sqlite3.connect(opener.folder / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(OutboxTooNew, match="999"):
        await opener.open()


async def test_commits_are_synced_to_disk(store):
    """error=0 means on disk: WAL with synchronous=FULL (faults A5)."""

    def look(connection):
        return (
            connection.execute("PRAGMA journal_mode").fetchone()[0],
            connection.execute("PRAGMA synchronous").fetchone()[0],
        )

    assert ("wal", 2) == await store.commits.submit(look)


async def test_only_what_a_power_loss_must_not_undo_waits_for_the_disk(store):
    """Claims and proofs are committed without an fsync of their own; one durable write makes its whole group durable."""

    def synchronous(connection):
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    alone = await store.commits.submit(synchronous, durable=False)
    mixed = await asyncio.gather(
        store.commits.submit(synchronous, durable=False), store.commits.submit(synchronous, durable=True)
    )
    after = await store.commits.submit(synchronous)

    normal, full = 1, 2
    assert (normal, [full, full], full) == (alone, mixed, after)


async def test_a_write_that_fails_fails_alone(store):
    """Its neighbours in the same group are committed."""

    def bad(_connection):
        raise ZeroDivisionError

    results = await asyncio.gather(
        store.record_push(a_push("a.example")),
        store.commits.submit(bad),
        store.record_push(a_push("b.example")),
        return_exceptions=True,
    )

    assert isinstance(results[1], ZeroDivisionError)
    assert 2 == await store.count_zones()


async def test_hot_queries_use_indexes(store):
    """No work grows with the number of zones: no table is scanned to claim, to look up, or to nap."""

    def plan(connection, sql, parameters=()):
        return " | ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters))

    from directdnsonly.outbox import _view, _work

    claim = {"backend": "one", "priority": 0, "now": 0.0, "lease_end": 0.0, "limit": 5}
    plans = [
        await store.commits.submit(lambda connection: plan(connection, _work._CLAIM, claim)),
        await store.commits.submit(lambda connection: plan(connection, _work._NEWEST % "?,?", ("a", "b"))),
        await store.commits.submit(lambda connection: plan(connection, _view._SUMMARY + "WHERE zone = ?", ("a",))),
        await store.commits.submit(lambda connection: plan(connection, _view._PLACEMENT + "WHERE zone = ?", ("a",))),
    ]

    assert "delivery_due" in plans[0]
    assert not [found for found in plans if re.search(r"SCAN (zone|delivery|version|z|v)\b", found)]
