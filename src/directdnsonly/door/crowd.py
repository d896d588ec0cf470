"""Decides which connections keep their place, and which is closed when all are taken, so that no client can take them all.

Places are connections. A connection is nobody's until a request on it was admitted; those that are nobody's have a share for
each address and a share for all of them, so that a part of the places is always there for who gave a good password; and
a part is there for newcomers, so that he can give it. When a place is needed the lowest rank gives way first; within a
rank the busiest address, and of that its oldest connection: somebody who has just come is always the last of his address.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Final, Protocol

import structlog

from directdnsonly.access.failures import group_of

POLLS_AT_ONCE: Final = 16  # that are answered early together: each takes a moment, and newcomers wait for it
LEAVE_S: Final = 5.0  # for a client to read its refusal, or the early answer to its long poll, and go
TOLD_EVERY_S: Final = 60.0

log = structlog.get_logger()


class Rank(IntEnum):
    """What a connection is doing, and for whom; the lowest rank is closed first."""

    REFUSED = 0  # has its refusal and is still there
    STRANGER = 1  # silent, in its handshake or header, or being judged
    IDLE = 2  # kept by somebody who may not push
    POLL = 3  # waits for a change: gives way by an early answer
    READER = 4  # is being answered, and may not push
    IDLE_PUSHER = 5  # kept by somebody who may push
    SENDING = 6  # a push that is still coming; gives way only when one address sends in half of all places
    PUSHING = 7  # is here whole, so it is recorded and answered, whatever comes
    LEAVING = 8  # was told to give way, and is gone in a moment


STRANGERS: Final = (Rank.REFUSED, Rank.STRANGER)
KNOWN: Final = (Rank.IDLE, Rank.POLL, Rank.READER, Rank.IDLE_PUSHER, Rank.SENDING)


class Member(Protocol):
    """One connection."""

    def abort(self) -> None:
        """Close it at once."""
        ...

    def hurry(self) -> None:
        """End its long poll with an answer now, then close."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of connections. `header_timeout_s`: from its opening, `idle_timeout_s`: from its last answer.

    `half_closed_s`: time to answer a client that has closed its side, and may be gone altogether.
    """

    max_connections: int = 1024
    max_header_bytes: int = 32 * 1024
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 30.0
    request_timeout_s: float = 300.0
    half_closed_s: float = 60.0

    @property
    def strangers(self) -> int:
        """Places for unauthenticated connections; the others are reserved for authenticated ones."""
        return self.max_connections * 3 // 4

    @property
    def strangers_of_one(self) -> int:
        """Places for unauthenticated connections of one address."""
        return self.max_connections * 3 // 8

    @property
    def newcomers(self) -> int:
        """Places reserved for connections not yet authenticated, however many are."""
        return self.max_connections // 8

    @property
    def polls_of_one(self) -> int:
        """How many long polls one credential may have."""
        return self.max_connections // 8


@dataclass(slots=True)
class _Standing:
    rank: Rank
    group: object
    until: float


class Crowd:
    """All open connections, by rank and address."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        is_proxy: Callable[[str], bool] = lambda _: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds  # may be set anew: nobody who is here is sent away for it
        self.is_proxy = is_proxy
        self.given_way = 0
        self.polls: Counter[str] = Counter()
        self._now = now
        self._members: dict[Member, _Standing] = {}
        self._ranks: dict[Rank, dict[object, dict[Member, None]]] = {rank: {} for rank in Rank}
        self._counts: Counter[Rank] = Counter()
        self._when_freed: list[Callable[[], None]] = []
        self._told, self._told_at = 0, float("-inf")

    def __len__(self) -> int:
        """The number of open connections."""
        return len(self._members)

    def count(self, *ranks: Rank) -> int:
        """The number of connections of these ranks."""
        return sum([self._counts[rank] for rank in ranks])

    # -- coming and going

    def has_room(self) -> bool:
        """Whether one more connection may come in, closing another if that is possible at once; if not, see `when_freed`."""
        if len(self._members) < self.bounds.max_connections:
            return True
        above = self.count(*STRANGERS) > self.bounds.newcomers
        order = (*STRANGERS, *KNOWN) if above else (Rank.REFUSED, *KNOWN, Rank.STRANGER)
        return self._one_gives_way(order)

    def when_freed(self, call: Callable[[], None]) -> None:
        """Call this once, as soon as a connection has left."""
        self._when_freed.append(call)

    def enter(self, member: Member, address: str, *, seconds: float) -> None:
        """Add a connection, which may stay silent for this long; another unauthenticated one is closed if there are too many."""
        # What comes from a proxy is of many people, who must not be taken for one: each stands for itself at first.
        group: object = member if self.is_proxy(address) else group_of(address)
        self._members[member] = _Standing(Rank.STRANGER, group, self._now() + seconds)
        self._add(member, Rank.STRANGER, group)
        refused, others = self._ranks[Rank.REFUSED].get(group, ()), self._ranks[Rank.STRANGER][group]
        if len(refused) + len(others) > self.bounds.strangers_of_one:
            self._away(next(iter(refused or others)))
        elif self.count(*STRANGERS) > self.bounds.strangers:
            self._one_gives_way(STRANGERS)

    def rank_of(self, member: Member) -> Rank:
        """The rank of a connection; one that has left counts as leaving."""
        standing = self._members.get(member)
        return standing.rank if standing else Rank.LEAVING

    def place(self, member: Member, rank: Rank, *, seconds: float | None = None) -> None:
        """Give a connection another rank, with a new time limit in seconds (None: keep the old one)."""
        standing = self._members.get(member)
        if standing is None:
            return
        if seconds is not None:
            standing.until = self._now() + seconds
        if standing.rank is not rank:
            self._drop(member, standing)
            standing.rank = rank
            self._add(member, rank, standing.group)

    def regroup(self, member: Member, address: str) -> None:
        """Move a connection to the group of another address, because a proxy forwarded its request."""
        standing = self._members.get(member)
        group = group_of(address)
        if standing is not None and standing.group != group:
            self._drop(member, standing)
            standing.group = group
            self._add(member, standing.rank, group)

    def leave(self, member: Member) -> None:
        """Remove a connection that has ended."""
        standing = self._members.pop(member, None)
        if standing is None:
            return
        self._drop(member, standing)
        if self._when_freed:
            waiting, self._when_freed = self._when_freed, []
            for call in waiting:
                call()

    def sweep(self) -> None:
        """Close connections whose time is over, and log crowding at most once a minute; to call once a second."""
        now = self._now()
        for member in [one for one, standing in self._members.items() if standing.until <= now]:
            self.leave(member)
            member.abort()
        if self.given_way > self._told and now - self._told_at >= TOLD_EVERY_S:
            log.warning("door.crowded", gave_way=self.given_way - self._told, open=len(self), busiest=self._busiest())
            self._told, self._told_at = self.given_way, now

    # -- giving way

    def _one_gives_way(self, order: Sequence[Rank]) -> bool:
        """Free a place by closing a connection of the lowest rank; returns whether one is free now."""
        for rank in order:
            crowds = self._ranks[rank]
            if not crowds:
                continue
            busiest = max(crowds.values(), key=len)
            if rank is Rank.POLL:
                self._answer_early(busiest)
                return False
            if rank is Rank.SENDING and len(busiest) <= self.bounds.max_connections // 2:
                continue
            self._away(next(iter(busiest)))
            return True
        return False

    def _answer_early(self, polls: dict[Member, None]) -> None:
        """End a long poll early; its place is free once the answer is sent, and until then no other is ended."""
        if not self._counts[Rank.LEAVING]:
            for member in list(islice(polls, POLLS_AT_ONCE)):
                self.given_way += 1
                self.place(member, Rank.LEAVING, seconds=LEAVE_S)
                member.hurry()

    def _away(self, member: Member) -> None:
        self.given_way += 1
        self.leave(member)
        member.abort()

    def _busiest(self) -> Sequence[str]:
        """The addresses with the most unauthenticated connections, for the log."""
        groups: Counter[str] = Counter()
        for rank in STRANGERS:
            groups.update({group: len(members) for group, members in self._ranks[rank].items() if type(group) is str})
        return [f"{group or 'the unix socket'} ({number})" for group, number in groups.most_common(3)]

    def _add(self, member: Member, rank: Rank, group: object) -> None:
        self._ranks[rank].setdefault(group, {})[member] = None
        self._counts[rank] += 1

    def _drop(self, member: Member, standing: _Standing) -> None:
        crowd = self._ranks[standing.rank][standing.group]
        del crowd[member]
        if not crowd:
            del self._ranks[standing.rank][standing.group]
        self._counts[standing.rank] -= 1
