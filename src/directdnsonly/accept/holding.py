"""Pushes that a person must approve first: those that lose many records, or touch another server's zone (outbox.ownership).

A held push is committed and answered error=0; the old version stays served until an operator approves this very content by
its digest. A newer push of the zone, or its deletion, makes the held one void.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from directdnsonly.outbox.changes import Loss, Source
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.wording import counted
from directdnsonly.zone.diff import RRset, diff
from directdnsonly.zone.model import Zone
from directdnsonly.zone.text import records_of

MANY_RECORDS: Final = 10  # below, halves mean little
SHOWN: Final = 40  # lines of a difference
USUAL_OCTETS: Final = 64 * 1024  # of text, old and new
_SKELETON: Final = frozenset({"SOA", "NS"})

P = ParamSpec("P")
T = TypeVar("T")


class Holding:
    """Detects large losses in DirectAdmin's pushes, and describes what a held push would change."""

    def __init__(self, looking: Looking, approval: Approval, *, losses: Callable[[], bool]) -> None:
        """`losses`: whether those are held now."""
        self._looking = looking
        self._approval = approval
        self._losses = losses

    async def loss(self, zone: Zone, source: Source) -> Loss | None:
        """Why the push looks like an accident, and against which version; the store holds it if that is still the newest."""
        if source is not Source.DIRECTADMIN or not self._losses():
            return None
        held = await self._looking.find_held([zone.name])
        before = await self._looking.text(zone.name, held.version) if held is not None else None
        if held is None or before is None:
            return None
        reason = await _beside(len(before) + len(zone.text), why_lossy, before, zone)
        return Loss(version=held.version, reason=reason) if reason else None

    async def explain(self, zone: Zone, digest: str) -> None:
        """Keep with a held push what it would change, for the operator who decides about it."""
        before = await self._looking.text(zone.name) or ""
        told = await _beside(len(before) + len(zone.text), difference, before, zone.text)
        await self._approval.explain_held(zone.name, digest, told)


async def _beside(octets: int, judge: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a comparison, in a thread if the zones are large, so that other pushes do not wait for it."""
    if octets <= USUAL_OCTETS:
        return judge(*args, **kwargs)
    return await asyncio.to_thread(judge, *args, **kwargs)


def why_lossy(before: str, zone: Zone) -> str:
    """Why new content looks like an accident; empty if it does not. Pure."""
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
        return "is empty except for SOA and NS"
    return ""


def difference(before: str, after: str) -> str:
    """Records added and removed, one line each, for people. Pure."""
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
