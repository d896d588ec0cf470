"""Who may, over SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import NewPin
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import finish
from tests.contract.store_exercises.ownership import *  # the exercise
from tests.support.made import H2, a_delete, a_push

TRULY_BELOW = "SELECT zone, hostname, credential FROM zone WHERE kind = 'put'"


def below(connection: sqlite3.Connection) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    """What the store has counted, and what a walk through every zone counts."""
    counted: dict[tuple[str, str, str], int] = {}
    for zone, hostname, credential in connection.execute(TRULY_BELOW):
        for above in ZoneName.trusted(zone).ancestors():
            counted[above, hostname, credential] = counted.get((above, hostname, credential), 0) + 1
    rows = connection.execute("SELECT above, hostname, credential, zones FROM zones_below").fetchall()
    return set(rows), {(*key, number) for key, number in counted.items()}


async def test_zones_below_a_name_are_counted_whatever_changes_a_zone(store):
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


async def test_a_push_that_waits_is_kept_in_the_transaction_that_judged_it(store):
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


async def test_an_ordinary_push_looks_around_for_nothing(store):
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
