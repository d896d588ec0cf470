"""What NSD is given in octets, since some version of it refuses the text or serves something else (RFC 3597, section 5)."""

from __future__ import annotations

import pytest

from directdnsonly.backends.nsd.text import for_nsd
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

NAME = ZoneName.parse("example.com")
HEAD = "$TTL 300\n@ IN SOA ns1.host.example. hostmaster 1 {refresh} 1h 14d 1d\n@ IN NS ns1.host.example.\n"
IN_OCTETS = [
    "t IN LOC 0 N 0 E -100000.00m",
    "t IN LOC 51 30 12.7 N 0 7 39.6 W -100000m 1m 10000m 10m",
    "t IN HTTPS 1 . mandatory=alpn alpn=h2",
    "t IN HTTPS 1 svc.example.net. alpn=h2 mandatory=alpn,port port=8443",
]
AS_THEY_ARE = [
    "t IN LOC 0 N 0 E -99999.99m",
    "t IN LOC 0 N 0 E 0m 1m",
    "t IN HTTPS 1 . alpn=h2",
    "t IN SVCB 1 . mandatory=alpn alpn=h2",
    't IN TXT "LOC 0 N 0 E -100000.00m" "HTTPS 1 . mandatory=alpn alpn=h2"',
    "t IN A 192.0.2.1",
]


def text_of(*lines: str, refresh: str = "1h") -> str:
    return parse(HEAD.format(refresh=refresh) + "\n".join(lines) + "\n", NAME).text


def records_of(text: str) -> set[str]:
    return set(text.splitlines())


@pytest.mark.parametrize("line", IN_OCTETS)
@pytest.mark.parametrize("beside", [[], AS_THEY_ARE[:1], AS_THEY_ARE], ids=["alone", "beside another", "among all"])
def test_a_record_whose_text_nsd_refuses_is_given_in_octets_and_no_other(line, beside):
    """It says the same: read again it is our text."""
    others = [other.replace("t ", f"o{number} ", 1) for number, other in enumerate(beside)]
    text = text_of(*others, line)

    given = for_nsd(text)

    (changed,) = records_of(given) - records_of(text)
    kind = line.split()[2]
    assert changed.startswith(f"t.{NAME}. 300 IN {kind} \\# ")
    assert text == parse(given, NAME).text


def test_all_of_a_zone_are_given_so_and_its_intervals_too():
    """Several reasons in one zone do not hide each other."""
    text = text_of(
        *(line.replace("t ", f"t{number} ", 1) for number, line in enumerate(IN_OCTETS)), refresh="2251427590"
    )

    given = for_nsd(text)

    assert len(IN_OCTETS) + 1 == sum(" \\# " in line for line in given.splitlines())
    assert text == parse(given, NAME).text


@pytest.mark.parametrize("line", AS_THEY_ARE)
def test_what_nsd_reads_it_gets_as_it_is(line):
    """Readable, for whoever looks into its folder."""
    text = text_of(line)

    assert text == for_nsd(text)
