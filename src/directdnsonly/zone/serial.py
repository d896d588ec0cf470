"""Serial number arithmetic (RFC 1982) and the rule by which we publish serials. Pure."""

from __future__ import annotations

MODULUS = 2**32


def is_newer(candidate: int, current: int) -> bool:
    """Whether serial `candidate` comes after `current` (RFC 1982, section 3.2).

    Both are 32-bit unsigned. At a distance of exactly 2**31 the RFC leaves the order undefined; we answer
    False for both orders, so that neither copy overwrites the other.
    """
    return 0 < (candidate - current) % MODULUS < MODULUS // 2


def following(serial: int) -> int:
    """The next serial; 0 is skipped, because some secondaries read 0 as "no serial"."""
    return (serial + 1) % MODULUS or 1


def publish(pushed: int, last: int | None, *, same_content: bool, signed: bool) -> int:
    """The serial under which a pushed zone is published."""
    if last is None or signed or is_newer(pushed, last):
        return pushed
    return last if same_content else following(last)
