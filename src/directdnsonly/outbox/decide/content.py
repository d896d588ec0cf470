"""Whether a push brings new content compared with the newest version, and which serial is published."""

from __future__ import annotations

from typing import NamedTuple

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox.changes import Kind, NewVersion, Owner, Priority, Source
from directdnsonly.outbox.identity import NOTHING
from directdnsonly.zone.model import Zone
from directdnsonly.zone.serial import is_newer, publish


class Current(NamedTuple):
    """The facts about a zone's newest version (or tombstone) that the decision needs."""

    version: int
    kind: Kind
    serial: int  # as published
    pushed_serial: int
    digest: bytes
    challenge: bytes
    owner: Owner
    pushed_at: float = 0.0  # epoch seconds of the last accepted push
    stated: bytes = NOTHING  # its version id (see identity)


class PutDecision(NamedTuple):
    """The decision on a push's content. `changed` False: it is acknowledged, with nothing to deliver. `serial`: the one to publish."""

    changed: bool
    serial: int
    priority: Priority


def decide_put(current: Current | None, push: NewVersion) -> PutDecision:
    """Whether a push is a new version or the same again, and the serial to publish.

    Raises ZonePolicyError when a signed zone shall be rolled back: its old serial lies behind what was published, and
    only its signer may write another one.
    """
    zone = push.zone
    living = current if current is not None and current.kind is Kind.PUT else None
    same_content = living is not None and living.digest == zone.digest
    serial = publish(zone.serial, current.serial if current else None, same_content=same_content, signed=zone.signed)
    if current is not None and not same_content and push.origin.source is Source.ROLLBACK:
        _require_forward(zone, serial, current)
    before = living.challenge if living else b""
    return PutDecision(
        changed=not (same_content and living is not None and serial == living.serial),
        serial=serial,
        priority=Priority.URGENT if zone.challenge != before else push.priority,
    )


def _require_forward(zone: Zone, serial: int, current: Current) -> None:
    if zone.signed and not is_newer(serial, current.serial):
        raise ZonePolicyError(
            f"the zone is signed: its serial {serial} lies behind the published {current.serial}, and rewriting it would"
            " break the signatures; sign the old content again and push it",
            rule="signed-rollback",
        )
