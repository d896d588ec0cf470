"""One exchange with one peer: what differs is found, and what is newer there is taken.

Nothing is concluded from what a peer does not tell: a zone that it lacks, a list that ends in the middle, an answer that comes
too late change nothing. What it tells is believed only as far as it fits together: the id of a version must be that of the
text, the serial and the owner that come with it. What is taken is judged once more in the transaction that records it.

Memory: the digests, the zones of a few buckets, and one zone's text at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Final, Protocol, TypeVar

from directdnsonly.errors import PushRefused
from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Origin, Source
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.peering import PeerVersion, Standing, Stated, ZoneState
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers import wire
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

SHOWN: Final = 1000  # zones that differ and are named
IsOld = Callable[[int], bool]  # by the number of the version there: see PeerMemory
T = TypeVar("T")
Together = Callable[[Sequence[Callable[[], Awaitable[None]]]], Awaitable[None]]


class Peer(Protocol):
    """Another instance, asked. Each method raises NotAPeer or OSError, and ends in a time of its own."""

    async def summary(self, known: str) -> bytes: ...  # noqa: D102 - see peers.answering

    async def marks(self, buckets: Sequence[int]) -> bytes: ...  # noqa: D102

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A zone that stays different after the exchange, with what is stated on both sides."""

    name: ZoneName
    standing: Standing
    reason: str
    ours: Stated | None
    theirs: Stated | None


@dataclass(slots=True, kw_only=True)
class Exchanged:
    """What became of an exchange. `whole`: all that differed was looked at; `lacking`: zones that the peer has and we do not.

    `unseen`: zones that live there and are, or may have been, deleted here; `differs`: the first SHOWN zones that stay different; `behind`: those of which the peer has only to take ours.
    """

    buckets: int = 0
    taken: int = 0
    behind: int = 0
    conflicts: int = 0
    lacking: int = 0
    unseen: int = 0
    whole: bool = True
    differs: list[Difference] = field(default_factory=list)

    @property
    def seen(self) -> bool:
        """Whether the peer had nothing that is deleted here: it knows all our deletes."""
        return self.whole and not self.unseen


class Exchange:
    """With one peer, as often as one likes. Use within one event loop."""

    def __init__(
        self,
        name: str,
        *,
        peering: Peering,
        peer: Peer,
        parse: Callable[[str, ZoneName], Awaitable[Zone]],
        change_id: Callable[[], str],
        on_taken: Callable[[], None] = lambda: None,
        together: Together | None = None,
    ) -> None:
        """`name`: how the peer is called here; `parse` raises PushRefused; `on_taken`: lanes have work.

        `together`: does them all, so that they share commits; without it one after the other.
        """
        self._name = name
        self._peering = peering
        self._peer = peer
        self._parse = parse
        self._change_id = change_id
        self._on_taken = on_taken
        self._together = together or _one_by_one

    async def run(self) -> Exchanged:
        """Compare, and take what is newer there. Raises NotAPeer, OSError, OutboxUnavailable: what was taken stays.

        What the peer has seen of us by now is remembered, so that deletes which everybody knows can be forgotten.
        """
        memory = await self._peering.memory(self._name)
        ours = await self._peering.summary()
        theirs = wire.read_summary(await self._peer.summary(wire.token_of(ours)), ours)
        if not ours.ready:
            raise NotAPeer("our own zones are still being made comparable")
        if not theirs.ready:
            raise NotAPeer(
                "its zones are still being made comparable, or no peer is configured there: name us under peers"
            )
        pairs = enumerate(zip(ours.digests, theirs.digests, strict=True))
        buckets = [number for number, (here, there) in pairs if here != there]
        done = Exchanged(buckets=len(buckets))
        for chunk in _chunks(buckets, wire.MOST_BUCKETS):
            await self._buckets(chunk, done, partial(memory.is_old, theirs))
        if done.seen and (memory.seen, memory.newest) != (ours.newest, theirs.newest):
            await self._peering.remember(self._name, seen=ours.newest, newest=theirs.newest)
        return done

    async def _buckets(self, buckets: Sequence[int], done: Exchanged, is_old: IsOld) -> None:
        while buckets:
            theirs = wire.read_marks(await self._peer.marks(buckets), buckets)
            ours = await self._peering.marks(buckets[: len(theirs)], limit=2 * wire.MOST_MARKS)
            differing: list[ZoneName] = []  # of all these buckets: a question for each would cost more than its answer
            for here, there in zip(ours, theirs, strict=False):
                # What we alone have is for the peer to ask for.
                done.behind += len(here.keys() - there.keys())
                differing += [name for name in sorted(there) if here.get(name) != there[name]]
            for chunk in _chunks(differing, wire.MOST_STATES):
                await self._zones(chunk, done, is_old)
            done.whole = done.whole and len(ours) == len(theirs)
            buckets = buckets[len(theirs) :]

    async def _zones(self, names: Sequence[ZoneName], done: Exchanged, is_old: IsOld) -> None:
        told = {one.name: one for one in wire.read_states(await self._peer.states(names, texts=False), names)}
        known = {one.name: one.states for one in await self._peering.states(names)}
        wanted = []
        for name in names:
            if name not in told:
                done.whole = False  # it went meanwhile
                continue
            theirs = _whole(told[name].states, known.get(name))
            compared = compare(known.get(name), theirs, is_old=is_old(told[name].number))
            done.unseen += _is_unseen(known.get(name), theirs, compared.standing)
            if compared.standing is Standing.THEIRS:
                wanted.append(name)
            elif compared.standing is Standing.OURS:
                done.behind += 1
            elif compared.standing is not Standing.EQUAL:
                _differs(done, name, compared.standing, compared.reason, known.get(name), theirs)
        await self._take(wanted, done, is_old)

    async def _take(self, names: Sequence[ZoneName], done: Exchanged, is_old: IsOld) -> None:
        while names:
            some = list(names[: wire.MOST_TEXTS])
            told = wire.read_states(await self._peer.states(some, texts=True), some)
            await self._together([partial(self._take_one, one, done, is_old) for one in told])
            reached = some.index(told[-1].name) + 1 if told else len(some)
            done.whole = done.whole and len(told) == reached  # what went meanwhile is left out
            names = names[reached:]

    async def _take_one(self, one: ZoneState, done: Exchanged, is_old: IsOld) -> None:
        try:
            version = await self.version_of(one, is_old=is_old(one.number))
            receipt = await self._peering.take(version)
        except (NotAPeer, PushRefused) as error:
            done.whole = False
            _differs(done, one.name, Standing.CONFLICT, f"it cannot be taken: {error}", None, one.states)
            return
        if receipt.overtaken:
            return  # another version came here meanwhile: the next exchange tells
        done.taken += 1
        self._on_taken()

    async def version_of(self, one: ZoneState, *, is_old: bool = False, chosen: bool = False) -> PeerVersion:
        """What a peer states, as it is recorded. Raises NotAPeer when it does not fit together, PushRefused."""
        states, zone = one.states, None
        if states.kind is Kind.PUT:
            if one.text is None:
                raise NotAPeer("its text is not told: it may be damaged there")
            zone = await self._parse(one.text, one.name)
            states = replace(states, digest=zone.digest)
            if zone.serial != states.serial or not _fits(states):
                raise NotAPeer("its id is not that of its text: does the same program run on both?")
        origin = Origin(change_id=self._change_id(), source=Source.PEER, owner=states.owner, address=self._name)
        return PeerVersion(
            name=one.name, theirs=states, zone=zone, origin=origin, at=one.at, is_old=is_old, chosen=chosen
        )


def _whole(theirs: Stated, ours: Stated | None) -> Stated:
    """With the digest that is not told: ours, if the id says that it is the same content."""
    if ours is not None and theirs.kind is Kind.PUT and _fits(replace(theirs, digest=ours.digest)):
        return replace(theirs, digest=ours.digest)
    return theirs


async def _one_by_one(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    for work in works:
        await work()


def _is_unseen(ours: Stated | None, theirs: Stated, standing: Standing) -> bool:
    is_buried = ours is not None and ours.kind is Kind.DELETE and standing is not Standing.THEIRS
    return theirs.kind is Kind.PUT and (is_buried or standing is Standing.OLD)


def _fits(states: Stated) -> bool:
    """Whether an id is that of its content, serial and owner, after any that the zone has had."""
    wanted = identity.content(states.stated)
    return any(
        wanted == identity.content(identity.of_zone(states.digest, states.serial, states.owner, after=after))
        for after in (identity.NOTHING, *reversed(states.past))
    )


def _differs(
    done: Exchanged, name: ZoneName, standing: Standing, reason: str, ours: Stated | None, theirs: Stated
) -> None:
    done.conflicts += standing is Standing.CONFLICT
    done.lacking += standing is Standing.OLD
    if len(done.differs) < SHOWN:
        done.differs.append(Difference(name=name, standing=standing, reason=reason, ours=ours, theirs=theirs))


def _chunks(all_of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    left = iter(all_of)
    while some := list(islice(left, size)):
        yield some
