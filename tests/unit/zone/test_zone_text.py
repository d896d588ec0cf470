"""Zone text: what is accepted, what is refused and why, and that our normal form is one."""

from __future__ import annotations

import os

import dns.rdata
import dns.zone
import pytest
from bench.load import zone_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.errors import PushRefused, ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone.domain import RdataError
from directdnsonly.zone.lately import is_ours
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.rdata import rdata
from directdnsonly.zone.text import Limits, parse, records_of, serial_of, with_serial
from directdnsonly.zone.tokens import Token, _step_through, _with_strings, logical_lines

FACTOR = float(os.environ.get("ZONE_FACTOR", "1"))  # `make test-unit` tries a fifth, `make faults` twenty times as much

NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"


def rdatas(text: str, owner: str, kind: str) -> list[str]:
    return [
        record.rdata
        for record in records_of(parse(HEAD + text, NAME).text)
        if (record.owner, record.type) == (owner, kind)
    ]


@pytest.mark.parametrize(
    ("text", "rule", "line", "words"),
    [
        ("$TTL 1\n@ IN NS ns.host.example.\n", "soa-missing", 0, "no SOA"),
        ("@ 1 IN SOA a. b. 1 2 3 4 5\n", "ns-missing", 0, "no NS"),
        (HEAD + "@ IN SOA ns1.host.example. other 2026010101 1 1 1 1\n", "soa-twice", 4, "two different SOA"),
        (HEAD + "sub IN SOA a. b. 1 2 3 4 5\n", "soa-elsewhere", 4, "only example.com. may"),
        (HEAD + "@ IN NS ns2\n", "ns-without-address", 4, "ns2.example.com."),
        (HEAD + "@ IN NS ns2\nns2 IN CNAME www\n", "ns-cname", 4, "CNAME"),
        (HEAD + "@ IN NS ns\n* IN A 192.0.2.1\na.ns IN TXT x\n", "ns-without-address", 4, "ns.example.com."),
        (HEAD + "@ IN DS 1 8 2 " + "ab" * 32 + "\n", "ds-at-apex", 4, "parent"),
        (HEAD + "d IN NS x.\nd IN DNAME y.\n", "ns-and-dname", 5, "Knot"),
        (HEAD + "@ IN NSEC3PARAM 1 0 0 -\n@ IN NSEC3PARAM 1 0 1 -\n", "nsec3param-twice", 5, "two different"),
        (HEAD + "*.x IN NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A\n", "wildcard-nsec3", 4, "wildcard"),
        (HEAD + "x IN TYPE7 \\# 3 016100\n", "type-unused", 4, "MB"),
        (HEAD + "x IN OPT \\# 0\n", "type-meta", 4, "OPT"),
        (HEAD + "x IN TXT " + "a " * 300_000 + "\n", "line-too-long", 4, "524288"),
        (HEAD + "x IN TXT (\n" + '"a"\n' * 70_001 + ")\n", "line-too-long", 4, "too many fields"),
        (HEAD + "a\\25 IN A 192.0.2.1\n", "syntax", 4, "backslash"),
        (HEAD + "a\\256 IN A 192.0.2.1\n", "syntax", 4, "backslash"),
        (HEAD + "\\001" * 64 + " IN A 192.0.2.1\n", "syntax", 4, "but at most 63 are allowed"),
        (HEAD + "www IN A 192.0.2.1\nwww IN CNAME other\n", "cname-and-other", 5, "stand alone"),
        (HEAD + "@ IN CNAME other.example.\n", "cname-and-other", 4, "stand alone"),
        (HEAD + "www IN CNAME a.\nwww IN CNAME b.\n", "cname-twice", 5, "two different CNAME"),
        (HEAD + "d IN DNAME x.\na.b.d IN A 192.0.2.1\n", "below-dname", 5, "below the DNAME"),
        (HEAD + "*.x IN NS ns.host.example.\n", "wildcard-ns", 4, "wildcard"),
        (HEAD + "$INCLUDE /etc/passwd\n", "include", 4, "$INCLUDE"),
        (HEAD + "$include /etc/passwd ; x\n", "include", 4, "$INCLUDE"),
        (HEAD + "$GENERATE 1-1000000 a$ A 192.0.2.1\n", "generate", 4, "$GENERATE"),
        (HEAD + "www IN A 192.0.2.256\n", "syntax", 4, "IPv4"),
        (HEAD + "www IN AAAA 2001:db8::g\n", "syntax", 4, "IPv6"),
        (HEAD + f'www IN TXT "{"x" * 256}"\n', "syntax", 4, "255"),
        (HEAD + 'www IN TXT "open\n', "syntax", 4, "not closed"),
        (HEAD + "www IN MX mail\n", "syntax", 4, "2 fields"),
        (HEAD + "www IN MX 70000 mail\n", "syntax", 4, "65535"),
        (HEAD + "www IN WHAT x\n", "syntax", 4, "neither"),
        (HEAD + "www CH TXT x\n", "syntax", 4, "class CH"),
        (HEAD + "www 4294967295 IN A 192.0.2.1\n", "syntax", 4, "TTL"),
        (HEAD + 'www IN TXT ( "a"\n', "syntax", 4, "never closed"),
        (HEAD + "www IN TXT )\n", "syntax", 4, "never opened"),
        (HEAD + "www\x0bIN A 192.0.2.1\n", "syntax", 4, "control character"),
        (HEAD + "www IN A 192.0.2.1\r$INCLUDE /etc/passwd\n", "syntax", 4, "control character"),
        (HEAD + "a..b IN A 192.0.2.1\n", "syntax", 4, "not a name"),
        (HEAD + f"{'a' * 64} IN A 192.0.2.1\n", "syntax", 4, "not a name"),
        (HEAD + "www IN\n", "syntax", 4, "no type"),
    ],
)  # fmt: skip
def test_a_bad_zone_is_refused_with_rule_line_and_reason(text, rule, line, words):
    """The operator is told where and why."""
    with pytest.raises(PushRefused) as caught:
        parse(text, NAME)

    assert rule == caught.value.rule
    assert line == caught.value.line
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sub IN NS ns\n", "ns.example.com. of sub.example.com. is in the zone but has no A or AAAA"),
        ("sub IN NS ns\nns IN CNAME x.\n", "is a CNAME"),
    ],
)  # fmt: skip
def test_a_delegation_that_leads_nowhere_is_accepted_with_a_warning(text, words):
    """Every name server loads it; only the zone's own name servers must have addresses."""
    zone = parse(HEAD + text, NAME)

    assert 1 == len(zone.warnings)
    assert words in str(zone.warnings[0])
    assert str(zone.warnings[0]).startswith("line 4: ")


def test_rfc1035_5_1_an_escaped_dot_before_the_zones_name_is_part_of_a_label():
    """x\\.example.com is a name of com."""
    zone = parse(HEAD + "x\\.example.com. IN A 192.0.2.1\nd IN DNAME y.\nx\\.d IN A 192.0.2.1\n", NAME)

    assert "outside" in str(zone.warnings[0])
    assert ["d.example.com.", "x\\046d.example.com."] == sorted(
        record.owner for record in records_of(zone.text) if record.type in {"A", "DNAME"}
    )


def test_the_order_of_records_decides_nothing():
    """Of spellings and TTLs of one record the same one stays, whatever came first."""
    lines = ["a 60 IN MX 10 Mail.x.", "a 30 IN MX 010 mail.X.", "A IN MX 10 mail.x.", "b IN CNAME X.", "b IN CNAME x."]

    (zone,) = {parse(HEAD + "\n".join(order) + "\n", NAME).text for order in (lines, lines[::-1])}

    assert 4 == parse(zone, NAME).records
    assert "a.example.com. 30 IN MX 10 Mail.x." in zone


def test_the_zone_of_another_domain_is_refused_as_such():
    """The apex SOA is relative, so only the owners give it away."""
    with pytest.raises(ZonePolicyError, match="zone of another domain"):
        parse(zone_text("other.example", 1), NAME)


def test_a_directadmin_zone_becomes_the_normal_form():
    """Relative names become absolute, the SOA stands first on one line."""
    zone = parse(zone_text("example.com", 2026010100), NAME)

    lines = zone.text.splitlines()
    assert ["$ORIGIN example.com.", "$TTL 3600"] == lines[:2]
    assert lines[2].startswith("example.com. 3600 IN SOA ns1.host.example. hostmaster.host.example. 2026010100 3600")
    assert "example.com. 3600 IN MX 10 mail.example.com." in lines
    assert (2026010100, 15, False, ()) == (zone.serial, zone.records, zone.signed, zone.warnings)


def test_form_does_not_matter_only_content():
    """CRLF, BOM, no last newline, order, blanks, TTL by default: one digest."""
    text = HEAD + "www IN A 192.0.2.1\nftp 300 IN A 192.0.2.2\n"
    variants = [
        text.replace("\n", "\r\n"), text.rstrip("\n"), "\ufeff" + text, text.replace("www IN", "WWW.Example.COM.   \t IN"),
        HEAD + "ftp IN 300 A 192.0.2.2\nwww A 192.0.2.1\nwww A 192.0.2.1 ; twice\n", text.replace("2026010101", "7"),
    ]  # fmt: skip

    assert {parse(text, NAME).digest} == {parse(variant, NAME).digest for variant in variants}
    assert parse(text, NAME).digest != parse(text.replace("192.0.2.2", "192.0.2.3"), NAME).digest


def test_records_outside_of_the_zone_are_dropped_with_a_warning():
    zone = parse(HEAD + "evil.org. IN A 192.0.2.1\n$ORIGIN other.example.\nx IN A 192.0.2.1\n", NAME)

    assert 2 == zone.records
    assert "line 4: evil.org." in str(zone.warnings[0])
    assert "x.other.example." in str(zone.warnings[1])


def test_what_a_person_put_between_quotes_is_kept():
    """Semicolons, quotes, backslashes, control characters, UTF-8 octets, several strings."""
    text = 'a IN TXT "v=DMARC1; p=none" "q\\"q" "b\\\\s" "\\009" "m\u00fcnchen" ""\n'

    assert ['"v=DMARC1; p=none" "q\\"q" "b\\\\s" "\\009" "m\\195\\188nchen" ""'] == rdatas(
        text, "a.example.com.", "TXT"
    )
    assert ['"$INCLUDE /etc/passwd"'] == rdatas('b IN TXT "$INCLUDE /etc/passwd"\n', "b.example.com.", "TXT")


def test_a_key_in_three_parts_stays_in_three_parts():
    text = 'x._domainkey 14400 IN TXT ( "v=DKIM1; k=rsa; p=AAA"\n\t\t"BBB"\n\t\t"CCC" )\n'

    assert ['"v=DKIM1; k=rsa; p=AAA" "BBB" "CCC"'] == rdatas(text, "x._domainkey.example.com.", "TXT")


def test_rfc3597_5_types_that_not_every_daemon_can_read_are_written_in_the_generic_form():
    """Unknown types travel as octets (RFC 3597)."""
    assert ["\\# 4 0a000001"] == rdatas("t IN TYPE65300 \\# 4 0A000001\n", "t.example.com.", "TYPE65300")


def test_rfc2181_5_2_one_rrset_has_one_ttl_unless_signed():
    """The smallest of its records is that of all, with a warning."""
    zone = parse(HEAD + "www 60 IN A 192.0.2.1\nwww 30 IN A 192.0.2.2\n", NAME)

    assert {30} == {record.ttl for record in records_of(zone.text) if record.type == "A"}
    assert "TTL" in str(zone.warnings[0])


def test_the_serial_can_be_replaced_without_touching_anything_else():
    """For serials that must move forward."""
    zone = parse(HEAD + "www IN A 192.0.2.1\n", NAME)
    moved = with_serial(zone.text, 2026010199)

    assert 2026010199 == serial_of(moved)
    assert zone.digest == parse(moved, NAME).digest
    assert zone.text == with_serial(moved, zone.serial)


def test_a_challenge_is_noticed():
    """A certificate waits for it."""
    plain = parse(HEAD, NAME)
    with_challenge = parse(HEAD + '_acme-challenge 5 IN TXT "x"\n', NAME)
    deeper = parse(HEAD + '_acme-challenge.www 5 IN TXT "x"\n', NAME)

    assert b"" == plain.challenge
    assert 3 == len({plain.challenge, with_challenge.challenge, deeper.challenge})


def test_limits_hold():
    """By bytes and by records."""
    with pytest.raises(ZonePolicyError, match="at most 10 "):
        parse(HEAD, NAME, limits=Limits(max_bytes=10))
    with pytest.raises(ZonePolicyError, match="more than 3 records"):
        parse(HEAD + "a IN A 192.0.2.1\nb IN A 192.0.2.1\n", NAME, limits=Limits(max_records=3))


RDATA = [
    ("A", "192.0.2.1"), ("AAAA", "2001:DB8:0:0::1"), ("AAAA", "::ffff:192.0.2.1"), ("AAAA", "::1"), ("AAAA", "1::"),
    ("AAAA", "::1.2.3.4"), ("NS", "NS.Example.org."), ("PTR", "host"), ("MX", "010 Mail"), ("SRV", "1 2 3 target"),
    ("TXT", "plain words here"), ("TXT", '"a;b" "c\\"d" \\065'), ("TXT", '"\\200\\\\"'), ("SPF", '"v=spf1 -all"'),
    ("CNAME", "@"), ("SOA", "ns hostmaster 1 1h30m 2 3w 4"), ("DNAME", "else.where."), ("NS", "a\\.b.c"), ("NS", "x\\032y"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), RDATA)
def test_the_hand_made_forms_equal_dnspythons(kind, text):
    """Speed must not change a byte."""
    (line,) = logical_lines(f"x {text}")
    mine = rdata(kind, line, 1, "example.com.")

    theirs = dns.rdata.from_text("IN", kind, text, origin=dns.name.from_text("example.com"), relativize=False)
    assert theirs.to_text() == dns.rdata.from_text("IN", kind, mine, relativize=False).to_text()
    assert theirs.to_wire() == dns.rdata.from_text("IN", kind, mine, relativize=False).to_wire()


words = st.one_of(
    st.sampled_from(["@", ".", "a", "A.b.", "0", "1", "65535", "65536", "1.2.3.4", "::1", "1h", "4294967295", "a\\.b", "\\#"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"();'), min_size=1, max_size=8),
    st.text('ab;() \\"\\009', max_size=6).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
)  # fmt: skip


@given(
    st.sampled_from(
        ["A", "AAAA", "NS", "CNAME", "PTR", "DNAME", "MX", "AFSDB", "KX", "RP", "SRV", "TXT", "SPF", "SOA"]
    ),
    st.lists(words, min_size=1, max_size=8),
)
@settings(max_examples=int(1000 * FACTOR), deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_the_hand_made_forms_accept_dnspython_reads_alike(kind, fields):
    """The fast path takes nothing that the slow one refuses, and writes the same octets."""
    text = " ".join(fields)
    try:
        (line,) = logical_lines(f"x {text}")
        mine = rdata(kind, line, 1, "example.com.")
    except (RdataError, ZoneSyntaxError, ValueError):
        return

    theirs = dns.rdata.from_text("IN", kind, text, origin=dns.name.from_text("example.com"), relativize=False)

    assert theirs.to_wire() == dns.rdata.from_text("IN", kind, mine, relativize=False).to_wire()


@given(st.text('ab \t"";()\\9', max_size=30))
@settings(max_examples=int(1000 * FACTOR), deadline=None)
def test_the_short_way_through_a_line_with_strings_is_the_long_way(text):
    """Two readers of one line, the same tokens."""
    short = _with_strings(text)
    if short is None:
        return
    long: list[Token] = []

    _step_through(text, 0, long, 1)

    assert short == long


label = st.text("abcxyz019_", min_size=1, max_size=8)
record = st.one_of(
    st.builds("{} IN A 192.0.2.{}".format, label, st.integers(0, 255)),
    st.builds('{} {} IN TXT "{}"'.format, label, st.integers(0, 9999), st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=40)),
    st.builds("{} IN MX {} {}".format, label, st.integers(0, 65535), label),
)  # fmt: skip


@given(st.lists(record, max_size=12))
@settings(max_examples=150, deadline=None)
def test_our_form_is_a_fixed_point_and_dnspython_reads_the_same_zone(lines):
    """parse(text of parse(x)) is parse(x); an independent reader agrees on every record."""
    zone = parse(HEAD + "\n".join(lines) + "\n", NAME)

    assert zone.model_copy(update={"warnings": ()}) == parse(zone.text, NAME)
    theirs = dns.zone.from_text(zone.text, origin="example.com.", relativize=False)
    assert zone.records == sum(len(rdataset) for _, rdataset in theirs.iterate_rdatasets())


@given(st.binary(max_size=300), st.integers(0, 400))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_octets_are_read_or_refused_never_a_crash(noise, position):
    """Faults B: foreign octets anywhere in a zone."""
    octets = zone_text("example.com", 1)
    try:
        zone = parse(octets[:position] + noise + octets[position:], NAME)
    except (ZoneSyntaxError, ZonePolicyError):
        return
    assert zone.text.isascii()
    assert zone.digest == parse(zone.text, NAME).digest


def test_a_text_that_was_written_a_moment_ago_is_known_and_no_other() -> None:
    name = ZoneName.parse("known.example")
    text = parse(zone_text(name, 2026010100), name).text

    assert is_ours(text, name)
    assert is_ours(str(text.encode(), "ascii"), name)  # as it comes back from the store
    assert not is_ours(text, ZoneName.parse("other.example"))
    assert not is_ours(text.replace("192.0.2.10", "192.0.2.11"), name)

    for number in range(16_400):
        parse(zone_text(name, 2026010100 + number, records=5), name)
    assert not is_ours(text, name)  # too long ago: what is known is bounded


def test_a_long_text_is_known_as_well_and_a_damaged_one_is_not() -> None:
    """Of one octet in half a MiB, and of what is no text at all."""
    name = ZoneName.parse("long.example")
    text = parse(zone_text(name, 2026010100, records=20_000), name).text
    assert is_ours(text, name)
    assert not is_ours(text.replace("host7777.", "host7778.", 1), name)
    assert not is_ours(text + "\udc80", name)
