"""The store for commands that need no service: the one place of the command line that knows which engine keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from directdnsonly.config import Settings
    from directdnsonly.outbox.store.stopped import StoppedStore


def stopped_store(settings: Settings) -> StoppedStore:
    """The store of this configuration. Nothing is opened yet."""
    from directdnsonly.outbox.sqlite.stopped import StoppedSqlite  # noqa: PLC0415 - most commands need no store

    return StoppedSqlite(settings.store_folder)
