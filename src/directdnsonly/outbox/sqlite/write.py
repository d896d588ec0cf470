"""SQL that carries out decisions, one function for each kind of write; the rules are in `outbox.decide`."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from directdnsonly.outbox import identity
from directdnsonly.outbox.changes import Owner, Priority, Source
from directdnsonly.outbox.decide.writes import (
    Decide,
    DropHeld,
    DropSighting,
    EndStanding,
    Hold,
    HoldBeside,
    Inherit,
    Keep,
    KeepKey,
    Note,
    Pin,
    Remove,
    Same,
    Unpin,
    Version,
    Want,
    Write,
)
from directdnsonly.outbox.sqlite import decisions, held, ids, pin, reconcile, terms, told
from directdnsonly.outbox.sqlite.triggers import (
    CHANGE,
    END_STANDING,
    RECORD,
    REMOVE,
    REPEAT,
    TOMBSTONE,
    TOUCH,
    WANT,
    names_of,
)

COMPRESSION_LEVEL = 6  # 21 us and a half of the size for a usual zone


class Setting(NamedTuple):
    """The values that every write needs. `now`: epoch seconds; `keep`: how many versions of each zone's history.

    `compares`: what peers compare is wanted (see Keeping). It may be a moment behind the store, but not behind its steps.
    """

    now: float
    backends: Sequence[str]
    keep: int
    compares: bool = False


def write(connection: sqlite3.Connection, writes: Sequence[Write], setting: Setting) -> int:
    """Carry out the writes in order; returns how many rows the last one changed. Raises KeyTaken."""
    changed = 0
    for one in writes:
        changed = _WRITE[type(one)](connection, one, setting)
    return changed


def _version(connection: sqlite3.Connection, one: Version, setting: Setting) -> int:
    origin = one.origin
    values = {
        "pushed_serial": one.pushed_serial,
        "records": one.records,
        "digest": one.digest,
        "challenge": one.challenge,
        "signed": int(one.signed),
        "source": str(origin.source),
        "warnings": told.of_warnings(one.warnings),
        "redirects": one.redirects,
        "body": None if one.text is None else zlib.compress(one.text.encode("ascii"), COMPRESSION_LEVEL),
        **_compared(one, setting),
        "keep": setting.keep,
        "backends": names_of(tuple(setting.backends) if one.wanted else ()),
        "pusher_credential": origin.owner.credential,
        "pusher_hostname": origin.owner.hostname,
        "pusher_username": origin.owner.username,
    }
    if one.at is not None:
        setting = setting._replace(now=one.at)
    return connection.execute(RECORD, _of_change(one, setting) | _of_owner(one.owner) | values).rowcount


def _same(connection: sqlite3.Connection, one: Same, setting: Setting) -> int:
    values = _of_owner(one.owner) | {
        "pushed_serial": one.pushed_serial,
        "source": str(one.origin.source),
        "warnings": told.of_warnings(one.warnings),
        **_compared(one, setting),
    }
    if one.kept:
        return connection.execute(REPEAT, _of_change(one, setting) | values).rowcount
    return connection.execute(TOUCH, values | {"zone": str(one.receipt.name), "now": setting.now}).rowcount


def _note(connection: sqlite3.Connection, one: Note, setting: Setting) -> int:
    return connection.execute(CHANGE, _of_change(one, setting)).rowcount


def _hold(connection: sqlite3.Connection, one: Hold, _: Setting) -> int:
    return held.record(connection, one.push)


def _drop_held(connection: sqlite3.Connection, one: DropHeld, _: Setting) -> int:
    return held.drop(connection, one.name, void=one.void)


def _hold_beside(connection: sqlite3.Connection, one: HoldBeside, _: Setting) -> int:
    return held.beside(connection, one.name, one.version)


def _drop_sighting(connection: sqlite3.Connection, one: DropSighting, _: Setting) -> int:
    return reconcile.drop(connection, one.name)


def _end_standing(connection: sqlite3.Connection, one: EndStanding, _: Setting) -> int:
    return connection.execute(END_STANDING, {"zone": str(one.name)}).rowcount


def _keep_key(connection: sqlite3.Connection, one: KeepKey, setting: Setting) -> int:
    return terms.keep_key(connection, one.terms, one.origin, one.warnings, now=setting.now)


def _pin(connection: sqlite3.Connection, one: Pin, setting: Setting) -> int:
    return pin.pin(connection, one.new, setting.now)


def _unpin(connection: sqlite3.Connection, one: Unpin, _: Setting) -> int:
    return pin.unpin(connection, one.name)


def _want(connection: sqlite3.Connection, one: Want, setting: Setting) -> int:
    values = {
        "zone": one.name,
        "version": one.version,
        "kind": str(one.kind),
        "backends": names_of(tuple(setting.backends)),
        "priority": int(one.priority),
        "change_id": one.change_id,
        "now": setting.now,
    }
    return connection.execute(WANT, values).rowcount


def _remove(connection: sqlite3.Connection, one: Remove, setting: Setting) -> int:
    values = {
        "zone": one.name,
        "version": one.version,
        "source": str(Source.RECONCILE),
        "change_id": one.change_id,
        "now": setting.now,
        "backend": one.backend,
        "priority": int(Priority.BULK),
        "bucket": identity.bucket(one.name) if setting.compares else None,
    }
    if one.anew:
        connection.execute(TOMBSTONE, values)
    return connection.execute(REMOVE, values).rowcount


def _inherit(connection: sqlite3.Connection, one: Inherit, _: Setting) -> int:
    return ids.inherit(connection, one.name, one.past)


def _keep(connection: sqlite3.Connection, one: Keep, setting: Setting) -> int:
    if one.kept:
        return int(reconcile.keep(connection, one.name, setting.now))
    return reconcile.unkeep(connection, one.name)


def _decide(connection: sqlite3.Connection, one: Decide, _: Setting) -> int:
    return decisions.put(connection, one.name, one.decided)


_WRITE: Final[Mapping[type[Write], Callable[[sqlite3.Connection, Any, Setting], int]]] = {
    Version: _version,
    Same: _same,
    Note: _note,
    Hold: _hold,
    DropHeld: _drop_held,
    HoldBeside: _hold_beside,
    DropSighting: _drop_sighting,
    EndStanding: _end_standing,
    KeepKey: _keep_key,
    Pin: _pin,
    Unpin: _unpin,
    Want: _want,
    Remove: _remove,
    Inherit: _inherit,
    Keep: _keep,
    Decide: _decide,
}


def _of_change(one: Version | Same | Note, setting: Setting) -> dict[str, Any]:
    receipt = one.receipt
    return {
        "change_id": receipt.change_id,
        "zone": str(receipt.name),
        "version": receipt.version,
        "kind": str(receipt.kind),
        "changed": int(receipt.changed),
        "serial": receipt.serial,
        "priority": int(receipt.priority),
        "ignored": receipt.ignored,
        "address": one.origin.address,
        "now": setting.now,
    }


def _compared(one: Version | Same, setting: Setting) -> dict[str, Any]:
    if not setting.compares:
        return {"stated": one.stated, "bucket": None, "mark": 0}
    name = str(one.receipt.name)
    return {"stated": one.stated, "bucket": identity.bucket(name), "mark": identity.mark(name, one.stated)}


def _of_owner(owner: Owner) -> dict[str, Any]:
    return {"credential": owner.credential, "hostname": owner.hostname, "username": owner.username}
