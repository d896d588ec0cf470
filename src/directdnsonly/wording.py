"""Numbers in sentences that a person reads."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """`1 zone`, `0 zones`, `2 deliveries` (with `many`)."""
    return f"{number} {one if number == 1 else many or one + 's'}"
