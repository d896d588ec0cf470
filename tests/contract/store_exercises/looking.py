"""Looking: what was refused, what happened, what is outstanding, and what was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from directdnsonly.outbox.changes import Kind, Owner, Priority, Source
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import NAME, only_claim
from tests.support.made import H1, H2, a_delete, a_push


async def dead_zones(store: Store, *names: str, backend: str = "one") -> None:
    """Push the zones, and let the backend give them up."""
    for name in names:
        await store.recording.record_push(a_push(name))
    claims = await store.work.claim(backend, limit=100, lease_s=60)
    await store.work.settle([Settlement(claim=claim, how=Settle.BURY, reason="bad") for claim in claims])


async def test_history_keeps_the_newest_versions_only(opener):
    """By count."""
    store = await opener.open(history_versions=3)
    for serial in range(1, 6):
        await store.recording.record_push(a_push(serial=serial))

    assert [None, None, True, True, True] == [
        (await store.looking.text(NAME, version)) and True for version in range(1, 6)
    ]


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
