"""Version ids in SQLite: of each version, of what was pruned, and of a store that an earlier program wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from directdnsonly.clock import ManualClock
from directdnsonly.outbox import identity
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import ids as sql
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from tests.contract.store_exercises.opening import NAME
from tests.contract.store_exercises.version_ids import *
from tests.support.made import H1, H2, a_delete, a_push


async def past(store) -> tuple[bytes, ...]:
    zone = await store.looking.zone(NAME)
    return await store.engine.viewer.call(lambda raw: sql.past(raw, NAME, zone.version if zone else 0))


async def test_ids_outlive_the_versions_and_are_bounded(opener):
    """Two versions are kept, and 64 ids beside them, the newest."""
    store = await opener.open(history_versions=2)
    told = [(await store.recording.record_push(a_push(serial=serial))).stated for serial in range(1, 101)]

    kept = [one.hex() for one in await past(store)]

    assert told[100 - 2 - identity.KEPT : 99] == kept
    (size,) = await store.engine.viewer.call(lambda raw: raw.execute("SELECT length(stated) FROM past").fetchone())
    assert 1024 == size


async def test_a_count_and_an_owner_that_no_version_tells_are_kept_when_they_are_over(store):
    """What was pushed again, and what belonged to another server for a while, is told from what never was."""
    first = await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=1))
    await store.recording.record_push(a_push(serial=1, owner=H2))
    taken = await store.looking.zone(NAME)
    await store.recording.record_push(a_push(serial=2, owner=H2))

    found = await past(store)

    assert identity.again(bytes.fromhex(first.stated)) in found
    assert bytes.fromhex(taken.stated) in found


async def test_a_zone_that_is_forgotten_leaves_no_ids(opener):
    """Nor does one that is made again begin with those of the former."""
    store = await opener.open(history_versions=1, backends=[])
    for one in (a_push(serial=1), a_push(serial=2)):
        await store.recording.record_push(one)
    await store.recording.record_delete(a_delete())
    assert 2 == len(await past(store))
    opener.clock.advance(100 * 86_400.0)
    while await store.upkeep.prune():
        pass

    assert () == await past(store)
    assert (0,) == await store.engine.viewer.call(lambda raw: raw.execute("SELECT COUNT(*) FROM past").fetchone())


async def test_a_store_of_an_earlier_program_has_ids_at_once(tmp_path):
    """Made of what stands in its rows: the ids that a store of today has for the same."""
    push, gone = a_push(serial=1), "gone.example"
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        for number, text in migrations():
            if number < 17:
                old.executescript(f"{text}\nPRAGMA user_version = {number};")
        row = "1, ?, 1, 1, 1, ?, x'', 0, 'da', 'h1.example', 'alice', 'directadmin', 'c', 0, 0, '', ''"
        old.execute(f"INSERT INTO zone VALUES (?, {row})", (NAME, "put", push.zone.digest))
        old.execute(f"INSERT INTO zone VALUES (?, {row})", (gone, "delete", b""))
        old.execute(
            "INSERT INTO version (zone, version, kind, serial, pushed_serial, records, digest, credential, hostname, username,"
            " address, source, change_id, at, body, warnings) VALUES (?, 1, 'put', 1, 1, 1, ?, 'da', 'h1.example', 'alice', '',"
            " 'directadmin', 'c', 0, x'00', '')",
            (NAME, push.zone.digest),
        )
    wanted = identity.of_zone(push.zone.digest, 1, H1)

    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=ManualClock(), backends=["one"]) as store:
        zone, buried = await store.looking.zone(NAME), await store.looking.zone(NAME.parse(gone))
        assert (wanted.hex(), identity.of_delete(b"", "c").hex()) == (zone.stated, buried.stated)
        assert [wanted.hex()] == [one.stated for one in await store.looking.versions(NAME)]
        delete = a_delete()
        deleted = await store.recording.record_delete(delete)
        assert identity.of_delete(wanted, delete.origin.change_id).hex() == deleted.stated
        assert (wanted,) == await past(store)
