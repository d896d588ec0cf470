"""What changes nothing leaves no row of its own, over SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

from directdnsonly.outbox.changes import Source
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from tests.contract.store_exercises.no_ops import *  # the exercise
from tests.contract.store_exercises.no_ops import MANY
from tests.support.made import H2, a_push


async def test_when_the_change_is_forgotten_the_next_one_takes_its_place(store, opener):
    """A zone that is put each minute and never changes has one row, also after its history is forgotten."""
    await store.recording.record_push(a_push(serial=1, source=Source.API))
    with closing(sqlite3.connect(opener.folder / FILE_NAME)) as connection, connection:
        connection.execute("DELETE FROM change")

    receipts = [await store.recording.record_push(a_push(serial=1, source=Source.API)) for _ in range(3)]

    assert 1 == len({receipt.change_id for receipt in receipts})
    assert 1 == opener.rows()["change"]
    assert receipts[0] == await store.looking.receipt(receipts[0].change_id)


async def test_the_same_push_again_leaves_nothing_and_is_seen_on_its_zone(store, opener):
    """When it came last and who pushes it is told by the zone's own row."""
    await store.recording.record_push(a_push(serial=1))
    before = opener.rows()

    await asyncio.gather(*(store.recording.record_push(a_push(serial=1, owner=H2)) for _ in range(MANY)))

    assert before | {"past": 1} == opener.rows()  # of another server: by which ids the zone was known before
    (zone,) = await store.looking.zones()
    assert "h2.example" == zone.owner.hostname
