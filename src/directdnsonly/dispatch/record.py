"""`DeliveryRecorder`: the metrics interface of lanes, called once per attempt and never awaited."""

from __future__ import annotations

from typing import Literal, Protocol

from directdnsonly.outbox.deliveries import Settle


class DeliveryRecorder(Protocol):
    """Counts attempts, proofs and batches."""

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        """An attempt on one zone ended in this state; `stored`: delivered, but nobody can be asked for proof."""
        ...

    def proven(self, backend: str, *, applied_s: float, proven_s: float) -> None:
        """A zone was proven: seconds from the commit of its push until the backend applied it, and until the proof."""
        ...

    def batch(self, backend: str, *, zones: int, seconds: float) -> None:
        """A lane has worked off its queue: how many zones, in how many seconds."""
        ...


class NobodyCounts:
    """A DeliveryRecorder that counts nothing."""

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        """Nothing."""

    def proven(self, backend: str, *, applied_s: float, proven_s: float) -> None:
        """Nothing."""

    def batch(self, backend: str, *, zones: int, seconds: float) -> None:
        """Nothing."""
