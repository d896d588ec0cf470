"""Alarms: what a person must look at. Raised and logged once, cleared when it is over; each change is an audit event."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.accept.telling import Journal
from directdnsonly.clock import Clock


class AlarmKind(StrEnum):
    """What an alarm is about."""

    NO_LIST = "no-list"  # a server gives no whole list: nothing is judged by it
    HOSTNAME = "hostname"  # a server pushes under a name that the configuration does not know
    MISSED = "missed"  # many pushes of a server were missed: its Multi Server entry for us is broken
    PULL = "pull"  # zones could not be fetched
    UNKNOWN = "unknown-zones"  # a name server serves zones that the store does not know: it may have lost them
    OVER_CAP = "over-cap"  # too many orphans at once: an operator must approve
    FAILED = "pass-failed"  # a pass ended in an error that nobody has thought of


OF_A_SERVER = frozenset({AlarmKind.NO_LIST, AlarmKind.HOSTNAME, AlarmKind.MISSED, AlarmKind.PULL, AlarmKind.OVER_CAP})
OF_A_BACKEND = frozenset({AlarmKind.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: what is wrong, with whom, and since when. `subject`: a server or a backend."""

    kind: AlarmKind
    subject: str
    reason: str
    since: float


class Alarms:
    """The active alarms."""

    def __init__(self, *, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._standing: dict[tuple[AlarmKind, str], Alarm] = {}

    def standing(self) -> list[Alarm]:
        """The active alarms, oldest first."""
        return sorted(self._standing.values(), key=lambda alarm: alarm.since)

    async def judge(self, kind: AlarmKind, subject: str, reason: str) -> None:
        """Raise the alarm if there is a reason, clear it if there is none."""
        before = self._standing.get((kind, subject))
        now = self._clock.now_s()
        if reason:
            since = before.since if before else now
            self._standing[kind, subject] = Alarm(kind=kind, subject=subject, reason=reason, since=since)
            if before is None or before.reason != reason:
                await self._tell("alarm.raised", kind, subject, f": {reason}", warn=True, reason=reason)
        elif before is not None:
            del self._standing[kind, subject]
            await self._tell("alarm.cleared", kind, subject, "", lasted_s=round(now - before.since, 1))

    async def forget(self, kinds: Collection[AlarmKind], *, but: Collection[str]) -> None:
        """Clear those about a subject that is there no more: `but` those are."""
        for kind, subject in list(self._standing):
            if kind in kinds and subject not in but:
                await self.judge(kind, subject, "")

    async def _tell(
        self, event: str, kind: AlarmKind, subject: str, more: str, *, warn: bool = False, **facts: object
    ) -> None:
        line = {"kind": str(kind), "subject": subject, **facts}
        await self._journal.tell(event, actor="reconcile", detail=f"{subject}: {kind}{more}", line=line, warn=warn)
