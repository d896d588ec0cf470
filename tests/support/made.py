"""Small values for tests: zones, pushes, deletes."""

from __future__ import annotations

import hashlib
from itertools import count

from directdnsonly.outbox.changes import NewDeletion, NewVersion, Origin, Owner, Priority, Source
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

H1 = Owner(credential="da", hostname="h1.example", username="alice")
H2 = Owner(credential="da", hostname="h2.example", username="alice")
_numbers = count(1)


def a_zone(name: str = "example.com", serial: int = 1, *, content: str = "one", challenge: bytes = b"") -> Zone:
    """A zone in our normal form whose content is told apart by `content`."""
    origin = f"{name}."
    text = (
        f"$ORIGIN {origin}\n$TTL 3600\n"
        f"{origin} 3600 IN SOA ns1.host.example. hostmaster.host.example. {serial} 3600 3600 1209600 86400\n"
        f"{origin} 3600 IN NS ns1.host.example.\n"
        f'www.{origin} 3600 IN TXT "{content}"\n'
    )
    digest = hashlib.sha256(f"{name} {content}".encode()).digest()
    return Zone(
        name=ZoneName.parse(name),
        serial=serial,
        text=text,
        digest=digest,
        challenge=challenge,
        records=3,
        signed=False,
    )


def a_change_id() -> str:
    """Unique in this run, ordered."""
    return f"test-{next(_numbers):09d}"


def a_push(
    name: str = "example.com",
    serial: int = 1,
    *,
    content: str | None = None,
    owner: Owner = H1,
    priority: Priority = Priority.INTERACTIVE,
    source: Source = Source.DIRECTADMIN,
) -> NewVersion:
    """A push of `a_zone`; the content follows the serial unless given."""
    zone = a_zone(name, serial, content=content if content is not None else f"v{serial}")
    origin = Origin(change_id=a_change_id(), source=source, owner=owner)
    return NewVersion(zone=zone, origin=origin, priority=priority)


def a_delete(name: str = "example.com", *, owner: Owner = H1, source: Source = Source.DIRECTADMIN) -> NewDeletion:
    """A delete."""
    origin = Origin(change_id=a_change_id(), source=source, owner=owner)
    return NewDeletion(name=ZoneName.parse(name), origin=origin)
