"""What a change is recorded under is judged, and its key kept, in the change's own transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from directdnsonly.errors import KeyTaken, OutboxUnavailable, VersionConflict, ZonePolicyError
from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Owner, Source, Terms
from directdnsonly.outbox.sqlite import terms
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.zone.name import ZoneName
from tests.contract.test_store import NAME, opener, store  # noqa: F401 - fixtures
from tests.support.made import a_delete, a_push

KEY = Terms(key="deploy-17", fingerprint=b"asked")
SMALL, BIG = Owner(credential="small"), Owner(credential="big")


def under(change: NewVersion, terms: Terms) -> NewVersion:
    return replace(change, terms=terms)


def limited(name: str, *, owner: Owner = SMALL, most: int = 2, **more: object) -> NewVersion:
    return under(a_push(name, owner=owner, **more), Terms(max_zones=most))


def gone(name: str, terms: Terms, owner: Owner = SMALL) -> NewDeletion:
    return replace(a_delete(name, owner=owner), terms=terms)


@pytest.mark.parametrize("table", ["idempotency", "change", "version", "delivery"])
async def test_a_change_and_its_key_are_written_together_or_not_at_all(store, table):  # noqa: F811
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


async def test_change_and_key_come_to_disk_with_one_commit(store):  # noqa: F811
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


async def test_a_key_is_never_used_twice(store):  # noqa: F811
    """Of twenty at the same moment one is recorded; the others change nothing. After a day the key is free again."""
    pushes = [store.recording.record_push(under(a_push(serial=number), KEY)) for number in range(1, 21)]
    results = await asyncio.gather(*pushes, return_exceptions=True)

    assert 19 == sum(isinstance(result, KeyTaken) for result in results)
    assert 1 == (await store.looking.zone(NAME)).version
    with pytest.raises(KeyTaken):
        await store.recording.record_delete(gone("example.com", KEY, Owner(credential="da")))
    assert (
        2 == (await store.recording.record_push(under(a_push(serial=30, owner=BIG), KEY))).version
    )  # a key of another's


async def test_a_key_is_free_after_a_day(opener):  # noqa: F811
    store = await opener.open()  # noqa: F811
    await store.recording.record_push(under(a_push(serial=1), KEY))
    opener.clock.advance(86_401)

    assert await store.looking.repeated("da", KEY.key) is None
    assert 2 == (await store.recording.record_push(under(a_push(serial=2), KEY))).version


async def test_of_many_that_name_one_version_one_wins(store):  # noqa: F811
    """Pushes and deletes of the same version at the same moment: the store itself lets one of them through."""
    first = Terms(expected_version=0)
    made = await asyncio.gather(
        *(store.recording.record_push(under(a_push(serial=number), first)) for number in range(1, 21)),
        return_exceptions=True,
    )
    assert 19 == sum(isinstance(result, VersionConflict) for result in made)

    second = Terms(expected_version=1)
    changes = [store.recording.record_push(under(a_push(serial=50 + number), second)) for number in range(10)]
    changes += [store.recording.record_delete(gone("example.com", second, Owner(credential="da"))) for _ in range(10)]
    results = await asyncio.gather(*changes, return_exceptions=True)

    assert 19 == sum(isinstance(result, VersionConflict) for result in results)
    assert 2 == (await store.looking.zone(NAME)).version


async def test_what_waits_behind_a_pin_is_the_newest_version(store):  # noqa: F811
    """Who has not seen the waiting version does not write over it."""
    await store.recording.record_push(a_push(serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="anna"))
    await store.recording.record_push(a_push(serial=2))

    with pytest.raises(VersionConflict, match="version 2"):
        await store.recording.record_push(under(a_push(serial=3), Terms(expected_version=1)))
    assert 3 == (await store.recording.record_push(under(a_push(serial=3), Terms(expected_version=2)))).version


async def test_no_number_of_pushes_at_once_passes_the_limit(store):  # noqa: F811
    """Forty new zones at the same moment, room for seven."""
    await store.upkeep.count_limited(["small"])
    pushes = [store.recording.record_push(limited(f"z{number}.example", most=7)) for number in range(40)]
    results = await asyncio.gather(*pushes, return_exceptions=True)

    refused = [result for result in results if isinstance(result, ZonePolicyError)]
    assert (33, {"credential-zones"}) == (len(refused), {error.rule for error in refused})
    assert 7 == await store.looking.count_zones()


async def test_the_count_follows_whatever_changes_a_zone(store):  # noqa: F811
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


async def test_zones_are_counted_at_the_start_and_never_by_a_push(store):  # noqa: F811
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


async def test_who_has_no_limit_pays_nothing_for_it(store):  # noqa: F811
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
