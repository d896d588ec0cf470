"""What changed between two versions of a zone, RRset by RRset. Pure."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

_FIELDS = 5  # owner TTL IN type RDATA


@dataclass(frozen=True, slots=True, kw_only=True)
class RRset:
    """All records of one owner and type; `rdata` is sorted."""

    owner: str
    type: str
    ttl: int
    rdata: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDiff:
    """The RRsets added, removed and changed (before, after); each sorted by owner and type."""

    added: tuple[RRset, ...]
    removed: tuple[RRset, ...]
    changed: tuple[tuple[RRset, RRset], ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.changed)


def rrsets(text: str, keys: Container[tuple[str, str]] | None = None) -> dict[tuple[str, str], RRset]:
    """The RRsets of a normalised zone text, by owner and type; only those of `keys`. The TTL is that of the first record."""
    found: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for line in text.split("\n"):
        record = _record(line)
        if record is not None and (keys is None or record[:2] in keys):
            owner, kind, ttl, data = record
            found.setdefault((owner, kind), (int(ttl), []))[1].append(data)
    return {
        (owner, kind): RRset(owner=owner, type=kind, ttl=ttl, rdata=tuple(sorted(rdata)))
        for (owner, kind), (ttl, rdata) in found.items()
    }


def diff(before: str, after: str) -> ZoneDiff:
    """How one normalised text became another; the SOA counts like any RRset.

    Takes about a second for a zone of 300,000 records, so run it in a thread. Common records are set aside first.
    """
    differing = set(before.split("\n")) ^ set(after.split("\n"))
    keys = {record[:2] for line in differing if (record := _record(line)) is not None}
    old, new = rrsets(before, keys), rrsets(after, keys)
    # In the order of the text, which is nearly that of the keys: sorting a set of 300,000 would hold up all threads.
    return ZoneDiff(
        added=tuple(new[key] for key in sorted(key for key in new if key not in old)),
        removed=tuple(old[key] for key in sorted(key for key in old if key not in new)),
        changed=tuple((old[key], new[key]) for key in sorted(key for key in old if old[key] != new.get(key, old[key]))),
    )


def _record(line: str) -> tuple[str, str, str, str] | None:
    """Owner, type, TTL, RDATA of a line; None of a directive."""
    fields = line.split(" ", 4)
    if len(fields) != _FIELDS:
        return None
    owner, ttl, _, kind, data = fields
    return owner, kind, ttl, data
