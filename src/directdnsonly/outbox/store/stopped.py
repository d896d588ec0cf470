"""For commands that need no service, or must not have one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from directdnsonly.outbox.kept import (
    Copied,
)


class StoppedStore(Protocol):
    """A store that need not be open: for commands beside the service, or instead of it. Everything blocks."""

    def begin(self) -> None:
        """Begin to look whether it is whole, in a thread, while the rest of the program is loaded; opening waits for it."""
        ...

    def copy_to(self, target: Path) -> Copied:
        """Write the store as it is now to one new file, also while the service runs. Raises BackupFailed."""
        ...

    def restore_from(self, source: Path, *, replace: bool) -> tuple[Copied, Path | None]:
        """Put a copy in its place; also where the former store was put aside, if there was one. Raises BackupFailed."""
        ...

    def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        """As Operators.removed_backends; nothing when there is no store that can be read. Changes nothing."""
        ...

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each living zone with its text, by name; left out are those whose text is damaged. Changes nothing.

        Raises OutboxUnavailable when there is no store that can be read.
        """
        ...
