"""Heartbeats of work in progress, so that an actor that hangs is detected and named by /readyz."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from directdnsonly.clock import Clock


class Pulses:
    """The actors at work, and when the next heartbeat of each is due. Idle actors are not included."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    @contextmanager
    def at_work(self, name: str, limit_s: float) -> Iterator[None]:
        """A piece of work as a context manager; the first heartbeat is now."""
        self.beat(name, limit_s)
        try:
            yield
        finally:
            self._due.pop(name, None)

    def beat(self, name: str, limit_s: float) -> None:
        """Record a heartbeat; the next one is due within `limit_s`."""
        self._due[name] = self._clock.now_s() + limit_s

    def overdue(self) -> dict[str, float]:
        """The actors that hang, each with the seconds by which its heartbeat is overdue."""
        now = self._clock.now_s()
        return {name: now - due for name, due in self._due.items() if due < now}


def task_name() -> str:
    """The name of the running task, under which its heartbeats are recorded; empty outside a task."""
    task = asyncio.current_task()
    return task.get_name() if task is not None else ""
