"""What peers compare, kept by every commit: the same as if it were made anew of all zones."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Owner
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import compared
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import finish
from tests.support.made import H1, H2, a_delete, a_push


def anew(raw: sqlite3.Connection) -> list[int]:
    """The digests, made of every zone."""
    found = [0] * identity.BUCKETS
    for name, kind, stated, hostname in raw.execute("SELECT zone, kind, stated, hostname FROM zone"):
        if kind == "put" or hostname:
            found[identity.bucket(name)] ^= identity.mark(name, stated)
    return found


async def kept_and_anew(store) -> tuple[list[int], list[int]]:
    return await store.engine.viewer.call(lambda raw: (compared.digests(raw), anew(raw)))


async def test_every_commit_keeps_the_buckets_true(opener):
    """Pushes, the same again, other owners, deletes, names cleared from a backend, and forgetting."""
    store, chance = await opener.open(backends=["one"], history_versions=2), random.Random(7)
    for step in range(300):
        name, owner = f"z{chance.randrange(40)}.example", chance.choice([H1, H2])
        what = chance.random()
        if what < 0.6:
            await store.recording.record_push(a_push(name, chance.randrange(1, 5), owner=owner))
        elif what < 0.8:
            await store.recording.record_delete(a_delete(name, owner=owner))
        elif what < 0.9:
            cleared = [ZoneName.parse(f"x{step % 5}.example")]
            await store.drift.record_extra_delete("one", cleared, change_id=f"c{step}")
        else:
            await store.recording.record_push(a_push(f"x{step % 5}.example", step + 1, owner=owner))
        if step % 50 == 0:
            await finish(store)
            opener.clock.advance(100 * 86_400.0)
            while await store.upkeep.prune():
                pass
        if step % 20 == 0:
            kept, made = await kept_and_anew(store)
            assert made == kept
    kept, made = await kept_and_anew(store)
    assert made == kept
    assert any(kept)


async def test_two_stores_with_the_same_zones_have_the_same_buckets_in_whatever_order_they_came(opener, tmp_path):
    names = [f"z{number}.example" for number in range(200)]
    seen = []
    for folder, order in (("a", names), ("b", names[::-1])):
        opener.folder = tmp_path / folder
        store = await opener.open()
        for name in order:
            await store.recording.record_push(a_push(name))
        seen.append((await kept_and_anew(store))[0])
        await opener.close()
    assert seen[0] == seen[1]


async def test_one_zone_that_differs_shows_in_one_bucket(opener, tmp_path):
    seen = []
    for folder in ("a", "b"):
        opener.folder = tmp_path / folder
        store = await opener.open()
        for number in range(50):
            await store.recording.record_push(a_push(f"z{number}.example"))
        if folder == "b":
            await store.recording.record_push(a_push("z7.example", 2))
        seen.append((await kept_and_anew(store))[0])
        await opener.close()
    assert [identity.bucket("z7.example")] == [at for at in range(identity.BUCKETS) if seen[0][at] != seen[1][at]]


async def test_the_number_of_a_version_is_never_given_again(opener):
    """Peers go by it. Also of the newest one of all, when its zone is forgotten; and no rows pile up for that."""
    store, seen = await opener.open(backends=["one"]), [0]
    for number in range(5):
        await store.recording.record_push(a_push(f"z{number}.example"))
        await store.recording.record_delete(a_delete(f"z{number}.example"))
        await finish(store)
        opener.clock.advance(100 * 86_400.0)
        while await store.upkeep.prune():
            pass
        seen.append((await store.peering.summary()).newest)

    assert [0, 2, 4, 6, 8, 10] == seen
    assert [] == await store.looking.zones()
    count = await store.engine.viewer.call(lambda raw: raw.execute("SELECT COUNT(*) FROM version").fetchone())
    assert (1,) == count


def an_earlier_store(folder, zones: int) -> None:
    """Of the schema before, with so many zones: one in ten is a tombstone, the first of nobody's."""
    row = "(?, 1, ?, 1, 1, 1, x'aa', x'', 0, ?, ?, '', 'directadmin', ?, 0, 0, '', '')"
    with closing(sqlite3.connect(folder / FILE_NAME)) as old, old:
        for number, text in migrations():
            if number < 17:
                old.executescript(f"{text}\nPRAGMA user_version = {number};")
        kinds = ("delete" if number % 10 == 0 else "put" for number in range(zones))
        old.executemany(
            f"INSERT INTO zone VALUES {row}",
            [
                (f"z{number}.example", kind, "da" if number else "", "h1.example" if number else "", f"c{number}")
                for number, kind in enumerate(kinds)
            ],
        )


@pytest.mark.parametrize("meanwhile", [False, True], ids=["at rest", "pushed meanwhile"])
async def test_an_earlier_store_is_filled_in_steps_that_nobody_waits_for(tmp_path, meanwhile):
    """Until then it says that it cannot be compared. What is pushed, or deleted, meanwhile is right as well."""
    an_earlier_store(tmp_path, 1201)
    settings = OutboxSettings(disk_reserve_mb=0)

    async with open_store(tmp_path, settings=settings, clock=ManualClock(), backends=["one"]) as store:
        steps = 0
        assert not await store.engine.viewer.call(compared.is_filled)
        if meanwhile:
            await store.recording.record_push(a_push("z1200.example", 7))
            await store.recording.record_push(a_push("z1.example", 7))
            await store.recording.record_delete(a_delete("z1199.example"))
        while not await store.engine.viewer.call(compared.is_filled):
            assert 0 < await store.upkeep.prune() <= 500
            steps += 1
        kept, made = await kept_and_anew(store)
        assert 3 == steps
        assert made == kept
        zone = await store.looking.zone(ZoneName.parse("z2.example"))
        assert zone is not None
        assert identity.of_zone(b"\xaa", 1, Owner(hostname="h1.example")).hex() == zone.stated


async def test_a_large_earlier_store_opens_at_once(tmp_path):
    """Nothing of the schema's change walks through the zones but the making of one index over no values."""
    an_earlier_store(tmp_path, 20_000)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as raw:
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        raw.set_progress_handler(count, 1000)
        for number, text in migrations():
            if number >= 17:
                raw.executescript(f"BEGIN;{text};PRAGMA user_version = {number};COMMIT;")
    assert steps < 20_000 * 20 / 1000  # a walk with anything in it is more than twenty instructions a zone
