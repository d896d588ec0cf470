"""Changes a zone in one transaction: look, decide, write. Whoever retries the transaction repeats all three."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.decide import Command, decide, needs
from directdnsonly.outbox.decide.look import Need
from directdnsonly.outbox.sqlite.look import look, look_for
from directdnsonly.outbox.sqlite.write import Setting, write


class Changed(NamedTuple):
    """The receipt, and whether anything was written; `rows`: how many rows the last write changed."""

    receipt: Receipt | None
    written: bool
    rows: int


def change(connection: sqlite3.Connection, command: Command, setting: Setting) -> Changed:
    """Look, decide and write. Raises what `decide` and the store's own checks raise; then nothing is written."""
    known = look(connection, command)
    for need in needs(command, known):
        known = look_for(connection, command, known, need, now=setting.now)
    done = decide(command, known, now=setting.now)
    while isinstance(done, Need):
        known = look_for(connection, command, known, done, now=setting.now)
        done = decide(command, known, now=setting.now)
    rows = write(connection, done.writes, setting)
    return Changed(done.receipt, bool(done.writes), rows)


def record(connection: sqlite3.Connection, command: Command, setting: Setting) -> Receipt:
    """As `change`, for a push or delete, which always has a receipt."""
    receipt = change(connection, command, setting).receipt
    assert receipt is not None
    return receipt
