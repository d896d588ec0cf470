"""What an answer means, and that nothing which is no proof goes without a word."""

from __future__ import annotations

import pytest

from directdnsonly.backends.contract import Outcome, OutcomeKind
from directdnsonly.errors import BackendRefused, BackendUnavailable
from directdnsonly.verify.compare import Expected, Finding, Verdict, judge, judge_content, judge_count, judge_stored
from directdnsonly.verify.wire import NOERROR, REFUSED, SERVFAIL, Answer
from directdnsonly.wording import words_of
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of
from tests.support.made import a_zone

NAME = ZoneName.parse("example.com")
WANTED = Expected(name=NAME, serial=7, records=3, text=a_zone(NAME, 7).text)
GONE = Expected(name=NAME, absent=True)
PROVEN = Verdict(finding=Finding.PROVEN, serial=7)


def answer(serial: int | None = None, *, rcode: int = NOERROR, authoritative: bool = True) -> Answer:
    return Answer(rcode=rcode, authoritative=authoritative, serial=serial)


@pytest.mark.parametrize(
    ("expected", "said", "finding"),
    [
        (WANTED, answer(7), Finding.PROVEN),
        (WANTED, None, Finding.SILENT),
        (WANTED, answer(6), Finding.STALE),
        (WANTED, answer(7, authoritative=False), Finding.LAME),
        (WANTED, answer(rcode=REFUSED), Finding.MISSING),
        (WANTED, answer(rcode=SERVFAIL), Finding.MISSING),
        (WANTED, answer(), Finding.MISSING),
        (GONE, answer(rcode=REFUSED), Finding.PROVEN),
        (GONE, answer(), Finding.PROVEN),
        (GONE, answer(7), Finding.LINGERING),
        (GONE, answer(rcode=SERVFAIL), Finding.LINGERING),
        (GONE, None, Finding.SILENT),
    ],
)
def test_an_answer_proves_only_what_it_shows(expected, said, finding):
    """Authority, serial, presence; a deleted zone that is still configured is not gone."""
    verdict = judge(expected, said, server="ns")

    assert finding is verdict.finding
    assert bool(verdict.reason) is (finding is not Finding.PROVEN)


def test_a_server_that_never_sets_aa_is_judged_by_the_rest():
    assert Finding.PROVEN is judge(WANTED, answer(7, authoritative=False), server="ns", authoritative=False).finding


@pytest.mark.parametrize(("count", "finding"), [(3, Finding.PROVEN), (2, Finding.MISCOUNT), (4, Finding.MISCOUNT)])
def test_another_number_of_records_is_no_proof(count, finding):
    assert finding is judge_count(WANTED, PROVEN, count, server="ns").finding


@pytest.mark.parametrize(
    ("facts", "finding"),
    [
        ({"present": True, "serial": 7, "records": 3}, Finding.PROVEN),
        ({"present": False, "serial": None, "records": None}, Finding.MISSING),
        ({"present": True, "serial": 6, "records": 3}, Finding.STALE),
        ({"present": True, "serial": 7, "records": 2}, Finding.MISCOUNT),
        ({"present": True, "serial": None, "records": None, "whole": False}, Finding.UNREAD),
    ],
)
def test_what_the_name_server_reads_must_be_there_and_readable(facts, finding):
    """What it cannot read itself is not proven by the serial that it answers."""
    assert finding is judge_stored(WANTED, PROVEN, place="one", **facts).finding


@pytest.mark.parametrize("found", [(), tuple(records_of(a_zone(NAME, 7, content="other").text))])
def test_other_records_or_none_at_all_are_no_proof(found):
    verdict = judge_content(WANTED, PROVEN, found, server="ns")

    assert (Finding.ALTERED, 7) == (verdict.finding, verdict.serial)
    assert Finding.PROVEN is judge_content(WANTED, PROVEN, records_of(WANTED.text or ""), server="ns").finding


@pytest.mark.parametrize("finding", [finding for finding in Finding if finding is not Finding.PROVEN])
def test_a_verdict_that_is_no_proof_has_a_reason(finding):
    assert Verdict(finding=finding).reason


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_failure_of_a_backend_has_a_reason(reason):
    """Whoever forgot it: nobody is told that something failed without a word."""
    assert BackendUnavailable(reason, backend="one").reason.strip()
    assert BackendRefused(reason, backend="one").reason.strip()
    assert Outcome(kind=OutcomeKind.RETRY, reason=reason).reason.strip()
    assert Outcome(kind=OutcomeKind.REFUSED, reason=reason).reason.strip()
    assert "" == Outcome(kind=OutcomeKind.APPLIED).reason


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), EOFError(), ConnectionResetError(), ValueError(" ")])
def test_an_error_without_text_is_told_by_its_kind(error):
    assert words_of(error).strip()
    assert "closed by hand" == words_of(OSError("closed\n by hand"))
