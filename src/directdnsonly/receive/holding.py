"""Pushes that a person shall look at first: big losses, and (take-over policy `hold`) another server's zone.

A held push is committed and answered error=0; the old version stays served until somebody approves this very content, by
its digest. A newer push of the zone, or its deletion, makes it void.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal, ParamSpec, Protocol, TypeVar

from directdnsonly.clock import Clock
from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox.drift import HeldPush, HoldRule, Migration
from directdnsonly.outbox.records import Origin, Owner, Source, ZoneSummary
from directdnsonly.wording import counted
from directdnsonly.zone.diff import RRset, diff
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of

MANY_RECORDS: Final = 10  # below, halves mean little
SHOWN: Final = 40  # lines of a difference
USUAL_OCTETS: Final = 64 * 1024  # of text, old and new
_SKELETON: Final = frozenset({"SOA", "NS"})

P = ParamSpec("P")
T = TypeVar("T")
Takeover = Literal["transfer", "hold", "reject"]


class HoldStore(Protocol):
    """What is asked of the store."""

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """The first of `names` that is a living zone."""
        ...

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The normalised text of a version (None: the newest)."""
        ...

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        """The push that waits for this zone."""
        ...

    async def migrations(self) -> list[Migration]:
        """Planned moves that are open."""
        ...


class Holding:
    """Judges pushes of DirectAdmin servers; a person's own are never held."""

    def __init__(self, store: HoldStore, clock: Clock, *, takeover: Takeover, losses: bool) -> None:
        self._store = store
        self._clock = clock
        self._takeover = takeover
        self._losses = losses

    async def judge(self, zone: Zone, origin: Origin, body: bytes) -> HeldPush | None:
        """The push as it is to be held; None when it is not. Raises ZonePolicyError when the policy refuses it, OutboxUnavailable."""
        if origin.source is not Source.DIRECTADMIN or (self._takeover == "transfer" and not self._losses):
            return None
        held = await self._store.find_held([zone.name])
        if held is None:
            return None
        foreign = not same_server(held.owner, origin.owner) and held.owner != Owner()
        planned = foreign and await self.is_planned(zone.name, held.owner, origin.owner)
        rule, reason = HoldRule.TAKEOVER, ""
        owner = held.owner.hostname or held.owner.credential
        if foreign and not planned and self._takeover == "reject":
            raise ZonePolicyError(f"{zone.name} belongs to {owner}; takeover is set to reject", rule="takeover")
        before = await self._store.text(zone.name)
        if foreign and not planned and self._takeover == "hold":
            reason = f"belongs to {owner}, pushed by {origin.owner.hostname or origin.owner.credential}"
        elif self._losses and before is not None:
            rule, reason = HoldRule.LOSS, await _beside(len(before) + len(zone.text), why_lossy, before, zone)
        if not reason:
            return None
        return HeldPush(
            name=zone.name,
            version=held.version,
            digest=zone.digest.hex(),
            rule=rule,
            reason=reason,
            difference=await _beside(len(before or "") + len(zone.text), difference, before or "", zone.text),
            owner=origin.owner,
            address=origin.address,
            at=self._clock.now_s(),
            body=body,
        )

    async def is_planned(self, name: ZoneName, former: Owner, server: Owner) -> bool:
        """Whether an operator has announced that this zone moves between these servers."""
        return any(
            move.former == former.hostname and move.server == server.hostname and (not move.zones or name in move.zones)
            for move in await self._store.migrations()
        )


async def _beside(octets: int, judge: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """At once for usual zones, in a thread for large ones: others do not wait for it."""
    if octets <= USUAL_OCTETS:
        return judge(*args, **kwargs)
    return await asyncio.to_thread(judge, *args, **kwargs)


def why_lossy(before: str, zone: Zone) -> str:
    """Why a new content looks like an accident; empty when it does not. Pure."""
    old, new = list(records_of(before)), list(records_of(zone.text))
    if len(old) >= MANY_RECORDS and len(new) < len(old) / 2:
        return f"loses {len(old) - len(new)} of {counted(len(old), 'record')}"
    apex = zone.name.absolute
    for kind in ("MX", "NS"):
        had = {record.rdata for record in old if (record.owner, record.type) == (apex, kind)}
        has = {record.rdata for record in new if (record.owner, record.type) == (apex, kind)}
        if had and (not has or (kind == "NS" and not had & has)):
            return f"loses its {kind} records at the apex"
    if {record.type for record in new} <= _SKELETON < {record.type for record in old}:
        return "is empty but for SOA and NS"
    return ""


def difference(before: str, after: str) -> str:
    """What came and went, a line each, for people. Pure."""
    found = diff(before, after)
    removed = [*found.removed, *(old for old, _ in found.changed)]
    added = [*found.added, *(new for _, new in found.changed)]
    lines = [*_lines("-", removed), *_lines("+", added)]
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join(lines[:SHOWN] + more)


def _lines(sign: str, sets: Sequence[RRset]) -> list[str]:
    return [
        f"{sign} {one.owner} {one.ttl} {one.type} {data}"[:300]
        for one in sets
        if one.type != "SOA"
        for data in one.rdata
    ]


def same_server(one: Owner, other: Owner) -> bool:
    """Whether both are the same DA server; as the store judges: by host name, by credential where one is missing."""
    if one.hostname and other.hostname:
        return one.hostname == other.hostname
    return one.credential == other.credential
