"""What we take, named, NSD and Knot load and serve alike; what we refuse, one of them does not, or docs/refusals.md says why.

Each line of zone_forms.txt, and as many lines made from them by chance, as a zone of its own in one start of each daemon:
as it is written, and in our normal form. `ZONE_FACTOR=20` tries twenty times as much by chance.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from directdnsonly.backends.newer import Judge
from directdnsonly.backends.nsd.text import for_nsd
from directdnsonly.errors import PushRefused
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.naptr import is_substitution
from directdnsonly.zone.text import parse
from tests.contract.test_zone_daemons import CHECKERS, why_not_loaded
from tests.support.made_zones import HEAD
from tests.support.name_servers import PROGRAMS, Served, name_server
from tests.support.programs import knot_version, named_version, nsd_version, require_program

FACTOR = int(os.environ.get("ZONE_FACTOR", "1"))
NAME = ZoneName.parse("example.com")
SEED = os.environ.get("DADNS_ZONE_SEED", "1")
FORMS = [
    line for line in (Path(__file__).parent / "zone_forms.txt").read_text().split("\n") if line[:1] not in ("", "#")
]
PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"
NUMBERS = ["0", "1", "2", "3", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "-1", "007", "x"]  # fmt: skip
# Not given to the daemons with odd data: one of them may not come back from it.
OBSOLETE = re.compile(r"\b(MD|MF|MB|MG|MR|MINFO|WKS|X25|SIG|KEY|NXT|NSAP-PTR|ATMA|A6|SINK|RKEY|TALINK|DOA|TA|DLV|TYPE\d+|NULL|UINFO|UID|GID|UNSPEC)\b")  # fmt: skip
# What our refusal says where all of them load the line, and the row of the page with the reason.
EXCUSED = {
    r"larger than 2147483647": "a TTL, or the minimum of the SOA, above 2147483647",
    r"is obsolete": "obsolete types, NSAP-PTR among them",
    r"DHCID record is incomplete": "DHCID below 4 octets",
    r"are not a complete LOC record": "LOC of another version than 0",
    r"regexp is not of the form": "a range that begins or ends with a bracket, in a NAPTR's expression",
    r"belongs at a hashed name below": "NSEC3 at the zone's own name",
    r"make an answer of": "an RRset of 65,024 to 65,535 octets",
    r"has \d+ parameters": "more than 62 parameters of HTTPS or SVCB",
    r"'TYPE0' is not a type": "TYPE0 among the types of NSEC, NSEC3 or CSYNC",
    r"\$INCLUDE": "the directive $INCLUDE",
}
# What a push is warned of because only a named before 9.20 takes it.
NOT_BY_NEW_NAMED = "BIND 9.20 does not load such a zone"
WHATEVER_IT_IS_TOLD = re.compile(NOT_BY_NEW_NAMED + "(?! unless `check-)")
Content = frozenset[tuple[str, int, bytes]]


@dataclass
class Asked:
    """One line, what we say, and what each daemon serves of it: as it stands, and as we write it."""

    line: str
    raw: str
    ours: str = ""
    records: int = 0
    refusal: str = ""
    warned: str = ""
    served_raw: dict[str, Content | None] = field(default_factory=dict)
    served_ours: dict[str, Content | None] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    @property
    def fault(self) -> str:
        """What is wrong; empty when nothing is."""
        raw = set(self.served_raw.values())
        is_loaded_alike = len(raw) == 1 and None not in raw
        if self.refusal:
            is_excused = any(re.search(words, self.refusal) for words in EXCUSED)
            return f"loaded by all: {self.refusal}" if is_loaded_alike and not is_excused else ""
        if None in self.served_ours.values():
            if self._is_foretold:
                return ""
            return f"not loaded by {[name for name, found in self.served_ours.items() if found is None]}: {self.words}"
        if len(set(self.served_ours.values())) > 1:
            return "not served alike"
        if is_loaded_alike and raw != set(self.served_ours.values()):
            return "served otherwise than it is written"
        return "" if set(self.counted.values()) == {self.records} else f"we count {self.records}, they {self.counted}"

    @property
    def _is_foretold(self) -> bool:
        """Whether named lacks it as a warning has said, NSD and Knot as `dadns check --against` does: newer versions alone."""
        lacking = {name for name, found in self.served_ours.items() if found is None}
        foretold = {"named"} if WHATEVER_IT_IS_TOLD.search(self.warned) else set()
        versions = {"nsd": ("nsd", nsd_version()), "knotd": ("knot", knot_version())}
        for program, (kind, version) in versions.items():
            if program in lacking and any(Judge({kind: version}).rules_for(self.ours)):
                foretold.add(program)
        return lacking <= foretold and len(set(self.served_ours.values()) - {None}) <= 1


def content(served: Iterable[Served]) -> Content:
    """Without the letters of names; TTLs are asked elsewhere."""
    return frozenset((one.owner.lower(), one.type, one.rdata.lower()) for one in served)


def zone_of(line: str, name: str) -> str:
    head = f"$ORIGIN {name}.\n{HEAD}"
    if line.startswith("SOA "):
        return head.replace("2026010101 1h 1h 2w 1d", line.removeprefix("SOA "))
    return head + line.replace("|", "\n").replace("{zone}", name) + "\n"


def asked(lines: Iterable[str], folder: Path) -> Iterator[Asked]:
    """Each line by each daemon."""
    every: dict[str, Asked] = {}
    for number, line in enumerate(lines):
        name = f"z{number}.example"
        one = every[name] = Asked(line, zone_of(line, name))
        try:
            zone = parse(one.raw, ZoneName.parse(name))
            one.ours, one.records = zone.text, zone.records
            one.warned = "; ".join(warning.text for warning in zone.warnings)
        except PushRefused as refused:
            one.refusal = str(refused)
    for program in PROGRAMS:  # knotd comes last, and is given what another one loads
        require_program(program)
        raw = {name: one.raw for name, one in every.items() if program != "knotd" or any(one.served_raw.values())}
        with name_server(program, raw, folder / "raw") as server:
            for name, one in every.items():
                found = server.transfer(name) if name in raw else None
                one.served_raw[program] = None if found is None else content(found)
        ours = {name: one.ours for name, one in every.items() if one.ours}
        if program == "nsd":  # as its backend writes them
            ours = {name: for_nsd(text) for name, text in ours.items()}
        with name_server(program, ours, folder / "ours") as server:
            for name, one in every.items():
                if one.ours:
                    found = server.transfer(name)
                    one.served_ours[program] = None if found is None else content(found)
                    one.counted[program] = len(found or ())
                    one.words += [server.words_about(name)] if found is None else []
    yield from every.values()


@pytest.fixture
def folder():
    """A folder that name servers may read whoever they become."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


def faults_of(lines: Iterable[str], folder: Path) -> dict[str, str]:
    return {one.line: one.fault for one in asked(lines, folder) if one.fault}


def mutated(rng: random.Random, line: str) -> str:
    """The line with one or two of its fields changed in a way that a person could."""
    owner, kind, *fields = line.split(" ", maxsplit=1)[0], *line.split(" ")[2:]
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(fields)) if fields else 0
        match rng.randrange(8):
            case 0 | 1 if fields and re.search(r"\d", fields[place]):
                fields[place] = re.sub(r"\d+", rng.choice(NUMBERS), fields[place], count=1)
            case 2 if len(fields) > 1:
                del fields[place]
            case 3 if fields:
                fields.insert(place, fields[rng.randrange(len(fields))])
            case 4 if fields:
                fields[place] = fields[place][: -rng.randrange(1, 4)]
            case 5 if fields:
                fields[place] += rng.choice(["ab", "a", "=", "0", ".", ",", "-", "\\", "\\000"])
            case 6 if fields:
                fields[place] = fields[place].strip('"') if '"' in fields[place] else f'"{fields[place]}"'
            case _ if len(fields) > 1:
                other = rng.randrange(len(fields))
                fields[place], fields[other] = fields[other], fields[place]
    return " ".join([owner, "IN", kind, *fields])


def test_every_way_to_write_a_record_is_taken_as_the_three_take_it(folder):
    """Below the apex, in both directions; and the record that we write is the one that was written."""
    assert {} == faults_of(FORMS, folder)


def test_every_record_at_the_zones_own_name_is_taken_as_the_three_take_it(folder):
    """Where DNSKEY, CDS, NSEC3PARAM, ZONEMD and others mean something to the daemons."""
    lines = [line.replace("t IN ", "@ IN ", 1) for line in FORMS if line.startswith("t IN ") and "|" not in line]

    assert {} == faults_of(lines, folder)


def test_whatever_is_written_nearly_right_is_taken_as_the_three_take_it(folder):
    """Numbers beyond their range, fields that are missing, too many, cut, quoted, exchanged: by chance, with a known seed."""
    rng = random.Random(SEED)
    usual = [line for line in FORMS if line.startswith("t IN ") and "|" not in line and not OBSOLETE.search(line)]
    lines = [mutated(rng, rng.choice(usual)) for _ in range(1200 * FACTOR)]

    assert {} == faults_of(dict.fromkeys(lines), folder)


def key(number: int, algorithm: int = 13) -> str:
    octets = {13: 64, 8: 68, 14: 96}[algorithm]
    return f"257 3 {algorithm} " + dns.rdata._base64ify(bytes([number]) * octets, 10_000)


def cds(zone: str, dnskey: str, digest: str = "SHA256") -> str:
    found = dns.rdata.from_text("IN", "DNSKEY", dnskey)
    return dns.dnssec.make_ds(dns.name.from_text(zone), found, digest, policy=dns.dnssec.allow_all_policy).to_text()


def test_keys_for_the_parent_zone_are_taken_as_the_three_take_them(folder):
    """CDS and CDNSKEY with and without a DNSKEY, and the form that asks to delete (RFC 7344, RFC 8078)."""
    one, other, rsa = key(1), key(2), key(3, 8)
    mine, strange, delete = cds("{zone}.", one), "1 13 2 " + "ab" * 32, "0 0 0 00"
    cases = [
        [f"CDS {strange}"], [f"CDNSKEY {one}"], [f"CDS {delete}"], ["CDNSKEY 0 3 0 AA=="], [f"CDS {delete}", "CDNSKEY 0 3 0 AA=="],
        [f"CDS {delete}", f"DNSKEY {one}"], [f"CDS {delete}", f"CDS {strange}", f"DNSKEY {one}"],
        ["CDNSKEY 0 3 0 AA==", f"CDNSKEY {one}", f"DNSKEY {one}"], [f"CDS {delete}", f"CDNSKEY {one}", f"DNSKEY {one}"],
        [f"CDS {mine}", f"DNSKEY {one}"], [f"CDS {strange}", f"DNSKEY {one}"], [f"CDNSKEY {one}", f"DNSKEY {one}"],
        [f"CDNSKEY {other}", f"DNSKEY {one}"], [f"CDNSKEY {one}", f"CDNSKEY {rsa}", f"DNSKEY {one}"],
        [f"CDS {cds('x.', rsa)}", f"CDS {mine}", f"DNSKEY {one}"], [f"CDS {cds('x.', rsa)}", f"DNSKEY {one}"],
        [f"CDS {mine}", f"DNSKEY {one}", f"DNSKEY {rsa}"], ["CDS 0 0 0 0000"], ["CDS 1 0 0 00"], ["CDS 0 0 1 " + "00" * 20],
        ["CDNSKEY 0 0 0 AA=="], ["CDNSKEY 0 3 0 AAAA"], ["CDNSKEY 0 3 0 AAAA", "DNSKEY 0 3 0 AAAA"], [f"CDS {strange}", f"KEY {one}"],
    ]  # fmt: skip
    lines = ["|".join(f"@ IN {record}" for record in case) for case in cases]

    assert {} == faults_of([*lines, *(line.replace("@ IN", "t IN") for line in lines)], folder)


PIECES = [
    "!", "a", "b", ".", "*", "+", "?", "^", "$", "(", ")", "[a-z]", "[^a]", "]", "{1}", "{1,2}", "{3,2}", "{,2}", "{1,}", "{255}",
    "{256}", "|", "\\1", "\\2", "\\.", "\\\\", "\\d", "\\!", "\\0", "i", "-", "0", ",", "{", "}", "/", "[[:digit:]]", "[:alpha:]",
    "[[:digits:]]", "[[=a=]]", "[[.a.]]", "[-+0-9]", "[+-]", "[]a]", "[^]a]", "[a-c-]", "[a-c-e]", "[z-a]", "[^\\.]", "[a\\]", "[[:alpha:]-]",
]  # fmt: skip
ENDS = ["!!", "!b!", "!\\1!", "!\\\\!", "!x!i", "!!x", "", "!", "!x!ii", "!\\0!", "!\\2!", "!\\n!", "!\\!!", "!a!I"]


def test_every_expression_of_a_naptr_is_taken_as_named_takes_it(folder):
    """In the generic form, so that named tells each bad line, however many there are."""
    rng = random.Random(SEED)
    made = ["!" + "".join(rng.choices(PIECES, k=rng.randrange(7))) + rng.choice(ENDS) for _ in range(5000 * FACTOR)]
    octets = [b"\0\1\0\1\1u\1x" + bytes([len(text)]) + text.encode() + b"\0" for text in made]
    lines = [f"n{number} IN NAPTR \\# {len(one)} {one.hex()}\n" for number, one in enumerate(octets)]

    told = why_not_loaded("named-checkconf", "example.com", HEAD + "".join(lines), folder)

    bad = {int(line) - HEAD.count("\n") - 1 for line in re.findall(r":(\d+): ", told)}
    assert 500 < len(made) - len(bad) < len(made) - 500
    assert {} == {
        text: number not in bad
        for number, text in enumerate(made)
        if is_substitution(text.encode()) != (number not in bad) and "[[-" not in text
    }


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_checker_takes_all_that_we_take(checker, folder):
    """As one zone, each form at a name of its own; what stands for a whole zone (signatures, keys) is asked above."""
    lines = [
        line.replace("t IN ", f"t{number} IN ", 1)
        for number, line in enumerate(FORMS)
        if line.startswith("t IN ")
        and "|" not in line
        and not re.match(r"t IN (NSEC|RRSIG|DNSKEY|CDS|CDNSKEY|DNAME|NS) ?", line)
    ]
    is_new_named = checker == "named-checkconf" and named_version() >= (9, 20)
    versions = {"nsd-checkzone": {"nsd": nsd_version()}, "kzonecheck": {"knot": knot_version()}}
    judge = Judge(versions.get(checker, {}))
    taken = [line for line in lines if _is_taken(line, judge, foretold=not is_new_named)]

    assert 400 < len(taken)
    text = parse(HEAD + "\n".join(taken) + "\n", NAME).text
    text = for_nsd(text) if checker == "nsd-checkzone" else text
    assert "" == why_not_loaded(checker, "example.com", text, folder)


def _is_taken(line: str, judge: Judge, *, foretold: bool) -> bool:
    """But for what the judge knows; `foretold`: also what we warn of for the sake of a named 9.20."""
    try:
        zone = parse(f"{HEAD}{line}\n", NAME)
    except PushRefused:
        return False
    if any(judge.rules_for(zone.text)):
        return False
    return foretold or not any(WHATEVER_IT_IS_TOLD.search(warning.text) for warning in zone.warnings)


def test_rfc9460_a_1_a_backslash_before_a_comma_in_alpn_is_served_alike(folder):
    """`a\\` and `b` (RFC 9460, appendix A.1): of the text Knot 3.2 makes one item, `a,b`."""
    (one,) = asked([r't IN SVCB 1 . alpn="a\\\\,b"'], folder)

    assert {b"\0\1\0\0\1\0\5\2a\\\1b"} == {
        rdata for served in one.served_ours.values() for _, kind, rdata in served or () if kind == dns.rdatatype.SVCB
    }
    assert (2 if knot_version() < (3, 4) else 1) == len(set(one.served_raw.values()))


def test_the_page_gives_the_reason_of_each_refusal_that_no_name_server_asks_for():
    """docs/refusals.md, in the words of the table above."""
    page = PAGE.read_text()

    assert [] == [row for row in EXCUSED.values() if f"| {row} |" not in page]
