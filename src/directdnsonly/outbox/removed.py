"""Backends that are no longer configured, as a command sees them that needs no service."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from directdnsonly.outbox._connection import FILE_NAME
from directdnsonly.outbox._removed import kept


def kept_in(folder: Path, configured: Collection[str]) -> dict[str, int]:
    """Those that the store in `folder` keeps deliveries for, and how many; none when there is no store that can be read.

    Nothing is changed.
    """
    file = folder / FILE_NAME
    # Without its log nobody has it open, and it can be read without making files beside it.
    alone = "" if file.with_name(f"{FILE_NAME}-wal").exists() else "&immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=1)) as connection:
            return kept(connection, configured)
    except (OSError, sqlite3.Error):
        return {}
