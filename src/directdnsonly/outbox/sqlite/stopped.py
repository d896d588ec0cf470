"""`StoppedStore` on SQLite, for commands that need no service, or must not have one running."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.kept import Copied
from directdnsonly.outbox.sqlite import backup, offline, whole
from directdnsonly.outbox.store.stopped import StoppedStore


class StoppedSqlite(StoppedStore):
    """Implements StoppedStore, which documents each method. `folder`: where the file is, or will be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> None:
        whole.begin(self._folder)

    def copy_to(self, target: Path) -> Copied:
        return backup.copy_store(self._folder, target)

    def restore_from(self, source: Path, *, replace: bool) -> tuple[Copied, Path | None]:
        return backup.restore_store(source, self._folder, replace=replace)

    def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        return offline.kept_in(self._folder, configured)

    def texts(self) -> Iterator[tuple[str, str]]:
        try:
            yield from offline.texts_in(self._folder)
        except (OSError, sqlite3.Error) as error:
            raise OutboxUnavailable(str(error)) from error
