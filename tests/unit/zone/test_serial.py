"""Serials: their order (RFC 1982), and which one a push is published under."""

from __future__ import annotations

import pytest

from directdnsonly.zone.serial import MODULUS, following, is_newer, publish

LAST = MODULUS - 1


@pytest.mark.parametrize(
    ("serial", "after"), [(1, 2), (2026010100, 2026010101), (LAST - 1, LAST), (LAST, 1), (0, 1), (2**31 - 1, 2**31)]
)
def test_the_next_serial_is_one_more_and_never_zero(serial: int, after: int) -> None:
    """After 2^32-1 comes 1: exactly one step round the end, so that every secondary sees a newer one."""
    assert after == following(serial)
    assert is_newer(following(serial), serial)


@pytest.mark.parametrize(
    ("candidate", "current", "newer"),
    [
        (2, 1, True),
        (1, 2, False),
        (1, 1, False),
        (0, LAST, True),
        (1, LAST, True),
        (LAST, 0, False),
        (2**31 - 1, 0, True),
        (2**31, 0, False),  # the RFC leaves this order undefined, both ways
        (0, 2**31, False),
        (2**31 + 1, 0, False),
        (0, 2**31 + 1, True),
    ],
)
def test_rfc1982_3_2_the_order_goes_round_the_end(candidate: int, current: int, newer: bool) -> None:
    assert newer is is_newer(candidate, current)


@pytest.mark.parametrize(
    ("pushed", "last", "same", "signed", "published"),
    [
        (5, None, False, False, 5),
        (6, 5, False, False, 6),
        (6, 5, True, False, 6),
        (5, 5, True, False, 5),
        (5, 5, False, False, 6),
        (4, 5, False, False, 6),
        (4, 5, True, False, 5),
        (4, 5, False, True, 4),  # its signature covers the serial
        (LAST, LAST, False, False, 1),
        (1, LAST, False, False, 1),
        (2026010100, LAST, False, False, 2026010100),
        (LAST - 5, LAST, False, False, 1),
    ],
)
def test_the_published_serial_only_moves_forward(
    pushed: int, last: int | None, same: bool, signed: bool, published: int
) -> None:
    """Other content always has another serial, whatever was pushed."""
    assert published == publish(pushed, last, same_content=same, signed=signed)
