"""Triggers by which one statement writes a version, its deliveries and its receipt.

Each statement that Python gives to SQLite lets go of the interpreter's lock and takes it back, and while the event loop is
busy that is what a statement costs: four of them took twice as long as one. So what belongs to one version is one INSERT
into a view of the writer's connection, and a trigger of that view writes the tables. Both are temporary: they live as long
as the connection, so no schema has to be migrated when this file changes.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from directdnsonly.outbox.lifecycle import BEGINS, Event, moved, quoted, stands

STORM_PAUSE_S: Final = (
    0.15  # a zone pushed again while (or just after) it was delivered waits this long: 132 pushes, few reloads
)


class Keeping(StrEnum):
    """Whether what peers compare is kept, and so what of it a change of a zone writes."""

    NONE = "none"  # nothing: no zone has a bucket
    FILLING = "filling"  # bucket and mark: not every zone has them
    KEPT = "kept"  # the mark: every zone has its bucket, which never changes
    EMPTYING = "emptying"  # that it has none: some zones still have

    @property
    def is_wanted(self) -> bool:
        """Whether a zone that is written is to have its bucket and mark."""
        return self in {Keeping.FILLING, Keeping.KEPT}


_BOTH = ", bucket = {v}bucket, mark = {v}mark"
_WRITTEN: Final = {
    Keeping.NONE: "",
    Keeping.FILLING: _BOTH,
    Keeping.KEPT: ", mark = {v}mark",
    Keeping.EMPTYING: _BOTH,
}

# In each, {v} stands before a value's name: `NEW.` in a trigger, `:` in a statement of its own. {c}: see Keeping.
# The version is the one before plus one: the transaction that read it is the one that writes (BEGIN IMMEDIATE).
_UPSERT_ZONE = """
INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,
                  username, source, change_id, pushed_at, changed_at, warnings, redirects, stated, bucket, mark)
VALUES ({v}zone, {v}version, {v}kind, {v}serial, {v}pushed_serial, {v}records, {v}digest, {v}challenge, {v}signed,
        {v}credential, {v}hostname, {v}username, {v}source, {v}change_id, {v}now, {v}now, {v}warnings, {v}redirects,
        {v}stated, {v}bucket, {v}mark)
    ON CONFLICT (zone) DO UPDATE SET
       version = excluded.version, kind = excluded.kind, serial = excluded.serial, pushed_serial = excluded.pushed_serial,
       records = excluded.records, digest = excluded.digest, challenge = excluded.challenge, signed = excluded.signed,
       credential = excluded.credential, hostname = excluded.hostname, username = excluded.username,
       source = excluded.source, change_id = excluded.change_id, pushed_at = excluded.pushed_at,
       changed_at = excluded.changed_at, warnings = excluded.warnings, redirects = excluded.redirects,
       stated = excluded.stated{c}"""

_INSERT_VERSION = """
INSERT INTO version (zone, version, kind, serial, pushed_serial, records, digest, credential, hostname, username, address,
                     source, change_id, at, body, warnings, stated)
VALUES ({v}zone, {v}version, {v}kind, {v}serial, {v}pushed_serial, {v}records, {v}digest, {v}pusher_credential,
        {v}pusher_hostname, {v}pusher_username, {v}address, {v}source, {v}change_id, {v}now, {v}body, {v}warnings, {v}stated)"""

# A pinned one may be older than all the rest.
_FORGET_OLD = """
DELETE FROM version
 WHERE zone = {v}zone AND version <= {v}version - {v}keep
   AND NOT EXISTS (SELECT 1 FROM pin p WHERE p.zone = {v}zone AND p.version = version.version)"""

# The pause is bounded from now: `applied_at` lies in the future when the clock was set back while we were down.
# A row under lease keeps its lease: the running attempt ends first, then the newer version is due (see deliveries).
_WANT = f"""
INSERT INTO delivery (backend, zone, want_version, want_kind, state, priority, due_at, wanted_at, change_id)
SELECT value, {{v}}zone, {{v}}version, {{v}}kind, {quoted(BEGINS)}, {{v}}priority, {{v}}now, {{v}}now, {{v}}change_id
  FROM json_each({{v}}backends) WHERE true
    ON CONFLICT (backend, zone) DO UPDATE SET
       want_version = excluded.want_version, want_kind = excluded.want_kind,
       priority = CASE WHEN due_at IS NULL THEN excluded.priority ELSE MIN(priority, excluded.priority) END,
       state = {moved(Event.WANT)},
       due_at = CASE WHEN {stands(Event.SUPERSEDE)} THEN due_at
                     ELSE MIN(MAX(excluded.due_at, COALESCE(applied_at, 0) + {STORM_PAUSE_S}),
                              excluded.due_at + {STORM_PAUSE_S}) END,
       attempts = 0, wanted_at = excluded.wanted_at, change_id = excluded.change_id, reason = ''"""

_INSERT_CHANGE = """
INSERT INTO change (id, zone, version, kind, changed, serial, priority, ignored, address, at)
VALUES ({v}change_id, {v}zone, {v}version, {v}kind, {v}changed, {v}serial, {v}priority, {v}ignored, {v}address, {v}now)"""

# On one backend, unless something is due there: what that will be is known, and is done.
REMOVE: Final = f"""
INSERT INTO delivery (backend, zone, want_version, want_kind, state, priority, due_at, wanted_at, change_id)
VALUES (:backend, :zone, :version, 'delete', {quoted(BEGINS)}, :priority, :now, :now, :change_id)
    ON CONFLICT (backend, zone) DO UPDATE SET
       want_version = excluded.want_version, want_kind = excluded.want_kind, state = {moved(Event.DRIFT)},
       priority = excluded.priority, due_at = excluded.due_at, attempts = 0, wanted_at = excluded.wanted_at,
       reason = 'not ours'
 WHERE {stands(Event.DRIFT)}"""
TOMBSTONE: Final = """
INSERT INTO zone (zone, version, kind, serial, pushed_serial, records, digest, challenge, signed, credential, hostname,
                  username, source, change_id, pushed_at, changed_at, bucket)
VALUES (:zone, :version, 'delete', 0, 0, 0, x'', x'', 0, '', '', '', :source, :change_id, :now, :now, :bucket)"""

_TOUCH = """
UPDATE zone SET pushed_at = {v}now, pushed_serial = {v}pushed_serial, credential = {v}credential,
       hostname = {v}hostname, username = {v}username, source = {v}source, warnings = {v}warnings,
       stated = {v}stated{c}
 WHERE zone = {v}zone"""

_RENAME = "UPDATE zone SET change_id = {v}change_id WHERE zone = {v}zone"

# Refused and lost pushes that still stood are made good by what was accepted.
_END_STANDING: Final = (
    "DELETE FROM standing_refusal WHERE zone = {v}zone",
    "DELETE FROM lost_push WHERE zone = {v}zone",
)

_STEPS: Final = {
    "recorded": (_UPSERT_ZONE, _INSERT_VERSION, _FORGET_OLD, _WANT, _INSERT_CHANGE, *_END_STANDING),
    "repeated": (_TOUCH, _RENAME, _INSERT_CHANGE, *_END_STANDING),
    "touched": (_TOUCH, *_END_STANDING),
    "standing_ended": _END_STANDING,
}
# The columns of each view: what its steps name.
_NAMES: Final = {view: sorted(set(re.findall(r"{v}(\w+)", " ".join(steps)))) for view, steps in _STEPS.items()}
for _view in ("repeated", "touched"):
    _NAMES[_view] = sorted({*_NAMES[_view], "bucket", "mark"})


def _inserting(view: str) -> str:
    names = _NAMES[view]
    return f"INSERT INTO {view} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


RECORD: Final = _inserting("recorded")
REPEAT: Final = _inserting("repeated")
TOUCH: Final = _inserting("touched")
END_STANDING: Final = _inserting("standing_ended")
WANT: Final = _WANT.format(v=":")
CHANGE: Final = _INSERT_CHANGE.format(v=":")


def prepare(connection: sqlite3.Connection, keeping: Keeping = Keeping.NONE) -> None:
    """Create the views and triggers on the writing connection, once, after the migrations."""
    for view, steps in _STEPS.items():
        make_view(connection, view, _NAMES[view], _with(keeping, steps))


def follow(connection: sqlite3.Connection, keeping: Keeping) -> None:
    """Create them anew, within the transaction that changes what is kept."""
    for view in _STEPS:
        connection.execute(f"DROP VIEW {view}")  # its trigger goes with it
    prepare(connection, keeping)


def _with(keeping: Keeping, steps: Sequence[str]) -> list[str]:
    return [step.replace("{c}", _WRITTEN[keeping]) for step in steps]


def make_view(connection: sqlite3.Connection, view: str, names: Sequence[str], steps: Sequence[str]) -> None:
    """A temporary view with these columns; inserting a row into it runs the steps, in which `{v}` prefixes its values."""
    columns = ", ".join(f"NULL AS {name}" for name in names)
    body = ";".join(step.format(v="NEW.") for step in steps)
    connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns}")
    connection.execute(f"CREATE TEMP TRIGGER write_{view} INSTEAD OF INSERT ON {view} BEGIN {body}; END")


def statements() -> list[str]:
    """The statements inside the triggers, one by one, so that tests can check their query plans."""
    return [step.format(v=":") for keeping in Keeping for steps in _STEPS.values() for step in _with(keeping, steps)]


@lru_cache(64)
def names_of(backends: tuple[str, ...]) -> str:
    """The backends' names in the form that `_WANT` reads."""
    return json.dumps(backends)
