"""A person never reads "1 zones"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from directdnsonly.wording import counted, with_article

SRC = Path(__file__).parents[2] / "src" / "directdnsonly"
# A value and then a noun in the plural, in an f-string: `{shown} zones`. `kind` and `signed` are types of records.
PLURAL = re.compile(
    r"f[\"'].*\{(?!counted\(|kind\}|signed\})[^{}]+\} (zones|records|pushes|deliveries|backends|servers|attempts|failures|changes|pages|days|times)\b"
)
# What is no number and its noun, or a number that is never 1.
FINE = (
    "version={version} serial={serial}",  # for machines
    "more than {most} records",  # a limit
)


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 deliveries"), (1, "1 delivery"), (2, "2 deliveries"), (1001, "1001 deliveries")]
)
def test_a_number_comes_with_its_noun(number, expected):
    assert expected == counted(number, "delivery", "deliveries")
    assert expected.replace("deliveries", "zones").replace("delivery", "zone") == counted(number, "zone")


def test_no_sentence_puts_a_plural_behind_any_number():
    """Every such text goes through `counted`."""
    found = [
        f"{path.relative_to(SRC)}: {line.strip()}"
        for path in sorted(SRC.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if PLURAL.search(line) and not any(part in line for part in FINE)
    ]

    assert [] == found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *((kind, f"an {kind}") for kind in ["A", "AAAA", "NS", "MX", "SRV", "SSHFP", "SOA", "SPF", "HTTPS", "SVCB", "NSEC3", "RRSIG", "APL", "IPSECKEY", "EUI48", "OPENPGPKEY", "L64"]),
        *((kind, f"a {kind}") for kind in ["CNAME", "TXT", "PTR", "CAA", "DS", "TLSA", "NAPTR", "LOC", "HIP", "HINFO", "URI", "DNSKEY", "TYPE65300"]),
    ],
)  # fmt: skip
def test_a_type_has_the_article_that_it_is_read_with(kind, words):
    """`a A record` reads as a slip of the program."""
    assert words == with_article(kind)
