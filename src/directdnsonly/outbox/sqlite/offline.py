"""Read-only access to the store for commands, whether or not a service has it open."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from directdnsonly.outbox.sqlite import bodies
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.removed import kept

_TEXTS = "SELECT w.zone, v.body FROM wanted w JOIN version v ON v.zone = w.zone AND v.version = w.version WHERE w.kind = 'put' ORDER BY w.zone"


def kept_in(folder: Path, configured: Collection[str]) -> dict[str, int]:
    """The unconfigured backends for which the store in `folder` keeps deliveries, and how many.

    None when there is no store that can be read. Nothing is changed.
    """
    try:
        with closing(_open(folder)) as connection:
            return kept(connection, configured)
    except (OSError, sqlite3.Error):
        return {}


def texts_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Each existing zone of the store in `folder` with its text, in order of name, without damaged ones.

    Raises OSError or sqlite3.Error when there is no store that can be read. Nothing is changed.
    """
    with closing(_open(folder)) as connection:
        for name, body in connection.execute(_TEXTS):
            if (text := bodies.text_if_whole(body)) is not None:
                yield name, text


def _open(folder: Path) -> sqlite3.Connection:
    file = folder / FILE_NAME
    # Without its log nobody has it open, and it can be read without making files beside it.
    alone = "" if file.with_name(f"{FILE_NAME}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=1)
