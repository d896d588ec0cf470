"""The integrity check of the store before each start, begun as early as possible.

A row that is missing from an index is a zone that was acknowledged and never comes to a name server. Nothing is mended:
SQLite could make the indexes anew from their tables, but which of the two is right nobody knows. Texts of zones are not
looked at: a damaged one is that zone's trouble only. 0.5 s at 100,000 zones, without the interpreter's lock; so `begin`
does it while the rest of the program is still being loaded.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.sqlite.bodies import file_of
from directdnsonly.outbox.sqlite.connection import CURE, FILE_NAME

_WHOLE = "ok"
_begun: dict[Path, Future[str | None]] = {}


def begin(folder: Path) -> None:
    """Begin to check the store in this folder, in a thread; `require_whole` waits for it."""
    path = (folder / FILE_NAME).resolve()  # as SQLite tells it
    if path.is_file():
        _begun[path] = Future()
        threading.Thread(target=_look_early, args=(path, _begun[path]), name="store-check", daemon=True).start()


def _look_early(path: Path, told: Future[str | None]) -> None:
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            told.set_result(_look(connection))
        finally:
            connection.close()
    except sqlite3.Error:
        told.set_result(None)  # it is looked at once more, and opened for real: then the reason is told


def require_whole(connection: sqlite3.Connection) -> None:
    """Raises OutboxUnavailable unless every page, row and index entry is intact. Blocks."""
    file = file_of(connection)
    early = _begun.pop(Path(file), None)
    verdict = (early.result() if early is not None else None) or _look(connection)
    if verdict != _WHOLE:
        raise OutboxUnavailable(f"{verdict}: the store {file} is damaged: {CURE}")


def _look(connection: sqlite3.Connection) -> str:
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return str(verdict)
