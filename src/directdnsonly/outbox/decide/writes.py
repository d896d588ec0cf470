"""What a decision has an engine write. Each is one act on the tables, without a condition of its own.

Tuples, and not frozen dataclasses: several are made for each push, at a fifth of the cost.
"""

from __future__ import annotations

from typing import NamedTuple

from directdnsonly.outbox.changes import Kind, NewPin, Origin, Owner, Priority, Receipt, Terms
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.warn import ZoneWarning


class Version(NamedTuple):
    """The version of the receipt becomes the newest, in the zone and in its history, and the receipt is kept.

    What stood against the zone is made good by it: as by EndStanding.
    `text`: as published; None for a tombstone. `wanted`: it is due on every backend from now on; else a pin holds another.
    """

    receipt: Receipt
    origin: Origin
    owner: Owner
    pushed_serial: int
    text: str | None
    wanted: bool
    records: int = 0
    digest: bytes = b""
    challenge: bytes = b""
    signed: bool = False
    redirects: str = ""
    warnings: tuple[ZoneWarning, ...] = ()


class Same(NamedTuple):
    """The newest version came once more: when, from whom, and with which serial. `kept`: with a receipt of its own.

    What stood against the zone is made good by it: as by EndStanding.
    """

    receipt: Receipt
    origin: Origin
    owner: Owner
    pushed_serial: int
    warnings: tuple[ZoneWarning, ...]
    kept: bool


class Note(NamedTuple):
    """Only the receipt is kept."""

    receipt: Receipt
    origin: Origin


class Hold(NamedTuple):
    """The push waits for approval, instead of the one that waited before."""

    push: HeldPush


class DropHeld(NamedTuple):
    """What waited for the zone is over."""

    name: ZoneName


class DropSighting(NamedTuple):
    """The zone is no longer watched."""

    name: ZoneName


class EndStanding(NamedTuple):
    """Refused and lost pushes of the zone that still stood are made good."""

    name: ZoneName


class KeepKey(NamedTuple):
    """The key of the request is kept with what it became. An engine raises KeyTaken when it counts for another one."""

    terms: Terms
    origin: Origin
    warnings: tuple[ZoneWarning, ...]


class Pin(NamedTuple):
    """The newest version is held; a zone that is pinned already only gets the new reason."""

    new: NewPin


class Unpin(NamedTuple):
    """Nothing is held any more."""

    name: ZoneName


class Want(NamedTuple):
    """A version that is recorded already becomes due on every backend."""

    name: ZoneName
    version: int
    kind: Kind
    priority: Priority
    change_id: str


class Remove(NamedTuple):
    """A delete becomes due on one backend, unless something is due there. `anew`: with a tombstone that is nobody's."""

    name: ZoneName
    backend: str
    version: int
    change_id: str
    anew: bool


Write = (
    Version | Same | Note | Hold | DropHeld | DropSighting | EndStanding | KeepKey | Pin | Unpin | Want | Remove
)  # fmt: skip


class Decision(NamedTuple):
    """What is written, in this order, and what the asker is told. `receipt` None: there is nothing to tell of."""

    receipt: Receipt | None = None
    writes: tuple[Write, ...] = ()


def keeps_key(receipt: Receipt, origin: Origin, terms: Terms) -> tuple[Write, ...]:
    """The request can be repeated without harm, unless it has not become anything yet."""
    if not terms.key or receipt.gives_way:
        return ()
    return (KeepKey(terms=terms, origin=origin, warnings=receipt.warnings),)
