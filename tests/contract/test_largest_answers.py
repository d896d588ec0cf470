"""The largest answer that fits into a DNS message: we take it and each name server gives it; a larger one is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import dns.edns
import dns.message
import dns.name
import dns.query
import pytest

from directdnsonly.errors import ZonePolicyError
from directdnsonly.zone.answers import LARGEST_ANSWER
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.made_zones import HEAD
from tests.support.name_servers import PROGRAMS, name_server
from tests.support.programs import require_program

KINDS = ("one TXT", "TXT", "A", "MX")


@pytest.fixture
def folder():
    """A folder that name servers may read whoever they become."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def text_of(octets: int) -> str:
    """TXT of so many octets of RDATA."""
    full, rest = divmod(octets, 256)
    sizes = [255] * full + [rest - 1] * (rest > 0)
    return " ".join(f'"{"x" * size}"' for size in sizes)


def rrset_of(kind: str, octets: int, owner: str) -> list[str]:
    """Records of one name that make an answer of at most so many octets, as many as fit."""
    room = octets - 12 - 4 - len(dns.name.from_text(owner).to_wire())
    if kind == "one TXT":
        return [f"TXT {text_of(room - 12)}"]
    if kind == "TXT":
        return [f'TXT "{number:05}{"y" * 195}"' for number in range(room // (12 + 201))]
    if kind == "A":
        return [f"A 10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(room // 16)]
    return [f"MX {number} m.elsewhere.example." for number in range(room // (12 + 2 + 21))]


def zone_text(owner: str, records: Iterable[str]) -> str:
    return HEAD + "".join(f"{owner} IN {record}\n" for record in records)


def answer(port: int, owner: str, kind: str) -> dns.message.Message:
    """By TCP, with EDNS and a cookie, as a resolver asks."""
    cookie = dns.edns.CookieOption(b"12345678", b"")
    query = dns.message.make_query(owner, kind, use_edns=0, payload=1232, options=[cookie])
    return dns.query.tcp(query, "127.0.0.1", port=port, timeout=30)


@pytest.mark.parametrize("program", PROGRAMS)
def test_rfc1035_4_2_2_the_largest_answer_that_we_take_is_given_and_a_larger_one_is_refused(program, folder):
    """RFC 1035, section 4.2.2: with EDNS and a cookie, for a name as long as a wildcard allows, and by AXFR."""
    require_program(program)
    zones = {}
    for number, kind in enumerate(KINDS):
        for place, owner in enumerate(("t", "*")):
            name = f"z{number}{place}.example"
            records = rrset_of(kind, LARGEST_ANSWER, f"{owner}.{name}.")
            zones[name] = parse(zone_text(owner, records), ZoneName.parse(name))
            larger = zone_text(owner, rrset_of(kind, LARGEST_ANSWER + 230, f"{owner}.{name}."))
            with pytest.raises(ZonePolicyError, match=r"at most 65023 fit") as caught:
                parse(larger, ZoneName.parse(name))
            assert ("answer-too-large", f"{owner}.{name}.") == (caught.value.rule, caught.value.owner)
            assert caught.value.line > 3

    with name_server(program, {name: zone.text for name, zone in zones.items()}, folder) as server:
        for name, zone in zones.items():
            kind = KINDS[int(name[1])].split(" ")[-1]
            owner = f"t.{name}." if name[2] == "0" else ".".join(["l" * 63] * 3 + ["l" * 45, name, ""])
            found = answer(server.port, owner, kind)
            assert zone.records - 2 == sum(len(rrset) for rrset in found.answer), (name, found.flags)
            if program != "nsd" or kind != "TXT" or zone.records > 3:  # NSD 4.6 transfers no record above 16 KiB
                assert zone.records == len(server.transfer(name) or ())


def test_no_server_answers_what_does_not_fit(folder):
    """Why there is such a rule: an answer of 84,800 octets is cut, is SERVFAIL, or the zone is not loaded."""
    text = "$ORIGIN big.example.\n" + zone_text("t", [f'TXT "{number:05}{"y" * 195}"' for number in range(400)])
    for program in PROGRAMS:
        with name_server(program, {"big.example": text}, folder) as server:
            found = answer(server.port, "t.big.example.", "TXT")

            assert 400 != sum(len(rrset) for rrset in found.answer)
