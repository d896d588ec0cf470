"""Numbers, times and errors worded for sentences that people read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

HELD_BY_OPERATOR: Final = "held by the operator"  # so begins the reason where a zone that we did not make is left alone


def counted(number: int, one: str, many: str = "") -> str:
    """`1 zone`, `0 zones`, `2 deliveries` (with `many`)."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def with_article(kind: str) -> str:
    """`an MX`, `a CNAME`: as the type of a record is read aloud."""
    return f"{'an' if kind[0] in 'AEIO' or kind in _READ_BY_LETTERS else 'a'} {kind}"


def words_of(error: BaseException) -> str:
    """The text of an error, or a description of its type if it has none (a TimeoutError, a closed connection). Never empty."""
    said = " ".join(str(error).split())
    return said or _KINDS.get(type(error).__name__, type(error).__name__)


# Their first letter begins with a vowel: em, en, ar, es ...; NAPTR, LOC, HIP, MINFO are read as words.
_READ_BY_LETTERS: Final = frozenset({
    "NS", "NSEC", "NSEC3", "NSEC3PARAM", "NSAP", "NSAP-PTR", "NID", "NXT", "MX", "MB", "MG", "MR", "MD", "MF", "RP", "RT", "RRSIG",
    "SOA", "SRV", "SSHFP", "SPF", "SMIMEA", "SVCB", "LP", "L32", "L64", "HTTPS", "X25",
})  # fmt: skip
_KINDS = {"TimeoutError": "no answer in time", "IncompleteReadError": "closed in the middle of an answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Words times for people: `07:45:45` if it was today, with the date otherwise."""

    now: float
    timezone: tzinfo

    def at(self, moment: float) -> str:
        """A time (epoch seconds) for people, in the calendar's time zone."""
        told, now = (datetime.fromtimestamp(each, self.timezone) for each in (moment, self.now))
        return told.strftime("%H:%M:%S" if told.date() == now.date() else "%Y-%m-%d %H:%M:%S")
