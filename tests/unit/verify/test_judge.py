"""The judge of every proof, by its table: what a name server, or what it reads, said, and what that means."""

from __future__ import annotations

import pytest

from directdnsonly.verify.compare import (
    Expected,
    Finding,
    Verdict,
    judge,
    judge_content,
    judge_count,
    judge_stored,
)
from directdnsonly.verify.wire import Answer
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of
from tests.support.made import a_zone

NAME = ZoneName.parse("example.com")
WANTED = Expected(name=NAME, serial=7, records=3)
GONE = Expected(name=NAME, absent=True)
PROVEN = Verdict(finding=Finding.PROVEN, serial=7)
NOERROR, SERVFAIL, NXDOMAIN, REFUSED, NOTAUTH = 0, 2, 3, 5, 9


def said(rcode: int = NOERROR, serial: int | None = None, *, aa: bool = True) -> Answer:
    return Answer(rcode=rcode, authoritative=aa, serial=serial)


@pytest.mark.parametrize(
    ("expected", "answer", "finding", "reason"),
    [
        (WANTED, said(serial=7), Finding.PROVEN, ""),
        (WANTED, None, Finding.SILENT, "ns1 does not answer"),
        (WANTED, said(serial=6), Finding.STALE, "ns1 answers serial 6, wanted 7"),
        (WANTED, said(serial=8), Finding.STALE, "ns1 answers serial 8, wanted 7"),
        (WANTED, said(serial=0), Finding.STALE, "ns1 answers serial 0, wanted 7"),
        (WANTED, said(serial=7, aa=False), Finding.LAME, "ns1 answers without authority (AA is not set)"),
        (WANTED, said(serial=6, aa=False), Finding.LAME, "ns1 answers without authority (AA is not set)"),
        (WANTED, said(), Finding.MISSING, "ns1 answers without the zone's SOA"),
        (WANTED, said(REFUSED, aa=False), Finding.MISSING, "ns1 answers REFUSED"),
        (WANTED, said(NXDOMAIN), Finding.MISSING, "ns1 answers NXDOMAIN"),
        (WANTED, said(SERVFAIL, aa=False), Finding.MISSING, "ns1 answers SERVFAIL"),
        (WANTED, said(NOTAUTH, aa=False), Finding.MISSING, "ns1 answers NOTAUTH"),
        (WANTED, said(23, aa=False), Finding.MISSING, "ns1 answers 23"),
        (GONE, None, Finding.SILENT, "ns1 does not answer"),
        (GONE, said(REFUSED, aa=False), Finding.PROVEN, ""),
        (GONE, said(NXDOMAIN), Finding.PROVEN, ""),
        (GONE, said(NOTAUTH, aa=False), Finding.PROVEN, ""),
        (GONE, said(), Finding.PROVEN, ""),  # by a parent that is served there
        (GONE, said(serial=7), Finding.LINGERING, "ns1 still serves the deleted zone"),
        (GONE, said(serial=7, aa=False), Finding.LINGERING, "ns1 still serves the deleted zone"),
        (GONE, said(SERVFAIL, aa=False), Finding.LINGERING, "ns1 still serves the deleted zone"),
    ],
)
def test_what_an_answer_means(expected: Expected, answer: Answer | None, finding: Finding, reason: str) -> None:
    """Served is proven by authority and serial together; gone by any answer that is not the zone's, nor broken."""
    verdict = judge(expected, answer, server="ns1")

    assert (finding, reason) == (verdict.finding, verdict.reason)
    assert (answer.serial if answer else None) == verdict.serial


def test_authority_is_not_asked_of_what_never_has_it() -> None:
    """A server that is configured so (`authoritative: false`) is judged by its serial alone."""
    assert PROVEN == judge(WANTED, said(serial=7, aa=False), server="ns1", authoritative=False)
    assert Finding.STALE is judge(WANTED, said(serial=6, aa=False), server="ns1", authoritative=False).finding


@pytest.mark.parametrize(
    ("records", "count", "finding"),
    [
        (3, 3, Finding.PROVEN),
        (3, 2, Finding.MISCOUNT),
        (3, 4, Finding.MISCOUNT),
        (3, 0, Finding.MISCOUNT),
        (0, 9, Finding.PROVEN),  # not to be counted
    ],
)
def test_what_a_count_means(records: int, count: int, finding: Finding) -> None:
    """The right serial with the wrong number of records is no proof."""
    verdict = judge_count(Expected(name=NAME, serial=7, records=records), PROVEN, count, server="ns1")

    assert (finding, 7) == (verdict.finding, verdict.serial)
    assert (finding is Finding.PROVEN) == (verdict.reason == "")


@pytest.mark.parametrize(
    ("expected", "present", "serial", "records", "finding", "reason"),
    [
        (WANTED, True, 7, 3, Finding.PROVEN, ""),
        (WANTED, True, None, None, Finding.PROVEN, ""),
        (WANTED, True, 7, None, Finding.PROVEN, ""),
        (WANTED, False, None, None, Finding.MISSING, "the database does not hold the zone"),
        (WANTED, True, 6, 3, Finding.STALE, "the database holds serial 6, wanted 7"),
        (WANTED, True, 0, 3, Finding.STALE, "the database holds serial 0, wanted 7"),
        (WANTED, True, 7, 1, Finding.MISCOUNT, "the database holds 1 record, wanted 3"),
        (WANTED, True, None, 4, Finding.MISCOUNT, "the database holds 4 records, wanted 3"),
        (WANTED, True, 7, 0, Finding.MISCOUNT, "the database holds 0 records, wanted 3"),
        (GONE, True, 7, 3, Finding.LINGERING, "the database still holds the deleted zone"),
        (GONE, False, None, None, Finding.PROVEN, ""),
    ],
)
def test_what_is_stored_has_to_fit_what_is_served(
    expected: Expected, present: bool, serial: int | None, records: int | None, finding: Finding, reason: str
) -> None:
    """What the name server reads: it may serve from a cache what its database lost."""
    verdict = judge_stored(expected, PROVEN, present=present, serial=serial, records=records, place="the database")

    assert (finding, reason) == (verdict.finding, verdict.reason)


def test_what_is_served_keeps_its_serial_in_the_verdict_of_what_is_stored() -> None:
    """The status shows what customers get."""
    verdict = judge_stored(WANTED, PROVEN, present=True, serial=7, records=9, place="the database")

    assert (Finding.MISCOUNT, 7) == (verdict.finding, verdict.serial)


def test_content_is_compared_record_by_record() -> None:
    """The same number of records with other RDATA, owner or TTL is altered."""
    text = a_zone(content="as pushed").text
    wanted = Expected(name=NAME, serial=7, records=3, text=text)
    same = list(records_of(text))
    others = [
        list(records_of(text.replace("as pushed", "changed behind our back"))),
        [record._replace(ttl=record.ttl + 1) for record in same],
        [record._replace(owner=f"x.{record.owner}") for record in same],
        same[:-1],
        [*same, same[-1]],
        [],
    ]

    assert PROVEN == judge_content(wanted, PROVEN, same[::-1], server="ns1")
    for found in others:
        verdict = judge_content(wanted, PROVEN, found, server="ns1")
        assert (Finding.ALTERED, 7) == (verdict.finding, verdict.serial)
        assert verdict.reason.startswith("ns1 ")
