"""`PushRecorder`: the metrics interface of this stage, called once for each push and never awaited."""

from __future__ import annotations

from typing import Protocol

from directdnsonly.outbox.changes import Source


class PushRecorder(Protocol):
    """Counts the answers to pushes and deletes, and refusals by rule."""

    def answered(self, source: Source, result: str, seconds: float) -> None:
        """A push or delete was answered. `result`: a value of Became, or "refused" or "failed"; `seconds`: how long it took."""
        ...

    def refused(self, rule: str) -> None:
        """A push was refused by this rule."""
        ...


class NobodyCounts:
    """A PushRecorder that counts nothing."""

    def answered(self, source: Source, result: str, seconds: float) -> None:
        """Nothing."""

    def refused(self, rule: str) -> None:
        """Nothing."""
