"""What a lane tells to whoever counts. Called once an attempt, never awaited."""

from __future__ import annotations

from typing import Literal, Protocol

from directdnsonly.outbox.deliveries import Settle


class DeliveryRecorder(Protocol):
    """Counts deliveries."""

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        """An attempt on one zone ended like this; `stored`: done, and nobody can be asked for proof."""
        ...

    def proven(self, backend: str, *, applied_s: float, proven_s: float) -> None:
        """A zone is served: seconds from the commit of the push until the backend took it, and until the proof."""
        ...

    def batch(self, backend: str, *, zones: int, seconds: float) -> None:
        """The lane is empty again after this much work."""
        ...


class NobodyCounts:
    """For lanes of which nobody wants to know."""

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        """Nothing."""

    def proven(self, backend: str, *, applied_s: float, proven_s: float) -> None:
        """Nothing."""

    def batch(self, backend: str, *, zones: int, seconds: float) -> None:
        """Nothing."""
