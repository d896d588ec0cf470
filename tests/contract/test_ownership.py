"""What the store gives to the judgement of who may, and keeps of it; each act in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.errors import OwnershipRefused
from directdnsonly.outbox.changes import Kind, NewPin, Owner, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.test_store import NAME, finish, opener, store  # noqa: F401 - fixtures
from tests.support.made import H2, a_delete, a_push

BOUND = Owner(credential="script", hostname="h2.example")
TRULY_BELOW = "SELECT zone, hostname, credential FROM zone WHERE kind = 'put'"


def below(connection: sqlite3.Connection) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    """What the store has counted, and what a walk through every zone counts."""
    counted: dict[tuple[str, str, str], int] = {}
    for zone, hostname, credential in connection.execute(TRULY_BELOW):
        for above in ZoneName.trusted(zone).ancestors():
            counted[above, hostname, credential] = counted.get((above, hostname, credential), 0) + 1
    rows = connection.execute("SELECT above, hostname, credential, zones FROM zones_below").fetchall()
    return set(rows), {(*key, number) for key, number in counted.items()}


async def test_zones_below_a_name_are_counted_whatever_changes_a_zone(store):  # noqa: F811
    """Made, taken over, deleted, made again, pinned, released, forgotten."""
    long_name = ".".join(["a"] * 126)
    for name in ("a.example", "b.a.example", "c.b.a.example", "x.b.a.example", long_name):
        await store.recording.record_push(a_push(name))
    await store.recording.record_push(a_push("b.a.example", 2, owner=H2))
    await store.recording.record_delete(a_delete("c.b.a.example"))
    await store.recording.record_delete(a_delete(long_name))
    await store.recording.record_push(a_push("c.b.a.example", 3, owner=H2))
    await store.recording.pin(NewPin(name=ZoneName.parse("x.b.a.example"), actor="me"))
    await store.recording.record_push(a_push("x.b.a.example", 4, owner=H2))
    counted, true = await store.engine.commits.submit(below)
    assert counted == true
    await store.recording.unpin(ZoneName.parse("x.b.a.example"), a_push().origin)
    await store.engine.commits.submit(
        lambda connection: connection.execute("DELETE FROM zone WHERE zone = 'a.example'")
    )

    counted, true = await store.engine.commits.submit(below)

    assert counted == true == {
        ("b.a.example", "h2.example", "da", 2), ("a.example", "h2.example", "da", 3), ("example", "h2.example", "da", 3),
    }  # fmt: skip


async def test_an_older_store_learns_what_lies_below_and_forgets_what_waits_for_nothing(tmp_path):
    """A store of the schema before is opened: its zones are counted, a take-over of a zone that is gone is void."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        for number, sql in migrations():
            if number < 10:
                old.executescript(f"{sql}\nPRAGMA user_version = {number};")
        zones = [
            ("www.a.example", "put", "h1"),
            ("a.example", "delete", "h1"),
            ("b.example", "put", ""),
            ("com", "put", "h1"),
        ]
        old.executemany(
            "INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential,"
            " hostname, username, source, change_id, pushed_at, changed_at)"
            " VALUES (?, 1, ?, 1, 1, 1, x'', x'', 0, 'da', ?, '', 'api', 'c', 0, 0)",
            zones,
        )
        old.executemany(
            "INSERT INTO held VALUES (?, 1, x'00', 'takeover', 'r', '', 'da', 'h2', '', '', 0, x'')",
            [("www.a.example",), ("a.example",), ("never.example",)],
        )
    old.close()

    async with open_store(tmp_path, settings=OutboxSettings(), clock=ManualClock(), backends=["one"]) as opened:
        counted, true = await opened.engine.commits.submit(below)
        assert counted == true == {("a.example", "h1", "da", 1), ("example", "h1", "da", 1), ("example", "", "da", 1)}
        assert ["www.a.example"] == [held.name for held in await opened.approval.held_pushes()]


@pytest.mark.parametrize("source", [Source.API, Source.ROLLBACK])
async def test_a_bound_credential_changes_no_other_servers_zone(store, source):  # noqa: F811
    """Whatever it had been told before: the store itself refuses, and nothing is recorded."""
    await store.recording.record_push(a_push())

    with pytest.raises(OwnershipRefused, match=r"belongs to h1\.example"):
        await store.recording.record_push(a_push(serial=2, owner=BOUND, source=source))
    with pytest.raises(OwnershipRefused, match=r"belongs to h1\.example"):
        await store.recording.record_delete(a_delete(owner=BOUND, source=Source.API))

    assert (1, Kind.PUT) == ((await store.looking.zone(NAME)).version, (await store.looking.zone(NAME)).kind)


async def test_a_push_that_waits_is_kept_in_the_transaction_that_judged_it(store):  # noqa: F811
    """One commit; nothing of the zone is changed, nothing is due."""
    await store.recording.record_push(a_push())
    await finish(store)
    commits = store.engine.commits.commits

    receipt = await store.recording.record_push(replace(a_push(serial=2, owner=H2), takeover="hold", body=b"as sent"))

    assert commits + 1 == store.engine.commits.commits
    assert (False, 1) == (receipt.changed, receipt.version)
    (held,) = await store.approval.held_pushes()
    assert (b"as sent", H2, receipt.withheld.digest) == (held.body, held.owner, held.digest)
    assert 0 == await finish(store)


async def test_a_delete_that_gives_way_records_nothing(store):  # noqa: F811
    """It names what is to be recorded in its place; when that cannot be, the delete goes on and what waited is over."""
    await store.recording.record_push(a_push())
    await store.recording.record_push(replace(a_push(serial=2, owner=H2), takeover="hold"))

    receipt = await store.recording.record_delete(a_delete())

    assert (False, (await store.approval.held_push(NAME)).digest) == (receipt.changed, receipt.gives_way)
    assert await store.looking.receipt(receipt.change_id) is None
    gone = await store.recording.record_delete(replace(a_delete(), gives_way=False))
    assert (True, ["push.dropped"]) == (gone.changed, [notice.event for notice in gone.notices])
    assert await store.approval.held_push(NAME) is None


async def test_an_older_pull_does_not_win_over_a_push_that_waits_behind_a_pin(store):  # noqa: F811
    """The pull was made for version 1; version 2 waits: releasing the zone serves version 2."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    await store.recording.record_push(a_push(serial=3))

    receipt = await store.recording.record_push(replace(a_push(serial=2, source=Source.PULL), only_if_version=1))

    assert "version 2 came meanwhile" == receipt.ignored
    await store.recording.unpin(NAME, a_push().origin)
    assert '"v3"' in await store.looking.published_text(NAME)


async def test_a_take_over_with_the_same_content_outlives_the_pin(store):  # noqa: F811
    """Nothing else came while the zone was pinned but its new server: releasing it must not give it back to the old one."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    await store.recording.record_push(a_push(serial=1, owner=H2))

    assert not (await store.recording.unpin(NAME, a_push().origin)).changed

    assert H2 == (await store.looking.zone(NAME)).owner


async def test_a_pinned_zone_is_no_orphan(store, opener):  # noqa: F811
    """A person holds it, and it was pushed again meanwhile: the pass deletes nothing."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="me"))
    now = opener.clock.now_s()
    sighting = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=now, last_at=now, quarantined_at=now,
        state=SightingState.QUARANTINED,
    )  # fmt: skip
    await store.drift.save_sightings([sighting], [])
    opener.clock.advance(3600)
    await store.recording.record_push(a_push(serial=2))

    assert await store.drift.record_orphan_delete(sighting, a_delete(source=Source.RECONCILE)) is None

    await store.recording.unpin(NAME, a_push().origin)
    assert Kind.PUT is (await store.looking.zone(NAME)).kind


async def test_an_orphan_that_another_server_waits_for_is_not_deleted(store, opener):  # noqa: F811
    """The take-over is let in by the pass instead."""
    await store.recording.record_push(a_push(serial=1))
    now = opener.clock.now_s()
    sighting = Sighting(
        name=NAME, version=1, server="h1.example", absences=3, first_at=now, last_at=now, quarantined_at=now,
        state=SightingState.QUARANTINED,
    )  # fmt: skip
    await store.drift.save_sightings([sighting], [])
    await store.recording.record_push(replace(a_push(serial=2, owner=H2), takeover="hold"))

    receipt = await store.drift.record_orphan_delete(sighting, a_delete(source=Source.RECONCILE))

    assert (False, "a push of h2.example waits for it") == (receipt.changed, receipt.ignored)
    assert await store.approval.held_push(NAME) is not None


async def test_an_ordinary_push_looks_around_for_nothing(store):  # noqa: F811
    """One look and one INSERT, as long as the zone stays its server's; its trigger also ends what stood against it."""
    await store.recording.record_push(a_push(serial=1))
    seen: list[str] = []
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(seen.append))

    await store.recording.record_push(replace(a_push(serial=2), takeover="reject"))

    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(None))
    asked = [
        sql.split()[0] for sql in dict.fromkeys(seen) if not sql.startswith("--")
    ]  # each step of a trigger is told
    assert ["SELECT", "INSERT"] == [word for word in asked if word in {"SELECT", "INSERT", "UPDATE", "DELETE"}]
