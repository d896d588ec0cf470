"""Who did what by the API: one line in the log and one in the store."""

from __future__ import annotations

from typing import Protocol

import structlog
from fastapi import Request

from directdnsonly.api.guard import principal_of
from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.records import Event

log = structlog.get_logger()


class EventStore(Protocol):
    """Where the audit is kept."""

    async def record_event(self, event: Event) -> None: ...  # noqa: D102


class Auditor:
    """See `Audit` in parts."""

    def __init__(self, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, request: Request, event: str, *, zone: str = "", detail: str = "") -> None:
        """Keep it. That the store cannot take it is logged; what was done stays done."""
        who = principal_of(request)
        actor = who.name if who else ""
        address = request.client.host if request.client else ""
        log.info(event, zone=zone, actor=actor, address=address, detail=detail)
        await self.keep(
            Event(at=self._clock.now_s(), event=event, zone=zone, actor=actor, address=address, detail=detail)
        )

    async def keep(self, event: Event) -> None:
        """Keep an event that was logged elsewhere."""
        try:
            await self._store.record_event(event)
        except OutboxUnavailable as error:
            log.error("event.lost", lost=event.event, zone=event.zone, reason=str(error))  # noqa: TRY400 - the reason says it all
