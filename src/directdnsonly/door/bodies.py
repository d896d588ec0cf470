"""A memory budget for large request bodies, from their first octets until they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from directdnsonly.errors import BodiesTooMany

SMALL: Final = 64 * 1024  # up to here a body is not counted and never refused: no more than a connection buffers anyway
AT_ONCE: Final = 4  # bodies of the largest size


class Bodies:
    """The budget: how many octets of large bodies are in memory, and how many may be."""

    def __init__(self, *, largest_bytes: int) -> None:
        self._most = AT_ONCE * largest_bytes
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One body's share of the budget, returned at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.counted

    def count(self, octets: int) -> None:
        """Take this many octets from the budget. Raises BodiesTooMany if it is exceeded."""
        self.held += octets
        if self.held > self._most:
            raise BodiesTooMany(self._most)


class Share:
    """The share of the budget that one body takes."""

    __slots__ = ("_all", "counted")

    def __init__(self, bodies: Bodies) -> None:
        self._all = bodies
        self.counted = 0

    def grown_to(self, octets: int) -> None:
        """Note that the body now has this many octets. Raises BodiesTooMany."""
        if octets > SMALL:
            more, self.counted = octets - self.counted, octets
            self._all.count(more)
