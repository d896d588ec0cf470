"""The store for commands that work without the service; the only module of the command line that names its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from directdnsonly.config import Settings
    from directdnsonly.outbox.store.stopped import StoppedStore


def stopped_store(settings: Settings) -> StoppedStore:
    """The store of this configuration, not yet opened."""
    from directdnsonly.outbox.sqlite.stopped import StoppedSqlite  # noqa: PLC0415 - most commands need no store

    return StoppedSqlite(settings.store_folder)
