"""One exchange with one peer: what differs is found, and what is newer there is taken.

Nothing is concluded from what a peer does not tell: a zone that it lacks, a list that ends in the middle, an answer that comes
too late change nothing. What it tells is believed only as far as it fits together: the id of a version must be that of the
text, the serial and the owner that come with it. What is taken is judged once more in the transaction that records it.

Memory: the digests, the zones of a few buckets, and one zone's text at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Final, Protocol, TypeVar

from directdnsonly.errors import PushRefused
from directdnsonly.outbox import cap, identity
from directdnsonly.outbox.changes import Kind, Notice, Origin, Owner, Receipt, Source
from directdnsonly.outbox.peering import (
    Decided,
    Held,
    Matter,
    PeerDecision,
    PeerVersion,
    Pinning,
    Standing,
    Stated,
    ZoneState,
)
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers import wire
from directdnsonly.peers.forms import NotAPeer
from directdnsonly.peers.found import Exchanged, count, differs, fits, seen_of
from directdnsonly.wording import counted
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

NAMED: Final = 5  # of deletes that are stopped, in the audit
IsOld = Callable[[int], bool]  # by the number of the version there: see PeerMemory
T = TypeVar("T")
Together = Callable[[Sequence[Callable[[], Awaitable[None]]]], Awaitable[None]]


class Peer(Protocol):
    """Another instance, asked. Each method raises NotAPeer or OSError, and ends in a time of its own."""

    async def summary(self, known: str) -> bytes: ...  # noqa: D102 - see peers.answering

    async def marks(self, buckets: Sequence[int]) -> bytes: ...  # noqa: D102

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCap:
    """How many zones one exchange may take away: the rule of `outbox.cap`, over our zones at its beginning.

    Wider than for orphans: of those nobody has told anything, while a peer was told of each of its deletes.
    """

    most: int = 1000
    share: float = 0.1
    least: int = 10

    def of(self, zones: int) -> int:
        """Of so many zones."""
        return cap.cap(zones, most=self.most, share=self.share, least=self.least)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What an exchange has come to so far. `going`: zones that it would take away, with what is stated of them."""

    is_old: IsOld
    done: Exchanged
    newer: set[ZoneName] = field(default_factory=set)  # of which more than a decision is newer there
    going: dict[ZoneName, tuple[Stated | None, Stated | None]] = field(default_factory=dict)


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
        deletes: DeleteCap = DeleteCap(),
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
        self._cap = deletes
        self._told = ""  # the plan of the exchange before
        self._together = together or _one_by_one

    async def run(self, *, approved: str = "") -> Exchanged:
        """Compare, and take what is newer there. Raises NotAPeer, OSError, OutboxUnavailable: what was taken stays.

        `approved`: the plan of an exchange before, whose deletes a person has let through; any other set of deletes above
        the cap stays, as it did. What the peer has seen of us by now is remembered, so that deletes which everybody knows
        can be forgotten.
        """
        memory = await self._peering.memory(self._name)
        most = self._cap.of(await self._peering.living())
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
        found = _Found(is_old=partial(memory.is_old, theirs), done=Exchanged(buckets=len(buckets)))
        for chunk in _chunks(buckets, wire.MOST_BUCKETS):
            await self._buckets(chunk, found)
        await self._deletes(found, most, approved)
        if found.done.seen and (memory.seen, memory.newest) != (ours.newest, theirs.newest):
            await self._peering.remember(self._name, seen=ours.newest, newest=theirs.newest)
        return found.done

    async def _deletes(self, found: _Found, most: int, approved: str) -> None:
        """All of them, or none: as many at each exchange as may go would in the end be all."""
        done, going = found.done, found.going
        plan = cap.plan_id((str(name), there.stated.hex() if there else "") for name, (_, there) in going.items())
        if len(going) <= most or plan == approved:
            self._told = ""
            await self._take(list(going), found, {}, may_go=True)
            return
        done.too_many, done.plan = len(going), plan
        why = f"{counted(len(going), 'zone')} of ours are deleted there, {most} at most may go at once"
        for name, (ours, theirs) in going.items():
            reason = (
                f"{why}: if that is right, dadns peers approve {self._name} {plan}; if not, put that instance right"
            )
            differs(done, name, Standing.TOO_MANY, reason, ours, theirs)
        if plan != self._told:
            self._told = plan
            some = ", ".join(str(name) for name in islice(going, NAMED))
            done.notices = (Notice(event="peer.deletes_stopped", detail=f"{self._name}: {why}: plan {plan}: {some}"),)

    async def _buckets(self, buckets: Sequence[int], found: _Found) -> None:
        done = found.done
        while buckets:
            theirs = wire.read_marks(await self._peer.marks(buckets), buckets)
            ours = await self._peering.marks(buckets[: len(theirs)], limit=2 * wire.MOST_MARKS)
            differing: list[ZoneName] = []  # of all these buckets: a question for each would cost more than its answer
            for here, there in zip(ours, theirs, strict=False):
                # What we alone have is for the peer to ask for.
                done.behind += len(here.keys() - there.keys())
                differing += [name for name in sorted(there) if here.get(name) != there[name]]
            for chunk in _chunks(differing, wire.MOST_STATES):
                await self._zones(chunk, found)
            done.whole = done.whole and len(ours) == len(theirs)
            buckets = buckets[len(theirs) :]

    async def _zones(self, names: Sequence[ZoneName], found: _Found) -> None:
        told = {one.name: one for one in wire.read_states(await self._peer.states(names, texts=False), names)}
        known = {one.name: one for one in await self._peering.states(names)}
        wanted = []
        for name in names:
            if name not in told:
                found.done.whole = False  # it went meanwhile
                continue
            seen = seen_of(known.get(name), told[name], is_old=found.is_old(told[name].number))
            count(found.done, name, seen)
            if seen.compared.standing is Standing.THEIRS:
                found.newer.add(name)
            if seen.takes_away:
                found.going[name] = (seen.ours, seen.theirs)
            elif seen.wants:
                wanted.append(name)
        await self._take(wanted, found, known)

    async def _take(
        self, names: Sequence[ZoneName], found: _Found, known: Mapping[ZoneName, ZoneState], *, may_go: bool = False
    ) -> None:
        """Of zones that may go, only what was counted; of the others nothing by which they would go: it may have changed its word."""
        done = found.done
        while names:
            some = list(names[: wire.MOST_TEXTS])
            told = wire.read_states(await self._peer.states(some, texts=True), some)
            judged = [one for one in told if self._is_as_judged(one, found, known.get(one.name), may_go=may_go)]
            await self._together([partial(self._take_one, one, found) for one in judged])
            done.whole = done.whole and len(judged) == len(told)
            reached = some.index(told[-1].name) + 1 if told else len(some)
            done.whole = done.whole and len(told) == reached  # what went meanwhile is left out
            names = names[reached:]

    def _is_as_judged(self, one: ZoneState, found: _Found, known: ZoneState | None, *, may_go: bool) -> bool:
        if may_go:
            there = found.going[one.name][1]
            return (one.states.stated if one.states else b"") == (there.stated if there else b"")
        return not seen_of(known, one, is_old=found.is_old(one.number)).takes_away

    async def _take_one(self, one: ZoneState, found: _Found) -> None:
        """What it states, and then what is decided about that. What is older by now is left by the store."""
        done = found.done
        try:
            if one.name in found.newer:
                version = await self.version_of(one, is_old=found.is_old(one.number))
                done.taken += self._came(await self._peering.take(version))
            for decided in one.decided:
                done.decided += self._came(await self._peering.decide(await self.decision_of(one, decided)))
        except (NotAPeer, PushRefused) as error:
            done.whole = False
            differs(done, one.name, Standing.CONFLICT, f"it cannot be taken: {error}", None, one.states)

    def _came(self, receipt: Receipt) -> bool:
        """Whether it was taken; else another one came here meanwhile, or it is nothing new."""
        if not receipt.overtaken:
            self._on_taken()
        return not receipt.overtaken

    async def chosen_of(self, one: ZoneState) -> list[PeerVersion | PeerDecision]:
        """All that a peer states of a zone and has decided about it, as a person takes it. Raises NotAPeer, PushRefused."""
        states = [await self.version_of(one, chosen=True)] if one.states is not None else []
        return [*states, *[await self.decision_of(one, each, chosen=True) for each in one.decided]]

    async def decision_of(self, one: ZoneState, decided: Decided, *, chosen: bool = False) -> PeerDecision:
        """What a peer has decided, as it is recorded. Raises NotAPeer when it does not fit together, PushRefused."""
        zone, said = None, decided.said
        if decided.stands and decided.matter is Matter.PIN:
            if not isinstance(said, Pinning) or said.text is None:
                raise NotAPeer("the text of the pinned version is not told: it may be damaged there")
            zone = await self._parse(said.text, one.name)
            if (zone.serial, zone.digest) != (decided.serial, decided.content):
                raise NotAPeer("the pinned version is not that of its text: does the same program run on both?")
        if decided.stands and decided.matter is Matter.HOLD:
            await self._require_whole(one.name, decided)
        owner = one.states.owner if one.states is not None else Owner()
        origin = Origin(change_id=self._change_id(), source=Source.PEER, owner=owner, address=self._name)
        return PeerDecision(
            name=one.name,
            theirs=decided,
            origin=origin,
            behind_id=self._change_id(),
            beside=one.states,
            zone=zone,
            chosen=chosen,
        )

    async def _require_whole(self, name: ZoneName, decided: Decided) -> None:
        """What waits is read as it will be when it is approved."""
        said = decided.said
        if not isinstance(said, Held) or not said.body:
            raise NotAPeer("the push that waits is not told: it may be damaged there")
        try:
            digest = (await self._parse(said.body.decode(), name)).digest
        except UnicodeDecodeError:
            return  # an old character set in a comment: whoever approves it reads it as it was sent
        if digest.hex() != said.digest or decided.about != identity.of_push(digest, said.owner):
            raise NotAPeer("the push that waits is not that of its text: does the same program run on both?")

    async def version_of(self, one: ZoneState, *, is_old: bool = False, chosen: bool = False) -> PeerVersion:
        """What a peer states, as it is recorded. Raises NotAPeer when it does not fit together, PushRefused."""
        states, zone = one.states, None
        if states is None:
            raise NotAPeer("it states nothing of the zone")
        if states.kind is Kind.PUT:
            if one.text is None:
                raise NotAPeer("its text is not told: it may be damaged there")
            zone = await self._parse(one.text, one.name)
            states = replace(states, digest=zone.digest)
            if zone.serial != states.serial or not fits(states):
                raise NotAPeer("its id is not that of its text: does the same program run on both?")
        source = Source.RECONCILE if states.orphan else Source.PEER  # why it was deleted is why it is deleted here
        origin = Origin(change_id=self._change_id(), source=source, owner=states.owner, address=self._name)
        return PeerVersion(
            name=one.name, theirs=states, zone=zone, origin=origin, at=one.at, is_old=is_old, chosen=chosen
        )


async def _one_by_one(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    for work in works:
        await work()


def _chunks(all_of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    left = iter(all_of)
    while some := list(islice(left, size)):
        yield some
