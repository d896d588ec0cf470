"""How many zones may go at once before a person looks: one rule, for orphans and for what peers have deleted. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

LEAST_CAP: Final = 3  # a share of few zones would round to nothing


def cap(zones: int, *, most: int, share: float, least: int = LEAST_CAP) -> int:
    """How many of so many zones may go: `most` at the utmost, a share of them, but always `least`."""
    return min(most, max(least, int(zones * share)))


def plan_id(zones: Iterable[tuple[str, str]]) -> str:
    """The id of a set of deletions, each a name and its version; it changes if either does."""
    text = "\n".join(f"{name} {version}" for name, version in sorted(zones))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
