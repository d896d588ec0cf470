"""Judge a name server's answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.verify.wire import NOERROR, RCODES, Answer
from directdnsonly.zone.name import ZoneName


class Finding(StrEnum):
    """What the answer showed."""

    PROVEN = "proven"  # served as wanted, or gone as wanted
    SILENT = "silent"  # no answer
    STALE = "stale"  # served with another serial
    MISSING = "missing"  # not served, though it should be
    LAME = "lame"  # answered without authority
    MISCOUNT = "miscount"  # right serial, wrong number of records
    LINGERING = "lingering"  # still served, though deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How a zone should be served. `records` 0: not to be counted."""

    name: ZoneName
    serial: int = 0
    records: int = 0
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The finding, the serial that was served, and the reason for people (empty when proven)."""

    finding: Finding
    serial: int | None = None
    reason: str = ""


def judge(expected: Expected, answer: Answer | None, *, server: str) -> Verdict:
    """What `answer` of `server` means for `expected`.

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
    if not answer.authoritative:
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


def judge_count(expected: Expected, verdict: Verdict, count: int | None, *, server: str) -> Verdict:
    """The verdict after the records were counted by AXFR; an uncountable zone stays as the SOA showed it."""
    if count is None or not expected.records or count == expected.records:
        return verdict
    return Verdict(
        finding=Finding.MISCOUNT,
        serial=verdict.serial,
        reason=f"{server} serves {count} records, wanted {expected.records}",
    )
