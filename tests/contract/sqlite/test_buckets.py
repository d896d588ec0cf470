"""What peers compare, kept by every commit: the same as if it were made anew of all zones."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import NewVersion, Owner
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import buckets, compared
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.outbox.sqlite.triggers import Keeping
from directdnsonly.zone.name import ZoneName
from tests.contract.store_exercises.opening import finish
from tests.support.made import H1, H2, a_change_id, a_delete, a_push


def anew(raw: sqlite3.Connection) -> list[int]:
    """The digests, made of every zone."""
    found = [0] * identity.BUCKETS
    for name, kind, stated, hostname in raw.execute("SELECT zone, kind, stated, hostname FROM zone"):
        if kind == "put" or hostname:
            found[identity.bucket(name)] ^= identity.mark(name, stated)
    return found


async def kept_and_anew(store) -> tuple[list[int], list[int]]:
    return await store.engine.viewer.call(lambda raw: (compared.digests(raw), anew(raw)))


async def keep(store, *, wanted: bool = True) -> None:
    """Have buckets, or none, whatever there was before."""
    await store.upkeep.compare(wanted=wanted)
    while await store.upkeep.prune():
        pass


async def test_every_commit_keeps_the_buckets_true(opener):
    """Pushes, the same again, other owners, deletes, names cleared from a backend, and forgetting."""
    store, chance = await opener.open(backends=["one"], history_versions=2), random.Random(7)
    await keep(store)
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
        await keep(store)
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
        await keep(store)
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
        await store.upkeep.compare(wanted=True)
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


CHANGES = (
    a_push("a.example", 1), a_push("a.example", 2), a_push("a.example", 2), a_push("b.example"), a_delete("a.example")
)  # fmt: skip


async def cost_of_changes(store) -> int:
    """How many rows CHANGES wrote, all triggers counted."""

    def rows(raw: sqlite3.Connection) -> int:
        return raw.total_changes

    before = await store.engine.writer.call(rows)
    for change in CHANGES:
        record = store.recording.record_push if isinstance(change, NewVersion) else store.recording.record_delete
        await record(replace(change, origin=replace(change.origin, change_id=a_change_id())))
    return await store.engine.writer.call(rows) - before


async def test_without_a_peer_a_push_writes_no_bucket_and_no_row_of_its_index(opener):
    """What each costs with a peer: the row of a bucket. Nothing of that before the first one, nor after the last one has gone."""
    store = await opener.open(backends=["one"])
    zones = "SELECT (SELECT COUNT(*) FROM zone WHERE bucket IS NOT NULL OR mark), (SELECT COUNT(*) FROM bucket WHERE digest)"

    async def marked() -> tuple[int, int]:
        return await store.engine.viewer.call(lambda raw: raw.execute(zones).fetchone())

    await cost_of_changes(store)
    without, nothing = await cost_of_changes(store), await marked()
    await keep(store)
    with_a_peer, some = await cost_of_changes(store), await marked()
    await keep(store, wanted=False)
    again, nothing_again = await cost_of_changes(store), await marked()

    assert (0, 0) == nothing == nothing_again
    assert (2, 2) == some
    assert without == again
    assert without + len(CHANGES) == with_a_peer


@pytest.mark.parametrize("seed", range(5))
async def test_peers_that_come_and_go_leave_the_buckets_true_whatever_is_written_meanwhile(opener, seed):
    """On, off, and on again in the middle of a step, with restarts between; as soon as they can be compared, they are right."""
    store, chance, compared_true = await opener.open(backends=["one"], history_versions=2), random.Random(seed), 0
    for number in range(1200):
        await store.recording.record_push(a_push(f"z{number}.example"))
    for step in range(400):
        name = f"z{chance.randrange(1300)}.example"
        what = chance.random()
        if what < 0.5:
            await store.recording.record_push(a_push(name, step + 2, owner=chance.choice([H1, H2])))
        elif what < 0.7:
            await store.recording.record_delete(a_delete(name, owner=H1))
        elif what < 0.75:
            await store.upkeep.compare(wanted=chance.random() < 0.6)
        elif what < 0.77:
            await opener.close()
            store = await opener.open(backends=["one"], history_versions=2)
        elif what < 0.8:
            cleared = [ZoneName.parse(f"x{step % 5}.example")]
            await store.drift.record_extra_delete("one", cleared, change_id=f"c{step}")
        else:
            await store.upkeep.prune()
        kept, made = await kept_and_anew(store)
        if await store.engine.viewer.call(compared.is_filled):
            compared_true += 1
            assert made == kept
        elif await store.engine.viewer.call(buckets.keeping) is Keeping.NONE:
            assert not any(kept)
    await keep(store)
    kept, made = await kept_and_anew(store)
    assert made == kept
    await keep(store, wanted=False)
    assert not any((await kept_and_anew(store))[0])
    assert compared_true


POINTS = [(number % 30, number) for number in range(1, 200)]


async def test_what_is_pushed_while_peers_come_is_in_its_bucket(opener):
    """Many at once, before, with and after the switch, and steps between: no commit falls through."""
    store = await opener.open(backends=["one"])
    for wanted in (True, False, True):
        pushes = [store.recording.record_push(a_push(f"z{number}.example", chance)) for number, chance in POINTS]
        half = len(pushes) // 2
        await asyncio.gather(
            *pushes[:half],
            store.upkeep.compare(wanted=wanted),
            store.upkeep.prune(),
            *pushes[half:],
            store.upkeep.prune(),
        )
        await keep(store, wanted=wanted)
        kept, made = await kept_and_anew(store)
        assert (made if wanted else [0] * identity.BUCKETS) == kept
