"""Classifies errors of a MySQL server; the only module that knows its codes.

Codes by number, since PyMySQL's exception classes say something else (1205 and 2013 are both OperationalError).
"""

from __future__ import annotations

import os
import re
import ssl
import struct
from collections.abc import Sequence
from typing import Any

import pymysql.err

from directdnsonly.errors import BackendError, BackendRefused, BackendUnavailable

# Another transaction was in the way: roll back, and do the whole transaction again.
CONFLICT = frozenset(
    {
        1020,  # record has changed since last read
        1062,  # duplicate key: somebody inserted the same row meanwhile; the repetition finds it
        1205,  # lock wait timeout (rolls back the statement only: we roll back ourselves)
        1213,  # deadlock; on Galera a certification failure, also at COMMIT
        3101,  # Group Replication rolled it back
        8002, 8005, 8022, 8028, 9007,  # TiDB: write conflict, schema changed meanwhile
    }
)  # fmt: skip
# The values do not fit the table: no repetition helps, this zone's record must be named.
DATA = frozenset(
    {
        1048,  # column cannot be null
        1105,  # Galera: maximum write-set size exceeded
        1118,  # row size too large
        1153,  # packet larger than max_allowed_packet
        1264,  # out of range
        1265, 1292,  # data truncated, incorrect value
        1366,  # incorrect string value
        1406,  # data too long
        4025,  # CHECK constraint failed
    }
)  # fmt: skip
LOST = frozenset({0, 1053, 1927, 2006, 2013, 2014, 2055})  # this connection is gone; another one may do
NOT_TAKEN = frozenset(
    {1064, 1235, 8130}
)  # what stands behind a semicolon: no syntax, not supported, switched off (TiDB)
# Everything else concerns the server, the account or the tables: nothing can be delivered until that is repaired.
HINTS = {
    1044: "grant the account its rights on the database",
    1045: "check username and password, and whether the server wants TLS (ssl: true)",
    1047: "the Galera node is not ready",
    1049: "create the database",
    1054: "the tables are of another version of the schema",
    1142: "grant the account SELECT, INSERT, UPDATE and DELETE",
    1146: "create the tables (create_schema: true does it where the account may)",
    1290: "this member is read-only",
    1836: "this member is read-only",
    3159: "the server wants TLS: set ssl: true",
}
TOLD = 300  # characters of the server's own words
FAILURES = (pymysql.err.MySQLError, OSError, TimeoutError)  # of a statement
# What aiomysql raises while it logs in at something that is no MySQL server.
NO_PROTOCOL = (AssertionError, AttributeError, EOFError, IndexError, KeyError, RuntimeError, ValueError, struct.error)
CONNECT_FAILURES = (*FAILURES, *NO_PROTOCOL)

_AT_ROW = re.compile(r"(?:for column|column) [`'\"]?(?P<column>[^\s]+?)[`'\"]? at row (?P<row>\d+)")


class ConnectionLost(BackendUnavailable):
    """The connection broke: what was under way may or may not have been committed."""


class TransactionLost(BackendError):
    """Other transactions interfered every time: a failure of these zones only, worth a later attempt."""


class DataRefused(BackendRefused):
    """A value does not fit its column. `row` is the one of `Session.insert` at fault, None when it cannot be told."""

    def __init__(self, reason: str, *, backend: str, column: str = "", row: Sequence[Any] | None = None) -> None:
        self.column = column
        self.row = row
        super().__init__(reason, backend=backend)


class HeldByOperator(DataRefused):
    """The database has a zone of this name that we did not create."""


def code_of(error: BaseException | None) -> int:
    """The MySQL error code; 0 when there is none."""
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(error, pymysql.err.MySQLError) and isinstance(first, int) else 0


def classified(
    error: BaseException, *, backend: str, place: str, rows: Sequence[Sequence[Any]] = (), limit_s: float = 0
) -> BackendError:
    """Our error for one of `CONNECT_FAILURES`. Never holds a password: the server's words are all that is repeated."""
    if isinstance(error, TimeoutError) and not isinstance(error, pymysql.err.MySQLError):
        return ConnectionLost(f"{place}: no answer in {limit_s:g} s", backend=backend)
    code = code_of(error)
    text = str(error.args[1])[:TOLD] if code and len(error.args) > 1 else str(error)[:TOLD]
    if code in CONFLICT:
        return TransactionLost(f"{text} ({code})", backend=backend)
    if code in DATA:
        return _data_refused(text, code, backend, rows)
    if isinstance(error, NO_PROTOCOL) and not code:
        return ConnectionLost(f"{place} does not speak as a MySQL server does", backend=backend)
    if code in LOST:
        return ConnectionLost(f"{place}: {text or 'the connection broke'}", backend=backend)
    hint = f": {HINTS[code]}" if code in HINTS else ""
    return BackendUnavailable(f"{place}: {_cause(error) or text} ({code}){hint}", backend=backend)


_SELF_SIGNED = (18, 19)  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ..._IN_CHAIN
_OWN_CERTIFICATE = (
    " (MariaDB makes one of its own from 11.4 on: name the server's in ssl_ca, or give it one that is signed)"
)


def _data_refused(text: str, code: int, backend: str, rows: Sequence[Sequence[Any]]) -> DataRefused:
    found = _AT_ROW.search(text)
    number = int(found["row"]) - 1 if found else 0
    told = text[: found.start()].rstrip() if found else text
    column = found["column"].rsplit(".", 1)[-1].strip("`'\"") if found else ""
    row = rows[number] if (found or len(rows) == 1) and number < len(rows) else None
    reason = f"{told} (column {column}, {code})" if column else f"{told} ({code})"
    return DataRefused(reason, backend=backend, column=column, row=row)


def _cause(error: BaseException) -> str:
    """Why there is no connection: the driver says only that there is none."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        told = f"TLS: the certificate is not accepted: {cause.verify_message}"
        return told + (_OWN_CERTIFICATE if cause.verify_code in _SELF_SIGNED else "")
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {cause.reason or cause}"
    if isinstance(cause, OSError):
        number = (
            cause.errno or 0
        )  # negative: of the resolver. asyncio's own words are "Connect call failed", whatever it was
        return f"cannot connect: {os.strerror(number) if number > 0 else cause.strerror or cause}"
    return ""
