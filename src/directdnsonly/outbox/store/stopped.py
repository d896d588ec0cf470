"""`StoppedStore`: the store as commands use it without the service."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from directdnsonly.outbox.kept import (
    Copied,
)


class StoppedStore(Protocol):
    """The store for commands that run beside the service, or instead of it. All methods block."""

    def begin(self) -> None:
        """Begin the integrity check in a thread, while the rest of the program loads; opening the store waits for it."""
        ...

    def copy_to(self, target: Path) -> Copied:
        """Back up the store to one new file, even while the service runs. Raises BackupFailed."""
        ...

    def restore_from(self, source: Path, *, replace: bool) -> tuple[Copied, Path | None]:
        """Restore a backup; returns where the former store was set aside as well, if there was one. Raises BackupFailed."""
        ...

    def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        """As Operators.removed_backends; empty if there is no readable store. Changes nothing."""
        ...

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each existing zone with its text, in order of name, without damaged ones. Changes nothing.

        Raises OutboxUnavailable if there is no readable store.
        """
        ...
