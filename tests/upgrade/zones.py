"""The zones of an installation: every type, odd names, large ones, what other versions refuse, and many plain ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.load import large_zone, zone_text

from tests.contract.rr_cases import CASES as MATRIX
from tests.contract.rr_cases import HEAD as MATRIX_HEAD
from tests.support.newer_cases import CASES as NEWER
from tests.support.newer_cases import HEAD as NEWER_HEAD
from tests.support.rdata_forms import RDATA

SERIAL = 2026010100
HEAD = f"$TTL 300\n@ IN SOA ns1.host.example. hostmaster {SERIAL} 1h 1h 2w 1d\n@ IN NS ns1.host.example.\n"
LEAST_PLAIN = 40
ODD_NAMES = (
    "0/26.2.0.192.in-addr.arpa", "xn--bcher-kva.example", "_tcp.odd.example", "8.b.d.0.1.0.0.2.ip6.arpa",
    ".".join([*("l" * 63 for _ in range(3)), "k" * 50, "example"]), "b" * 63 + ".example", "a.b.c.d.e.f.g.h.example",
)  # fmt: skip
ODD_OWNERS = (
    r"a\.c", r"a\@d", r"a\032b", r"a\\b", r"a\195\188b", r"a\"b", r"a\;b", "a+b", r"*.w\@c", "*", "*.deep.deeper", "under_score",
    "-dash-", "9" * 63, r"\000\255", "UPPER.lower", "a.empty.nonterminal",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A zone as DirectAdmin pushes it. `kind`: a word for the table."""

    kind: str
    zone: str
    text: bytes


def special() -> Iterator[Given]:
    """One zone for each thing that might be read otherwise by another version."""
    for case in MATRIX:
        yield _given("RR matrix", case.zone, (MATRIX_HEAD + case.lines).replace("{zone}", case.zone))
    forms = ((kind, form) for kind, several in RDATA.items() for form in several)
    for number, (kind, form) in enumerate(forms):
        rdata = form.format(*("Host.elsewhere.example." for _ in range(9)))
        yield _given("form of RDATA", f"f{number}.form.example", f"{HEAD}x IN {kind} {rdata}\n")
    cases = [records for several in NEWER.values() for records, _ in several]
    for number, records in enumerate(cases):
        zone = f"v{number}.version.example"
        yield _given("refused by some version", zone, (NEWER_HEAD + records).replace("example.com.", f"{zone}."))
    for number, owner in enumerate(ODD_OWNERS):
        yield _given("odd owner", f"o{number}.owner.example", f"{HEAD}{owner} IN A 192.0.2.1\n")
    for zone in ODD_NAMES:
        yield Given(kind="odd name", zone=zone, text=zone_text(zone, SERIAL))
    yield Given(kind="large", zone="octets.large.example", text=large_zone("octets.large.example", SERIAL, 400_000))
    many = "".join(f"w IN A 192.0.2.{number}\n" for number in range(150))
    types = "".join(f"t IN TYPE{65290 + number} \\# 1 00\n" for number in range(120))
    yield _given("large", "rrset.large.example", HEAD + many)
    yield _given("large", "types.large.example", HEAD + types)


def plain(count: int) -> Iterator[Given]:
    """Default zones."""
    for number in range(count):
        zone = f"p{number}.plain.example"
        yield Given(kind="plain", zone=zone, text=zone_text(zone, SERIAL))


def _given(kind: str, zone: str, text: str) -> Given:
    return Given(kind=kind, zone=zone, text=text.encode())
