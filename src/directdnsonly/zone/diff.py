"""What changed between two versions of a zone, RRset by RRset. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from directdnsonly.zone.text import records_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RRset:
    """All records of one owner and type; `rdata` is sorted."""

    owner: str
    type: str
    ttl: int
    rdata: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDiff:
    """RRsets that came, that went, and that differ (before, after); each sorted by owner and type."""

    added: tuple[RRset, ...]
    removed: tuple[RRset, ...]
    changed: tuple[tuple[RRset, RRset], ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)


def rrsets(text: str) -> dict[tuple[str, str], RRset]:
    """The RRsets of a normalised zone text, by owner and type. The TTL is that of the first record."""
    found: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for record in records_of(text):
        found.setdefault((record.owner, record.type), (record.ttl, []))[1].append(record.rdata)
    return {
        (owner, kind): RRset(owner=owner, type=kind, ttl=ttl, rdata=tuple(sorted(rdata)))
        for (owner, kind), (ttl, rdata) in found.items()
    }


def diff(before: str, after: str) -> ZoneDiff:
    """How one normalised text became another; the SOA counts like any RRset."""
    old, new = rrsets(before), rrsets(after)
    return ZoneDiff(
        added=tuple(new[key] for key in sorted(new.keys() - old.keys())),
        removed=tuple(old[key] for key in sorted(old.keys() - new.keys())),
        changed=tuple((old[key], new[key]) for key in sorted(old.keys() & new.keys()) if old[key] != new[key]),
    )
