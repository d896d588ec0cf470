"""Records of every type: read or refused with their line, never a word of a library; and what is taken with a warning."""

from __future__ import annotations

import os
import re
from pathlib import Path

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directdnsonly.backends.nsd.text import for_nsd
from directdnsonly.errors import PushRefused, ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone.examples import LIKE
from directdnsonly.zone.forms import FORMS as FIELDS_OF
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.naptr import is_substitution
from directdnsonly.zone.text import parse, records_of

FACTOR = float(os.environ.get("ZONE_FACTOR", "1"))  # `make test-unit` tries a fifth, `make faults` twenty times as much
NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"
LINES = (Path(__file__).parents[2] / "contract" / "zone_forms.txt").read_text().split("\n")
FORMS = [
    line.split(" ", 3)[2:] for line in LINES if line.startswith("t IN ") and "|" not in line and line.count(" ") > 2
]
TYPES = sorted(
    {kind.name.replace("_", "-") for kind in dns.rdatatype.RdataType} | {"TYPE65300", "TYPE1", "TYPE64", "TYPE11"}
)
# What dnspython or Python says, and no operator should read.
JARGON = re.compile(
    r"format requires|invalid literal|codec|unpack|out of range\b(?! or)|Traceback|object|NoneType|padding|Non-hex|struct|ordinal"
    r"|convert|malformed|EOL|not enough values|unexpected keyword|must be|expecting|not a uint|uint|Error|Exception|b'"
)  # fmt: skip
odd = st.sampled_from(
    ["", "0", "1", "-1", "255", "256", "65535", "65536", "4294967295", "4294967296", "99999999999999999999", "1e5", "1_0", "0x10", "007",
     "nan", "inf", "1h", "1.5", "99999999m", "-100000.01m", "N", "E", "90", "181", "ab", "abc", "AB==", "A=", "====", "xyz", "-", "--", ".",
     "@", "a.b", "a..b", "\\", "\\0", "\\256", "\\000", "\\#", '"', '""', '"a"', "a=b", "=", "alpn=", 'alpn="h2"', "alpn=,", "key1", "key",
     "key70000=a", "mandatory=key0", "port=x", "ipv4hint=1", "ipv6hint=:", "ech=?", "dohpath=x", "no-default-alpn=1", "1:1.2.3.4/99", "!",
     "1:/", "2:::/x", "::", "1.2.3.4", "1.2.3", "A", "TYPE0", "TYPE65536", "ANY", "20300101000000", "20301301000000", "99991231235959",
     "00-00", "0014:4fff", "é", "²", "\\²", "(", ")", ";", "!a(!b!", "x" * 300, "9" * 5000, "ab" * 300, "a." * 130],
)  # fmt: skip


@st.composite
def record(draw: st.DrawFn) -> str:
    """A type with any fields, or with those of a right form of it, some of them exchanged."""
    if draw(st.booleans()):
        return f"{draw(st.sampled_from(TYPES))} {' '.join(draw(st.lists(odd, max_size=10)))}"
    kind, form = draw(st.sampled_from(FORMS))
    fields = form.split(" ")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(fields)))
        fields[place : place + draw(st.integers(0, 2))] = [draw(odd)]
    return f"{kind} {' '.join(fields)}"


def outcome(text: str) -> Zone | ZoneSyntaxError | ZonePolicyError:
    """What becomes of one record; any other exception is a fault."""
    try:
        return parse(f"{HEAD}t IN {text}\n", NAME)
    except (ZoneSyntaxError, ZonePolicyError) as refused:
        return refused


def jargon_in(refused: ZoneSyntaxError | ZonePolicyError) -> str:
    """A word that no operator should read; what stands between quotation marks is the zone's."""
    found = JARGON.search(re.sub(r"'[^']*'", "", str(refused)))
    return found[0] if found else ""


@given(record())
@settings(max_examples=int(4000 * FACTOR), deadline=None, suppress_health_check=list(HealthCheck))
def test_a_record_of_any_type_is_read_or_refused_with_its_line_in_our_words(text):
    """Numbers out of their range, too many fields, too few, odd ones: never an exception of a library, never its words."""
    found = outcome(text)

    if isinstance(found, Zone):
        assert found.text == parse(found.text, NAME).text
    else:
        assert 4 == found.line
        assert "" == jargon_in(found), found


WE_SAY_TOO = {"not an IPv4 address", "not an IPv6 address"}  # and mean it for people


def sentences_of(text: str) -> set[str]:
    """What dnspython and what lies below it say about RDATA: the error, and all that led to it."""
    kind, _, data = text.partition(" ")
    try:
        dns.rdata.from_text("IN", kind, data, origin=dns.name.from_text("example.com"), relativize=False).to_wire()
    except Exception as error:  # noqa: BLE001 - whatever it raises
        said: set[str] = set()
        cause: BaseException | None = error
        while cause is not None:
            said.add(re.sub(r"[\"'].*", "", str(cause)).strip(" :."))
            cause = cause.__cause__ or cause.__context__
        return {sentence for sentence in said - WE_SAY_TOO if len(sentence) > 7}
    return set()


@given(record())
@settings(max_examples=int(3000 * FACTOR), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_sentence_of_a_library_reaches_a_user(text):
    """Compared with what it says itself about the same record; and each refusal ends with how the type is written."""
    found = outcome(text)

    if not isinstance(found, Zone):
        assert [] == [sentence for sentence in sentences_of(text) if sentence in str(found)], found
        assert found.rule != "syntax" or re.search(SAYS_WHAT_TO_DO, str(found)), found


# What is no record of a type at all has no form to tell.
SAYS_WHAT_TO_DO = (
    r"is written like: |neither a TTL|has no type|not closed|never closed|never opened|escapes nothing|opened inside|owner|three digits of an octet"
    r"|control character|larger than \d+ s"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MX x mail", "the preference 'x' is not a number from 0 to 65535; an MX record is written like: 10 mail.example.com."),
        ("A 1.2.3", "'1.2.3' is not an IPv4 address; an A record is written like: 192.0.2.1"),
        ("AAAA x", "an AAAA record is written like"),
        ("NS a b", "an NS record has 1 field, this one has 2"),
        ("NS a..b", "a label is empty"),
        ("NS " + "a" * 64, "has 64 octets, but at most 63 are allowed (RFC 1035): shorten it"),
        ("SSHFP 1 1", "an SSHFP record has these fields"),
        ("TLSA 3 1 1 xyz", "characters other than 0-9 and a-f"),
        ("NAPTR 100 10 u E2U+sip", "the regexp is missing; a NAPTR record is written like"),
        ('NAPTR 1 10 u s "" "."', "the replacement '.' is in quotation marks: write it without them"),
        ('NAPTR 1 10 u s "" . x', "more fields than the type has, starting at 'x'"),
        ("NAPTR 1 10 u " + "x" * 256 + ' "" .', "the service has 256 octets, but at most 255 are allowed"),
        ("DNSKEY 257 3 13 AAA", "the key 'AAA' is truncated or too long: base64"),
        ("DNSKEY 257 3 13 AA!A", "'!' is not one of its characters"),
        ("DNSKEY 257 3 13 A=AA", "= may occur only at its end"),
        ("DNSKEY 257 3 FOO AAAA", "the algorithm 'FOO'"),
        ("CERT FOO 1 8 AAAA", "the type 'FOO' is neither a number nor PKIX"),
        ("LOC 1 2 3 N 4", "the longitude does not end in E or W"),
        ("LOC 1 60 N 4 E 0m", "the minutes of the latitude '60'"),
        ("LOC 1 0 60 N 4 E 0m", "the seconds of the latitude '60'"),
        ("LOC 1 N 181 E 0m", "the degrees of the longitude '181' is not a number from 0 to 180"),
        ("LOC 1 N 4 E", "the altitude is missing"),
        ("LOC 1 N 4 E xm", "the altitude 'xm' is not a number of metres"),
        ("LOC 1 N 4 E 0m 1m 1m 1m 1m", "more fields than the type has"),
        ("APL 1:10.0.0.0", "is not family:address/prefix"),
        ("APL 1:10.0.0.0/33", "the prefix '33' is not a number from 0 to 32"),
        ("APL 2:x/3", "is not an IPv6 address"),
        ("IPSECKEY 10 4 2 x AAAA", "the gateway type '4' is not a number from 0 to 3"),
        ("IPSECKEY 10 0 2 x AAAA", "the gateway 'x' is not `.`"),
        ("IPSECKEY 10 1 2 x AAAA", "'x' is not an IPv4 address"),
        ("IPSECKEY 10 3 2 a..b AAAA", "a label is empty"),
        ("AMTRELAY 10 2 1 192.0.2.1", "the discovery optional '2' is not a number from 0 to 1"),
        ("HIP 2 abc AAAA", "the identity tag 'abc' has an odd number of hexadecimal digits"),
        ("HIP 2 xy AAAA", "is not hexadecimal"),
        ("CSYNC 1 2 FOO", "the type 'FOO' is not a record type"),
        ("NSEC x TYPE0 FOO", "is not a type that a record can have"),
        ("RRSIG A 13 2 300 2030 x 1 example.com. AAAA", "the inception 'x' is not a time"),
        ("NSEC3 1 0 0 - !! A", "the next hash '!!' is not base32"),
        ("NSEC3PARAM 1 0 0 abc", "the salt 'abc' has an odd number of hexadecimal digits"),
        ("EUI48 00-00", "6 pairs of hexadecimal digits separated by hyphens"),
        ("NID 10 14:4fff:ff20:ee64", "four groups of four hexadecimal digits"),
        ("GPOS 91 0 0", "the latitude '91' is not between -90 and 90 degrees"),
        ("GPOS a 0 0", "the latitude 'a' is not a decimal number"),
        ("DSYNC CDS FOO 1 x", "the scheme 'FOO' is neither a number nor NOTIFY"),
        ("NSAP 47", "0x and pairs of digits"),
        ("TYPE65300 abc", "generic form"),
        ("A \\# 3 aabbcc", "the 3 octets are not a complete A record"),
        ("KEY 256 FOO 8 AAAA", "a value is outside its range, or the fields do not fit together; a KEY record"),
    ],
)  # fmt: skip
def test_the_first_field_that_does_not_fit_is_told_with_how_the_type_is_written(text, words):
    """Each kind of thing that a field can be; the article is the one of the type as it is read."""
    found = outcome(text)

    assert not isinstance(found, Zone)
    assert words in str(found)


BASE64_IN = [
    "DNSKEY 257 3 13 {}", "CDNSKEY 257 3 13 {}", "KEY 256 3 8 {}", "CERT 1 0 8 {}", "DHCID {}", "OPENPGPKEY {}",
    "RRSIG A 13 2 300 20300101000000 20200101000000 1 example.com. {}", "IPSECKEY 10 0 2 . {}", "HIP 2 abcd {}",
    "HTTPS 1 . ech={}", 'SVCB 1 . ech="{}"',
]  # fmt: skip


@pytest.mark.parametrize("form", BASE64_IN)
def test_no_character_is_skipped_in_base64(form):
    """RFC 4648, section 3.3: what is outside the alphabet is refused. A patient decoder would publish another key without it.

    The alphabet of URLs (section 5) is such: what is pasted from there would lose a part.
    """
    assert isinstance(outcome(form.format("AAAAAAAA")), Zone)

    taken = [
        word
        for word in ("AAAA!AAAA", "AAAA-AAAA", "AAAA_AAAA", "AAAAAAAA.", "AAAA=AAAA")
        if isinstance(outcome(form.format(word)), Zone)
    ]

    assert [] == taken


def test_each_type_has_an_example_that_is_right():
    """It stands at the end of refusals; what is cut in it (keys, digests) is put in here."""
    whole = {"(base64)": "", "(hexadecimal)": "", "2001...": "20010db8" * 4, "9f86...": "9f86" * 24}
    refused = {}
    for kind, like in LIKE.items():
        right = re.sub(r"[A-Za-z0-9]{4}\.\.\. +\(base64\)", "A" * 86 + "==", like)
        for cut, full in whole.items():
            right = right.replace(cut, full)
        if kind in {"DS", "CDS", "TLSA", "SMIMEA", "SSHFP"}:
            right = right.replace("9f86" * 24, "9f86" * 16)
        found = (
            outcome(f"{kind} {right}")
            if kind not in {"SOA", "NS", "DNAME", "CNAME"}
            else outcome(f"PTR {right.split()[0]}")
        )
        if not isinstance(found, Zone) and found.rule == "syntax":
            refused[kind] = str(found)

    assert {} == refused


def test_each_type_that_has_fields_has_an_example():
    assert set() == set(FIELDS_OF) - set(LIKE)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in FORMS}))
def test_each_form_that_the_name_servers_are_asked_for_is_read_or_refused_so_as_well(kind):
    """All of zone_forms.txt, by type."""
    found = [outcome(f"{kind} {form}") for form_kind, form in FORMS if form_kind == kind]

    refused = [one for one in found if not isinstance(one, Zone)]
    assert [] == [one for one in refused if one.line != 4 or jargon_in(one)]


OWN = {"DS", "CDS", "TLSA", "SMIMEA", "SSHFP", "ZONEMD", "HTTPS", "SVCB", "CAA", "URI", "RRSIG", "NSEC", "NSEC3"}


@pytest.mark.parametrize("kind", sorted(OWN))
def test_what_dnspython_reads_we_read_as_the_same_octets(kind):
    """Of the types that we read ourselves, for speed and because dnspython is stricter than the name servers."""
    read = 0
    for text in [form for form_kind, form in FORMS if form_kind == kind]:
        try:
            theirs = dns.rdata.from_text("IN", kind, text, origin=dns.name.from_text("example.com"), relativize=False)
            mine = next(r for r in records_of(parse(f"{HEAD}t IN {kind} {text}\n", NAME).text) if r.type == kind)
        except (dns.exception.DNSException, PushRefused):
            continue
        read += 1
        assert theirs.to_wire() == dns.rdata.from_text("IN", kind, mine.rdata, relativize=False).to_wire(), text
    assert read > 1


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("t IN HTTPS 0 svc.example.net. alpn=h2", "alias-parameters"),
        ("t IN SVCB \\# 9 000000000300020035", "alias-parameters"),
        ("t IN HTTPS 1 . ech=AAAA", "ech"),
        ('t IN HTTPS 1 . ech=""', "ech"),
        ("t IN HTTPS 1 . ech=AEj+DQBEAQAgACAd", "ech"),
        ("t IN APL", "apl-empty"),
        ('t IN URI 10 1 ""', "uri-empty"),
        ("t IN MINFO a. b.", "out-of-use"),
        ("t IN KEY 256 3 8 AAAA", "out-of-use"),
        ("t IN TLSA 3 1 1 abcd", "digest-length"),
        ("t IN SMIMEA 3 1 2 abcd", "digest-length"),
        ("t IN RRSIG A 8 3 300 21300101000000 20200101000000 1 example.com. AAAA", "rrsig-date"),
        ("t IN CDS 1 13 2 " + "ab" * 32, "cds-other-key"),
        ("@ IN DNSKEY 257 3 13 " + "A" * 86 + "==\n@ IN CDS 1 13 2 " + "ab" * 32, "cds-other-key"),
    ],
)
def test_what_is_loaded_and_of_no_use_is_taken_with_a_warning(line, rule):
    """Every name server loads it, so that a refusal would only keep a customer's zone stale."""
    zone = parse(HEAD + line + "\n", NAME)

    assert [rule] == [warning.rule for warning in zone.warnings if not warning.rule.startswith("rrsig-e")]
    assert zone.warnings[0].line in {4, 5}


@pytest.mark.parametrize(
    "line",
    [
        "t IN HTTPS 1 . alpn=h2 ech=AEj+DQBEAQAgACAdd+scUi0IYFsXnUIU7ko2Nd9+F8M26pAGZVpz/KrWPgAEAAEAAWQVZWNoLXNpdGVzLmV4YW1wbGUubmV0AAA=",
        "t IN TLSA 3 1 1 " + "ab" * 32,
        "@ IN CDS 0 0 0 00",
        "t IN APL 1:10.0.0.0/8",
    ],
)
def test_what_is_right_gets_no_warning(line):
    assert () == parse(HEAD + line + "\n", NAME).warnings


def test_a_soa_with_an_interval_of_32_bits_is_taken_with_a_warning():
    """A serial in the place of refresh; NSD gets it in the only form in which it serves it."""
    zone = parse(HEAD.replace("2026010101 1h", "1 2251427590"), NAME)

    assert ["soa-interval"] == [warning.rule for warning in zone.warnings]
    assert "71 years" in zone.warnings[0].text
    assert " IN SOA ns1.host.example. hostmaster.example.com. 1 2251427590 3600 1209600 86400\n" in zone.text
    assert "00000001" + f"{2251427590:08x}" + f"{3600:08x}{1209600:08x}{86400:08x}\n" in for_nsd(zone.text)
    assert parse(HEAD, NAME).text == for_nsd(parse(HEAD, NAME).text)


@pytest.mark.parametrize("algorithm", ["RSASHA256", "rsasha256", "8"])
def test_rfc4034_5_3_the_algorithm_of_a_ds_may_be_its_mnemonic_and_no_other_field_may(algorithm):
    """In our form it is the number."""
    digest = "AB" * 32
    zone = parse(f"{HEAD}c IN NS ns1.host.example.\nc IN DS 1 {algorithm} 2 {digest}\n".encode(), NAME)

    assert f"c.example.com. 300 IN DS 1 8 2 {digest.lower()}\n" in zone.text.replace("  ", " ")
    for fields in (f"RSASHA256 8 2 {digest}", f"1 8 RSASHA256 {digest}"):
        assert isinstance(outcome(f"{HEAD}c IN NS ns1.host.example.\nc IN DS {fields}\n"), ZoneSyntaxError)


def test_records_in_the_generic_form_that_differ_in_one_octet_stay_two():
    """Above 64 octets the form has blanks in it, and an octet like a letter behind them was taken for one of the name."""
    rest = "ab" * 70
    lines = "".join(f't IN HTTPS 1 . key65000="{text}"\n' for text in (rest + "AAAA", rest + "aaaa"))

    assert 4 == parse(HEAD + lines, NAME).records
    assert (
        3
        == parse(
            HEAD + 't IN HTTPS 1 X. key65000="' + rest + '"\nt IN HTTPS 1 x. key65000="' + rest + '"\n', NAME
        ).records
    )


@pytest.mark.parametrize(
    "expression",
    [
        "!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i",
        "!^[[:digit:]]+$!x!",
        "![-+0-9]!x!",
        "!\\d!x!",
        "!(a)\\1!x!",
        "![]a-]!x!",
        "!a{2,}!!",
        "!()!x!",
    ],
)
def test_rfc3402_3_2_an_expression_of_posix_is_one(expression):
    """The first is the example of RFC 3403, section 6.2."""
    assert is_substitution(expression.encode())


@pytest.mark.parametrize(
    "expression",
    [
        "!a",
        "!a!b",
        "!a!b!x",
        "1a1b1",
        "!(a!b!",
        "!a**!b!",
        "![b-a]!x!",
        "![[:digits:]]!x!",
        "!a{3,2}!x!",
        "!a!\\1!",
        "!a|!x!",
        "!!x!",
    ],
)
def test_rfc3402_3_2_what_is_no_expression_is_none(expression):
    """named refuses the whole zone."""
    assert not is_substitution(expression.encode())
