"""SQL of the buckets that peers compare: filled when the first peer comes, emptied when the last one goes, in small steps.

Whatever is written meanwhile is right: a step walks on by name, and behind it the commit itself keeps what it did.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.sqlite import ids, triggers
from directdnsonly.outbox.sqlite.triggers import Keeping

STEP: Final = 500  # zones at once: pushes wait for a step

STATE: Final = "SELECT state, after FROM buckets"
WALK: Final = (
    "SELECT zone, stated, kind, digest, serial, credential, hostname, username, change_id, bucket FROM zone"
    " WHERE zone > ? ORDER BY zone LIMIT ?"
)
_FILL = "UPDATE zone SET stated = ?, bucket = ?, mark = ? WHERE zone = ?"
_EMPTY = "UPDATE zone SET bucket = NULL, mark = 0 WHERE zone = ?"


def keeping(connection: sqlite3.Connection) -> Keeping:
    """How it stands with them."""
    return Keeping(connection.execute(STATE).fetchone()[0])


def prepare(connection: sqlite3.Connection) -> None:
    """Have the writing connection write as it stands, once, after the migrations."""
    triggers.prepare(connection, keeping(connection))


def choose(connection: sqlite3.Connection, *, wanted: bool) -> None:
    """From this transaction on they are wanted, or not; `step` does the rest. Nothing is done where that was so before."""
    done = {Keeping.FILLING, Keeping.KEPT} if wanted else {Keeping.EMPTYING, Keeping.NONE}
    if keeping(connection) not in done:
        _become(connection, Keeping.FILLING if wanted else Keeping.EMPTYING)


def step(connection: sqlite3.Connection, *, compares: bool) -> int:
    """Fill or empty on, some zones; how many, 0: nothing is left to do. `compares`: see Setting; as long as it is behind, nothing is done."""
    state, after = connection.execute(STATE).fetchone()
    now = Keeping(state)
    if now in {Keeping.NONE, Keeping.KEPT} or now.is_wanted is not compares:
        return 0
    rows = connection.execute(WALK, (after, STEP)).fetchall()
    for name, *stated, bucket in rows:
        if now is Keeping.EMPTYING and bucket is not None:
            connection.execute(_EMPTY, (name,))
        elif now is Keeping.FILLING and bucket is None:
            _fill(connection, name, *stated)
    if len(rows) < STEP:
        _become(connection, Keeping.KEPT if now is Keeping.FILLING else Keeping.NONE)
    else:
        connection.execute("UPDATE buckets SET after = ?", (rows[-1][0],))
    return len(rows)


def _become(connection: sqlite3.Connection, new: Keeping) -> None:
    connection.execute("UPDATE buckets SET state = ?, after = ''", (new.value,))
    triggers.follow(connection, new)


def _fill(
    connection: sqlite3.Connection,
    name: str,
    known: bytes,
    kind: str,
    digest: bytes,
    serial: int,
    credential: str,
    hostname: str,
    username: str,
    change_id: str,
) -> None:
    owner = Owner(credential=credential, hostname=hostname, username=username)
    stated = ids.of_row(known, kind, digest, serial, owner, change_id)
    is_somebodys = kind == Kind.PUT or bool(owner.server)
    mark = identity.mark(name, stated) if is_somebodys else 0
    connection.execute(_FILL, (stated, identity.bucket(name), mark, name))
