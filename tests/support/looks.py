"""What a store may know of one zone, for decisions without a store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from directdnsonly.outbox.changes import Kind, Owner, Source, Terms
from directdnsonly.outbox.decide.content import Current
from directdnsonly.outbox.decide.look import Around, Look, More, OrphanDelete, Pinned
from directdnsonly.outbox.drift import HoldRule, Sighting, SightingState
from directdnsonly.outbox.ownership import Waiting
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, H2, a_delete, a_zone

NAME = ZoneName.parse("example.com")
NOW = 1000.0
ANNA = Owner(credential="anna")
KEY = Terms(key="k", fingerprint=b"f")


def a_look(version: int = 3, *, owner: Owner = H1, kind: Kind = Kind.PUT, **more: Any) -> Look:
    """The newest version has the content and the serial of that number."""
    zone = a_zone(serial=version, content=f"v{version}")
    newest = Current(
        version=version,
        kind=kind,
        serial=version,
        pushed_serial=version,
        digest=zone.digest if kind is Kind.PUT else b"",
        challenge=b"",
        owner=owner,
        pushed_at=100.0,
    )
    return Look(newest=newest, **more)


def a_wait(rule: HoldRule = HoldRule.TAKEOVER, owner: Owner = H2) -> Waiting:
    return Waiting(rule=rule, owner=owner, digest="aa" * 32)


def an_orphan(version: int = 3, *, first_at: float = 100.0, **more: Any) -> OrphanDelete:
    seen = Sighting(
        name=NAME, version=version, server="h1.example", absences=3, first_at=first_at, last_at=900.0,
        state=SightingState.QUARANTINED, quarantined_at=900.0,
    )  # fmt: skip
    return OrphanDelete(sighting=replace(seen, **more), deletion=a_delete(source=Source.RECONCILE))


def watched(command: OrphanDelete, look: Look) -> Look:
    return look.with_more(More(sighting=[command.sighting]))


NONE = Look()
NEW = Look(more=More(around=Around(), first=7))
GONE = a_look(kind=Kind.DELETE, more=More(around=Around()))
PINNED = a_look(pinned=Pinned(version=2))
WHOLE = a_look(more=More(whole=True, moves=()))
TAKEN = a_look(owner=H2, more=More(moves=()))
BY_ANNA = {"owner": ANNA, "source": Source.API}
