"""Terms over SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from directdnsonly.errors import OutboxUnavailable, ZonePolicyError
from directdnsonly.outbox.changes import Owner, Source, Terms
from directdnsonly.outbox.sqlite import terms
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import NAME
from tests.contract.store_exercises.terms import *  # the exercise
from tests.contract.store_exercises.terms import BIG, KEY, SMALL, gone, limited, under
from tests.support.made import a_push


@pytest.mark.parametrize("table", ["idempotency", "change", "version", "delivery"])
async def test_a_change_and_its_key_are_written_together_or_not_at_all(store, table):
    """Whichever write of the transaction fails (here by a trigger in the database), neither change nor key is there."""
    await store.engine.commits.submit(
        lambda connection: connection.execute(
            f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
        )
    )

    with pytest.raises(OutboxUnavailable, match="broken on purpose"):
        await store.recording.record_push(under(a_push(), KEY))

    assert (None, None) == (await store.looking.zone(NAME), await store.looking.repeated("da", KEY.key))
    await store.engine.commits.submit(lambda connection: connection.execute("DROP TRIGGER broken"))
    receipt = await store.recording.record_push(under(a_push(), KEY))
    kept = await store.looking.repeated("da", KEY.key)
    assert kept is not None
    assert (receipt.change_id, b"asked") == (kept.change_id, kept.fingerprint)
    assert receipt == await store.looking.receipt(kept.change_id)


async def test_change_and_key_come_to_disk_with_one_commit(store):
    """Another connection never sees one without the other: one transaction, so no kill comes between."""
    commits = store.engine.commits.commits
    with closing(sqlite3.connect(store.engine.folder / FILE_NAME)) as other:
        seen = "SELECT (SELECT COUNT(*) FROM change), (SELECT COUNT(*) FROM idempotency)"
        assert (0, 0) == other.execute(seen).fetchone()

        await store.recording.record_push(under(a_push(), KEY))

        assert (1, 1) == other.execute(seen).fetchone()
        await store.recording.record_delete(gone("example.com", replace(KEY, key="deploy-18"), Owner(credential="da")))
        assert (2, 2) == other.execute(seen).fetchone()
    assert commits + 2 == store.engine.commits.commits


async def test_the_count_follows_whatever_changes_a_zone(store):
    """Zones from before the limit, deletes, take-overs, new owners, the same again: the count is always the truth."""
    await store.recording.record_push(a_push("a.example", owner=SMALL))
    await store.recording.record_push(a_push("b.example", owner=BIG))
    await store.upkeep.count_limited(["small"])
    await store.recording.record_push(limited("c.example"))
    with pytest.raises(ZonePolicyError):
        await store.recording.record_push(limited("d.example"))
    with pytest.raises(ZonePolicyError):
        await store.recording.record_push(limited("b.example", serial=2))  # a take-over is one more, too
    await store.recording.record_push(limited("c.example", serial=2))  # one that it has already
    await store.recording.record_push(
        limited("b.example", serial=3, source=Source.API)
    )  # an edit that leaves it to its owner

    await store.recording.record_delete(gone("a.example", Terms()))
    await store.recording.record_push(limited("d.example"))
    await store.recording.record_push(a_push("c.example", serial=3, owner=BIG))  # moved to another credential
    await store.recording.record_push(a_push("d.example", owner=BIG))  # same content, another owner
    await store.recording.record_push(limited("e.example"))
    await store.recording.record_push(limited("a.example", serial=2))

    with pytest.raises(ZonePolicyError):
        await store.recording.record_push(limited("f.example"))
    counted, true = await store.engine.commits.submit(
        lambda connection: (
            connection.execute(terms.COUNTED, ("small",)).fetchone(),
            connection.execute("SELECT COUNT(*) FROM zone WHERE credential = 'small' AND kind = 'put'").fetchone(),
        )
    )
    assert (2,) == counted == true


async def test_zones_are_counted_at_the_start_and_never_by_a_push(store):
    """A credential that has a limit for the first time; once counted it is not counted again. No push walks over all."""
    await store.recording.record_push(a_push("a.example", owner=SMALL))
    seen: list[str] = []
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(seen.append))
    with pytest.raises(OutboxUnavailable, match="the zones of small, which has a limit, were not counted"):
        await store.recording.record_push(limited("b.example"))
    assert [] == [sql for sql in seen if "COUNT(" in sql]

    await store.upkeep.count_limited(["small", "new"])

    rows = "SELECT credential, zones FROM credential_zones ORDER BY 1"
    assert [("new", 0), ("small", 1)] == await store.engine.commits.submit(
        lambda connection: connection.execute(rows).fetchall()
    )
    await store.recording.record_push(limited("b.example"))
    seen.clear()
    await store.upkeep.count_limited(["small", "new"])
    assert [] == [sql for sql in seen if "COUNT(" in sql]
    with pytest.raises(ZonePolicyError, match="small may hold 2 zones at most"):
        await store.recording.record_push(limited("c.example"))


async def test_who_has_no_limit_pays_nothing_for_it(store):
    """No row is made for its credential; what a limited one asks is found by the primary key, keys by theirs."""
    await store.upkeep.count_limited(["small"])
    for number in range(20):
        await store.recording.record_push(a_push(f"z{number}.example"))
    await store.recording.record_push(limited("a.example"))
    assert [("small", 1)] == await store.engine.commits.submit(
        lambda connection: connection.execute("SELECT credential, zones FROM credential_zones").fetchall()
    )

    asked = {
        "count": (terms.COUNTED, ("small",)),
        "key": (terms.FIND_KEY, ("small", "k", 0.0)),
        "old keys": (terms.FORGET_KEYS, (0.0,)),
    }

    def plan(connection: sqlite3.Connection, sql: str, parameters: tuple[object, ...]) -> str:
        return " | ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, parameters))

    for sql, parameters in asked.values():
        found = await store.engine.commits.submit(
            lambda connection, sql=sql, given=parameters: plan(connection, sql, given)
        )
        assert "SCAN" not in found, found
    assert ZoneName.parse("a.example") == (await store.looking.zone(ZoneName.parse("a.example"))).name
