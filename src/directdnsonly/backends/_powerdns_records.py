"""Our records as PowerDNS wants them, and its own as ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from directdnsonly.zone.domain import RdataError
from directdnsonly.zone.model import Record
from directdnsonly.zone.rdata import mnemonic
from directdnsonly.zone.records import record_of

# What PowerDNS answers from its own keys, or only for zones that it knows to be signed.
SIGNED = frozenset({"DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"})
# Types that we write as TYPEnnn (RFC 3597) since not every name server reads the mnemonic, and that PowerDNS reads only so.
_READ_BY_MNEMONIC = frozenset({14, 42, 45, 49, 63, 104, 105, 106, 107, 32769})
_SVCB = frozenset({"SVCB", "HTTPS"})
_QUOTED_PLAIN = re.compile(r'="([A-Za-z0-9,.:/+_=-]+)"')


def written(kind: str, rdata: str) -> tuple[str, str]:
    """Type and content as PowerDNS writes them itself: it refuses, or changes, some other spellings."""
    if kind in _SVCB:
        return kind, _QUOTED_PLAIN.sub(r"=\1", rdata)  # it takes the quotes for a part of the value
    if kind.startswith("TYPE") and int(kind[4:]) in _READ_BY_MNEMONIC:
        return _by_mnemonic(kind, rdata)
    return kind, rdata


def _by_mnemonic(kind: str, rdata: str) -> tuple[str, str]:
    number = dns.rdatatype.RdataType.make(int(kind[4:]))
    name = dns.rdatatype.to_text(number)
    try:
        found = dns.rdata.from_text(dns.rdataclass.IN, number, rdata, relativize=False)
    except dns.exception.DNSException:
        return kind, rdata
    text = found.to_text()
    return (kind, rdata) if name == kind or text.startswith("\\#") else (name, text)


def our_type(kind: str) -> str:
    """PowerDNS's name of a type as we write it."""
    try:
        return mnemonic(kind) or kind.upper()
    except RdataError:
        return kind.upper()


def records_in(zone: Mapping[str, Any]) -> Iterator[Record]:
    """The records of a zone as the API shows it, in our normal form; what is disabled is not served and left out."""
    for rrset in zone["rrsets"]:
        for record in rrset["records"]:
            if not record["disabled"]:
                yield record_of(rrset["name"], rrset["ttl"], rrset["type"], record["content"])


def grouped(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """By owner and type."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.owner, record.type), []).append(record)
    return found


def why_signed(types: Iterable[str]) -> str:
    """The first type that only a signed zone has; empty when there is none."""
    return next((kind for kind in sorted(set(types)) if kind in SIGNED), "")
