"""Large bodies in memory: one budget for all doors, from their first octets until they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from directdnsonly.errors import BodiesTooMany

SMALL: Final = 64 * 1024  # up to here a body is not counted and never refused: no more than a connection buffers anyway
AT_ONCE: Final = 4  # bodies of the largest size


class Bodies:
    """How many octets of large bodies are here now, and how many may be."""

    def __init__(self, *, largest_bytes: int) -> None:
        self._most = AT_ONCE * largest_bytes
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One body's part of the budget, given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.counted

    def count(self, octets: int) -> None:
        """So many more. Raises BodiesTooMany when that is more than there may be."""
        self.held += octets
        if self.held > self._most:
            raise BodiesTooMany(self._most)


class Share:
    """What one body takes."""

    __slots__ = ("_all", "counted")

    def __init__(self, bodies: Bodies) -> None:
        self._all = bodies
        self.counted = 0

    def grown_to(self, octets: int) -> None:
        """The body has so many octets by now. Raises BodiesTooMany."""
        if octets > SMALL:
            more, self.counted = octets - self.counted, octets
            self._all.count(more)
