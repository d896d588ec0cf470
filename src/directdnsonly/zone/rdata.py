"""Names and RDATA in normal form: the usual types by hand (a microsecond each), all others by dnspython. Pure.

The hand-made forms are tested equal to dnspython's.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
from collections.abc import Callable, Sequence

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from directdnsonly.zone.tokens import Token

_PLAIN_NAME = re.compile(r"(?:[A-Za-z0-9_*/-]{1,63}\.)+\Z")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\Z")
_NUMBER = re.compile(r"\d{1,10}\Z")
_TTL = re.compile(r"(?:\d+[smhdw])+\Z", re.IGNORECASE)
_TTL_PART = re.compile(r"(\d+)([smhdw])", re.IGNORECASE)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f-\xff]')
_HIGH = re.compile(r"[\x80-\xff]")
MAX_TTL = 2**31 - 1  # RFC 2181, section 8
MAX_STRING = 255  # RFC 1035, section 3.3

# Mnemonics that named 9.18, NSD 4.6 and Knot 3.2 all read; everything else is written as TYPEnnn \# (RFC 3597).
COMMON_MNEMONICS = frozenset(
    [
        "A",
        "AAAA",
        "NS",
        "CNAME",
        "SOA",
        "PTR",
        "MX",
        "TXT",
        "SRV",
        "CAA",
        "DS",
        "TLSA",
        "NAPTR",
        "SSHFP",
        "LOC",
        "HINFO",
        "RP",
        "DNAME",
        "SPF",
        "DNSKEY",
        "RRSIG",
        "NSEC",
        "NSEC3",
        "NSEC3PARAM",
        "CDS",
        "CDNSKEY",
        "OPENPGPKEY",
        "SMIMEA",
        "HTTPS",
        "SVCB",
        "AFSDB",
        "CERT",
        "KX",
        "EUI48",
        "EUI64",
        "URI",
        "CSYNC",
        "ZONEMD",
    ]
)
# Types that a zone cannot hold: questions, transfers, and what belongs to messages.
META = frozenset(["ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TSIG", "TKEY", "SIG0", "NONE", "MD", "MF", "TYPE0"])


class RdataError(ValueError):
    """Why a name, TTL or RDATA is refused; the caller adds the line."""


def absolute(word: str, origin: str) -> str:
    """A name with the final dot. `origin` has it; `@` is the origin. Raises RdataError."""
    if word == "@":
        return origin
    name = word if word.endswith(".") else f"{word}.{origin}" if origin != "." else f"{word}."
    if _PLAIN_NAME.match(name) and len(name) <= 254:  # noqa: PLR2004 - 255 octets on the wire
        return name
    if name == ".":
        return name
    try:
        text = _HIGH.sub(lambda found: f"\\{ord(found[0]):03d}", word)
        return dns.name.from_text(text, dns.name.from_text(origin)).to_text()
    except dns.exception.DNSException as error:
        raise RdataError(f"{word[:80]!a} is not a name: {type(error).__name__}: {error}") from None


def ttl_s(word: str) -> int | None:
    """Seconds, from digits or BIND's units (1h30m); None when the word is no TTL. Raises RdataError when too large."""
    if _NUMBER.match(word):
        value = int(word)
    elif _TTL.match(word):
        value = sum(int(count) * _UNIT_S[unit.lower()] for count, unit in _TTL_PART.findall(word))
    elif word.isdigit():
        value = MAX_TTL + 1
    else:
        return None
    if value > MAX_TTL:
        raise RdataError(f"the TTL {word[:20]} is larger than {MAX_TTL} s (RFC 2181)")
    return value


def mnemonic(word: str) -> str | None:
    """The type in upper case as we write it; None when it is no type. Raises RdataError for types no zone can hold."""
    name = word.upper()
    if name in COMMON_MNEMONICS:
        return name
    try:
        kind = dns.rdatatype.from_text(name)
    except (dns.exception.DNSException, ValueError):
        return None
    name = dns.rdatatype.to_text(kind)
    if name in META or dns.rdatatype.is_metatype(kind):
        raise RdataError(f"type {name} cannot stand in a zone")
    return name if name in COMMON_MNEMONICS else f"TYPE{int(kind)}"


def rdata(kind: str, tokens: Sequence[Token], origin: str) -> str:
    """RDATA in normal form, names absolute. Raises RdataError."""
    if not tokens:
        raise RdataError(f"the {kind} record has no data")
    special = _BY_HAND.get(kind)
    if special is not None and tokens[0].text != "\\#":
        return special(tokens, origin)
    return _by_dnspython(kind, tokens, origin)


def _by_dnspython(kind: str, tokens: Sequence[Token], origin: str) -> str:
    text = "".join(
        ("" if token.glued else " ") + (f'"{token.text}"' if token.quoted else token.text) for token in tokens
    ).lstrip()
    text = _HIGH.sub(lambda found: f"\\{ord(found[0]):03d}", text)
    try:
        number = dns.rdatatype.from_text(kind)
        found = dns.rdata.from_text(
            dns.rdataclass.IN, number, text, origin=dns.name.from_text(origin), relativize=False
        )
        found.to_wire()  # what has no wire form cannot be served
        return found.to_generic().to_text() if kind.startswith("TYPE") else found.to_text()
    except (dns.exception.DNSException, ValueError, OverflowError, binascii.Error, IndexError) as error:
        raise RdataError(f"bad {kind} data: {str(error) or type(error).__name__}"[:300]) from None


def _fields(kind: str, tokens: Sequence[Token], count: int) -> list[str]:
    if len(tokens) != count or any(token.quoted for token in tokens):
        raise RdataError(f"a {kind} record has {count} field{'s' * (count > 1)}, this one has {len(tokens)}")
    return [token.text for token in tokens]


def _number(word: str, limit: int, what: str) -> int:
    if not _NUMBER.match(word) or int(word) > limit:
        raise RdataError(f"{what} {word[:20]!a} is not a number from 0 to {limit}")
    return int(word)


def _a(tokens: Sequence[Token], _origin: str) -> str:
    (address,) = _fields("A", tokens, 1)
    if not _IPV4.match(address):
        raise RdataError(f"{address[:40]!a} is not an IPv4 address")
    return address


def _aaaa(tokens: Sequence[Token], _origin: str) -> str:
    (address,) = _fields("AAAA", tokens, 1)
    try:
        found = ipaddress.IPv6Address(address)
        if found.scope_id is not None:
            raise ValueError
    except ValueError:
        raise RdataError(f"{address[:60]!a} is not an IPv6 address") from None
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped else _compressed(found)


def _compressed(address: ipaddress.IPv6Address) -> str:
    text = address.compressed
    if text.startswith("::") and text.count(":") <= 3 and int(address) >> 32 == 0 and int(address) > 0xFFFF:  # noqa: PLR2004
        return "::" + str(ipaddress.IPv4Address(int(address)))  # as inet_ntop writes addresses with 96 zero bits
    return text


def _target(kind: str) -> Callable[[Sequence[Token], str], str]:
    def one(tokens: Sequence[Token], origin: str) -> str:
        (name,) = _fields(kind, tokens, 1)
        return absolute(name, origin)

    return one


def _mx(tokens: Sequence[Token], origin: str) -> str:
    preference, name = _fields("MX", tokens, 2)
    return f"{_number(preference, 65535, 'the preference')} {absolute(name, origin)}"


def _srv(tokens: Sequence[Token], origin: str) -> str:
    priority, weight, port, name = _fields("SRV", tokens, 4)
    numbers = " ".join(str(_number(word, 65535, "the field")) for word in (priority, weight, port))
    return f"{numbers} {absolute(name, origin)}"


def _txt(tokens: Sequence[Token], _origin: str) -> str:
    parts = [_string(token.text) for token in tokens]
    if sum(len(part) for part in parts) > 60_000:  # noqa: PLR2004 - near the limit dnspython counts exactly
        raise RdataError("the record's text is longer than a record can hold (64 KiB)")
    return " ".join(parts)


def _string(text: str) -> str:
    """A character string between quotes, escaped as dnspython does; at most 255 octets."""
    octets = text
    if "\\" in text:
        octets = _ESCAPE.sub(_unescaped, text)
    if len(octets) > MAX_STRING:
        raise RdataError(
            f"a string has {len(octets)} octets, at most 255 fit: split it into several strings between quotes"
        )
    return '"' + _TO_ESCAPE.sub(_escaped, octets) + '"'


def _unescaped(found: re.Match[str]) -> str:
    digits = found[1]
    if len(digits) == 1:
        if digits.isdigit():
            raise RdataError("a backslash before a digit needs three digits (RFC 1035)")
        return digits
    if int(digits) > 255:  # noqa: PLR2004 - an octet
        raise RdataError(f"\\{digits} is no octet")
    return chr(int(digits))


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else f"\\{ord(character):03d}"


def _soa(tokens: Sequence[Token], origin: str) -> str:
    mname, rname, *numbers = _fields("SOA", tokens, 7)
    serial = _number(numbers[0], 2**32 - 1, "the serial")
    times = []
    for word in numbers[1:]:
        seconds = ttl_s(word)
        if seconds is None:
            raise RdataError(f"{word[:20]!a} is not a time")
        times.append(str(seconds))
    return f"{absolute(mname, origin)} {absolute(rname, origin)} {serial} {' '.join(times)}"


_BY_HAND: dict[str, Callable[[Sequence[Token], str], str]] = {
    "A": _a,
    "AAAA": _aaaa,
    "NS": _target("NS"),
    "CNAME": _target("CNAME"),
    "PTR": _target("PTR"),
    "DNAME": _target("DNAME"),
    "MX": _mx,
    "SRV": _srv,
    "TXT": _txt,
    "SPF": _txt,
    "SOA": _soa,
}
