"""The one place that records what was done: a line in the log and an event in the audit.

Packages below `operate` are given it, and declare what they need of it as a Protocol in `accept.telling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import structlog

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.kept import Event
from directdnsonly.outbox.store.recording import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who requests an act, and from where. `roles`: what they may do, checked only by acts that grant roles."""

    name: str
    address: str = ""
    roles: AbstractSet[str] = frozenset()


class Journal:
    """Logs and audits what was done. Use within one event loop. Nothing here raises: what it reports stays done.

    An audit event that the store cannot take is still in the log, where `event.lost` (an error) says so.
    """

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self._recording = recording
        self._clock = clock
        self._log = structlog.get_logger()

    async def did(self, who: Operator, event: str, *, zone: str = "", detail: str = "") -> None:
        """Log and audit an operator's act."""
        await self.tell(event, zone=zone, actor=who.name, address=who.address, detail=detail)

    async def tell(
        self,
        event: str,
        *,
        zone: str = "",
        actor: str = "",
        address: str = "",
        detail: str = "",
        line: Mapping[str, object] | None = None,
        warn: bool = False,
    ) -> None:
        """Log a line and keep the event. `line`: facts for the log only; `warn`: log it as a warning, a person may be needed."""
        facts = {"zone": zone, "actor": actor, "address": address, "detail": detail} if line is None else line
        (self._log.warning if warn else self._log.info)(event, **facts)
        await self.keep(event, zone=zone, actor=actor, address=address, detail=detail)

    async def keep(
        self,
        event: str,
        *,
        zone: str = "",
        actor: str = "",
        address: str = "",
        detail: str = "",
        at: float | None = None,
    ) -> None:
        """Keep an event whose line is already in the log. `at`: when it happened, epoch seconds; None: now."""
        when = self._clock.now_s() if at is None else at
        try:
            await self._recording.record_event(
                Event(at=when, event=event, zone=zone, actor=actor, address=address, detail=detail)
            )
        except OutboxUnavailable as error:
            self._log.error("event.lost", lost=event, zone=zone, reason=str(error))
