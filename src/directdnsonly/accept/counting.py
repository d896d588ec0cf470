"""What the receiving stage tells to whoever counts. Called once a push, never awaited."""

from __future__ import annotations

from typing import Protocol

from directdnsonly.outbox.changes import Source


class PushRecorder(Protocol):
    """Counts pushes and deletes."""

    def answered(self, source: Source, result: str, seconds: float) -> None:
        """`result`: a value of Became, or refused, failed."""
        ...

    def refused(self, rule: str) -> None:
        """A push broke this rule."""
        ...


class NobodyCounts:
    """Where nobody wants to know."""

    def answered(self, source: Source, result: str, seconds: float) -> None:
        """Nothing."""

    def refused(self, rule: str) -> None:
        """Nothing."""
