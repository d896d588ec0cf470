"""Change ids, which identify a push from its arrival to the name server; they sort by time and cannot be guessed.

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
    """Makes ids that strictly increase while the process lives, even within one millisecond."""

    def __init__(self, clock: Clock, *, chance: Callable[[int], int] | None = None) -> None:
        self._clock = clock
        self._chance = chance or _Pool().bits
        self._last = 0

    def next(self) -> str:
        """A new change id, greater than all before."""
        fresh = int(self._clock.now_s() * 1000) << _CHANCE_BITS
        if fresh > self._last:
            self._last = fresh | self._chance(_CHANCE_BITS)
        else:
            self._last += 1 + self._chance(_STEP_BITS)
        return _base32(self._last)


class _Pool:
    """A buffer of the system's random bytes, because a system call for each id would double its cost."""

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0

    def bits(self, count: int) -> int:
        """`count` fresh random bits; `count` is a multiple of 8."""
        start, end = self._at, self._at + count // 8
        if end > len(self._octets):
            self._octets, start, end = secrets.token_bytes(_POOL_OCTETS), 0, count // 8
        self._at = end
        return int.from_bytes(self._octets[start:end], "big")


def _base32(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (LENGTH - 2), -1, -10)])
