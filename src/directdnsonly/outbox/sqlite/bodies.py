"""Zone texts as the store keeps them: zlib-compressed, so that its checksum shows damage to a single text."""

from __future__ import annotations

import sqlite3
import zlib

from directdnsonly.errors import VersionDamaged

_BEGINS = "$ORIGIN "  # as every text in our normal form does: what is empty or something else is no zone


def octets_of(body: object) -> bytes:
    """The uncompressed octets. Raises ValueError with the reason if they are damaged."""
    if not isinstance(body, bytes):
        raise ValueError("it does not exist" if body is None else "it is not of octets")  # noqa: TRY004 - a damage, no bug
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def text_of(body: object) -> str:
    """The text of a zone. Raises ValueError with the reason if it is damaged."""
    text = octets_of(body).decode("ascii")  # UnicodeDecodeError is a ValueError
    if not text.startswith(_BEGINS):
        raise ValueError("it is no text of a zone")
    return text


def text_if_whole(body: object) -> str | None:
    """The text of a zone; None if it is damaged."""
    try:
        return text_of(body)
    except ValueError:
        return None


def read(connection: sqlite3.Connection, name: str, version: int, body: object) -> str:
    """The text of a version. Raises VersionDamaged, which tells the operator what to do."""
    try:
        return text_of(body)
    except ValueError as error:
        raise damaged(connection, name, version, str(error)) from None


def damaged(connection: sqlite3.Connection, name: str, version: int, reason: str) -> VersionDamaged:
    """The error for a version whose text is damaged."""
    return VersionDamaged(name, version=version, file=file_of(connection), reason=reason)


def file_of(connection: sqlite3.Connection) -> str:
    """The path of the store's file."""
    return next((str(file) for _, schema, file in connection.execute("PRAGMA database_list") if schema == "main"), "")


def is_whole(connection: sqlite3.Connection, name: str, version: int) -> bool:
    """Whether the text of a version can be read."""
    row = connection.execute("SELECT body FROM version WHERE zone = ? AND version = ?", (name, version)).fetchone()
    try:
        text_of(row[0] if row else None)
    except ValueError:
        return False
    return True
