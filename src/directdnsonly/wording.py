"""Numbers and faults in sentences that a person reads."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """`1 zone`, `0 zones`, `2 deliveries` (with `many`)."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def words_of(error: BaseException) -> str:
    """What an error says; its kind where it says nothing (a TimeoutError, a connection that was closed). Never empty."""
    said = " ".join(str(error).split())
    return said or _KINDS.get(type(error).__name__, type(error).__name__)


_KINDS = {"TimeoutError": "no answer in time", "IncompleteReadError": "closed in the middle of an answer"}
