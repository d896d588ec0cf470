"""A peer whose store is another one's, damaged, old, endless, or which claims to know all: nothing goes, nothing is overwritten, and memory stays."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sqlite3
import tracemalloc
from collections.abc import Sequence

import pytest

from directdnsonly.outbox import identity
from directdnsonly.outbox.peering import Standing
from directdnsonly.outbox.sqlite.store import SqliteStore
from directdnsonly.peers import wire
from directdnsonly.peers.exchange import Exchange, Exchanged
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.component.peers.test_exchange import NAME, Two, Wire, contents, forget, mangled, real_push, record, two
from tests.support.made import H2, a_change_id, a_delete

__all__ = ["two"]  # the fixture
MIB = 2**20


async def test_of_another_ones_store_nothing_is_overwritten(two):
    """It has zones of our names, of another server and of the same serials; what only it has is one more zone."""
    names = [f"z{number}.example" for number in range(20)]
    for name in names:
        await record(two.here, real_push(name, 1, "ours"))
        await record(two.there, real_push(name, 1, "theirs", owner=H2))
    await record(two.there, real_push("only.example", 1, owner=H2))
    before = await contents(two.here)

    done = await two.exchange()

    after = await contents(two.here)
    assert {Standing.CONFLICT} == {one.standing for one in done.differs}
    assert (1, 20) == (done.taken, done.conflicts)
    assert before == {name: after[name] for name in before}


@pytest.mark.parametrize("serials", [(2, 2), (2, 3), (3, 2)])
async def test_the_same_zone_pushed_differently_on_both_sides_of_a_cut_loses_neither(two, serials):
    """Where one server's serials tell, the newer one stands on both; else both stay, and the zone is named on both."""
    await two.both(real_push("a.example", 1))
    await record(two.here, real_push("a.example", serials[0], "here"))
    await record(two.there, real_push("a.example", serials[1], "there"))

    done, back = await two.exchange(), await two.exchange(back=True)

    here, there = await contents(two.here), await contents(two.there)
    if serials[0] == serials[1]:
        assert (1, 1) == (done.conflicts, back.conflicts)
        assert "do not tell which is newer" in done.differs[0].reason
        assert here != there
    else:
        assert (0, 0, 1) == (done.conflicts, back.conflicts, done.taken + back.taken)
        assert here == there


@pytest.mark.parametrize("damage", ["x'00'", "'text'", "zeroblob(100)", ""])
async def test_what_is_damaged_there_is_named_and_the_rest_is_taken(two, damage):
    await two.both(real_push("a.example", 1))
    await record(two.there, real_push("a.example", 2))
    await record(two.there, real_push("b.example", 1))
    of_it = "WHERE zone = 'a.example' AND version = 2"
    query = f"UPDATE version SET body = {damage} {of_it}" if damage else f"DELETE FROM version {of_it}"
    await two.there.engine.write(lambda raw: raw.execute(query))

    done = await two.exchange()

    (one,) = done.differs
    assert (1, False, NAME) == (done.taken, done.whole, one.name)
    assert "damaged there" in one.reason
    zone = await two.here.looking.zone(NAME)
    assert zone is not None
    assert 1 == zone.serial


async def test_buckets_that_are_damaged_there_cost_a_look_and_nothing_else(two):
    """Every zone in them is compared, and is equal."""
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(30)))
    await two.there.engine.write(lambda raw: raw.execute("UPDATE bucket SET digest = digest + 1"))
    before = await contents(two.here)

    done = await two.exchange()

    assert (identity.BUCKETS, 0, 0) == (done.buckets, done.taken, len(done.differs))
    assert before == await contents(two.here)


@pytest.mark.parametrize("number", [0, 2, 99])
async def test_who_compares_in_another_way_is_told_so(two, number):
    """An older program, or a newer one."""
    await record(two.there, real_push("a.example", 1))
    two.wire.change = lambda _, body: mangled(lambda tree: tree.update(format=number))(body)

    with pytest.raises(NotAPeer, match="run the same program on both"):
        await two.exchange()
    assert {} == await contents(two.here)


class Knows(Wire):
    """It claims to have everything that we have, and to be at the end of all numbers."""

    async def summary(self, known: str) -> bytes:  # noqa: ARG002 - as every peer is asked
        return json.dumps({"format": 1, "ready": True, "newest": 2**63 - 1, "digests": ""}).encode()


async def test_a_peer_that_claims_to_have_seen_everything_changes_nothing(two):
    """Nor is what it then shows taken for new, when deletes were forgotten because of its claim."""
    await two.both(real_push("ghost.example", 1), real_push("a.example", 1))
    before = await contents(two.here)
    two.wire = Knows(two.there)
    assert (0, 0) == ((await two.exchange()).buckets, len((await two.exchange()).differs))
    assert before == await contents(two.here)

    await record(two.here, a_delete("ghost.example"))
    await two.exchange()
    await record(two.here, real_push("a.example", 2))
    await forget(two, "peer")
    assert None is await two.here.looking.zone(ZoneName.parse("ghost.example"))

    two.wire = Wire(two.there)
    done = await two.exchange()
    assert ["ghost.example"] == [one.name for one in done.differs if one.standing is Standing.OLD]
    assert None is await two.here.looking.zone(ZoneName.parse("ghost.example"))


class Endless:
    """It has so many zones in every bucket, and nothing more to say of any."""

    def __init__(self, zones: int) -> None:
        self.asked = 0
        self._buckets: dict[int, list[str]] = {number: [] for number in range(identity.BUCKETS)}
        for number in range(zones):
            name = f"z{number}.example"
            self._buckets[identity.bucket(name)].append(name)

    async def summary(self, known: str) -> bytes:  # noqa: ARG002 - as every peer is asked
        digests = base64.b64encode(b"\x01" * 8 * identity.BUCKETS).decode()
        return json.dumps({"format": 1, "ready": True, "newest": 1, "digests": digests}).encode()

    async def marks(self, buckets: Sequence[int]) -> bytes:
        sizes = list(itertools.accumulate(len(self._buckets[bucket]) for bucket in buckets))
        some = buckets[: max(1, sum(size <= wire.MOST_MARKS for size in sizes))]
        found = [dict.fromkeys(self._buckets[bucket], 7) for bucket in some]
        return json.dumps({"buckets": found}).encode()

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:  # noqa: ARG002
        self.asked += len(names)
        return b'{"zones":[]}'


async def peak_of(store: SqliteStore, peer: Wire | Endless) -> tuple[Exchanged, int]:
    """The exchange, and how many octets it held at once."""

    async def parsed(text: str, name: ZoneName) -> Zone:
        return parse(text, name)

    exchange = Exchange("peer", peering=store.peering, peer=peer, parse=parsed, change_id=a_change_id)
    tracemalloc.start()
    try:
        done = await exchange.run()
        return done, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_a_peer_without_an_end_costs_time_and_no_memory(two):
    """Ten million zones take as much room as these: each list is bounded, and none is kept."""
    few, many = Endless(6_000), Endless(60_000)

    first, room = await peak_of(two.here, few)
    second, more = await peak_of(two.here, many)

    assert (6_000, 60_000) == (few.asked, many.asked)
    assert (False, False) == (first.whole, second.whole)
    assert more < 8 * MIB
    assert more < 4 * room
    assert {} == await contents(two.here)


def filled(raw: sqlite3.Connection, zones: int) -> None:
    """So many zones that need no more than to be compared."""
    rows = []
    for number in range(zones):
        name, stated = f"f{number}.example", identity.of_zone(bytes(32), number, H2)
        rows.append((name, number, bytes(32), stated, identity.bucket(name), identity.mark(name, stated)))
    raw.executemany(
        "INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,"
        " username, source, change_id, pushed_at, changed_at, stated, bucket, mark)"
        " VALUES (?1, 1, 'put', ?2, ?2, 1, ?3, x'', 0, 'da', 'h2.example', 'alice', 'directadmin', 'c', 0, 0, ?4, ?5, ?6)",
        rows,
    )


async def test_the_memory_of_a_comparison_follows_what_differs_and_not_what_there_is(two: Two):
    """The same ten of 1,000 zones, and of 30,000: the buckets that differ hold more zones, the answers of both sides with them."""
    rooms = []
    for zones in (1_000, 30_000):
        for store in (two.here, two.there):
            await store.engine.write(lambda raw: (raw.execute("DELETE FROM zone"), filled(raw, zones)))  # noqa: B023
        await asyncio.gather(*(record(two.there, real_push(f"n{zones}-{number}.example", 1)) for number in range(10)))
        done, room = await peak_of(two.here, Wire(two.there))
        assert 10 == done.taken
        rooms.append(room)

    assert rooms[1] < 2 * rooms[0] + MIB
