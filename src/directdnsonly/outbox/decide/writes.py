"""The writes that a decision requests from an engine; each is one unconditional act on the tables.

Tuples, and not frozen dataclasses: several are made for each push, at a fifth of the cost.
"""

from __future__ import annotations

from typing import NamedTuple

from directdnsonly.outbox.changes import Kind, NewPin, Origin, Owner, Priority, Receipt, Terms
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.peering import Decided
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning


class Version(NamedTuple):
    """Make the receipt's version the newest, in the zone and its history, and keep the receipt.

    What stood against the zone is made good by it: as by EndStanding.
    `text`: as published; None for a tombstone. `wanted`: it is due on every backend from now on; else a pin holds another.
    `stated`: its version id (see identity). `at`: when it was made, epoch seconds; None: now.
    """

    receipt: Receipt
    origin: Origin
    owner: Owner
    pushed_serial: int
    text: str | None
    wanted: bool
    stated: bytes
    records: int = 0
    digest: bytes = b""
    challenge: bytes = b""
    signed: bool = False
    redirects: str = ""
    warnings: tuple[ZoneWarning, ...] = ()
    at: float | None = None


class Same(NamedTuple):
    """Note that the newest version came again: when, from whom, and with which serial. `kept`: with its own receipt.

    What stood against the zone is made good by it: as by EndStanding.
    """

    receipt: Receipt
    origin: Origin
    owner: Owner
    pushed_serial: int
    warnings: tuple[ZoneWarning, ...]
    kept: bool
    stated: bytes


class Note(NamedTuple):
    """Keep the receipt and nothing else."""

    receipt: Receipt
    origin: Origin


class Hold(NamedTuple):
    """Hold the push for approval, replacing the one held before."""

    push: HeldPush


class DropHeld(NamedTuple):
    """Drop the zone's held push. `void`: it means nothing here any more, which says nothing about it elsewhere."""

    name: ZoneName
    void: bool = False


class HoldBeside(NamedTuple):
    """The zone's held push waits beside this version from now on."""

    name: ZoneName
    version: int


class DropSighting(NamedTuple):
    """Watch the zone no longer as a possible orphan, nor as one that is kept all the same."""

    name: ZoneName


class EndStanding(NamedTuple):
    """Mark the zone's refused and lost pushes as superseded by a success."""

    name: ZoneName


class KeepKey(NamedTuple):
    """Keep the idempotency key with its outcome. An engine raises KeyTaken if the key belongs to another change."""

    terms: Terms
    origin: Origin
    warnings: tuple[ZoneWarning, ...]


class Pin(NamedTuple):
    """Pin the newest version; a zone that is already pinned only gets the new reason."""

    new: NewPin


class Unpin(NamedTuple):
    """Remove the pin."""

    name: ZoneName


class Want(NamedTuple):
    """Make a recorded version due on every backend."""

    name: ZoneName
    version: int
    kind: Kind
    priority: Priority
    change_id: str


class Remove(NamedTuple):
    """Make a delete due on one backend, unless something is due there. `anew`: with a new tombstone without an owner."""

    name: ZoneName
    backend: str
    version: int
    change_id: str
    anew: bool


class Inherit(NamedTuple):
    """Ids that the zone has had elsewhere count as its own past from now on (see identity)."""

    name: ZoneName
    past: tuple[bytes, ...]


class Keep(NamedTuple):
    """Keep the zone although its server does not list it. `kept` False: no longer."""

    name: ZoneName
    kept: bool


class Decide(NamedTuple):
    """What is decided about the zone in one matter is known by this id from now on, with these before it."""

    name: ZoneName
    decided: Decided


Write = (
    Version | Same | Note | Hold | DropHeld | HoldBeside | DropSighting | EndStanding | KeepKey | Pin | Unpin | Want | Remove | Inherit
    | Keep | Decide
)  # fmt: skip


class Decision(NamedTuple):
    """The writes, in order, and the receipt for the requester; None if there is none."""

    receipt: Receipt | None = None
    writes: tuple[Write, ...] = ()


def keeps_key(receipt: Receipt, origin: Origin, terms: Terms) -> tuple[Write, ...]:
    """The write that keeps the request's idempotency key, if it has one; none if the delete gives way."""
    if not terms.key or receipt.gives_way:
        return ()
    return (KeepKey(terms=terms, origin=origin, warnings=receipt.warnings),)
