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


class Origin(StrEnum):
    """How we came to the process that runs."""

    STARTED = "started"  # by this life of ours
    ADOPTED = "adopted"  # by an earlier one: it has served all the while


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonProcess:
    """The process of a bundled name server. `up_since`: epoch seconds, by the kernel; `version`: what it called itself when it was started.

    `is_current`: it runs with the configuration and the program that a start would give it now.
    """

    pid: int
    up_since: float
    version: str
    origin: Origin
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """Phase, since when (epoch seconds), why, how often it had to be started again, and its process while there is one."""

    phase: DaemonPhase
    since: float
    reason: str = ""
    restarts: int = 0
    process: DaemonProcess | None = None


class NameServer(Protocol):
    """A supervised name server."""

    @property
    def kind(self) -> str:
        """What people call it: named, nsd, knotd."""
        ...

    @property
    def status(self) -> DaemonStatus:
        """A picture of now."""
        ...

    async def run(self) -> None:
        """Keep it running until cancelled; then leave it serving, or stop it."""
        ...
