"""Finds zones that a newer version of a name server would not load although an older one serves them. Pure.

The rules are those that were found by giving the same zones to both versions; `source` says to which, or who says so. A new
one is a row of RULES. What a push is warned of (zone.warn) is the same knowledge about one zone that comes in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from directdnsonly.backends.nsd.safe import MOST_RENDEZVOUS
from directdnsonly.zone import warn_record
from directdnsonly.zone.model import Record
from directdnsonly.zone.octets import from_generic, rendezvous_servers
from directdnsonly.zone.text import records_of

Version = tuple[int, ...]
_MOST: Final = 100  # records of an RRset, types at a name: named's defaults
_LARGEST: Final = 2**31 - 1
_CHILD_TYPES: Final = (b"\0\x3b", b"\0\x3e")  # CDS, CSYNC


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason why zones would not load. `types`: only zones with one of these are checked; if none, zones of over 100 records.

    `option`: by which an external name server loads such a zone all the same; a bundled one is told it. Empty: none helps.
    """

    since: Version
    until: Version = (1000,)  # the first version that loads them again
    what: str
    types: frozenset[str] = frozenset()
    finds: Callable[[Sequence[Record]], bool]
    option: str = ""
    source: str


def _one(*tells: Callable[[str, str], str]) -> Callable[[Sequence[Record]], bool]:
    """Whether a rule for one record tells of any. The records are of the rule's types alone."""
    return lambda records: any(tell(one.owner, one.rdata) for one in records for tell in tells)


def _ds_without_ns(records: Sequence[Record]) -> bool:
    delegated = {one.owner for one in records if one.type == "NS"}
    return any(one.type == "DS" and one.owner not in delegated for one in records)


def _large_rrset(records: Sequence[Record]) -> bool:
    return max(Counter((one.owner, one.type) for one in records).values(), default=0) > _MOST


def _many_types(records: Sequence[Record]) -> bool:
    return max(Counter(owner for owner, _ in {(one.owner, one.type) for one in records}).values(), default=0) > _MOST


def _private(records: Sequence[Record]) -> bool:
    tells = {"RRSIG": warn_record.private_signature}
    return any(tells.get(one.type, warn_record.private_key)(one.owner, one.rdata) for one in records)


def _large_ttl(records: Sequence[Record]) -> bool:
    return any(_original_ttl(one.rdata.split(" ")) > _LARGEST for one in records)


def _original_ttl(words: Sequence[str]) -> int:
    return int.from_bytes(from_generic(words)[4:8], "big") if words[0] == "\\#" else int(words[3])


def _digests_but(digits: Mapping[str, int]) -> Callable[[Sequence[Record]], bool]:
    """Whether any DS or CDS has another number of hexadecimal digits than these, by digest type."""

    def find(records: Sequence[Record]) -> bool:
        found = (one.rdata.split(" ", 3) for one in records)  # never generic
        return any(len(words[3].replace(" ", "")) != digits[words[2]] for words in found if words[2] in digits)

    return find


def _no_key(records: Sequence[Record]) -> bool:
    """Flags, protocol and algorithm, and nothing behind them."""
    return any(one.rdata.startswith("\\# 4 ") for one in records)


def _many_rendezvous(records: Sequence[Record]) -> bool:
    return any(rendezvous_servers(from_generic(one.rdata.split(" "))) > MOST_RENDEZVOUS for one in records)


def _odd_dsync(records: Sequence[Record]) -> bool:
    """Type, two octets, and scheme, one."""
    for one in records:
        octets = from_generic(one.rdata.split(" "))
        if octets[2] == 1 and octets[:2] not in _CHILD_TYPES:
            return True
    return False


_MEASURED_BIND: Final = "named-checkzone and named of 9.18.49 and 9.20.30"
_MEASURED_NSD: Final = "nsd-checkzone 4.6.1, 4.12.0 and 4.15.4"
RULES: Final[Mapping[str, Sequence[Rule]]] = MappingProxyType({
    "bind": (
        Rule(
            since=(9, 18, 28), what="more than 100 records of one name and type", finds=_large_rrset,
            option="max-records-per-type 0;", source="BIND's reference manual, max-records-per-type",
        ),
        Rule(
            since=(9, 18, 28), what="more than 100 types at one name", finds=_many_types,
            option="max-types-per-name 0;", source="BIND's reference manual, max-types-per-name",
        ),
        Rule(
            since=(9, 20), what="a DS where nothing is delegated", types=frozenset({"DS", "NS"}), finds=_ds_without_ns,
            option="check-integrity no;", source=_MEASURED_BIND,
        ),
        Rule(
            since=(9, 20), what="SVCB without what RFC 9460 and RFC 9461 ask for", types=frozenset({"SVCB"}),
            finds=_one(warn_record.resolver_without_path, warn_record.svcb_alias_with_parameters),
            option="check-svcb no;", source=f"{_MEASURED_BIND}; its reference manual, check-svcb",
        ),
        Rule(
            since=(9, 20), what="URI without a target", types=frozenset({"URI"}),
            finds=_one(warn_record.uri_without_target), source=_MEASURED_BIND,
        ),
        Rule(
            since=(9, 20), what="keys or signatures of the private algorithms 253 and 254",
            types=frozenset({"DNSKEY", "CDNSKEY", "KEY", "RRSIG"}), finds=_private,
            source=f"{_MEASURED_BIND}: loaded where a name, or an OID, stands first in it",
        ),
    ),
    "nsd": (
        Rule(
            since=(4, 12), what="NSAP-PTR", types=frozenset({"NSAP-PTR", "TYPE23"}), finds=bool, source=_MEASURED_NSD
        ),
        Rule(
            since=(4, 12), what="DHCID of less than four octets", types=frozenset({"DHCID", "TYPE49"}),
            finds=lambda records: any(re.match(r"(\\# [0-3]|[A-Za-z0-9+/=]{1,4})(?: |$)", one.rdata) for one in records),
            source=_MEASURED_NSD,
        ),
        Rule(
            since=(4, 12), what="an interval of the SOA above 2147483647", types=frozenset({"SOA"}),
            finds=_one(warn_record.huge_interval), source=_MEASURED_NSD,
        ),
        Rule(
            since=(4, 12), what="RRSIG with a TTL above 2147483647", types=frozenset({"RRSIG"}), finds=_large_ttl,
            source=_MEASURED_NSD,
        ),
        Rule(
            since=(4, 12), what="DS or CDS of digest type 3 whose digest has not 32 octets",
            types=frozenset({"DS", "CDS"}), finds=_digests_but({"3": 64}), source=_MEASURED_NSD,
        ),
        Rule(
            since=(4, 12), until=(4, 15, 4), what="DS or CDS of digest type 5 or 6 whose digest has not 48 octets",
            types=frozenset({"DS", "CDS"}), finds=_digests_but({"5": 96, "6": 96}),
            source="nsd-checkzone 4.12.0; RFC 9558 and RFC 9563 say 32, as 4.15.4 does",
        ),
        Rule(
            since=(4, 15, 4), what="DS or CDS of digest type 5 or 6 whose digest has not 32 octets",
            types=frozenset({"DS", "CDS"}), finds=_digests_but({"5": 64, "6": 64}), source="nsd-checkzone 4.15.4",
        ),
        Rule(
            since=(4, 12), until=(4, 15, 4), what=f"HIP with more than {MOST_RENDEZVOUS} rendezvous servers", types=frozenset({"TYPE55"}),
            finds=_many_rendezvous, source="NSD 4.12.0: a zone with very many is loaded, the record not served; not given to any NSD (backends/nsd/safe.py)",
        ),
        Rule(
            since=(4, 12), what="DSYNC of scheme 1 for another type than CDS and CSYNC", types=frozenset({"TYPE66"}),
            finds=_odd_dsync, source=_MEASURED_NSD,
        ),
    ),
    "knot": (
        Rule(
            since=(3, 5), what="KEY without a key", types=frozenset({"KEY"}), finds=_no_key,
            source="kzonecheck and knotd 3.2.6, 3.4.6 and 3.5.8",
        ),
    ),
})  # fmt: skip

# What Debian's releases come with, as it was tried.
RELEASES: Final[Mapping[str, Mapping[str, Version]]] = MappingProxyType(
    {
        "debian-12": {"bind": (9, 18, 49), "nsd": (4, 6, 1), "knot": (3, 2, 6)},
        "debian-13": {"bind": (9, 20, 30), "nsd": (4, 12, 0), "knot": (3, 4, 6)},
        "debian-14": {"bind": (9, 20, 30), "nsd": (4, 15, 4), "knot": (3, 5, 8)},
    }
)
_BY_MAJOR: Final = {9: "bind", 4: "nsd", 3: "knot"}  # of what comes without a name
_TITLES: Final = {"bind": "BIND", "nsd": "NSD", "knot": "Knot"}
_SERVER: Final = re.compile(r"(?:(bind|nsd|knot)-)?(\d+(?:\.\d+){1,2})")


def versions_of(word: str) -> Mapping[str, Version]:
    """The versions that a word means, by type of name server: `debian-13`, `bind-9.20`, `9.20`, `nsd-4.12`, `knot-3.5`.

    Raises ValueError with what could be meant.
    """
    if word in RELEASES:
        return RELEASES[word]
    if (found := _SERVER.fullmatch(word)) is None:
        raise ValueError(
            f"{word} is none of {', '.join(RELEASES)}, bind-VERSION, nsd-VERSION, knot-VERSION (bind-9.20)"
        )
    version = tuple(int(number) for number in found[2].split("."))
    return {found[1] or _BY_MAJOR.get(version[0], "bind"): version}


def title_of(kind: str, version: Version) -> str:
    """`BIND 9.20`."""
    return f"{_TITLES[kind]} {'.'.join(map(str, version))}"


class Judge:
    """The rules of some versions, over any number of zones."""

    def __init__(self, versions: Mapping[str, Version]) -> None:
        self._rules = [
            rule for kind, version in versions.items() for rule in RULES[kind] if rule.since <= version < rule.until
        ]
        kinds = sorted({one for rule in self._rules for one in rule.types - {"NS"}})
        self._may = re.compile(rf" IN (?:{'|'.join(map(re.escape, kinds))}) ") if kinds else None

    def rules_for(self, text: str) -> Iterable[Rule]:
        """The rules by which a zone of this text would no longer be loaded. Most zones cost one search."""
        large = text.count("\n") > _MOST
        if not large and (self._may is None or self._may.search(text) is None):
            return ()
        records = list(records_of(text))
        return [
            rule
            for rule in self._rules
            if rule.finds([one for one in records if not rule.types or one.type in rule.types])
        ]
