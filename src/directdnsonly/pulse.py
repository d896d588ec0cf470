"""Signs of life of work that is under way, so that an actor that hangs is seen: /readyz names it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from directdnsonly.clock import Clock


class Pulses:
    """Who is at work, and until when the next sign of life must have come. Who waits for work is not in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    @contextmanager
    def at_work(self, name: str, limit_s: float) -> Iterator[None]:
        """A piece of work that shows its first sign of life now."""
        self.beat(name, limit_s)
        try:
            yield
        finally:
            self._due.pop(name, None)

    def beat(self, name: str, limit_s: float) -> None:
        """It goes on: the next sign is due within `limit_s`."""
        self._due[name] = self._clock.now_s() + limit_s

    def overdue(self) -> dict[str, float]:
        """Who hangs, each with the seconds by which its sign of life is late."""
        now = self._clock.now_s()
        return {name: now - due for name, due in self._due.items() if due < now}


def task_name() -> str:
    """Of the task that runs now, by which its signs of life are known; empty outside of one."""
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""
