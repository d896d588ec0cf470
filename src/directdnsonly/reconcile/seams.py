"""Protocols for what reconciliation needs of sibling packages, which it must not import; wired in `service`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from directdnsonly.backends.contract import ZoneObserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The result of comparing one name server with the store. `drifted`: the first zones that differ, with the reason."""

    seen: int = 0
    drifted: int = 0
    examples: Sequence[str] = ()


class Lane(Protocol):
    """One backend with its name server."""

    @property
    def name(self) -> str:
        """The backend's configured name."""
        ...

    async def sweep(self, *, repair: bool) -> Swept:
        """Compare with the store and, with `repair`, requeue zones that differ. Raises BackendUnavailable."""
        ...

    def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone that is stored there. Raises BackendUnavailable."""
        ...


class PassRecorder(Protocol):
    """Counts passes, for the metrics."""

    def passed(self, *, ended_at: float, seconds: float, found: Mapping[str, int], done: Mapping[str, int]) -> None:
        """A pass ended: what differed by kind, and what was done by kind (nothing by a plan or a dry run)."""
        ...


class NoRecorder:
    """A PassRecorder that counts nothing."""

    def passed(self, *, ended_at: float, seconds: float, found: Mapping[str, int], done: Mapping[str, int]) -> None:
        """A pass ended: what differed by kind, and what was done by kind (nothing by a plan or a dry run)."""
