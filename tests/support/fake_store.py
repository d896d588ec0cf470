"""A store in a dictionary: behaves as PushStore says, keeps nothing. For tests of what stands in front of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable, VersionConflict, ZonePolicyError
from directdnsonly.outbox.drift import HeldPush, Migration
from directdnsonly.outbox.records import (
    Event,
    Kind,
    NewDeletion,
    NewVersion,
    Origin,
    Owner,
    Priority,
    Receipt,
    Refused,
    Source,
    Terms,
    ZoneSummary,
)
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import following, is_newer


class FakeStore:
    """`unavailable` makes it fail as a full disk does; `gate` holds every write back until it is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zones: dict[ZoneName, tuple[ZoneSummary, Zone | None]] = {}
        self._refused: list[Refused] = []
        self._events: list[Event] = []
        self.writes: list[str] = []
        self.unavailable = ""
        self.gate: asyncio.Event | None = None

    async def migrations(self) -> list[Migration]:
        """No moves are announced."""
        return []

    async def held_push(self, _name: ZoneName) -> HeldPush | None:
        """Nothing waits."""
        return None

    async def record_held(self, held: HeldPush) -> None:
        """Nothing is held: tests of that use the real store."""
        raise NotImplementedError

    async def record_push(self, push: NewVersion) -> Receipt:
        """Newest wins; the published serial only moves forward; the same content changes nothing."""
        await self._may_write("push")
        zone, origin = push.zone, push.origin
        self._judge(zone.name, origin, push.terms)
        before, former = self._zones.get(zone.name, (None, None))
        same = former is not None and former.digest == zone.digest
        serial = _publish(zone.serial, before, same=same, signed=zone.signed)
        changed = not (same and before is not None and serial == before.serial)
        version = (before.version if before else 0) + (1 if changed else 0)
        challenged = zone.challenge != (former.challenge if former else b"")
        took_over = before.owner if before and former and not _same_server(before.owner, origin.owner) else None
        summary = self._summary(zone.name, Kind.PUT, version, serial, origin)
        summary = replace(
            summary, records=zone.records, pushed_serial=zone.serial, signed=zone.signed, digest=zone.digest.hex()
        )
        self._zones[zone.name] = replace(summary, warnings=zone.warnings), zone
        return Receipt(
            change_id=origin.change_id,
            name=zone.name,
            version=version,
            kind=Kind.PUT,
            changed=changed,
            serial=serial,
            priority=Priority.URGENT if changed and challenged else push.priority,
            took_over=took_over if origin.source is Source.DIRECTADMIN else None,
            warnings=zone.warnings,
        )

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        """A tombstone; unknown zones and other servers' zones stay as they are."""
        await self._may_write("delete")
        name, origin = deletion.name, deletion.origin
        self._judge(name, origin, deletion.terms)
        before, zone = self._zones.get(name, (None, None))
        ignored = ""
        if before is not None and zone is not None and not _same_server(before.owner, origin.owner):
            ignored = f"late delete from {origin.owner.hostname}: the zone belongs to {before.owner.hostname} now"
        changed = zone is not None and not ignored
        version = before.version if before else 0
        serial = before.serial if before else 0
        if before is not None and changed:
            version += 1
            tombstone = replace(before, kind=Kind.DELETE, version=version, change_id=origin.change_id, records=0)
            self._zones[name] = tombstone, None
        return Receipt(
            change_id=origin.change_id,
            name=name,
            version=version,
            kind=Kind.DELETE,
            changed=changed,
            serial=serial,
            priority=deletion.priority,
            ignored=ignored,
        )

    async def record_refused(self, refused: Refused) -> None:
        """Keep it."""
        await self._may_write("refused")
        self._refused.append(refused)

    async def record_event(self, event: Event) -> None:
        """Keep it."""
        await self._may_write("event")
        self._events.append(event)

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """The first living one."""
        if self.unavailable:
            raise OutboxUnavailable(self.unavailable)
        for name in names:
            summary, zone = self._zones.get(name, (None, None))
            if zone is not None:
                return summary
        return None

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """One zone or its tombstone."""
        return self._zones.get(name, (None, None))[0]

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The newest text only."""
        summary, zone = self._zones.get(name, (None, None))
        return zone.text if zone is not None and summary is not None and version in (None, summary.version) else None

    async def count_zones(self) -> int:
        """Living zones."""
        return sum(zone is not None for _, zone in self._zones.values())

    async def refused(self, *, limit: int = 100) -> list[Refused]:
        """Newest first."""
        return self._refused[::-1][:limit]

    async def events(self, *, limit: int = 100, zone: str = "") -> list[Event]:
        """Newest first."""
        return [event for event in self._events[::-1] if zone in ("", event.zone)][:limit]

    async def _may_write(self, what: str) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.unavailable:
            raise OutboxUnavailable(self.unavailable)
        self.writes.append(what)

    def _judge(self, name: ZoneName, origin: Origin, terms: Terms) -> None:
        summary, zone = self._zones.get(name, (None, None))
        newest = summary.version if summary is not None and zone is not None else 0
        if terms.expected_version not in (None, newest):
            raise VersionConflict(name, expected=terms.expected_version or 0, newest=newest)
        credential = origin.owner.credential
        held = [one for one, text in self._zones.values() if text is not None and one.owner.credential == credential]
        if terms.max_zones and summary not in held and len(held) >= terms.max_zones:
            raise ZonePolicyError(f"{credential} may hold {terms.max_zones} zones at most", rule="credential-zones")

    def _summary(self, name: ZoneName, kind: Kind, version: int, serial: int, origin: Origin) -> ZoneSummary:
        now_s = self._clock.now_s()
        return ZoneSummary(
            name=name,
            version=version,
            kind=kind,
            serial=serial,
            pushed_serial=serial,
            records=0,
            digest="",
            signed=False,
            owner=origin.owner,
            source=origin.source,
            change_id=origin.change_id,
            pushed_at=now_s,
            changed_at=now_s,
        )


def _publish(pushed: int, before: ZoneSummary | None, *, same: bool, signed: bool) -> int:
    if before is None or signed or is_newer(pushed, before.serial):
        return pushed
    return before.serial if same else following(before.serial)


def _same_server(one: Owner, other: Owner) -> bool:
    if one.hostname and other.hostname:
        return one.hostname == other.hostname
    return one.credential == other.credential
