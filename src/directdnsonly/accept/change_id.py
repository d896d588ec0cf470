"""Change ids: one for each push, from the door to the name server. They sort by time and cannot be guessed.

The layout is that of a ULID: 48 bits of milliseconds, 80 bits of chance, 26 characters of Crockford's base 32.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from directdnsonly.clock import Clock

LENGTH: Final = 26
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_CHANCE_BITS: Final = 80
_POOL_OCTETS: Final = 4096
_STEP_BITS: Final = 64  # within one millisecond ids grow by a step of chance, so that the next one stays unknown


class ChangeIds:
    """Makes ids that only grow while the process lives, also when many are made in one millisecond."""

    def __init__(self, clock: Clock, *, chance: Callable[[int], int] | None = None) -> None:
        self._clock = clock
        self._chance = chance or _Pool().bits
        self._last = 0

    def next(self) -> str:
        """A new id."""
        fresh = int(self._clock.now_s() * 1000) << _CHANCE_BITS
        if fresh > self._last:
            self._last = fresh | self._chance(_CHANCE_BITS)
        else:
            self._last += 1 + self._chance(_STEP_BITS)
        return _base32(self._last)


class _Pool:
    """The system's chance by the page: a call for each id costs as much as the rest of it."""

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0

    def bits(self, count: int) -> int:
        """`count` bits, a multiple of 8, that nobody has been given before."""
        start, end = self._at, self._at + count // 8
        if end > len(self._octets):
            self._octets, start, end = secrets.token_bytes(_POOL_OCTETS), 0, count // 8
        self._at = end
        return int.from_bytes(self._octets[start:end], "big")


def _base32(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (LENGTH - 2), -1, -10)])
