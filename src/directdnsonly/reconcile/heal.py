"""Compares each name server with the store: missing zones are requeued, zones that we do not own are listed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.outbox.store.work import Work
from directdnsonly.reconcile.plan import Drift
from directdnsonly.reconcile.seams import Lane
from directdnsonly.reconcile.unforeseen import store_is_unavailable, unforeseen
from directdnsonly.zone.name import ZoneName

PAGE = 1000
REVIVED_AT_ONCE = 1000  # of what was given up, per backend and pass
LINGERS = "is deleted, but still there"
SHOWN = 100  # extra zones of a backend that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How many zones a backend has, and how many of them are unknown to the store."""

    zones: int
    strangers: int

    @property
    def is_our_loss(self) -> bool:
        """Whether it is rather the store that lost them, because most are unknown. Nothing is deleted then."""
        return self.strangers * 2 > self.zones


@dataclass(slots=True)
class Healed:
    """The findings on all backends; lists hold the first ones, counts all."""

    missing: list[Drift] = field(default_factory=list)
    drifted: int = 0
    extra: list[Drift] = field(default_factory=list)
    extras: int = 0
    extra_deleted: int = 0
    revived: int = 0
    unreachable: dict[str, str] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)


class Heal:
    """Compares all backends in parallel; one that is down delays no other."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        drift: DriftWatch,
        work: Work,
        wake: Callable[[Priority], None],
        delete_extra: bool,
    ) -> None:
        self.lanes = lanes  # these two may be set anew between two passes
        self._drift = drift
        self._work = work
        self._wake = wake
        self.delete_extra = delete_extra

    async def look(self, *, repair: bool) -> Healed:
        """Compare all backends; with `repair` False change nothing. Raises OutboxUnavailable."""
        healed = Healed()
        await asyncio.gather(*(self._one(lane, healed, repair=repair) for lane in self.lanes))
        return healed

    async def _one(self, lane: Lane, healed: Healed, *, repair: bool) -> None:
        try:
            swept = await lane.sweep(repair=repair)
            healed.drifted += swept.drifted
            for example in swept.examples:
                zone, _, reason = example.partition(": ")
                healed.missing.append(Drift(backend=lane.name, zone=zone, reason=reason))
            if repair and (revived := await self._work.revive_given_up(lane.name, limit=REVIVED_AT_ONCE)):
                healed.revived += revived
                self._wake(Priority.BULK)
            await self._extra(lane, healed, repair=repair)
        except BackendUnavailable as error:
            healed.unreachable[lane.name] = error.reason
        except Exception as error:  # the other backends go on
            if store_is_unavailable(error):
                raise
            healed.unreachable[lane.name] = unforeseen(error, "the comparison", backend=lane.name)

    async def known(self, lane: Lane) -> Known:
        """Count a backend's zones, changing nothing. Raises BackendUnavailable, OutboxUnavailable."""
        zones = strangers = 0
        async for page in _pages(lane):
            zones += len(page)
            strangers += len((await self._drift.not_ours(lane.name, page))[0])
        return Known(zones=zones, strangers=strangers)

    async def _extra(self, lane: Lane, healed: Healed, *, repair: bool) -> None:
        """The backend's zones that are unknown to the store, all counted before the first may be deleted."""
        zones = 0
        strangers: list[ZoneName] = []
        async for page in _pages(lane):
            zones += len(page)
            strangers += await self._strangers(lane, page, healed, repair=repair)
        known = healed.known[lane.name] = Known(zones=zones, strangers=len(strangers))
        if not (repair and self.delete_extra) or known.is_our_loss:
            return
        for start in range(0, len(strangers), PAGE):
            change_id = f"reconcile-extra-{secrets.token_hex(10)}"
            healed.extra_deleted += await self._drift.record_extra_delete(
                lane.name, strangers[start : start + PAGE], change_id=change_id
            )
            self._wake(Priority.BULK)

    async def _strangers(
        self, lane: Lane, page: Sequence[ZoneName], healed: Healed, *, repair: bool
    ) -> Sequence[ZoneName]:
        strangers, deleted = await self._drift.not_ours(lane.name, page)
        healed.extras += len(strangers)
        healed.extra += [
            Drift(backend=lane.name, zone=name, reason="is not ours") for name in strangers[: SHOWN - len(healed.extra)]
        ]
        healed.drifted += len(deleted)
        healed.missing += [Drift(backend=lane.name, zone=name, reason=LINGERS) for name in deleted[:SHOWN]]
        if repair and deleted and await self._work.requeue(lane.name, deleted, reason=LINGERS):
            self._wake(Priority.BULK)
        return strangers


async def _pages(lane: Lane) -> AsyncIterator[list[ZoneName]]:
    page: list[ZoneName] = []
    async for observed in lane.inventory():
        page.append(observed.name)
        if len(page) >= PAGE:
            yield page
            page = []
    if page:
        yield page
