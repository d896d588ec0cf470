"""What `dadns check --against` knows of newer name servers, asked of the checkers of this machine, whichever version they have."""

from __future__ import annotations

import re

import pytest

from directdnsonly.backends.files.checker import KZONECHECK, NAMED_CHECKZONE, NSD_CHECKZONE, ZoneChecker
from directdnsonly.backends.newer import RELEASES, RULES, Judge
from directdnsonly.backends.nsd.safe import why_never
from directdnsonly.backends.nsd.text import for_nsd
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.newer_cases import CASES, HEAD
from tests.support.programs import knot_version, named_version, nsd_version, require_program

NAME = ZoneName.parse("example.com")
CHECKERS = {"bind": NAMED_CHECKZONE, "nsd": NSD_CHECKZONE, "knot": KZONECHECK}


VERSIONS = {"bind": named_version, "nsd": nsd_version, "knot": knot_version}


@pytest.mark.parametrize(
    ("kind", "records", "words"), [(kind, *case) for kind, cases in CASES.items() for case in cases]
)
async def test_what_is_foretold_is_what_the_checker_of_that_version_says(kind, records, words):
    """Of this machine's version: it refuses exactly what the rules up to it name, and loads what only later ones do."""
    require_program(CHECKERS[kind].program)
    text = HEAD + records
    later = list(Judge({kind: RELEASES["debian-14"][kind]}).rules_for(text))

    here = list(Judge({kind: VERSIONS[kind]()}).rules_for(text))
    refusal = await ZoneChecker(CHECKERS[kind], timeout_s=60).why_refused(NAME, text)

    assert [words] if words else [] == [rule.what[: len(words)] for rule in later]
    assert bool(here) == bool(refusal), refusal


async def test_an_interval_of_the_soa_above_31_bits_is_foretold_of_nsd():
    """In whatever form."""
    require_program("nsd-checkzone")
    text = HEAD.replace(" 1 3600 ", " 1 2251427590 ")
    refusal = await ZoneChecker(NSD_CHECKZONE, timeout_s=60).why_refused(NAME, for_nsd(text))

    assert bool(list(Judge({"nsd": nsd_version()}).rules_for(text))) == bool(refusal), refusal
    assert ["an interval of the SOA above 2147483647"] == [one.what for one in Judge({"nsd": (4, 12)}).rules_for(text)]


@pytest.mark.parametrize(("servers", "found"), [(16, []), (17, ["HIP with more than 16 rendezvous servers"])])
def test_a_hip_with_many_rendezvous_servers_is_foretold_of_nsd(servers, found):
    """The zone is loaded, so no checker tells."""
    names = " ".join(f"x{number}." for number in range(servers))
    text = parse(f"@ IN SOA a. b. 1 1 1 1 1\n@ IN NS a.\nh IN HIP 2 abcd AAAA {names}\n", NAME).text

    assert found == [one.what for one in Judge({"nsd": (4, 12)}).rules_for(text)]
    assert bool(found) == bool(why_never(text))


def test_a_large_rrset_and_a_name_with_many_types_are_foretold():
    """named's checker says OK to them, named does not load them: the limits are of its cache of answers."""
    judge = Judge({"bind": (9, 20)})
    addresses = "".join(f"w.example.com. 300 IN A 192.0.2.{number}\n" for number in range(101))
    types = "".join(f"t.example.com. 300 IN TYPE{65290 + number} \\# 1 00\n" for number in range(101))

    found = {name: [rule.option for rule in judge.rules_for(HEAD + text)] for name, text in
             {"101": addresses, "100": addresses.split("\n", 1)[1], "types": types, "100 types": types.split("\n", 1)[1]}.items()}  # fmt: skip

    assert {"101": ["max-records-per-type 0;"], "100": [], "types": ["max-types-per-name 0;"], "100 types": []} == found
    assert [] == list(Judge({"bind": (9, 18, 19)}).rules_for(HEAD + addresses))


def test_each_rule_says_where_it_is_from():
    """And has a case above, or in the test of large RRsets."""
    known = {words for cases in CASES.values() for _, words in cases if words} | {
        "more than 100",
        "an interval",
        "HIP with",
    }

    for rules in RULES.values():
        for rule in rules:
            assert rule.source
            assert any(re.search(words, rule.what) or rule.what.startswith(words) for words in known), rule.what
