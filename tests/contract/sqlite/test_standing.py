"""Refusals that stand, over SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import standing as refusals
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.standing import *  # the exercise
from tests.contract.store_exercises.standing import a_refusal, standing


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
