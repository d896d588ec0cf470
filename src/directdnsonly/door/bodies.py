"""A memory budget for large request bodies, from their first octets until they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from directdnsonly.errors import BodiesTooMany

SMALL: Final = 64 * 1024  # up to here a body is not counted and never refused: no more than a connection buffers anyway
AT_ONCE: Final = 4  # bodies of the largest size
LARGEST_BYTES: Final = 16 * 2**20
TIMEOUT_S: Final = 20.0


class Bodies:
    """The budget: how large one body may be, how long it may take, and how many octets of large ones are in memory.

    Both limits may be set anew at any time: a body that is coming meets them as they are then.
    """

    def __init__(self, *, largest_bytes: int = LARGEST_BYTES, timeout_s: float = TIMEOUT_S) -> None:
        """`timeout_s`: from its headers to its last octet."""
        self.largest_bytes = largest_bytes
        self.timeout_s = timeout_s
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
        if self.held > (most := AT_ONCE * self.largest_bytes):
            raise BodiesTooMany(most)


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
