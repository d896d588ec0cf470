"""Decides pins and releases."""

from __future__ import annotations

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox.changes import NewPin, Priority, Receipt
from directdnsonly.outbox.decide.look import Look, Release
from directdnsonly.outbox.decide.writes import Decision, Note, Pin, Unpin, Want, Write


def decide_pin(new: NewPin, look: Look) -> Decision:
    """Pin the zone to the wanted version; nothing is written if there is no such zone. A pinned zone keeps its version.

    Raises ZonePolicyError when the version that was asked for is not the wanted one.
    """
    if look.pinned is not None:
        wanted = look.pinned.version
    elif look.living is not None:
        wanted = look.living.version
    else:
        return Decision()
    if new.version not in (None, wanted):
        raise ZonePolicyError(
            f"version {wanted} is the wanted one, not {new.version}: roll back to it first", rule="pin"
        )
    return Decision(writes=(Pin(new=new),))


def decide_release(command: Release, look: Look) -> Decision:
    """Release the pin, so that the newest version becomes the wanted one; no receipt if the zone was not pinned."""
    newest, pinned, origin = look.newest, look.pinned, command.origin
    if newest is None or pinned is None:
        return Decision()
    changed = newest.version > pinned.version
    receipt = Receipt(
        change_id=origin.change_id,
        name=command.name,
        version=newest.version,
        kind=newest.kind,
        changed=changed,
        serial=newest.serial,
        priority=Priority.URGENT if newest.challenge != pinned.challenge else Priority.INTERACTIVE,
    )
    want = Want(
        name=command.name,
        version=newest.version,
        kind=newest.kind,
        priority=receipt.priority,
        change_id=origin.change_id,
    )
    writes: tuple[Write, ...] = (Unpin(name=command.name), *([want] if changed else []))
    return Decision(receipt=receipt, writes=(*writes, Note(receipt=receipt, origin=origin)))
