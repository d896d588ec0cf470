"""The job of one pass: requested or due, its progress and its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from directdnsonly.reconcile.report import PassView


@dataclass(slots=True)
class Job:
    """One pass, requested or due. `live` False: it only compares."""

    id: int
    live: bool
    kept: bool = True  # in the list of passes
    stage: str = "waiting"
    count: int = 0
    result: PassView | None = None
    failure: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    beat: Callable[[], None] = lambda: None

    def progress(self, stage: str, count: int) -> None:
        """Report the pass's progress: its stage, and the number of zones so far."""
        self.stage, self.count = stage, count
        self.beat()
