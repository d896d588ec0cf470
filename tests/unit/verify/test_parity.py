"""Two name servers' words about one zone, and what they mean together; by table."""

from __future__ import annotations

import pytest

from directdnsonly.verify.parity import (
    MOST_TOLD,
    Compared,
    Content,
    Difference,
    How,
    Kind,
    Parity,
    Side,
    Standing,
    Trust,
    compared,
    content_of,
    differences,
    exit_code,
    judged,
    side,
)
from directdnsonly.verify.wire import Answer
from directdnsonly.zone.model import Record

ALL, NONE = Trust(old=True, new=True), Trust(old=False, new=False)
SOA = "ns.example. host.example. {} 3600 3600 1209600 86400"
SERVED, ABSENT = Side(standing=Standing.SERVED, serial=5), Side(standing=Standing.ABSENT)
REFUSED, UNKNOWN = Side(standing=Standing.REFUSED), Side(standing=Standing.UNKNOWN)


def zone(*records: tuple[str, int, str, str], serial: int = 5) -> Content:
    soa = Record("a.example.", 3600, "SOA", SOA.format(serial))
    return content_of([soa, *(Record(f"{owner}a.example.", *rest) for owner, *rest in records)])


WWW = ("www.", 300, "A", "192.0.2.1")


@pytest.mark.parametrize(
    ("answer", "standing", "reason"),
    [
        (Answer(rcode=0, authoritative=True, serial=7), Standing.SERVED, ""),
        (Answer(rcode=0, authoritative=False, serial=7), Standing.UNKNOWN, "a resolver?"),
        (Answer(rcode=3, authoritative=False), Standing.UNKNOWN, "a resolver?"),
        (Answer(rcode=3, authoritative=True), Standing.ABSENT, "NXDOMAIN"),
        (Answer(rcode=0, authoritative=False), Standing.ABSENT, "without the zone's SOA"),  # a referral
        (Answer(rcode=5, authoritative=False), Standing.REFUSED, "REFUSED"),
        (Answer(rcode=9, authoritative=False), Standing.REFUSED, "NOTAUTH"),
        (Answer(rcode=2, authoritative=False), Standing.UNKNOWN, "SERVFAIL"),
        (Answer(rcode=1, authoritative=False), Standing.UNKNOWN, "FORMERR"),
        (None, Standing.UNKNOWN, "no answer"),
    ],
)
def test_what_an_answer_says_of_a_zone(answer, standing, reason):
    """Neither silence nor SERVFAIL nor a resolver's word tells whether a zone is there."""
    found = side(answer)

    assert standing is found.standing
    assert reason in found.reason


@pytest.mark.parametrize(
    ("old", "new", "trust", "parity"),
    [
        (SERVED, ABSENT, NONE, Parity.NOT_NEW),
        (ABSENT, SERVED, NONE, Parity.NOT_OLD),
        (ABSENT, ABSENT, NONE, Parity.NEITHER),
        (SERVED, REFUSED, ALL, Parity.NOT_NEW),
        (SERVED, REFUSED, Trust(old=True, new=False), Parity.UNKNOWN),  # it refuses everybody, or us
        (REFUSED, REFUSED, ALL, Parity.NEITHER),
        (REFUSED, SERVED, Trust(old=False, new=True), Parity.UNKNOWN),
        (SERVED, UNKNOWN, ALL, Parity.UNKNOWN),
        (UNKNOWN, ABSENT, ALL, Parity.UNKNOWN),
        (SERVED, SERVED, ALL, Parity.UNKNOWN),  # both serve it, and no record was compared
    ],
)
def test_a_zone_of_which_no_record_was_compared(old, new, trust, parity):
    """What could not be asked is unknown, never different."""
    assert parity is judged(Compared(zone="a.example", old=old, new=new), trust)


@pytest.mark.parametrize(
    ("old", "new", "parity", "without_serial"),
    [
        (zone(WWW), zone(WWW), Parity.EQUAL, Parity.EQUAL),
        (zone(WWW), zone(WWW, serial=6), Parity.NEWER, Parity.EQUAL),
        (zone(WWW, serial=6), zone(WWW), Parity.OLDER, Parity.EQUAL),
        (zone(WWW, serial=2**32 - 1), zone(WWW, serial=1), Parity.NEWER, Parity.EQUAL),  # RFC 1982
        (
            zone(WWW, serial=0),
            zone(WWW, serial=2**31),
            Parity.OLDER,
            Parity.EQUAL,
        ),  # undefined: nobody follows for sure
        (zone(WWW), zone(), Parity.DIFFERENT, Parity.DIFFERENT),
        (zone(WWW), zone(WWW, WWW), Parity.DIFFERENT, Parity.DIFFERENT),  # a transfer that tells a record twice
    ],
)
def test_a_zone_that_both_serve(old, new, parity, without_serial):
    """The serial alone is told apart from other differences, and newer from older."""
    seen = compared("a.example", old, new, How.TRANSFER)

    assert parity is judged(seen, ALL)
    assert without_serial is judged(seen, ALL, ignore_serial=True)


@pytest.mark.parametrize(
    ("old", "new", "kind", "told"),
    [
        ([WWW], [("www.", 60, "A", "192.0.2.1")], Kind.TTL, ((300, ("192.0.2.1",)), (60, ("192.0.2.1",)))),
        ([WWW], [("www.", 300, "A", "192.0.2.2")], Kind.CHANGED, ((300, ("192.0.2.1",)), (300, ("192.0.2.2",)))),
        ([WWW], [], Kind.ONLY_OLD, ((300, ("192.0.2.1",)), (None, ()))),
        ([], [WWW], Kind.ONLY_NEW, ((None, ()), (300, ("192.0.2.1",)))),
        (
            [("", 60, "MX", "10 a.example."), ("", 60, "MX", "20 b.example.")],
            [("", 60, "MX", "20 b.example."), ("", 60, "MX", "10 c.example.")],
            Kind.CHANGED,
            ((60, ("10 a.example.", "20 b.example.")), (60, ("10 c.example.", "20 b.example."))),
        ),
    ],
)
def test_how_one_rrset_differs(old, new, kind, told):
    """Both values and both TTLs are told."""
    (found,) = differences(zone(*old), zone(*new))

    assert kind is found.kind
    assert told == ((found.old_ttl, found.old), (found.new_ttl, found.new))


def test_what_is_no_difference():
    """The order of records, and the letters of names (RFC 4343); but those of a text count."""
    old = zone(("", 60, "NS", "NS1.Host.Example."), ("", 60, "NS", "ns2.host.example."))
    new = zone(("", 60, "NS", "ns2.host.example."), ("", 60, "NS", "ns1.host.example."), serial=9)

    assert [] == differences(old, new)
    assert differences(zone(("", 60, "TXT", '"a"')), zone(("", 60, "TXT", '"A"')))


def test_timers_of_the_soa_are_compared_without_its_serial():
    """Somebody changed the minimum."""
    other = content_of([Record("a.example.", 3600, "SOA", SOA.format(5).replace("86400", "60"))])

    (found,) = differences(zone(serial=77), other)

    assert ("SOA", ("ns.example. host.example. - 3600 3600 1209600 60",)) == (found.type, found.new)


def test_a_name_that_exists_at_one_only():
    """NXDOMAIN against an empty answer; but not beside records that differ, which tell more."""
    key = ("x.a.example.", "A")
    old, new = (content_of((), codes={key: code}) for code in ("NXDOMAIN", "NOERROR"))
    found = Difference(owner=key[0], type="A", kind=Kind.ANSWER, old=("NXDOMAIN",), new=("NOERROR",))
    txt = Record(key[0], 60, "TXT", '"x"')

    assert [found] == differences(old, new)
    assert [Kind.ONLY_NEW] == [one.kind for one in differences(old, content_of([txt], codes={key: "NOERROR"}))]


def test_of_very_many_differences_some_are_kept_and_all_are_counted():
    """Memory and lines are bounded."""
    many = zone(*((f"h{number}.", 60, "A", "192.0.2.1") for number in range(MOST_TOLD + 7)))

    seen = compared("a.example", many, zone(), How.TRANSFER)

    assert (MOST_TOLD, 7) == (len(seen.differences), seen.more)


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({Parity.EQUAL: 3}, 0),
        ({Parity.EQUAL: 3, Parity.NEWER: 1}, 0),
        ({Parity.EQUAL: 3, Parity.OLDER: 1}, 1),
        ({Parity.EQUAL: 3, Parity.DIFFERENT: 1, Parity.UNKNOWN: 1}, 1),
        ({Parity.NOT_OLD: 1}, 1),
        ({Parity.NOT_NEW: 1}, 1),
        ({Parity.NEITHER: 1}, 1),
        ({Parity.EQUAL: 3, Parity.UNKNOWN: 1}, 2),
        ({}, 2),
    ],
)
def test_exit_codes(counts, code):
    """A run that judged nothing is no success."""
    assert code == exit_code(counts)
