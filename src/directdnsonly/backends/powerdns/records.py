"""Converts our records to PowerDNS's form and back. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from directdnsonly.zone import service
from directdnsonly.zone.domain import RdataError
from directdnsonly.zone.model import Record
from directdnsonly.zone.rdata import mnemonic
from directdnsonly.zone.records import record_of

# What PowerDNS answers from its own keys, or only for zones that it knows to be signed.
SIGNED = frozenset({"DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"})
# Numbers for private use (RFC 6895, section 3.1) that PowerDNS takes for types of its own, which it executes.
INTERNAL: Final[Mapping[str, str]] = MappingProxyType({"TYPE65401": "ALIAS", "TYPE65402": "LUA"})
# Types that we write as TYPEnnn (RFC 3597) since not every name server reads the mnemonic, and that PowerDNS reads only so.
_READ_BY_MNEMONIC = frozenset({14, 42, 45, 49, 63, 104, 105, 106, 107, 32769})
_IPSECKEY = "TYPE45"
_NO_GATEWAY = re.compile(r"^(\d+ 0 \d+) \. ")  # RFC 4025 writes a dot where there is none, PowerDNS nothing
_GATEWAY_LEFT_OUT = re.compile(r"^(\d+ 0 \d+) (?!\. )")
_SVCB = frozenset({"SVCB", "HTTPS"})
_OF_NAMES = frozenset(
    {"NS", "CNAME", "PTR", "DNAME", "MX", "SRV", "RP", "AFSDB", "KX", "SOA", "MINFO"}
)  # and numbers, nothing else
_LAST_KNOWN_KEY = 6  # SvcParamKeys that every version knows by name (RFC 9460)
_NAMED_KEYS: Final[Mapping[str, str]] = MappingProxyType({'key8=""': "ohttp"})  # as 5.1 wants them
_QUOTED_PLAIN = re.compile(r'="([A-Za-z0-9,.:/+_=-]+)"')
_OCTET = re.compile(r"\\(\d{3})")
_RAW = re.compile(r"(\\.)|([^A-Za-z0-9_*/. -])", re.DOTALL)
_TO_ESCAPE = re.compile(rb'["\\\x00-\x1f\x7f-\xff]')
# PowerDNS (4.7, 4.9 and 5.1 alike) answers SERVFAIL to every question for a name with another octet than these.
_ANSWERED = re.compile(r"(?:[A-Za-z0-9_*/.-]|\\(?:032|046|058|064|092))*\Z")


def written(kind: str, rdata: str) -> tuple[str, str]:
    """Type and content as PowerDNS writes them itself: it refuses, or changes, some other spellings."""
    if kind == "AAAA" and "." in rdata:
        high, low = divmod(int(ipaddress.IPv6Address(rdata)) & 0xFFFFFFFF, 2**16)
        return kind, f"{rdata[: rdata.rindex(':')]}:{high:x}:{low:x}"  # it reads no dots, though it shows them
    if kind in _SVCB:
        return kind, _service(rdata) if rdata.startswith("\\#") else _QUOTED_PLAIN.sub(r"=\1", rdata)
    if kind in _OF_NAMES:
        return kind, name_there(rdata)
    if kind.startswith("TYPE"):
        return _by_mnemonic(kind, rdata) if int(kind[4:]) in _READ_BY_MNEMONIC else (kind, _in_one(rdata))
    return kind, rdata


def otherwise(kind: str, rdata: str) -> list[str]:
    """Other spellings of the same content, which some versions want; none of most records."""
    content = written(kind, rdata)[1]
    found = content
    if kind in _SVCB:
        for number, name in _NAMED_KEYS.items():
            found = found.replace(f" {number}", f" {name}")
    elif kind.startswith("TYPE"):
        found = _by_mnemonic(kind, rdata)[1]
    return [found] if found != content else []


def name_there(name: str) -> str:
    r"""A name as PowerDNS itself writes it and looks it up: all that can be printed as it is, but a dot in a label `\.`."""
    return _OCTET.sub(_printed, name) if "\\" in name else name


def _printed(found: re.Match[str]) -> str:
    octet = int(found[1])
    if chr(octet) in ".\\":
        return f"\\{chr(octet)}"
    return chr(octet) if 0x20 < octet < 0x7F else found[0]  # noqa: PLR2004 - ASCII's visible characters


def _service(rdata: str) -> str:
    """HTTPS and SVCB in text, from the generic form: a key above 6 as `keyN="..."`, also where there is no value."""
    found = service.read(rdata)
    parameters = [_parameter(key, found.parameters[key]) for key in sorted(found.parameters)]
    return " ".join([str(found.priority), found.name, *parameters])


def _parameter(key: int, octets: bytes) -> str:
    if key <= _LAST_KNOWN_KEY:
        return _QUOTED_PLAIN.sub(r"=\1", service.text_of(key, octets))
    return f'key{key}="{_TO_ESCAPE.sub(_escaped, octets).decode("ascii")}"'


def _escaped(found: re.Match[bytes]) -> bytes:
    octet = found[0]
    return b"\\" + octet if octet in b'"\\' else b"\\%03d" % octet[0]


def _by_mnemonic(kind: str, rdata: str) -> tuple[str, str]:
    number = dns.rdatatype.RdataType.make(int(kind[4:]))
    name = dns.rdatatype.to_text(number)
    try:
        found = dns.rdata.from_text(dns.rdataclass.IN, number, rdata, relativize=False)
    except dns.exception.DNSException:
        return kind, rdata
    text = _NO_GATEWAY.sub(r"\1 ", found.to_text()) if kind == _IPSECKEY else found.to_text()
    return (kind, _in_one(rdata)) if name == kind or not text or text.startswith("\\#") else (name, text)


def _in_one(rdata: str) -> str:
    r"""`\# length hex` with its digits in one word: of more it reads the first."""
    sign, _, rest = rdata.partition(" ")
    length, _, digits = rest.partition(" ")
    return f"{sign} {length} {digits.replace(' ', '')}".rstrip() if sign == "\\#" else rdata


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
                yield read(rrset["name"], rrset["ttl"], rrset["type"], record["content"])


def read(owner: str, ttl: int, kind: str, content: str) -> Record:
    """One record as PowerDNS writes it, in our normal form."""
    if kind in _OF_NAMES:
        content = _unprinted(content)
    elif kind == "IPSECKEY":
        content = _GATEWAY_LEFT_OUT.sub(r"\1 . ", content)
    return record_of(_unprinted(owner), ttl, kind, content)


def _unprinted(name: str) -> str:
    """With what stands for itself in PowerDNS's names, but not in a zone file, escaped."""
    return _RAW.sub(lambda found: found[1] or f"\\{ord(found[2]):03d}", name)


def grouped(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """The records grouped by owner and type."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.owner, record.type), []).append(record)
    return found


def why_signed(types: Iterable[str]) -> str:
    """The first type that only a signed zone has; empty when there is none."""
    return next((kind for kind in sorted(set(types)) if kind in SIGNED), "")


def why_unfit(records: Iterable[Record]) -> str:
    """Why PowerDNS can never serve a zone of these records as they are; empty when nothing is known against it."""
    for record in records:
        if record.type in INTERNAL:
            number, name = record.type[4:], INTERNAL[record.type]
            return f"{record.owner} {record.type}: PowerDNS takes number {number} for its own type {name}"
        if record.type == _IPSECKEY and _in_one(record.rdata).split(" ")[-1][4:6] == "00":
            return f"{record.owner} IPSECKEY: PowerDNS reads no key of algorithm 0"
        if "\\" in record.owner and not _ANSWERED.match(record.owner):
            return f"PowerDNS answers SERVFAIL to every query for the name {record.owner}, because of an octet in it"
    return ""
