"""Logs that the store is unavailable to a lane: at once, periodically while it lasts, and when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

STORE_PAUSE_S: Final = 0.5  # between tries while the store cannot work (disk full, locked); it waits for locks itself
AGAIN_S: Final = 60.0  # the workers of a lane try twice a second: on a full disk the log must not take what is left


class StoreTrouble:
    """The store's trouble as one lane sees it, shared by all its workers."""

    def __init__(self, lane: str, *, on_change: Callable[[], None] = lambda: None) -> None:
        self._lane = lane
        self._on_change = on_change
        self._log = structlog.get_logger()
        self._began_at: float | None = None
        self._told_at = 0.0
        self._reason = ""
        self._tries = 0

    def failed(self, reason: str, *, task: str) -> None:
        """Note that the store failed a request of `task`."""
        now = time.monotonic()
        if self._began_at is None:
            self._began_at, self._tries = now, 0
        self._tries += 1
        if self._tries > 1 and reason == self._reason and now - self._told_at < AGAIN_S:
            return
        self._reason, self._told_at = reason, now
        self._log.warning("store.unavailable", reason=reason, task=task, tries=self._tries)
        self._on_change()

    def worked(self) -> None:
        """Note that the store served a request."""
        if self._began_at is None:
            return
        lasted_s = round(time.monotonic() - self._began_at, 1)
        self._began_at = None
        self._log.info("store.available", task=f"dispatch:{self._lane}", tries=self._tries, lasted_s=lasted_s)
        self._on_change()
