"""Texts as the store keeps them: zlib, whose own checksum tells that one was damaged. One that is concerns its zone only."""

from __future__ import annotations

import sqlite3
import zlib

from directdnsonly.errors import VersionDamaged

_BEGINS = "$ORIGIN "  # as every text in our normal form does: what is empty or something else is no zone


def octets_of(body: object) -> bytes:
    """What was packed. Raises ValueError with the reason when it cannot be had any more."""
    if not isinstance(body, bytes):
        raise ValueError("it does not exist" if body is None else "it is not of octets")  # noqa: TRY004 - a damage, no bug
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(str(error)) from None


def text_of(body: object) -> str:
    """The text of a zone. Raises ValueError with the reason when it cannot be had any more."""
    text = octets_of(body).decode("ascii")  # UnicodeDecodeError is a ValueError
    if not text.startswith(_BEGINS):
        raise ValueError("it is no text of a zone")
    return text


def text_if_whole(body: object) -> str | None:
    """The text of a zone; None when it cannot be had any more."""
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
    """The error for a version that is wanted and cannot be had."""
    return VersionDamaged(name, version=version, file=file_of(connection), reason=reason)


def file_of(connection: sqlite3.Connection) -> str:
    """The file of the store."""
    return next((str(file) for _, schema, file in connection.execute("PRAGMA database_list") if schema == "main"), "")


def is_whole(connection: sqlite3.Connection, name: str, version: int) -> bool:
    """Whether the text of a version can be read."""
    row = connection.execute("SELECT body FROM version WHERE zone = ? AND version = ?", (name, version)).fetchone()
    try:
        text_of(row[0] if row else None)
    except ValueError:
        return False
    return True
