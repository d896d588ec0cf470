"""Redeliver zones, revive dead deliveries, and forget lost pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from directdnsonly.accept.lost import LostPushes
from directdnsonly.dispatch.lane import Lane
from directdnsonly.errors import NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.outbox.store.operators import Operators
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    """The result of a redelivery. `requeued`: deliveries now due; the others are already in progress."""

    backends: Sequence[str]
    requeued: int


class Deliveries:
    """Acts on deliveries and lost pushes. Use within one event loop."""

    def __init__(
        self,
        *,
        operators: Operators,
        looking: Looking,
        journal: Journal,
        lanes: Mapping[str, Lane],
        wake: Callable[[Priority], None],
        lost: LostPushes,
    ) -> None:
        """`wake` tells every lane that there is work."""
        self._operators = operators
        self._looking = looking
        self._journal = journal
        self._lanes = lanes
        self._wake = wake
        self._lost = lost

    async def redeliver(self, name: ZoneName, who: Operator, *, backend: str | None = None) -> Redelivered:
        """Deliver the newest version again, to one backend or to all. Raises NotHere, OutboxUnavailable."""
        await self._require(name)
        if backend is not None and backend not in self._lanes:
            raise NotHere(f"there is no enabled backend {backend!a}")
        among = [backend] if backend is not None else list(self._lanes)
        requeued = await self._operators.redeliver(name, among, reason="an operator asked for it")
        for each in among:
            if (lane := self._lanes.get(each)) is not None:  # a reload may have taken it out meanwhile
                lane.wake(Priority.INTERACTIVE)
        await self._journal.did(who, "zone.redelivered", zone=name, detail=", ".join(among))
        return Redelivered(backends=among, requeued=requeued)

    async def revive(self, who: Operator, *, name: ZoneName | None = None, backend: str = "") -> int:
        """Give dead deliveries all their attempts again, for a zone, a backend or all; returns how many.

        Raises NotHere for a zone or a backend that is not there, OutboxUnavailable.
        """
        self.known(backend)
        if name is not None:
            await self._require(name)
        count = await self._operators.revive(name=name, backend=backend)
        if count:
            self._wake(Priority.BULK if name is None else Priority.INTERACTIVE)
            detail = f"{counted(count, 'delivery', 'deliveries')}, backend {backend or 'all'}"
            await self._journal.did(who, "delivery.revived", zone=name or "", detail=detail)
        return count

    async def forget_lost(self, name: ZoneName | None, who: Operator, *, asked: str = "") -> int:
        """Forget the lost pushes of one zone or all, because an operator has dealt with them; returns how many.

        `asked`: the zone as it was typed, for the audit. Raises OutboxUnavailable.
        """
        forgotten = await self._lost.forget(name)
        if forgotten:
            detail = counted(forgotten, "lost push", "lost pushes")
            await self._journal.did(who, "lost.forgotten", zone=asked, detail=detail)
        return forgotten

    def known(self, backend: str) -> str:
        """The name if it is empty or a configured backend. Raises NotHere otherwise."""
        if backend and backend not in self._lanes:
            raise NotHere(f"backend {backend!a} is not configured")
        return backend

    async def _require(self, name: ZoneName) -> None:
        if await self._looking.zone(name) is None:
            raise NotHere(f"zone {name} is unknown: it was never pushed to us")
