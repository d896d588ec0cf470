"""What changes nothing leaves no row of its own: however often it comes, the store does not grow, also in the disk's reserve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.clock import ManualClock
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.changes import NewPin, Owner, Source, Terms
from directdnsonly.outbox.store import Store
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.made import a_delete, a_push
from tests.support.wire import zone_text

MANY = 300
OWNER = Owner(credential="da", hostname="h1.example", username="alice")
OTHER = Owner(credential="da", hostname="h2.example", username="bob")
RESERVE_OF_ALL = 10**9  # MiB: there is never so much


@asynccontextmanager
async def accepting(store: Store) -> AsyncIterator[Acceptance]:
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


async def test_deletes_of_zones_that_nobody_has_leave_nothing(opener):
    """Also where deletes alone are still taken: under the disk's reserve. Each is answered as done."""
    store = await opener.open(disk_reserve_mb=RESERVE_OF_ALL)
    before = opener.rows()

    receipts = await asyncio.gather(
        *(store.recording.record_delete(a_delete(f"nobody-{number}.example")) for number in range(MANY))
    )

    assert not any(receipt.changed or receipt.ignored for receipt in receipts)
    assert before == opener.rows()


async def test_the_same_delete_again_leaves_nothing_and_the_first_one_stays_known(store, opener):
    await store.recording.record_push(a_push())
    gone = await store.recording.record_delete(a_delete())
    before = opener.rows()

    again = await store.recording.record_delete(a_delete())

    assert (True, False) == (gone.changed, again.changed)
    assert before == opener.rows()
    assert gone == await store.looking.receipt(gone.change_id)


async def test_a_late_delete_of_a_former_server_leaves_one_line_an_hour(store, opener):
    """Somebody must see it, and sees it once."""
    async with accepting(store) as acceptance:
        await acceptance.push("a.example", zone_text("a.example").encode(), owner=OWNER)
        await acceptance.delete("a.example", owner=OTHER)
        before = opener.rows()

        for _ in range(MANY):
            assert (await acceptance.delete("a.example", owner=OTHER)).ignored

        assert before == opener.rows()
        assert 1 == len([one for one in await store.looking.events() if one.event == "delete.ignored"])


@pytest.mark.parametrize("source", [Source.API, Source.ROLLBACK])
async def test_who_is_told_an_id_may_ask_for_it_and_leaves_nothing_either(store, opener, source):
    """The id of the change that made the content; with an Idempotency-Key his own, so that the answer is the same again."""
    made = await store.recording.record_push(a_push(serial=1, source=source))
    before = opener.rows()

    again = await store.recording.record_push(a_push(serial=1, source=source))

    assert (False, made.change_id) == (again.changed, again.change_id)
    assert made == await store.looking.receipt(again.change_id)
    assert before == opener.rows()
    keyed = replace(a_push(serial=1, source=source), terms=Terms(key="once", fingerprint=b"x"))
    own = await store.recording.record_push(keyed)
    assert own == await store.looking.receipt(keyed.origin.change_id)


async def test_a_push_of_a_pinned_zone_that_brings_nothing_new_leaves_one_line_an_hour(store, opener):
    async with accepting(store) as acceptance:
        text = [zone_text("a.example", serial=serial).encode() for serial in (2026010100, 2026010101)]
        await acceptance.push("a.example", text[0], owner=OWNER)
        await store.recording.pin(NewPin(name=ZoneName.parse("a.example"), actor="anna"))
        await acceptance.push("a.example", text[1], owner=OWNER)
        before = opener.rows()

        for _ in range(20):
            await acceptance.push("a.example", text[1], owner=OWNER)

        assert before == opener.rows()
