"""What a person must look at: raised once, told once, cleared when it is over. Each change is an event in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.records import Event


class AlarmKind(StrEnum):
    """Why."""

    NO_LIST = "no-list"  # a server gives no whole list: nothing is judged by it
    HOSTNAME = "hostname"  # a server pushes under a name that the configuration does not know
    MISSED = "missed"  # many pushes of a server were missed: its Multi Server entry for us is broken
    PULL = "pull"  # zones could not be fetched
    UNKNOWN = "unknown-zones"  # a name server serves zones that the store does not know: it may have lost them
    OVER_CAP = "over-cap"  # too many orphans at once: an operator must approve
    FAILED = "pass-failed"  # a pass ended in an error that nobody has thought of


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is wrong since a time. `subject`: a server, or a backend."""

    kind: AlarmKind
    subject: str
    reason: str
    since: float


class Audit(Protocol):
    """Where events are kept."""

    async def record_event(self, event: Event) -> None:
        """Keep one line of the audit. Raises OutboxUnavailable."""
        ...


class Alarms:
    """The alarms that stand now."""

    def __init__(self, *, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._standing: dict[tuple[AlarmKind, str], Alarm] = {}
        self._log = structlog.get_logger()

    def standing(self) -> list[Alarm]:
        """Those that stand, oldest first."""
        return sorted(self._standing.values(), key=lambda alarm: alarm.since)

    async def judge(self, kind: AlarmKind, subject: str, reason: str) -> None:
        """Raise the alarm when there is a reason, clear it when there is none."""
        before = self._standing.get((kind, subject))
        now = self._clock.now_s()
        if reason:
            since = before.since if before else now
            self._standing[kind, subject] = Alarm(kind=kind, subject=subject, reason=reason, since=since)
            if before is None or before.reason != reason:
                self._log.warning("alarm.raised", kind=str(kind), subject=subject, reason=reason)
                await self._record("alarm.raised", subject, f"{kind}: {reason}")
        elif before is not None:
            del self._standing[kind, subject]
            self._log.info("alarm.cleared", kind=str(kind), subject=subject, lasted_s=round(now - before.since, 1))
            await self._record("alarm.cleared", subject, str(kind))

    async def _record(self, event: str, subject: str, detail: str) -> None:
        try:
            await self._audit.record_event(
                Event(at=self._clock.now_s(), event=event, actor="reconcile", detail=f"{subject}: {detail}")
            )
        except OutboxUnavailable as error:  # the alarm stands all the same, and is in the log
            self._log.error("event.lost", lost=event, zone="", reason=str(error))
