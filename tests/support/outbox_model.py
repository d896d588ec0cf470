"""What a store should hold, as a dictionary: the newest version of each zone, pins, and the pushes that wait. No store in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from directdnsonly.outbox.changes import NewVersion, Owner, Receipt
from directdnsonly.outbox.ownership import Above, There, Waiting, is_foreign
from directdnsonly.zone.name import ZoneName

HELD_BY_PARENT = "www.a.example"  # each zone of `a_push` has records at www
ZONES = ["a.example", "b.a.example", HELD_BY_PARENT, "c.example"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """The newest version of a zone; `content` None: a tombstone. `pushed_at`: of the last accepted push."""

    version: int
    content: str | None
    owner: Owner
    serial: int
    pushed_serial: int
    pushed_at: float


@dataclass(kw_only=True)
class Model:
    """`pins`: version and content that are held. `waits`: what waits for approval, with its content. `seen`: sightings."""

    newest: dict[str, Known] = field(default_factory=dict)
    pins: dict[str, tuple[int, str]] = field(default_factory=dict)
    waits: dict[str, tuple[Waiting, str]] = field(default_factory=dict)
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def living(self, name: str) -> Known | None:
        """The newest version, unless it is a tombstone."""
        known = self.newest.get(name)
        return known if known is not None and known.content is not None else None

    def version(self, name: str) -> int:
        """The number of the newest version; 0: nothing is known."""
        return self.newest[name].version if name in self.newest else 0

    @property
    def wanted(self) -> dict[str, str]:
        """What shall be served."""
        living = {name: known.content for name, known in self.newest.items() if known.content is not None}
        return living | {name: content for name, (_, content) in self.pins.items()}

    def there(self, name: str, asker: Owner, *, around: bool) -> There:
        """What is judged by; the store must find the same."""
        known, living = self.newest.get(name), self.living(name)
        zones = {zone: found.owner for zone in self.newest if (found := self.living(zone))}
        above = next((one for one in ZoneName.trusted(name).ancestors() if one in zones), None)
        below = [owner for zone, owner in zones.items() if zone.endswith(f".{name}")]
        return There(
            zone=living.owner if living else None,
            buried=known.owner if known and not living else None,
            waits=self.waits[name][0] if name in self.waits else None,
            above=Above(name=above, owner=zones[above], holds=name == HELD_BY_PARENT) if above and around else None,
            below=next((owner for owner in below if around and is_foreign(owner, asker)), None),
        )

    def pushed(self, push: NewVersion, content: str, receipt: Receipt, now: float) -> None:
        """A push was recorded."""
        self.newest[str(push.zone.name)] = Known(
            version=receipt.version,
            content=content,
            owner=push.origin.owner,
            serial=receipt.serial,
            pushed_serial=push.zone.serial,
            pushed_at=now,
        )

    def deleted(self, name: str, receipt: Receipt, now: float) -> None:
        """A delete was recorded."""
        self.newest[name] = replace(self.newest[name], version=receipt.version, content=None, pushed_at=now)

    def pin(self, name: str) -> None:
        """Hold what is wanted; once."""
        known = self.living(name)
        if name not in self.pins and known is not None and known.content is not None:
            self.pins[name] = known.version, known.content

    def is_orphan(self, name: str) -> bool:
        """Whether a zone that its server's lists lacked is still the one that was absent, and nobody holds it."""
        known = self.living(name)
        if known is None or name in self.pins or name not in self.seen:
            return False
        version, first_at = self.seen[name]
        return version == known.version and known.pushed_at <= first_at
