"""Why a zone is refused is told in the checker's own decisive words: each real checker, several faults each."""

from __future__ import annotations

import pytest

from directdnsonly.backends.bind.judging import CHECK_AS_BUNDLED
from directdnsonly.backends.files.checker import KZONECHECK, MOST_CHARS, NAMED_CHECKZONE, NSD_CHECKZONE, ZoneChecker
from directdnsonly.zone.name import ZoneName
from tests.support.programs import nsd_version, require_program

NAME = ZoneName.parse("example.com")
HEAD = (
    "$ORIGIN example.com.\n$TTL 300\n"
    "example.com. 300 IN SOA ns1.host.example. h.example.com. 1 3600 3600 3600 300\n"
    "example.com. 300 IN NS ns1.host.example.\n"
)
CHECKERS = {
    "named-checkzone": NAMED_CHECKZONE,
    "named-checkconf": CHECK_AS_BUNDLED,
    "nsd-checkzone": NSD_CHECKZONE,
    "kzonecheck": KZONECHECK,
}
FAULTS = {
    "address": "www.example.com. 300 IN A 192.0.2.300\n",
    "type": "www.example.com. 300 IN WHAT x\n",
    "string": 'www.example.com. 300 IN TXT "open\n',
    "two": "a.example.com. 300 IN A x\nb.example.com. 300 IN AAAA y\n",
    "cname": "www.example.com. 300 IN CNAME a.example.\nwww.example.com. 300 IN A 192.0.2.1\n",
    "cnames": "www.example.com. 300 IN CNAME a.example.\nwww.example.com. 300 IN CNAME b.example.\n",
    "dname": "d.example.com. 300 IN DNAME x.example.\na.d.example.com. 300 IN A 192.0.2.1\n",
    "nsec3param": "example.com. 300 IN NSEC3PARAM 1 0 0 -\nexample.com. 300 IN NSEC3PARAM 1 0 1 -\n",
    "mail": "example.com. 300 IN MX 10\n",
    "range": "$GENERATE 1-x a$ A 192.0.2.1\n",
    "no end": "www.example.com. 300",
    "name server": "example.com. 300 IN NS ns2.example.com.\n",
}
WORDS = [
    ("named-checkzone", "address", ["5: near '192.0.2.300': bad dotted quad"]),
    ("named-checkzone", "type", ["5: unknown RR type 'WHAT'"]),
    ("named-checkzone", "string", ["unbalanced quotes"]),
    ("named-checkzone", "two", ["near 'x': bad dotted quad", "near 'y': bad IPv6 address"]),
    ("named-checkzone", "cname", ["www.example.com: CNAME and other data"]),
    ("named-checkzone", "cnames", ["www.example.com: multiple RRs of singleton type"]),
    ("named-checkzone", "name server", ["NS 'ns2.example.com' has no address records (A or AAAA)"]),
    ("named-checkzone", "range", ["5: invalid range '1-x'"]),
    ("named-checkzone", "no end", ["unexpected end of", "file does not end with newline"]),
    ("named-checkconf", "address", ["5: near '192.0.2.300': bad dotted quad"]),
    ("named-checkconf", "cname", ["www.example.com: CNAME and other data"]),
    ("named-checkconf", "name server", ["NS 'ns2.example.com' has no address records (A or AAAA)"]),
    ("named-checkconf", "no end", ["unexpected end of", "file does not end with newline"]),
    ("kzonecheck", "address", ["invalid IPv4 address: www.example.com. 300 IN A 192.0.2.300"]),
    ("kzonecheck", "type", ["unsupported record type: www.example.com. 300 IN WHAT x"]),
    ("kzonecheck", "string", ["invalid text character: www.example.com. 300 IN TXT"]),
    ("kzonecheck", "two", ["invalid address character: a.example.com.", "invalid address character: b.example.com."]),
    ("kzonecheck", "cname", ["[www.example.com.] another record exists beside CNAME"]),
    ("kzonecheck", "cnames", ["[www.example.com.] multiple CNAME records"]),
    ("kzonecheck", "dname", ["[d.example.com.] child record exists under DNAME"]),
    ("kzonecheck", "nsec3param", ["failed to load NSEC3 parameters (invalid parameter)"]),
]

NSD_WORDS = [  # before 4.12, and from it on: it quotes nothing, so we tell the record
    ("mail", ["syntax error"], ["Missing hostname in MX: example.com. 300 IN MX 10"]),
    ("range", ["1-x"], ["Unknown control entry: $GENERATE 1-x"]),
    (
        "address",
        ["5: invalid IPv4 address '192.0.2.300'"],
        ["Invalid address in A: www.example.com. 300 IN A 192.0.2.300"],
    ),
    ("type", ["unrecognized RR type 'WHAT'"], ["Invalid TYPE in RR: www.example.com. 300 IN WHAT x"]),
    ("string", ["EOF inside quoted string"], ["Missing closing quote: www.example.com. 300 IN TXT"]),
    (
        "two",
        ["invalid IPv4 address 'x'", "invalid IPv6 address 'y'"],
        ["Invalid address in A: a.example.com. 300 IN A x"],
    ),
    ("cname", ["CNAME and other data at the same name"], ["CNAME and other data at the same name"]),
    ("cnames", ["multiple CNAMEs at the same name"], ["multiple CNAMEs at the same name"]),
    ("dname", ["DNAME at d.example.com. has data below it"], ["DNAME at d.example.com. has data below it"]),
]


async def told(program: str, text: str) -> str:
    require_program(program)
    return await ZoneChecker(CHECKERS[program], timeout_s=30).why_refused(NAME, text)


@pytest.mark.parametrize(("fault", "before", "since"), NSD_WORDS)
async def test_nsds_checker_is_quoted_in_the_words_of_its_version(fault, before, since):
    """And with what is wrong, where it gives no more than a line of a text that nobody has seen."""
    reason = await told("nsd-checkzone", HEAD + FAULTS[fault])

    assert [] == [word for word in (since if nsd_version() >= (4, 12) else before) if word not in reason]
    assert "dadns-check-" not in reason


@pytest.mark.parametrize(("program", "fault", "words"), WORDS)
async def test_a_checker_is_quoted_with_the_words_that_decide(program, fault, words):
    """Not "failed to run semantic checks" or "failed to load": what is wrong, and where."""
    reason = await told(program, HEAD + FAULTS[fault])

    assert [] == [word for word in words if word not in reason]
    for empty in (
        "_default/",
        "semantic",
        "dadns-check-",
        "not loaded",
        " errors",
        "Error summary",
        "\t",
        "failed to load zone",
    ):
        assert empty not in reason


@pytest.mark.parametrize("program", CHECKERS)
@pytest.mark.parametrize("fault", ["address", "cname"])
async def test_what_decides_comes_before_what_is_only_mentioned(program, fault):
    """A hundred remarks that no server refuses for do not push the reason out of what is kept."""
    noise = "".join(f"s{n}.example.com. 300 IN NS ns.s{n}.example.com.\n" for n in range(100))
    if program != "nsd-checkzone":  # which refuses such a zone
        noise += "".join(f"x{n}.example.net. 300 IN A 192.0.2.1\n" for n in range(100))

    reason = await told(program, HEAD + noise + FAULTS[fault])

    assert len(reason) <= MOST_CHARS
    assert {"address": "192.0.2.300", "cname": "CNAME"}[fault] in reason.split("; ")[0]


async def test_what_knotd_loads_all_the_same_is_no_refusal():
    """kzonecheck fails for missing glue and a missing NS, too: knotd serves such zones."""
    assert "" == await told("kzonecheck", HEAD + FAULTS["name server"])
    assert "" == await told("kzonecheck", HEAD.replace("IN NS ns1.host.example.", "IN A 192.0.2.1"))


@pytest.mark.parametrize("program", CHECKERS)
async def test_a_good_zone_is_taken_without_a_word(program):
    """However much the checker says about it."""
    assert "" == await told(program, HEAD)
