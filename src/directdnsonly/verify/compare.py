"""Judges the answers of name servers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.verify.wire import NOERROR, RCODES, Answer
from directdnsonly.wording import counted
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import records_of


class Depth(StrEnum):
    """How much is checked before a zone counts as proven; each level includes the one before."""

    SERIAL = "serial"  # the SOA, with authority and the wanted serial
    COUNT = "count"  # the number of records, where it can be told
    CONTENT = "content"  # every record by transfer (or from the backend), else a sample of RRsets


class Finding(StrEnum):
    """What an answer showed about the zone."""

    PROVEN = "proven"  # served as wanted, or gone as wanted
    SILENT = "silent"  # no answer
    STALE = "stale"  # served with another serial
    MISSING = "missing"  # not served, though it should be
    LAME = "lame"  # answered without authority
    MISCOUNT = "miscount"  # right serial, wrong number of records
    ALTERED = "altered"  # right serial and number, other records
    UNREAD = "unread"  # right serial, but its records cannot be read: neither proven nor wrong
    LINGERING = "lingering"  # still served, though deleted
    OPERATORS = "operators"  # deleted here; what is served is the operator's own zone, and it stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a zone should be served. `records` 0: do not count them; `text` (normal form): what to compare with.

    `unsure`: other content of the zone may be served under this very serial, so that only the records tell.
    """

    name: ZoneName
    serial: int = 0
    records: int = 0
    absent: bool = False
    text: str | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The finding, the serial that was served, and the reason for people (empty only when proven)."""

    finding: Finding
    serial: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        """Give a finding without a reason a default one, because nobody can act on a fault without words."""
        if self.finding is not Finding.PROVEN and not self.reason:
            object.__setattr__(self, "reason", f"the finding is: {self.finding}")


def judge(expected: Expected, answer: Answer | None, *, server: str, authoritative: bool = True) -> Verdict:
    """The verdict on an answer of `server` for `expected`; `authoritative`: the answer must have AA set.

    A deleted zone is proven gone by any answer without its SOA: REFUSED, or that of a parent zone served there.
    """
    if answer is None:
        return Verdict(finding=Finding.SILENT, reason=f"{server} does not answer")
    if expected.absent:
        if answer.serial is None and answer.rcode != 2:  # noqa: PLR2004 - SERVFAIL: the zone is still configured, but broken
            return Verdict(finding=Finding.PROVEN)
        return Verdict(
            finding=Finding.LINGERING, serial=answer.serial, reason=f"{server} still serves the deleted zone"
        )
    if answer.serial is None:
        said = RCODES.get(answer.rcode, str(answer.rcode))
        what = f"answers {said}" if answer.rcode != NOERROR else "answers without the zone's SOA"
        return Verdict(finding=Finding.MISSING, reason=f"{server} {what}")
    if authoritative and not answer.authoritative:
        return Verdict(
            finding=Finding.LAME, serial=answer.serial, reason=f"{server} answers without authority (AA is not set)"
        )
    if answer.serial != expected.serial:
        return Verdict(
            finding=Finding.STALE,
            serial=answer.serial,
            reason=f"{server} answers serial {answer.serial}, wanted {expected.serial}",
        )
    return Verdict(finding=Finding.PROVEN, serial=answer.serial)


def judge_count(expected: Expected, verdict: Verdict, count: int, *, server: str) -> Verdict:
    """The verdict after the records were counted by AXFR."""
    if not expected.records or count == expected.records:
        return verdict
    return Verdict(
        finding=Finding.MISCOUNT,
        serial=verdict.serial,
        reason=f"{server} serves {counted(count, 'record')}, wanted {expected.records}",
    )


def judge_stored(
    expected: Expected,
    verdict: Verdict,
    *,
    present: bool,
    serial: int | None,
    records: int | None,
    place: str,
    whole: bool = True,
) -> Verdict:
    """The verdict on what the name server reads (a database, its API); None for a fact that is not known."""
    if expected.absent:
        gone = Verdict(finding=Finding.PROVEN, reason=verdict.reason)
        return Verdict(finding=Finding.LINGERING, reason=f"{place} still holds the deleted zone") if present else gone
    if not present:
        return Verdict(finding=Finding.MISSING, reason=f"{place} does not hold the zone")
    if not whole:
        reason = f"{place} cannot read what it holds of the zone"
        return Verdict(finding=Finding.UNREAD, serial=verdict.serial, reason=reason)
    if serial is not None and serial != expected.serial:
        reason = f"{place} holds serial {serial}, wanted {expected.serial}"
        return Verdict(finding=Finding.STALE, serial=serial, reason=reason)
    if records is not None and expected.records and records != expected.records:
        reason = f"{place} holds {counted(records, 'record')}, wanted {expected.records}"
        return Verdict(finding=Finding.MISCOUNT, serial=verdict.serial, reason=reason)
    return verdict


def judge_content(expected: Expected, verdict: Verdict, found: Iterable[Record], *, server: str) -> Verdict:
    """The verdict after every record was compared."""
    differs = difference(records_of(expected.text or ""), found)
    if not differs:
        return verdict
    return Verdict(finding=Finding.ALTERED, serial=verdict.serial, reason=f"{server} {differs}")
