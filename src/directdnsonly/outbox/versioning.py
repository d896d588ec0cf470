"""What a push or a delete means, given the newest version we hold. Pure: the store calls it inside its transaction."""

from __future__ import annotations

from dataclasses import dataclass

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox.records import Kind, NewDeletion, NewVersion, Owner, Priority, Source
from directdnsonly.zone.model import Zone
from directdnsonly.zone.serial import is_newer, publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What the decision needs of the newest version (or tombstone) of a zone."""

    version: int
    kind: Kind
    serial: int  # as published
    pushed_serial: int
    digest: bytes
    challenge: bytes
    owner: Owner
    records: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PutDecision:
    """`changed` False: the push is acknowledged and no backend has work. `serial` is the one to publish."""

    changed: bool
    serial: int
    priority: Priority
    took_over: Owner | None


def decide_put(current: Current | None, push: NewVersion) -> PutDecision:
    """What a push is: a new version, or the same again; which serial is published; who had the zone before.

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
        took_over=_former_owner(living, push.origin.owner) if push.origin.source is Source.DIRECTADMIN else None,
    )


def _require_forward(zone: Zone, serial: int, current: Current) -> None:
    if zone.signed and not is_newer(serial, current.serial):
        raise ZonePolicyError(
            f"the zone is signed: its serial {serial} lies behind the published {current.serial}, and rewriting it would"
            " break the signatures; sign the old content again and push it",
            rule="signed-rollback",
        )


def owner_after(current: Current | None, push: NewVersion) -> Owner:
    """DirectAdmin's pushes take the zone; a person's edit by API or CLI of a living zone leaves it to its owner.

    A rollback of a deleted zone gives it back to the owner that it had.
    """
    if current is not None and push.origin.source is Source.ROLLBACK:
        return current.owner
    if current is None or current.kind is Kind.DELETE or push.origin.source in {Source.DIRECTADMIN, Source.PULL}:
        return push.origin.owner
    return current.owner


def _former_owner(living: Current | None, pusher: Owner) -> Owner | None:
    """The owner that loses the zone to `pusher`: another DA server, known by its host name (or its credential)."""
    if living is None or _same_server(living.owner, pusher) or living.owner == Owner():
        return None
    return living.owner


def _same_server(one: Owner, other: Owner) -> bool:
    """Whether both are the same DA server. The host name tells; where one is missing, the credential does."""
    if one.hostname and other.hostname:
        return one.hostname == other.hostname
    return one.credential == other.credential


def why_ignore_delete(current: Current, deletion: NewDeletion) -> str:
    """Why a delete must not remove the zone (wire rows 33 and 34); empty when it may.

    Only DirectAdmin's deletes are judged: after a migration the old server's late delete must not remove what
    the new server pushed. A zone without an owner (made by API) may be deleted by anybody who may push.
    """
    if deletion.origin.source is not Source.DIRECTADMIN:
        return ""
    owner, asker = current.owner, deletion.origin.owner
    if not owner.hostname or _same_server(owner, asker):
        return ""
    return f"late delete from {asker.hostname or asker.credential}: the zone belongs to {owner.hostname} now"
