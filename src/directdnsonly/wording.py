"""Numbers, moments and faults in sentences that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

HELD_BY_OPERATOR: Final = "held by the operator"  # so begins the reason where a zone that we did not make is left alone


def counted(number: int, one: str, many: str = "") -> str:
    """`1 zone`, `0 zones`, `2 deliveries` (with `many`)."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def words_of(error: BaseException) -> str:
    """What an error says; its kind where it says nothing (a TimeoutError, a connection that was closed). Never empty."""
    said = " ".join(str(error).split())
    return said or _KINDS.get(type(error).__name__, type(error).__name__)


_KINDS = {"TimeoutError": "no answer in time", "IncompleteReadError": "closed in the middle of an answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Says when something was: `07:45:45` on the day that it is now, with the date on other days."""

    now: float
    timezone: tzinfo

    def at(self, moment: float) -> str:
        """A moment (epoch seconds) for people, in this time zone."""
        told, now = (datetime.fromtimestamp(each, self.timezone) for each in (moment, self.now))
        return told.strftime("%H:%M:%S" if told.date() == now.date() else "%Y-%m-%d %H:%M:%S")
