"""What name servers load and yet is probably a mistake: each rule, and what is no mistake."""

from __future__ import annotations

import calendar

import pytest

from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, read_any
from directdnsonly.zone.warn import KEPT, MAX_CHARS
from directdnsonly.zone.warn_time import warnings_at

NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 2026010101 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"
DS = "DS 12345 8 2 " + "ab" * 32
RRSIG = "RRSIG A 13 2 300 {end} {begin} 12345 example.com. " + "A" * 86 + "=="


def warned(text: str) -> list[tuple[str, int]]:
    return [(warning.rule, warning.line) for warning in parse(HEAD + text, NAME).warnings]


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("_dmarc IN TXT v=DMARC1; p=none\n", "text-cut", "'p=none' is left out"),
        ("_dmarc IN TXT v=DMARC1 ; p=none\n", "text-cut", "'p=none'"),
        ('k IN TXT "v=DKIM1"; k=rsa; p=abc\n', "text-cut", "'k=rsa; p=abc'"),
        ('k IN TXT ( "v=DKIM1; "\n "k=rsa; " ; p=abc\n )\n', "text-cut", "'p=abc'"),
        ("@ IN CAA 0 issue ca.example; validationmethods=dns-01\n", "text-cut", "'validationmethods=dns-01'"),
        ("w IN TXT \u201cv=spf1 mx\u201d\n", "curly-quotes", "typographic"),
        ("m\u00fcnchen IN A 192.0.2.1\n", "odd-name", "xn--mnchen-3ya.example.com"),
        ("w IN CNAME m\u00fcnchen\n", "odd-name", "xn--mnchen-3ya.example.com"),
        ("#www IN A 192.0.2.1\n", "odd-name", "# does not begin a comment"),
        ("www\u00a0IN A 192.0.2.1\n", "odd-name", "invisible character"),
        ("s IN SVCB 0 x. alpn=h2\n", "alias-parameters", "unless `check-svcb no` is set"),
        ('u IN URI 1 1 ""\n', "uri-empty", "BIND 9.20 does not load"),
        ("k IN DNSKEY 256 3 254 AAAA\n", "private-algorithm", "algorithm 254 is for private use"),
        ("k IN TYPE48 \\# 6 010003fdabcd\n", "private-algorithm", "unless it begins with the name of the algorithm"),
        ("k IN CDNSKEY 256 3 253 qg==\n", "private-algorithm", "BIND 9.20 does not load"),
        (f"@ IN {RRSIG.format(end=20360101000000, begin=20200101000000)}\n".replace("A 13", "A 254"), "private-algorithm", "254"),
        ("@ IN MX 10 192.0.2.1\n", "address-as-name", "192.0.2.1 is in the place of a host name"),
        ("@ IN MX 10 192.0.2.1.\n", "address-as-name", "192.0.2.1"),
        ("s IN SRV 1 1 1 2001:db8::1\n", "address-as-name", "2001:db8::1"),
        ("w IN CNAME 192.0.2.1\n", "address-as-name", "192.0.2.1"),
        ("@ IN MX 0 .\n", "null-mx", "RFC 7505"),
        ("sub IN TXT x\n", "occluded", "sub.example.com. TXT lies in sub.example.com."),
        ("sub IN A 192.0.2.1\n", "occluded", "sub.example.com. A"),
        ("www.sub IN A 192.0.2.1\n", "occluded", "www.sub.example.com. A lies in sub.example.com."),
        ("a.b.sub IN MX 0 mail\n", "occluded", "a.b.sub.example.com. MX"),
        (f"ns.sub IN {DS}\n", "occluded", "ns.sub.example.com. DS"),
        (f"w IN {DS}\n", "ds-without-ns", "BIND 9.20"),
        ("a IN CNAME a\n", "cname-circle", "a.example.com. -> a.example.com."),
        ("a IN CNAME b\nb IN CNAME c\nc IN CNAME b\n", "cname-circle", "b.example.com. -> c.example.com. -> b.exam"),
        ("_dns IN SVCB 1 svc.example. port=8443\n", "svcb-dns", "no alpn"),
        ("_dns IN SVCB 0 svc.example.\n", "svcb-dns", "no alpn"),
        ("_8443._dns.r IN SVCB 1 svc.example. alpn=dot,h2\n", "svcb-dns", "no dohpath"),
    ],
)  # fmt: skip
def test_a_probable_mistake_is_accepted_with_a_warning(text, rule, words):
    """Every name server loads it. The line is that of the record, the rule that of docs/refusals.md."""
    around = (
        "@ IN MX 10 mail\nmail IN A 192.0.2.9\nsub IN NS ns.sub\nsub IN NS ns.host.example.\nns.sub IN A 192.0.2.8\n"
    )

    found = [one for one in parse(HEAD + around + text, NAME).warnings if rule != "occluded" or one.rule == rule]

    assert rule in {one.rule for one in found}
    (told,) = [one for one in found if one.rule == rule and words in one.text]
    assert told.line >= 9  # behind what stands around
    assert told.owner.endswith("example.com.")


@pytest.mark.parametrize(
    "text",
    [
        'w IN TXT "v=spf1 mx; fine" ; a comment\n',
        'w IN TXT "fine"; a comment\n',
        'w IN TXT ( "a" ; the first part\n "b" )\n',
        "w IN TXT word ; a comment\n",
        "w IN A 192.0.2.1; a comment\n",
        "xn--mnchen-3ya IN A 192.0.2.1\n",
        "w\\;x IN A 192.0.2.1\n",
        "w IN CNAME 2.0.0.127.bl.example.\n",  # a name of a block list
        "w IN PTR 192.0.2.1\n",
        "@ IN MX 0 .\n",
        "@ IN MX 10 mail\n@ IN MX 20 mail2\nmail IN A 192.0.2.1\n",
        f"sub IN NS ns.sub\nsub IN {DS}\nns.sub IN A 192.0.2.1\nns.sub IN AAAA 2001:db8::1\n",
        "sub IN NS sub\nsub IN A 192.0.2.1\n",
        "a.sub IN NS ns.b.sub\nb.sub IN NS ns.b.sub\nns.b.sub IN A 192.0.2.1\n",
        "a IN CNAME b\nb IN CNAME c\nc IN CNAME www.example.net.\nd IN CNAME b\n",
        "_dns IN SVCB 1 svc.example. alpn=h2 dohpath=/q{?dns}\n_dns.x IN SVCB 1 svc.example. alpn=dot\n",
        "w IN SVCB 0 svc.example.\nw IN SVCB 1 svc.example. port=8443\n",
    ],
)  # fmt: skip
def test_what_is_no_mistake_gets_no_warning(text):
    """A warning that cries wolf is read by nobody."""
    assert [] == warned(text)


def test_warnings_are_told_in_the_order_of_their_lines():
    """As a person goes through the file."""
    assert [("odd-name", 4), ("address-as-name", 5), ("cname-circle", 6), ("text-cut", 7)] == warned(
        "#x IN A 192.0.2.1\nm IN MX 1 192.0.2.1\na IN CNAME a\nt IN TXT a;b\n"
    )


def test_the_warnings_of_a_zone_are_bounded():
    """However many there are, a store that keeps them stays small; that there are more is told."""
    long = ".".join(["l" * 60] * 3)
    zone = parse(HEAD + "".join(f"x{n}.{long} IN CNAME x{n}.{long}\n" for n in range(500)), NAME)

    assert KEPT + 1 == len(zone.warnings)
    assert "more" == zone.warnings[-1].rule
    assert max(len(one.text) for one in zone.warnings) <= MAX_CHARS


def test_signatures_that_have_ended_are_told_when_the_zone_is_pushed():
    """The parser has no clock: it keeps which one ends first, and whoever accepts the zone looks at the time."""
    text = (
        f"a IN {RRSIG.format(end=20260301000000, begin=20260101000000)}\n"
        f"b IN {RRSIG.format(end=20260201000000, begin=20260115000000)}\n"
    )
    zone = parse(HEAD + text, NAME)
    assert zone.signatures is not None

    def at(*day: int) -> list[tuple[str, str, int]]:
        now_s = calendar.timegm((*day, 0, 0, 0))
        return [(one.rule, one.owner, one.line) for one in warnings_at(zone.signatures, now_s)]

    assert [] == at(2026, 1, 20)
    assert [("rrsig-expired", "b.example.com.", 5)] == at(2026, 2, 2)
    assert [("rrsig-future", "b.example.com.", 5)] == at(2026, 1, 10)


def test_the_short_way_gives_a_zone_with_warnings_to_the_long_one():
    """Which knows the lines; a zone without any is read once."""
    plain = "$TTL 300\n@ 300 IN SOA ns1.host.example. h (\n 1\n 1\n 1\n 1\n 1 )\n@ 300 IN NS ns1.host.example.\n"
    text = f"{plain}@ 300 IN MX 10 192.0.2.1\n"

    assert parse(text, NAME) == read_any(text, NAME)
    assert [9] == [one.line for one in parse(text, NAME).warnings]
