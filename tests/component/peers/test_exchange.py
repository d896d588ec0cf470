"""Two stores compare themselves over what would go through the wire: what was missed is taken, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, NewVersion, Owner, Receipt, Source
from directdnsonly.outbox.peering import Standing
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.peers.answering import Answering
from directdnsonly.peers.exchange import Exchange, Exchanged
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.contract.store_exercises.opening import finish
from tests.support.made import H1, H2, a_change_id, a_delete, a_push, a_zone

NAME = ZoneName.parse("a.example")


def real_push(name: str, serial: int, content: str = "", *, owner: Owner = H1) -> NewVersion:
    """A push of a zone whose digest is that of its text."""
    zone = parse(a_zone(name, serial, content=content or f"v{serial}").text, ZoneName.parse(name))
    return replace(a_push(name, serial, owner=owner), zone=zone)


class Wire:
    """A peer that answers from a store, octet for octet; `change` stands between: what came, and what arrives."""

    def __init__(self, store: SqliteStore) -> None:
        self._answers = Answering(store.peering)
        self.octets = 0
        self.questions: list[str] = []
        self.change: Callable[[str, bytes], bytes] = lambda _question, body: body

    def _told(self, question: str, body: bytes) -> bytes:
        body = self.change(question, body)
        self.octets += len(body)
        self.questions.append(question)
        return body

    async def summary(self, known: str) -> bytes:
        return self._told("summary", await self._answers.summary(known))

    async def marks(self, buckets: Sequence[int]) -> bytes:
        return self._told("marks", await self._answers.marks(buckets))

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:
        return self._told("texts" if texts else "states", await self._answers.states(names, texts=texts))


@dataclass
class Two:
    """Two instances that can reach each other."""

    here: SqliteStore
    there: SqliteStore
    wire: Wire  # from here to there
    clock: ManualClock

    async def exchange(self, *, back: bool = False) -> Exchanged:
        mine, wire = (self.there, Wire(self.here)) if back else (self.here, self.wire)

        async def parsed(text: str, name: ZoneName) -> Zone:
            return parse(text, name)

        return await Exchange(
            "peer", peering=mine.peering, peer=wire, parse=parsed, change_id=a_change_id
        ).run()  # fmt: skip

    async def both(self, *changes) -> None:
        for store in (self.here, self.there):
            await asyncio.gather(*(record(store, change) for change in changes))

    async def equal(self) -> bool:
        return (await self.here.peering.summary()).digests == (await self.there.peering.summary()).digests


async def record(store: SqliteStore, change) -> Receipt:
    change = replace(change, origin=replace(change.origin, change_id=a_change_id()))
    if isinstance(change, NewVersion):
        return await store.recording.record_push(change)
    return await store.recording.record_delete(change)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    clock = ManualClock()
    async with AsyncExitStack() as opened:
        stores = [
            await opened.enter_async_context(
                open_store(tmp_path / name, settings=OutboxSettings(disk_reserve_mb=0), clock=clock, backends=["one"])
            )
            for name in ("here", "there")
        ]
        for store in stores:
            await store.upkeep.adopt_backends(["one"])
            await store.upkeep.compare(wanted=True)
            await store.upkeep.prune()
        yield Two(stores[0], stores[1], Wire(stores[1]), clock)


async def contents(store: SqliteStore) -> dict[str, tuple[str, int, str, str | None]]:
    """Of each living zone: id, serial, owner, text."""
    return {
        zone.name: (zone.stated, zone.serial, zone.owner.hostname, await store.looking.text(zone.name))
        for zone in await store.looking.zones(limit=10_000)
    }


async def test_what_was_missed_is_taken_with_serial_owner_and_text(two):
    """Pushes, deletes and a move. It is due on the backends, and its history says that it came from the peer."""
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(30)))
    for number in range(5):
        await record(two.there, real_push(f"z{number}.example", 2))
        await record(two.there, real_push(f"new{number}.example", 1))
        await record(two.there, a_delete(f"z{10 + number}.example"))
    await record(two.there, real_push("z20.example", 3, owner=H2))

    done = await two.exchange()

    assert (16, 0, True, []) == (done.taken, done.conflicts, done.whole, done.differs)
    assert await two.equal()
    assert await contents(two.there) == await contents(two.here)
    history = await two.here.looking.versions(ZoneName.parse("z0.example"))
    assert [Source.PEER, Source.DIRECTADMIN] == [one.source for one in history]
    assert "peer" == history[0].address
    (placement,) = await two.here.looking.placements(ZoneName.parse("z10.example"))
    assert (Kind.DELETE, 2) == (placement.want_kind, placement.want_version)


async def test_where_nothing_differs_next_to_nothing_is_said(two):
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(50)))

    done = await two.exchange()

    assert (0, 0, ["summary"]) == (done.buckets, done.taken, two.wire.questions)
    assert two.wire.octets < 100


async def test_ten_zones_of_many_cost_kilobytes(two):
    """2,000 zones here; a bucket has 50 of them with 100,000, so that these ten would cost 25 KiB more."""
    await two.both(*(real_push(f"zone-number-{number}.example", 1) for number in range(2000)))
    for number in range(10):
        await record(two.there, real_push(f"zone-number-{number}.example", 2))

    done = await two.exchange()

    assert 10 == done.taken
    assert two.wire.octets < 38 * 1024


async def test_what_we_have_alone_or_newer_stays_and_the_peer_takes_it(two):
    await two.both(real_push("a.example", 1))
    await record(two.here, real_push("a.example", 2))
    await record(two.here, real_push("b.example", 1))
    await record(two.here, a_delete("b.example"))
    await record(two.here, real_push("c.example", 1))

    done = await two.exchange()
    back = await two.exchange(back=True)

    assert (0, 3) == (done.taken, done.behind)
    assert 3 == back.taken
    assert await two.equal()


async def test_an_empty_peer_takes_nothing_away_and_an_empty_instance_is_filled(two):
    await asyncio.gather(*(record(two.there, real_push(f"z{number}.example", 1)) for number in range(600)))
    await record(two.there, a_delete("z7.example"))

    back = await two.exchange(back=True)
    done = await two.exchange()

    assert (0, 600) == (back.taken, back.behind)
    assert 600 == done.taken
    assert 599 == await two.here.looking.count_zones()
    assert await two.equal()


async def test_what_a_peer_has_does_not_eat_the_reserve_of_the_disk(two):
    """As with pushes; a delete is taken."""
    await two.both(real_push("gone.example", 1))
    await two.exchange()
    await record(two.there, real_push("a.example", 1))
    await two.here.upkeep.follow(OutboxSettings(disk_reserve_mb=10**9))
    two.clock.advance(60)

    with pytest.raises(OutboxUnavailable, match="reserve"):
        await two.exchange()
    assert ["gone.example"] == list(await contents(two.here))
    await record(two.there, a_delete("a.example"))
    await record(two.there, a_delete("gone.example"))
    await two.exchange()

    assert {} == await contents(two.here)


async def test_what_nothing_decides_stays_on_both_sides_and_is_named(two):
    await two.both(real_push("a.example", 1))
    await record(two.here, a_delete("a.example"))
    await record(two.there, real_push("a.example", 2))

    for back in (False, True):
        done = await two.exchange(back=back)
        (one,) = done.differs
        assert (0, 1, NAME, Standing.CONFLICT) == (done.taken, done.conflicts, one.name, one.standing)
    assert [] == await two.here.looking.zones()
    assert 1 == len(await two.there.looking.zones())


async def forget(two: Two, *peers: str) -> None:
    """Three months later, here: whatever may be forgotten is."""
    await finish(two.here)
    two.clock.advance(100 * 86_400.0)
    while await two.here.upkeep.prune(peers=peers):
        pass


async def buried(two: Two, name: str) -> bool:
    """Whether we still know that it was deleted."""
    return await two.here.looking.zone(ZoneName.parse(name)) is not None


async def test_a_delete_is_kept_until_the_peer_has_seen_it(two):
    """However long it is away. Then it is forgotten, and what the peer makes anew is taken."""
    await two.both(real_push("gone.example", 1), real_push("a.example", 1))
    await record(two.here, a_delete("gone.example"))
    await record(two.here, real_push("a.example", 2))
    await forget(two, "peer")
    assert await buried(two, "gone.example")

    await two.exchange()  # it is there as it was
    await forget(two, "peer")
    assert await buried(two, "gone.example")

    await two.exchange(back=True)
    assert (await two.exchange()).seen
    await record(two.here, real_push("a.example", 3))
    await forget(two, "peer")
    assert not await buried(two, "gone.example")

    await record(two.there, real_push("new.example", 1))
    done = await two.exchange()
    assert (1, 0) == (done.taken, done.lacking)


async def test_a_peer_that_may_hold_what_we_have_deleted_and_forgotten_gives_only_what_we_know(two):
    """It was no peer when that was forgotten: what it alone has is named, and left to a person."""
    await two.both(real_push("ghost.example", 1), real_push("a.example", 1))
    await record(two.here, a_delete("ghost.example"))
    await forget(two)
    assert not await buried(two, "ghost.example")
    await record(two.there, real_push("a.example", 2))

    for taken in (1, 0):
        done = await two.exchange()
        assert (taken, 1, ["ghost.example"]) == (done.taken, done.lacking, [one.name for one in done.differs])
        assert Standing.OLD is done.differs[0].standing
        assert not done.seen

    await record(two.there, a_delete("ghost.example"))
    assert (await two.exchange()).seen
    await record(two.there, real_push("new.example", 1))
    assert 1 == (await two.exchange()).taken


@pytest.mark.parametrize("pushed_since", [0, 5], ids=["at once", "after pushes"])
async def test_a_peer_that_went_back_to_an_old_backup_brings_no_zone_back(two, tmp_path, pushed_since):
    """It had seen the delete, and has the zone again. Its store's own numbers tell."""
    await two.both(real_push("ghost.example", 1), real_push("a.example", 1))
    saved = await two.there.engine.viewer.call(lambda raw: raw.serialize())
    await record(two.here, a_delete("ghost.example"))
    await two.exchange(back=True)
    assert (await two.exchange()).seen
    await record(two.here, real_push("a.example", 2))
    await forget(two, "peer")
    assert not await buried(two, "ghost.example")

    folder = tmp_path / "restored"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(saved)
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(folder, settings=settings, clock=two.clock, backends=["one"]) as restored:
        for serial in range(pushed_since):
            await record(restored, real_push("b.example", serial + 1))
        two.wire = Wire(restored)
        done = await two.exchange()

    assert ["ghost.example"] == [one.name for one in done.differs if one.standing is Standing.OLD]
    assert not await buried(two, "ghost.example")


async def test_a_push_that_comes_while_the_peer_answers_is_newer_than_the_answer(two):
    """It is judged in the transaction that would record it."""
    await two.both(real_push("a.example", 1))
    await record(two.there, real_push("a.example", 2))
    pushed: list[Receipt] = []

    class Slow(Wire):
        async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:
            body = await super().states(names, texts=texts)
            if texts:
                pushed.append(await record(two.here, real_push("a.example", 3)))
            return body

    two.wire = Slow(two.there)
    done = await two.exchange()

    assert 0 == done.taken
    zone = await two.here.looking.zone(NAME)
    assert zone is not None
    assert (3, pushed[0].version) == (zone.serial, zone.version)


def mangled(edit: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        tree = json.loads(body)
        edit(tree)
        return json.dumps(tree).encode()

    return change


def first(tree: dict) -> dict:
    return tree["zones"][0]


# A question, and what becomes of its answer; each must change nothing here, whether it is told or only not taken.
HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "no answer": ("summary", lambda _: b""),
    "a web page": ("summary", lambda _: b"<!doctype html><html>login</html>"),
    "the end is missing": ("summary", lambda body: body[:-20]),
    "too few buckets": ("summary", mangled(lambda tree: tree.update(digests=tree["digests"][:-16]))),
    "digests that are no base64": ("summary", mangled(lambda tree: tree.update(digests="!" * 64))),
    "a newer format": ("summary", mangled(lambda tree: tree.update(format=2))),
    "something more": ("summary", mangled(lambda tree: tree.update(url="https://other.example/"))),
    "not yet ready": ("summary", mangled(lambda tree: tree.update(ready=False))),
    "too large": ("summary", lambda _: b" " * 2**20),
    "deep": ("marks", lambda _: b"[" * 100_000 + b"]" * 100_000),
    "deep in its place": ("marks", lambda _: b'{"buckets":' + b'[{"a":' * 50_000),
    "a list that ends": ("marks", lambda body: body[: len(body) // 2]),
    "no bucket": ("marks", mangled(lambda tree: tree["buckets"].clear())),
    "too many buckets": ("marks", mangled(lambda tree: tree["buckets"].extend([{}] * 65))),
    "millions of zones": (
        "marks", lambda _: b'{"buckets":[{' + b",".join(b'"z%d.example":1' % number for number in range(300_000)) + b"}]}",
    ),
    "a zone of another bucket": ("marks", mangled(lambda tree: tree["buckets"][0].update({"zzz.example": 1}))),
    "a mark of more than 64 bits": (
        "marks", mangled(lambda tree: tree["buckets"][0].update(dict.fromkeys(tree["buckets"][0], 2**63))),
    ),
    "a name with a path": ("marks", mangled(lambda tree: tree["buckets"][0].update({"../../etc/passwd": 1}))),
    "a name in capitals": ("marks", mangled(lambda tree: tree["buckets"][0].update({"A.EXAMPLE": 1}))),
    "half a surrogate": ("marks", lambda _: b'{"buckets":[{"\\ud800.example":1}]}'),
    "a zone that nobody asked for": ("states", mangled(lambda tree: first(tree).update(zone="victim.example"))),
    "a zone twice": ("states", mangled(lambda tree: tree["zones"].append(first(tree)))),
    "an id that is none": ("states", mangled(lambda tree: first(tree).update(id="00"))),
    "a delete by the id of a push": ("states", mangled(lambda tree: first(tree).update(kind="delete"))),
    "a serial beyond 32 bits": ("states", mangled(lambda tree: first(tree).update(serial=2**32))),
    "a serial that is text": ("states", mangled(lambda tree: first(tree).update(serial="7"))),
    "ages": ("states", lambda body: body.replace(b'"at":', b'"at":1e999,"was":')),
    "a past that is cut": ("states", mangled(lambda tree: first(tree).update(past="AAAA"))),
    "a past without an end": ("states", mangled(lambda tree: first(tree).update(past="A" * 10_000))),
    "an owner without an end": ("states", mangled(lambda tree: first(tree)["owner"].update(username="x" * 10_000))),
    "another text": (
        "texts", mangled(lambda tree: first(tree).update(text=first(tree)["text"].replace("v2", "evil"))),
    ),
    "another serial in the text": (
        "texts", mangled(lambda tree: first(tree).update(text=first(tree)["text"].replace(" 2 3600", " 9 3600"))),
    ),
    "another owner": ("texts", mangled(lambda tree: first(tree)["owner"].update(hostname="evil.example"))),
    "a text with an include": (
        "texts", mangled(lambda tree: first(tree).update(text="$INCLUDE /etc/passwd\n" + first(tree)["text"])),
    ),
    "no zone file": ("texts", mangled(lambda tree: first(tree).update(text="<html>"))),
    "no text": ("texts", mangled(lambda tree: first(tree).update(text=None))),
    "nothing of what was asked for": ("texts", lambda _: b'{"zones":[]}'),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
async def test_what_does_not_fit_changes_nothing(two, case):
    """Not a zone, not a row of its history; and the next exchange, with a peer that is well again, takes what is due."""
    await two.both(real_push("a.example", 1))
    await record(two.there, real_push("a.example", 2))
    before, question = await contents(two.here), HOSTILE[case][0]
    two.wire.change = lambda asked, body: HOSTILE[case][1](body) if asked == question else body

    try:
        done = await two.exchange()
        told = "not whole" if (0, False) == (done.taken, done.whole) else ""
    except NotAPeer as error:
        told = str(error)
    assert 5 < len(told) < 400
    assert question in two.wire.questions
    assert before == await contents(two.here)
    assert 1 == len(await two.here.looking.versions(NAME))

    two.wire = Wire(two.there)
    assert 1 == (await two.exchange()).taken
    assert await two.equal()


async def test_a_peer_that_says_that_all_is_deleted_takes_no_zone_away(two):
    """A delete is taken of who knows which version it deletes; any other one is a conflict, which is named."""
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(20)))

    def lies(asked: str, body: bytes) -> bytes:
        if asked == "summary":
            digests = base64.b64encode(b"\x01" * 8 * identity.BUCKETS).decode()
            return mangled(lambda tree: tree.update(digests=digests))(body)
        if asked == "marks":
            return mangled(lambda tree: [each.update(dict.fromkeys(each, 7)) for each in tree["buckets"]])(body)
        made_up = {
            "kind": "delete",
            "id": "80" + "00" * 15,
            "text": None,
            "past": base64.b64encode(b"x" * 2048).decode(),
        }
        return mangled(lambda tree: [one.update(made_up) for one in tree["zones"]])(body)

    two.wire.change = lies
    done = await two.exchange()

    assert {"summary", "marks", "states"} == set(two.wire.questions)
    assert (0, 20, 20) == (done.taken, done.conflicts, await two.here.looking.count_zones())


@pytest.mark.parametrize("which", ["here", "there"])
async def test_an_instance_that_has_just_got_its_first_peer_waits_until_it_can_be_compared(two, which):
    await record(two.there, real_push("a.example", 1))
    store = getattr(two, which)
    await store.upkeep.compare(wanted=False)
    await store.upkeep.prune()
    await record(two.there, real_push("b.example", 1))

    for _ in range(2):  # without a peer, and with its first one
        with pytest.raises(NotAPeer, match="being made comparable"):
            await two.exchange()
        await store.upkeep.compare(wanted=True)

    while await store.upkeep.prune():
        pass
    assert 2 == (await two.exchange()).taken
