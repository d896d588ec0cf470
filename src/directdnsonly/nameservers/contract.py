"""What every bundled name server offers to the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DaemonPhase(StrEnum):
    """Where a bundled name server stands."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"  # it ended by itself; the next start is due soon
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """Phase, since when (epoch seconds), why, and how often it had to be started again."""

    phase: DaemonPhase
    since: float
    reason: str = ""
    restarts: int = 0


class NameServer(Protocol):
    """A supervised name server."""

    @property
    def status(self) -> DaemonStatus:
        """A picture of now."""
        ...

    async def run(self) -> None:
        """Keep it running until cancelled, then stop it."""
        ...
