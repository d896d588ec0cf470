"""What every engine of the store promises. The embedded SQLite is the one there is."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.errors import OutboxTooNew, OutboxUnavailable, ZonePolicyError
from directdnsonly.outbox.changes import Kind, NewPin, Origin, Owner, Priority, Source
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.drift import Migration, Sighting
from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, H2, a_change_id, a_delete, a_push

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
        await store.upkeep.adopt_backends(chosen)
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
    (claim,) = await store.work.claim(backend, limit=10, lease_s=60)
    return claim


async def finish(store: SqliteStore, backend: str = "one") -> int:
    """Claim and prove everything that is due."""
    done = 0
    while claims := await store.work.claim(backend, limit=100, lease_s=60):
        done += len(claims)
        await store.work.settle(
            [Settlement(claim=claim, how=Settle.VERIFIED, served_serial=claim.serial) for claim in claims]
        )
    return done


async def test_a_push_becomes_version_one_and_is_due_on_every_backend(store):
    """The receipt tells the version; each backend has one delivery."""
    receipt = await store.recording.record_push(a_push(serial=7))

    assert (1, Kind.PUT, True, 7) == (receipt.version, receipt.kind, receipt.changed, receipt.serial)
    assert [("one", State.PENDING), ("two", State.PENDING)] == [
        (placement.backend, placement.state) for placement in await store.looking.placements(NAME)
    ]


async def test_versions_count_pushes_and_deletes_of_a_zone_alike(store):
    """Save and delete share one order (promise 2)."""
    versions = [
        (await store.recording.record_push(a_push(serial=1))).version,
        (await store.recording.record_delete(a_delete())).version,
        (await store.recording.record_push(a_push(serial=2))).version,
    ]

    assert [1, 2, 3] == versions


async def test_concurrent_pushes_of_one_zone_get_distinct_versions(store):
    """The increment happens in the transaction that reads the version before."""
    receipts = await asyncio.gather(*(store.recording.record_push(a_push(serial=serial)) for serial in range(1, 101)))

    assert list(range(1, 101)) == sorted(receipt.version for receipt in receipts)


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


@pytest.mark.parametrize(("pusher", "waits_on"), [(H1, True), (H2, False)], ids=["another server's", "its own"])
async def test_a_recorded_push_ends_what_waited_of_its_own_server(store, pusher, waits_on):
    """A takeover that waits for approval is void once that server's push is recorded; another's push leaves it."""
    await store.recording.record_push(a_push(serial=1))
    held = replace(a_push(serial=2, content="theirs", owner=H2), takeover="hold", body=b"x")
    assert (await store.recording.record_push(held)).withheld is not None

    await store.recording.record_push(a_push(serial=2, owner=pusher))

    assert waits_on == (await store.approval.held_push(NAME) is not None)


async def test_waiting_pushes_share_a_commit(store):
    """Group commit: 200 waiting pushes cost a handful of fsyncs, not 200."""
    before = store.engine.commits.commits

    await asyncio.gather(*(store.recording.record_push(a_push(f"z{number}.example")) for number in range(200)))

    assert store.engine.commits.commits - before <= 3


async def test_the_same_content_again_is_recorded_but_gives_no_work(store):
    """On the zone's own row: DirectAdmin is told no id, so nobody can ask for the change."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)

    receipt = await store.recording.record_push(a_push(serial=1))

    assert (False, 1) == (receipt.changed, receipt.version)
    assert 0 == await finish(store)
    assert await store.looking.receipt(receipt.change_id) is None


async def test_of_two_versions_only_the_newer_is_ever_claimed(store):
    """Newest wins: the older one is never delivered."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))

    claim = await only_claim(store)

    assert (2, 2) == (claim.version, claim.serial)
    assert " 2 3600 3600" in claim.text
    assert not await store.work.claim("one", limit=10, lease_s=60)


async def test_a_thousand_pushes_wait_as_one_delivery(store):
    """While a backend is down a zone costs one row, and one delivery when it returns."""
    for serial in range(1, 1001, 50):
        await asyncio.gather(*(store.recording.record_push(a_push(serial=serial + step)) for step in range(50)))

    assert 1 == await finish(store)


async def test_a_stale_retry_never_comes_before_the_newer_version(store, opener):
    """Faults A1: v1 failed and waits for its retry, v2 arrives: v2 is due at once, v1 ends superseded."""
    await store.recording.record_push(a_push(serial=1))
    first = await only_claim(store)
    await store.work.settle([Settlement(claim=first, how=Settle.RETRY, reason="no", due_at=opener.clock.now_s() + 30)])
    await store.recording.record_push(a_push(serial=2))
    opener.clock.advance(1)

    second = await only_claim(store)
    await store.work.settle([Settlement(claim=first, how=Settle.VERIFIED)])  # the old attempt wakes up late

    assert 2 == second.version
    assert State.LEASED is (await store.looking.placements(NAME))[0].state


async def test_a_push_during_an_attempt_is_delivered_after_it(store, opener):
    """The running attempt is settled, then the newer version is due; nothing is lost, nothing overlaps."""
    await store.recording.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.recording.record_push(a_push(serial=2))
    assert not await store.work.claim("one", limit=10, lease_s=60)

    await store.work.settle([Settlement(claim=running, how=Settle.VERIFIED, served_serial=1)])
    opener.clock.advance(1)

    placement = (await store.looking.placements(NAME))[0]
    assert (State.PENDING, 1, 2) == (placement.state, placement.verified_version, placement.want_version)
    assert 2 == (await only_claim(store)).version


async def test_a_failed_attempt_of_an_older_version_burns_nothing_of_the_newer(store, opener):
    """v1 is buried while v2 waits: v2 starts fresh."""
    await store.recording.record_push(a_push(serial=1))
    running = await only_claim(store)
    await store.recording.record_push(a_push(serial=2))

    await store.work.settle([Settlement(claim=running, how=Settle.BURY, reason="bad")])
    opener.clock.advance(1)

    placement = (await store.looking.placements(NAME))[0]
    assert (State.PENDING, 0, "") == (placement.state, placement.attempts, placement.reason)


async def test_a_lost_lease_is_due_again_and_its_late_end_is_ignored(store, opener):
    """The fence decides, not the worker."""
    await store.recording.record_push(a_push(serial=1))
    lost = await only_claim(store)
    opener.clock.advance(61)
    again = await only_claim(store)

    await store.work.settle([Settlement(claim=lost, how=Settle.VERIFIED)])

    assert again.fence == lost.fence + 1
    assert State.LEASED is (await store.looking.placements(NAME))[0].state


async def test_dead_is_left_by_a_newer_version(store):
    """A new push gets a new chance."""
    await store.recording.record_push(a_push(serial=1))
    await store.work.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="bad")])
    assert (State.DEAD, "bad") == (
        (await store.looking.placements(NAME))[0].state,
        (await store.looking.placements(NAME))[0].reason,
    )
    assert 1 == (await store.looking.backlog())[0].dead

    await store.recording.record_push(a_push(serial=2))

    assert State.PENDING is (await store.looking.placements(NAME))[0].state


async def test_urgent_work_comes_before_interactive_before_bulk(store):
    """A batch is of one class, the most urgent that has work."""
    await store.recording.record_push(a_push("bulk.example", priority=Priority.BULK))
    await store.recording.record_push(a_push("button.example"))
    await store.recording.record_push(a_push("acme.example", priority=Priority.URGENT))

    order = [(await only_claim(store)).name for _ in range(3)]

    assert ["acme.example", "button.example", "bulk.example"] == order
    assert await store.work.claim("two", limit=10, lease_s=60, lowest=Priority.URGENT) != []


async def test_a_delete_is_delivered_as_absence(store):
    """A tombstone has no text."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    receipt = await store.recording.record_delete(a_delete())

    assert (2, True) == (receipt.version, receipt.changed)
    assert await store.looking.find_held([NAME]) is None
    store_claims = await store.work.claim("two", limit=10, lease_s=60)
    assert [(Kind.DELETE, None, 2)] == [(claim.kind, claim.text, claim.version) for claim in store_claims]


async def test_deleting_the_unknown_changes_nothing(store):
    receipt = await store.recording.record_delete(a_delete("nobody.example"))

    assert (False, "") == (receipt.changed, receipt.ignored)
    assert [] == await store.looking.placements(ZoneName.parse("nobody.example"))


async def test_a_late_delete_from_the_former_server_removes_nothing(store):
    """A pushed, B pushed, A deletes late."""
    await store.recording.record_push(a_push(serial=1, owner=H1))
    moved = await store.recording.record_push(a_push(serial=2, owner=H2))

    late = await store.recording.record_delete(a_delete(owner=H1))

    assert H1 == moved.took_over
    assert (False, True) == (late.changed, bool(late.ignored))
    assert NAME == (await store.looking.find_held([NAME])).name


async def test_a_zone_made_again_with_a_lower_serial_moves_forward(store):
    """Promise 10; the tombstone remembers."""
    await store.recording.record_push(a_push(serial=2026010105))
    await store.recording.record_delete(a_delete())

    receipt = await store.recording.record_push(a_push(serial=2026010100))

    assert 2026010106 == receipt.serial
    assert " 2026010106 3600" in await store.looking.text(NAME)
    summary = await store.looking.zone(NAME)
    assert (2026010106, 2026010100) == (summary.serial, summary.pushed_serial)


async def test_after_a_restart_leases_are_given_back_and_nothing_is_lost(opener):
    """Restart in any order: attempts go on where they were."""
    store = await opener.open()
    await store.recording.record_push(a_push("leased.example"))
    await store.recording.record_push(a_push("waiting.example"))
    claims = {claim.name: claim for claim in await store.work.claim("one", limit=10, lease_s=60)}
    later = opener.clock.now_s() + 120
    await store.work.settle([Settlement(claim=claims["waiting.example"], how=Settle.RETRY, reason="no", due_at=later)])
    await opener.close()

    store = await opener.open()

    assert ["leased.example"] == [claim.name for claim in await store.work.claim("one", limit=10, lease_s=60)]
    waiting = (await store.looking.placements(ZoneName.parse("waiting.example")))[0]
    assert (1, later, "no") == (waiting.attempts, waiting.due_at, waiting.reason)


async def test_a_clock_set_back_while_we_were_down_does_not_delay_for_ever(opener):
    """Faults A10: waiting times go on as they were, and a push just after is not held up as one of a storm."""
    store = await opener.open()
    await store.recording.record_push(a_push())
    await finish(store, "two")
    claim = await only_claim(store)
    await store.work.settle([Settlement(claim=claim, how=Settle.RETRY, due_at=opener.clock.now_s() + 30)])
    await opener.close()
    opener.clock.advance(-86_400)

    store = await opener.open()

    assert opener.clock.now_s() + 30 == await store.work.next_due_at("one")
    await store.recording.record_push(a_push(serial=2))
    assert await store.work.next_due_at("two") <= opener.clock.now_s() + 1


async def test_the_probe_tells_when_a_push_could_not_be_kept(opener):
    """The health answer must not say ready while pushes are refused; a push that is kept ends that."""
    store = await opener.open(backends=["one"], max_store_mb=1)
    await store.upkeep.probe()

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    with pytest.raises(OutboxUnavailable, match="full"):
        await store.upkeep.probe()

    await opener.close()
    store = await opener.open(backends=["one"], max_store_mb=64)
    await store.recording.record_push(a_push())
    await store.upkeep.probe()


async def test_a_new_backend_is_given_every_zone_and_no_tombstone(opener):
    """Adding a backend to the configuration is all that is needed."""
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push("kept.example"))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open(backends=["one", "two"])

    assert ["kept.example"] == [claim.name for claim in await store.work.claim("two", limit=10, lease_s=60)]


async def test_a_backend_that_was_away_gets_what_it_missed_deletes_too(opener):
    """Disabled for a week, then enabled again."""
    store = await opener.open()
    await store.recording.record_push(a_push("changed.example", 1))
    await store.recording.record_push(a_push("gone.example", 1))
    await store.recording.record_push(a_push("same.example", 1))
    await finish(store, "two")
    await opener.close()
    store = await opener.open(backends=["one"])
    await store.recording.record_push(a_push("changed.example", 2))
    await store.recording.record_delete(a_delete("gone.example"))
    await opener.close()

    store = await opener.open()

    claims = {claim.name: (claim.kind, claim.version) for claim in await store.work.claim("two", limit=10, lease_s=60)}
    assert {"changed.example": (Kind.PUT, 2), "gone.example": (Kind.DELETE, 2)} == claims


async def test_drift_makes_a_proven_delivery_due_again_as_bulk(store):
    """The reconciler and the sweep use it."""
    await store.recording.record_push(a_push())
    await finish(store)

    assert 1 == await store.work.requeue("one", [NAME], reason="file was gone")

    claim = await only_claim(store)
    assert (Priority.BULK, 1) == (claim.priority, claim.version)


async def test_wanted_pages_through_what_should_be_served(store):
    """Only proven, living zones; page by page."""
    for number in range(7):
        await store.recording.record_push(a_push(f"z{number}.example"))
    await finish(store)
    await store.recording.record_delete(a_delete("z3.example"))

    pages = [[claim.name for claim in page] async for page in store.work.wanted("one", page=3)]

    assert [["z0.example", "z1.example", "z2.example"], ["z4.example", "z5.example", "z6.example"]] == pages


async def test_history_keeps_the_newest_versions_only(opener):
    """By count."""
    store = await opener.open(history_versions=3)
    for serial in range(1, 6):
        await store.recording.record_push(a_push(serial=serial))

    assert [None, None, True, True, True] == [
        (await store.looking.text(NAME, version)) and True for version in range(1, 6)
    ]


async def test_old_history_and_proven_tombstones_are_forgotten_by_age(opener):
    """The newest version of a living zone stays, however old; events go."""
    store = await opener.open(history_days=1)
    await store.recording.record_event(Event(at=opener.clock.now_s(), event="zone.put"))
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))
    await store.recording.record_push(a_push("gone.example"))
    await store.recording.record_delete(a_delete("gone.example"))
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(2 * 86_400)

    while await store.upkeep.prune():
        pass

    assert [] == await store.looking.events()
    assert await store.looking.text(NAME, 1) is None
    assert await store.looking.text(NAME) is not None
    assert await store.looking.zone(ZoneName.parse("gone.example")) is None
    assert [] == await store.looking.placements(ZoneName.parse("gone.example"))


async def test_refused_pushes_and_events_are_kept_newest_first(store):
    """For the operator who asks why."""
    for number in range(3):
        await store.recording.record_refused(
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
        await store.recording.record_event(Event(at=1.0, event="zone.taken_over", zone=f"z{number}"))

    assert ["r2", "r1"] == [entry.reason for entry in await store.looking.refused(limit=2)]
    assert b"zone" == (await store.looking.refused(limit=1))[0].body
    assert b"" == (await store.looking.refused(limit=1, bodies=False))[0].body
    assert ["z1"] == [entry.zone for entry in await store.looking.events(zone="z1")]


async def test_the_refusal_before_the_last_thousand_is_still_there(store):
    """Page by page, each once; what was sent is kept of the last thousand only."""

    def refused(number: int) -> Refused:
        server = Owner(credential="c", hostname="" if number % 2 else "da1")
        return Refused(
            change_id=f"c{number}", name=f"{number}.example", rule=f"r{number % 3}", reason="", owner=server, address="",
            at=1.0, body=b"zone",
        )  # fmt: skip

    for start in range(0, 1002, 167):
        await asyncio.gather(*(store.recording.record_refused(refused(number)) for number in range(start, start + 167)))

    first = await store.looking.refused(limit=1000)
    rest = await store.looking.refused(limit=1000, before=first[-1].id)
    assert [f"{number}.example" for number in reversed(range(1002))] == [one.name for one in first + rest]
    assert ([b"zone"], [b""]) == (sorted({one.body for one in first}), sorted({one.body for one in rest}))
    assert 501 == len(await store.looking.refused(limit=2000, server="da1"))
    assert 501 == len(await store.looking.refused(limit=2000, server="c"))
    assert 334 == len(await store.looking.refused(limit=2000, rule="r1"))
    assert [4] == [one.id - 1 for one in await store.looking.refused(limit=2000, rule="r1", server="da1", before=6)]


async def test_events_are_filtered_and_paged_by_number(store):
    """Newest first by the order in which they came, also when the clock was set back in between."""
    for number, at in enumerate((10.0, 20.0, 5.0, 30.0)):
        kind = "zone.put" if number % 2 else "zone.delete"
        await store.recording.record_event(Event(at=at, event=kind, zone=f"z{number}", actor="anna"))

    async def zones(**wanted: Any) -> list[str]:
        return [one.zone for one in await store.looking.events(**wanted)]

    assert ["z3", "z2", "z1", "z0"] == await zones()
    assert ["z3", "z1"] == await zones(event="zone.put")
    assert ["z3", "z1"] == await zones(since=15.0)
    assert ["z3", "z1", "z0"] == await zones(since=6.0, actor="anna")
    assert [] == await zones(actor="bob")
    assert [] == await zones(since=31.0)
    newest = await store.looking.events(limit=2)
    assert ["z1", "z0"] == await zones(before=newest[-1].id)


async def test_what_waits_and_what_is_watched_comes_in_pages(store):
    """Held pushes by moment and name, moves by number, absent zones by name: each once, and a made-up cursor is refused."""
    for number in range(5):
        await store.approval.open_migration(Migration(former="a", server="b", zones=(), until=1e12, id=number))
    names = [ZoneName.parse(f"{number}.example") for number in range(5)]
    seen = [Sighting(name=name, version=1, server="a", absences=1, first_at=1.0, last_at=1.0) for name in names]
    await store.drift.save_sightings(seen, [])

    moves = await store.approval.migrations(limit=3)
    watched = await store.drift.sightings(limit=3)

    assert [4, 5] == [one.id for one in await store.approval.migrations(after=moves[-1].id)]
    assert names[3:] == [one.name for one in await store.drift.sightings(after=watched[-1].name, limit=3)]
    assert names == [one.name for one in await store.drift.sightings()]
    for name in reversed(names):  # all at one moment
        await store.recording.record_push(a_push(name))
        await store.recording.record_push(replace(a_push(name, 2, owner=H2), takeover="hold", body=b"x"))
    held = await store.approval.held_pushes(limit=2)
    held += await store.approval.held_pushes(limit=9, after=f"{held[-1].at!r}/{held[-1].name}")
    assert names == [one.name for one in held]
    with pytest.raises(ValueError, match="not the `next`"):
        await store.approval.held_pushes(after="yesterday/x")


async def test_refused_pushes_of_one_zone_are_found_as_they_were_sent(store):
    """Letters and a final dot do not matter, another zone's are not among them."""
    for name in ("A.Example.", "b.example", "a.example"):
        refused = Refused(change_id=name, name=name, rule="r", reason=name, owner=H1, address="", at=1.0, body=b"zone")
        await store.recording.record_refused(refused)

    assert ["a.example", "A.Example."] == [one.reason for one in await store.looking.refused(name="a.example")]
    assert ["a.example"] == [one.reason for one in await store.looking.refused(name="a.example", limit=1)]


async def test_exists_finds_the_nearest_held_name(store):
    """Order of the names asked for decides."""
    await store.recording.record_push(a_push("example.com"))
    await store.recording.record_push(a_push("b.example.com"))
    asked = ZoneName.parse("a.b.example.com")

    assert "b.example.com" == (await store.looking.find_held([asked, *asked.ancestors()])).name


async def test_an_edit_by_api_keeps_the_owner(store):
    """DirectAdmin's later delete still counts."""
    await store.recording.record_push(a_push(serial=1, owner=H1))
    await store.recording.record_push(a_push(serial=2, owner=Owner(credential="bob"), source=Source.API))

    assert H1 == (await store.looking.zone(NAME)).owner
    assert (await store.recording.record_delete(a_delete(owner=H1))).changed


async def test_a_full_store_refuses_exactly_what_it_cannot_keep_and_recovers(opener):
    """Faults A4: nothing acknowledged is lost, the refusal says why, and room makes it work again by itself."""
    store = await opener.open(backends=["one"], max_store_mb=1)
    kept: list[str] = []

    async def fill() -> None:
        for number in range(5000):
            content = "".join(f"{(number * 7919 + step) % 99991:05d}" for step in range(40))
            name = f"zone-{number:05d}.example"
            await store.recording.record_push(a_push(name, content=content))
            kept.append(name)

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    assert len(kept) > 100

    still_there = [str(zone.name) for zone in await store.looking.zones(limit=1000)]
    assert kept[: len(still_there)] == still_there
    await opener.close()

    store = await opener.open(backends=["one"], max_store_mb=64)
    assert len(kept) == await store.looking.count_zones()
    assert (await store.recording.record_push(a_push("after.example"))).changed


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


async def test_a_backlog_above_the_limit_refuses_pushes_but_not_deletes(opener):
    """Back-pressure with the reason instead of unbounded growth."""
    store = await opener.open(max_backlog=4)
    await store.recording.record_push(a_push("a.example"))
    await store.recording.record_push(a_push("b.example"))

    with pytest.raises(OutboxUnavailable, match="outstanding"):
        await store.recording.record_push(a_push("c.example"))

    assert (await store.recording.record_delete(a_delete("a.example"))).changed
    for backend in BACKENDS:
        await finish(store, backend)
    opener.clock.advance(10)
    assert (await store.recording.record_push(a_push("c.example"))).changed


async def test_under_the_disk_reserve_pushes_are_refused(opener):
    """A reserve that no disk has shows the rule. Deletes are taken."""
    store = await opener.open()
    await store.recording.record_push(a_push("held.example"))
    await opener.close()
    store = await opener.open(disk_reserve_mb=10**9)

    with pytest.raises(OutboxUnavailable, match="reserve"):
        await store.recording.record_push(a_push())
    assert (await store.recording.record_delete(a_delete("held.example"))).changed


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


async def dead_zones(store: SqliteStore, *names: str, backend: str = "one") -> None:
    """Push the zones, and let the backend give them up."""
    for name in names:
        await store.recording.record_push(a_push(name))
    claims = await store.work.claim(backend, limit=100, lease_s=60)
    await store.work.settle([Settlement(claim=claim, how=Settle.BURY, reason="bad") for claim in claims])


async def states(store: SqliteStore, name: str) -> dict[str, State]:
    return {found.backend: found.state for found in await store.looking.placements(ZoneName.parse(name))}


async def test_revive_gives_one_zone_one_backend_or_all_their_attempts_again(store):
    """Dead letters are left by an operator, as narrowly or as widely as wanted; the reason stays until it is proven."""
    for backend in BACKENDS:
        await dead_zones(store, "a.example", "b.example", backend=backend)

    assert 1 == await store.operators.revive(name=ZoneName.parse("a.example"), backend="one")
    assert {"one": State.PENDING, "two": State.DEAD} == await states(store, "a.example")
    revived = (await store.looking.placements(ZoneName.parse("a.example")))[0]
    assert (0, "bad", Priority.INTERACTIVE) == (revived.attempts, revived.reason, revived.priority)
    assert 1 == await store.operators.revive(name=ZoneName.parse("a.example"))
    assert 1 == await store.operators.revive(backend="two")
    assert 1 == await store.operators.revive()
    assert 0 == await store.operators.revive()
    assert {"one": State.PENDING, "two": State.PENDING} == await states(store, "b.example")
    assert [2, 2] == [await finish(store, backend) for backend in BACKENDS]


async def test_revive_touches_nothing_but_the_dead_of_active_backends(store):
    """A lease that runs, a zone that waits or is proven stay as they are; an unknown backend has nothing."""
    await dead_zones(store, "dead.example")
    await store.recording.record_push(a_push("leased.example"))
    await store.work.claim("one", limit=10, lease_s=60)
    await store.recording.record_push(a_push("waiting.example"))

    assert (0, 1) == (await store.operators.revive(backend="nobody"), await store.operators.revive())

    assert State.LEASED is (await states(store, "leased.example"))["one"]
    assert State.PENDING is (await states(store, "waiting.example"))["one"]


async def test_a_delete_that_was_given_up_is_revived_like_a_push(store, opener):
    """Faults A8: also for deletes."""
    await store.recording.record_push(a_push())
    await finish(store)
    await store.recording.record_delete(a_delete())
    opener.clock.advance(1)
    await store.work.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="no")])

    await store.operators.revive(name=NAME)

    assert (Kind.DELETE, None) == ((claim := await only_claim(store)).kind, claim.text)


async def test_the_dead_and_the_outstanding_are_listed_in_pages(store, opener):
    """With reason, attempts and due time; each exactly once, whatever the page size."""
    names = [f"z{number}.example" for number in range(7)]
    await dead_zones(store, *names)

    async def pages(list_them, size: int, **which: str) -> list[tuple[str, str]]:
        found, after = [], ""
        while True:
            page = await list_them(after=after, limit=size, **which)
            found += [(placement.backend, str(placement.name)) for placement in page.placements]
            if not page.next:
                return found
            after = page.next

    assert [("one", name) for name in names] == await pages(store.looking.dead, 3)
    assert [] == await pages(store.looking.dead, 3, backend="two")
    await store.recording.record_push(a_push("urgent.example", priority=Priority.URGENT))
    opener.clock.advance(1)
    await store.recording.record_push(a_push("late.example"))
    two = [("two", "urgent.example"), *(("two", name) for name in names), ("two", "late.example")]
    for size in (1, 2, 100):
        assert two == await pages(store.looking.outstanding, size, backend="two")
        assert [("one", "urgent.example"), ("one", "late.example"), *two] == await pages(
            store.looking.outstanding, size
        )
    assert "bad" == (await store.looking.dead()).placements[0].reason
    for wrong in ("x", "one/z", "one/a/b/c"):
        with pytest.raises(ValueError, match="not the `next`"):
            await store.looking.outstanding(after=wrong)


async def test_failed_attempts_are_kept_with_their_reasons_newest_first(store, opener):
    """What an operator asks first: what was tried, when, and how did it end."""
    await store.recording.record_push(a_push())
    for reason in ("first", "second"):
        claim = await only_claim(store)
        due_at = opener.clock.now_s() + 30
        await store.work.settle(
            [Settlement(claim=claim, how=Settle.RETRY, reason=reason, due_at=due_at, elapsed_s=0.5)]
        )
        opener.clock.advance(31)
    await store.work.settle([Settlement(claim=await only_claim(store), how=Settle.BURY, reason="third")])

    assert [("third", 3, State.DEAD), ("second", 2, State.PENDING), ("first", 1, State.PENDING)] == [
        (attempt.reason, attempt.attempt, attempt.state) for attempt in await store.looking.attempts(NAME)
    ]
    assert ["third"] == [attempt.reason for attempt in await store.looking.attempts(NAME, limit=1)]


async def test_history_tells_who_sent_what_from_where_and_when(store, opener):
    """Newest first, in pages; a delete is a line of it."""
    start = opener.clock.now_s()
    await store.recording.record_push(a_push(serial=2026010105, owner=H1))
    await store.recording.record_delete(a_delete(owner=H1))
    opener.clock.advance(5)
    await store.recording.record_push(a_push(serial=2026010100, owner=H2, source=Source.API))

    newest, deleted, first = await store.looking.versions(NAME)

    assert (3, Kind.PUT, 2026010106, 2026010100) == (newest.version, newest.kind, newest.serial, newest.pushed_serial)
    assert (H2, Source.API, start + 5) == (newest.pusher, newest.source, newest.at)
    assert (2, Kind.DELETE, 1, 3) == (deleted.version, deleted.kind, first.version, first.records)
    assert [2, 1] == [line.version for line in await store.looking.versions(NAME, before=3)]
    assert [3] == [line.version for line in await store.looking.versions(NAME, limit=1)]


async def test_a_rollback_is_a_new_version_whose_serial_moves_forward(store):
    """The old content, the owner as it was, and secondaries that follow (RFC 1982)."""
    await store.recording.record_push(a_push(serial=10, content="old", owner=H1))
    await store.recording.record_push(a_push(serial=11, content="new", owner=H1))

    back = await store.recording.record_push(
        a_push(serial=10, content="old", owner=Owner(credential="bob"), source=Source.ROLLBACK)
    )

    assert (3, 12, True) == (back.version, back.serial, back.changed)
    assert '"old"' in await store.looking.text(NAME)
    assert H1 == (await store.looking.zone(NAME)).owner


async def test_a_rollback_brings_a_deleted_zone_back_to_its_owner(store):
    """The late delete of somebody else's is undone."""
    await store.recording.record_push(a_push(serial=10, owner=H1))
    await store.recording.record_delete(a_delete(owner=H1))

    back = await store.recording.record_push(a_push(serial=10, owner=Owner(credential="bob"), source=Source.ROLLBACK))

    assert (3, 11) == (back.version, back.serial)
    assert H1 == (await store.looking.zone(NAME)).owner


async def test_a_signed_zone_is_not_rolled_back_behind_its_serial(store):
    """Rewriting the serial would break the signatures; nothing is recorded."""

    def signed(push):
        return replace(push, zone=push.zone.model_copy(update={"signed": True}))

    await store.recording.record_push(signed(a_push(serial=10, content="old")))
    await store.recording.record_push(signed(a_push(serial=11, content="new")))

    with pytest.raises(ZonePolicyError, match="signed"):
        await store.recording.record_push(signed(a_push(serial=10, content="old", source=Source.ROLLBACK)))

    assert 2 == (await store.looking.zone(NAME)).version


def a_pin(version: int | None = None, reason: str = "") -> NewPin:
    return NewPin(name=NAME, actor="bob", address="192.0.2.1", reason=reason, version=version)


def by_bob() -> Origin:
    return Origin(change_id=a_change_id(), source=Source.API, owner=Owner(credential="bob"))


async def test_a_pinned_zone_records_pushes_and_serves_on_what_it_had(store):
    """Acknowledged and kept, but the pinned version stays the wanted one, also for reconciling and new backends."""
    await store.recording.record_push(a_push(serial=1))
    for backend in BACKENDS:
        await finish(store, backend)
    pin = await store.recording.pin(a_pin(reason="investigating"))
    assert (1, "bob", "192.0.2.1", "investigating", None) == (
        pin.version, pin.actor, pin.address, pin.reason, pin.waiting_version,
    )  # fmt: skip

    receipt = await store.recording.record_push(a_push(serial=2))

    assert (2, False, True) == (receipt.version, receipt.changed, "pinned at version 1" in receipt.ignored)
    assert receipt.ignored == (await store.looking.receipt(receipt.change_id)).ignored
    assert 0 == await finish(store)
    assert (1, 1) == ((await store.looking.zone(NAME)).version, (await store.looking.zone(NAME)).serial)
    assert '"v1"' in await store.looking.text(NAME)
    assert [2, 1] == [line.version for line in await store.looking.versions(NAME)]
    assert 2 == (await store.looking.pin_of(NAME)).waiting_version
    await store.work.requeue("one", [NAME], reason="drift")
    assert 1 == (await only_claim(store)).version


async def test_releasing_a_pin_makes_the_newest_push_wanted(store, opener):
    """One delivery, whatever came meanwhile; and the zone is an ordinary one again."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())
    for serial in (2, 3, 4):
        await store.recording.record_push(a_push(serial=serial, owner=H2))

    released = await store.recording.unpin(NAME, by_bob())
    opener.clock.advance(1)

    assert (4, True, 4) == (released.version, released.changed, released.serial)
    assert released == await store.looking.receipt(released.change_id)
    assert (4, 4) == ((claim := await only_claim(store)).version, claim.serial)
    assert H2 == (await store.looking.zone(NAME)).owner
    assert await store.looking.pin_of(NAME) is None
    assert await store.recording.unpin(NAME, by_bob()) is None
    assert (5, True) == (
        (after := await store.recording.record_push(a_push(serial=5, owner=H2))).version,
        after.changed,
    )


async def test_a_pin_that_nothing_waits_behind_is_released_without_work(store):
    """The same content again is no new version, pinned or not."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())
    again = await store.recording.record_push(a_push(serial=1))

    released = await store.recording.unpin(NAME, by_bob())

    assert (False, "", False) == (again.changed, again.ignored, released.changed)
    assert 0 == await finish(store)


async def test_a_delete_of_a_pinned_zone_waits_like_a_push(store, opener):
    """Deletes are versions; after the release the zone is gone, unless it was pushed again."""
    await store.recording.record_push(a_push(serial=1))
    await finish(store)
    await store.recording.pin(a_pin())

    receipt = await store.recording.record_delete(a_delete())
    assert (2, False, True) == (receipt.version, receipt.changed, "pinned" in receipt.ignored)
    assert NAME == (await store.looking.find_held([NAME])).name
    assert (False, 2) == ((again := await store.recording.record_delete(a_delete())).changed, again.version)
    assert (3, 2) == ((back := await store.recording.record_push(a_push(serial=1))).version, back.serial)
    await store.recording.record_delete(a_delete())
    await store.recording.unpin(NAME, by_bob())
    opener.clock.advance(1)

    assert (Kind.DELETE, 4) == ((claim := await only_claim(store)).kind, claim.version)
    assert await store.looking.find_held([NAME]) is None


async def test_a_pin_survives_restart_and_pruning_and_only_living_zones_have_one(opener):
    """History by count and age never takes the pinned version."""
    store = await opener.open(history_versions=2, history_days=1)
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(a_pin())
    for serial in range(2, 8):
        await store.recording.record_push(a_push(serial=serial))
    opener.clock.advance(3 * 86_400)
    while await store.upkeep.prune():
        pass
    await opener.close()

    store = await opener.open()

    assert (1, 7) == ((pin := await store.looking.pin_of(NAME)).version, pin.waiting_version)
    assert '"v1"' in await store.looking.text(NAME)
    assert '"v7"' in await store.looking.text(NAME, 7)
    assert 1 == (await only_claim(store)).version
    nobody = NewPin(name=ZoneName.parse("nobody.example"), actor="bob")
    assert await store.recording.pin(nobody) is None


async def test_a_pin_is_refused_when_a_newer_version_came_first(store):
    """Who pins what he has seen must not pin what he has not."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=2))

    with pytest.raises(ZonePolicyError, match="version 2 is the wanted one"):
        await store.recording.pin(a_pin(version=1))

    assert await store.looking.pin_of(NAME) is None
    assert 2 == (await store.recording.pin(a_pin(version=2))).version
    assert (2, "again") == (
        (await store.recording.pin(a_pin(reason="again"))).version,
        (await store.looking.pin_of(NAME)).reason,
    )


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


async def test_a_store_at_its_limit_says_so_before_anybody_pushes(opener):
    """After a restart nobody has met it yet."""
    store = await opener.open(backends=["one"], max_store_mb=1)

    async def fill() -> None:
        for number in range(5000):
            await store.recording.record_push(a_push(f"zone-{number:05d}.example", content="x" * 100 + str(number)))

    with pytest.raises(OutboxUnavailable, match="full"):
        await fill()
    await opener.close()
    store = await opener.open(backends=["one"], max_store_mb=1)

    with pytest.raises(OutboxUnavailable, match=r"is full: it has reached its 1 MB \(outbox.max_store_mb\)"):
        await store.upkeep.probe()
    assert store.upkeep.condition().free_bytes < 64 * 1024
