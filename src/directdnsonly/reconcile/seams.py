"""What reconciliation needs of its siblings, which it must not import: small Protocols, wired in `app`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.records import Owner, Priority, Receipt
from directdnsonly.zone.name import ZoneName


class Intake(Protocol):
    """The door of pulled zones: the same acceptance that DirectAdmin's pushes go through."""

    async def pull(self, name: ZoneName, body: bytes, *, owner: Owner, server: str, only_if_version: int) -> Receipt:
        """Record, unless another version came meanwhile. Raises PushRefused, OutboxUnavailable."""
        ...

    async def restore(self, name: ZoneName, body: bytes, *, owner: Owner) -> Receipt:
        """Record a zone that was deleted, from our history. Raises PushRefused, OutboxUnavailable."""
        ...

    async def release(self, held: HeldPush, *, only_if_version: int) -> Receipt:
        """Serve a held push whose reason is gone, unless another version came meanwhile. Raises PushRefused, OutboxUnavailable."""
        ...

    async def push_again(self, held: HeldPush) -> Receipt:
        """Judge a held push again, as if its server pushed it now. Raises PushRefused, OutboxUnavailable."""
        ...

    def wake(self, priority: Priority) -> None:
        """Deletions were recorded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a comparison of one name server with the store showed. `drifted`: the reason by zone, the first ones."""

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
        """Compare with the store; with `repair`, queue again what differs. Raises BackendUnavailable."""
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
    """Where nobody counts."""

    def passed(self, *, ended_at: float, seconds: float, found: Mapping[str, int], done: Mapping[str, int]) -> None:
        """See PassRecorder."""
