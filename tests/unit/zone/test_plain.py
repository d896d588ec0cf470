"""The short way is the long way, only shorter: on everything it takes, and on everything it must leave alone."""

from __future__ import annotations

import pytest
from bench.load import zone_text
from hypothesis import given, settings
from hypothesis import strategies as st

from directdnsonly.errors import PushRefused
from directdnsonly.zone import plain
from directdnsonly.zone import text as text_module
from directdnsonly.zone.glance import soa_at_a_glance
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, read_any, read_plain
from tests.contract.rr_cases import DKIM_4096, HEAD

ORIGIN = ZoneName.parse("example.com")
SOA = "@ 300 IN SOA ns1.host.example. hostmaster ( 2026010101\n\t3600 3600 1209600 86400 )\n"
HEADS = ["$TTL 300\n" + SOA, "\n\n$TTL 0\n\n" + SOA, SOA, SOA.replace("300 IN", "IN"), SOA.replace("\n\t", "\r\n "), ""]
WORDS = st.sampled_from(
    ["@", "www", "WWW", "*", "a.b", "ns1", "_dmarc", "x_y", "a..b", "example.com.", "Example.COM.", "other.example.", "1",
     "a" * 63, "a" * 64, ".".join(["a" * 60] * 4) + ".", "0/26", "-", "x-", "IN", "$TTL", "a;b", "ü", "\\097", "host.", "."],
)  # fmt: skip
TTLS = st.sampled_from(["300", "0", "5", "2147483647", "2147483648", "0300", "1h", "", "9999999999"])
DATA = st.one_of(
    st.tuples(st.just("A"), st.sampled_from(["192.0.2.1", "255.255.255.255", "256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4 x"])),
    st.tuples(st.sampled_from(["NS", "CNAME", "PTR", "cname"]), WORDS),
    st.tuples(st.just("MX"), st.builds("{} {}".format, st.sampled_from(["10", "0", "65535", "65536", "010"]), WORDS)),
    st.tuples(st.just("SRV"), st.builds("{}  0 5060 {}".format, st.sampled_from(["10", "65536"]), WORDS)),
    st.tuples(
        st.sampled_from(["TXT", "SPF", "txt"]),
        st.sampled_from(
            ['"v=spf1 -all"', '"a" "b"', '"a""b"', '"a;b"', '"a\\"b"', "plain", '"tab\there"', '""', '( "one"\n\t "two" )',
             '( "x" ; no\n "y" )', '"' + "x" * 255 + '"', '"' + "x" * 256 + '"', '"é"', DKIM_4096[0], '"a" b', '(\n"x")', '"a'],
        ),
    ),
    st.tuples(st.just("AAAA"), st.sampled_from(["2001:DB8::1", "::ffff:192.0.2.1", "::1:2", "::192.0.2.1", "fe80::1%0", "1::2::3", "a b"])),
    st.tuples(st.just("CAA"), st.sampled_from(['0 issue "ca.example"', '0 ISSUE "a; b"', "0 issue ca", '0 issue""', '256 a "b"', '0 a "b" c', '0 x-y "b"'])),
    st.tuples(st.just("TLSA"), st.sampled_from(["3 1 1 " + "AB" * 32, "3 1 1 ab cd", "3 1 1", "a 1 1 ab"])),
    st.tuples(st.just("SSHFP"), st.sampled_from(["4 2 " + "ab" * 32, "4 2 0g"])),
)  # fmt: skip
LINES = st.lists(st.tuples(WORDS, TTLS, DATA, st.sampled_from(["\n", "\r\n", " \t\n", " ; c\n", "\n\n"])), max_size=6)


def render(head: str, lines, blank: str) -> str:
    apex = f"@{blank}300{blank}IN{blank}NS{blank}ns1.host.example.\n"
    body = "".join(
        f"{owner}{blank}{ttl}{blank}IN{blank}{kind}{blank}{data}{end}" for owner, ttl, (kind, data), end in lines
    )
    return head + apex + body


def outcome(text: str) -> Zone | str:
    """The zone, or the refusal with its line."""
    try:
        return read_any(text, ORIGIN)
    except PushRefused as error:
        return str(error)


@given(st.sampled_from(HEADS), LINES, st.sampled_from(["\t", " ", "  \t"]))
@settings(max_examples=600, deadline=None)
def test_the_short_way_says_the_same_or_nothing(head, lines, blank):
    """Whatever it takes is what the long way makes of it, warnings included; what is refused goes the long way."""
    text = render(head, lines, blank)

    short, long = read_plain(text, ORIGIN), outcome(text)

    assert short is None or short == long


NEAR = st.sampled_from(["@", "a", "b", "c.a", "*", "*.a", "a.example.com.", "ns1.host.example.", "other.example."])
FEW = st.one_of(
    st.tuples(st.just("A"), st.just("192.0.2.1")),
    st.tuples(st.just("TXT"), st.sampled_from(['"x"', '"y"'])),
    st.tuples(st.sampled_from(["NS", "CNAME", "PTR"]), st.one_of(NEAR, st.sampled_from(["1.2.3.4", "."]))),
    st.tuples(st.just("MX"), st.builds("10 {}".format, st.one_of(NEAR, st.sampled_from(["192.0.2.1", "."])))),
    st.tuples(st.just("SRV"), st.builds("0 0 5060 {}".format, NEAR)),
    st.tuples(st.just("TLSA"), st.sampled_from(["3 1 1 " + "ab" * 32, "3 1 1 abcd"])),
    st.tuples(st.just("CAA"), st.just('0 issue "ca.example"')),
)
CLOSE = st.lists(st.tuples(NEAR, st.sampled_from(["300", "60"]), FEW, st.just("\n")), max_size=8)
SOAS = [HEADS[0], HEADS[0].replace("1209600", "4294967295"), HEADS[0].replace("1209600", "2147483648")]


@given(st.sampled_from(SOAS), CLOSE)
@settings(max_examples=600, deadline=None)
def test_records_that_lie_close_together_are_judged_alike(head, lines):
    """Few names, so that they meet: what is beside a CNAME, where it leads, who is delegated, what deserves a warning."""
    text = render(head, lines, " ")

    short, long = read_plain(text, ORIGIN), outcome(text)

    assert short is None or short == long


JUDGED = {
    "nothing": ("", True),
    "an alias": ("www 300 IN CNAME a\n", True),
    "an alias and a record": ("www 300 IN CNAME a\nwww 300 IN A 192.0.2.1\n", False),
    "a record and an alias": ("www 300 IN A 192.0.2.1\nwww 300 IN CNAME a\n", False),
    "an alias and a text": ('www 300 IN CNAME a\nwww 300 IN TXT "x"\n', False),
    "two origins": ("@ 300 IN SOA ns9.host.example. hostmaster ( 1 1 1 1 1 )\n", False),
    "two aliases": ("www 300 IN CNAME a\nwww 300 IN CNAME b\n", False),
    "an alias of an alias": ("a 300 IN CNAME b\nb 300 IN CNAME c.example.\n", False),
    "a delegation": ("sub 300 IN NS ns1.host.example.\n", False),
    "a name server inside": ("@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n", False),
    "an address as a name": ("@ 300 IN MX 10 192.0.2.1\n", False),
    "a digest": ("_25._tcp 300 IN TLSA 3 1 1 " + "ab" * 32 + "\n", False),
    "many octets": ("".join(f'@ 300 IN TXT "{number}{"x" * 200}"\n' for number in range(60)), False),
}


@pytest.mark.parametrize(("records", "is_usual"), JUDGED.values(), ids=JUDGED)
def test_at_a_glance_a_zone_is_sound_or_goes_to_the_judges(records, is_usual):
    """Pointed at by each rule that could say something; none of them is asked of the zones that nearly all are."""
    reader = text_module._Reader(ORIGIN, text_module.DEFAULT_LIMITS)
    for one in plain.records(render(HEADS[0], [], " ") + records, ORIGIN.absolute):
        reader.keep(*one)

    assert is_usual is (soa_at_a_glance(sorted(reader._ttls), ORIGIN.absolute) is not None)


APEX = "example.com."
NS_KEY = (APEX, "NS", "ns1.host.example.")


def soa_key(owner: str = APEX, expire: str = "999999999") -> tuple[str, str, str]:
    return owner, "SOA", f"ns1.host.example. hostmaster.example.com. 1 3600 3600 {expire} 86400"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([NS_KEY, soa_key()], soa_key()),
        ([NS_KEY, soa_key(expire="1000000000")], None),  # below 2**31, which the judges know
        ([NS_KEY, soa_key("a.example.com.")], None),
        ([soa_key()], None),
        ([NS_KEY], None),
        ([NS_KEY, soa_key(), ("a.example.com.", "MX", "0 .")], None),
        ([NS_KEY, soa_key(), ("a.example.com.", "MX", "10 a\\046b.example.com.")], None),
        ([NS_KEY, soa_key(), ("a.example.com.", "DS", "1 8 2 00")], None),
    ],
)
def test_what_the_short_way_never_yields_goes_to_the_judges_too(keys, found):
    """By their keys: no text that the fast parser takes makes these."""
    assert found == soa_at_a_glance(keys, APEX)


@pytest.mark.parametrize(
    "tail",
    ["www 300 IN NS www\n", 'www 300 IN TXT ( "a"\r"b" )\n'],
    ids=["a warning that names a line", "a lone CR between parentheses"],
)
def test_what_the_short_way_cannot_say_rightly_goes_the_long_way(tail):
    """Both were found by the property tests."""
    text = HEADS[0] + "@ 300 IN NS ns1.host.example.\n" + tail

    assert read_plain(text, ORIGIN) is None


@given(st.binary(max_size=40), st.integers(0, 1400), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_damage_anywhere_changes_nothing_about_that(octets, place, cut):
    """A usual zone with octets put in or taken out at any place."""
    whole = zone_text("example.com", 2026010101)
    text = (whole[:place] + octets + whole[place + cut :]).decode("latin-1")

    short, long = read_plain(text, ORIGIN), outcome(text)

    assert short is None or short == long


@pytest.mark.parametrize(
    "text",
    [
        zone_text("example.com", 2026010101).decode(),
        (HEAD + "x._domainkey\t3600\tIN\tTXT\t" + DKIM_4096[0] + "\n").replace("{zone}", "example.com"),
        zone_text("example.com", 1, records=1000).decode().replace("\n", "\r\n"),
        zone_text("example.com", 1).decode().rstrip("\n"),
        zone_text("example.com", 1).decode()
        + '@ 300 IN AAAA 2001:DB8:0:0::1\n@ 300 IN CAA 0 issue "ca.example"\n_25._tcp 300 IN TLSA 3 1 1 '
        + "ab" * 16
        + " "
        + "cd" * 16
        + "\n",
    ],
    ids=["usual", "long DKIM key", "1,000 records with CRLF", "no final newline", "IPv6, CAA, TLSA"],
)
def test_what_directadmin_writes_takes_the_short_way(text):
    """Otherwise it would be there for nothing."""
    assert read_plain(text, ORIGIN) == read_any(text, ORIGIN)


def test_a_refusal_of_the_short_way_tells_the_line():
    """It gives up, and the long way says where."""
    with pytest.raises(PushRefused, match=r"line 5: .*CNAME"):
        parse(SOA + "@ 300 IN NS ns1.host.example.\nwww 300 IN CNAME a.example.\nwww 300 IN A 192.0.2.1\n", ORIGIN)
