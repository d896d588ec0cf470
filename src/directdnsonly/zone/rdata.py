"""TTLs, types and RDATA in normal form: the usual types by hand (a microsecond each), all others by dnspython. Pure.

The hand-made forms are tested equal to dnspython's.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Final

import dns.exception
import dns.rdatatype

from directdnsonly.zone.domain import RdataError, absolute
from directdnsonly.zone.portable import COMMON_MNEMONICS, by_dnspython, mnemonic_of
from directdnsonly.zone.tokens import Line, Token

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\Z", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}\Z", re.ASCII)
_TTL = re.compile(r"(?:\d+[smhdw])+\Z", re.IGNORECASE | re.ASCII)
_TTL_PART = re.compile(r"(\d+)([smhdw])", re.IGNORECASE | re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f-\xff]')
MAX_TTL = 2**31 - 1  # RFC 2181, section 8
MAX_STRING = 255  # RFC 1035, section 3.3
MAX_RDATA = 65535
# Types that a zone cannot hold: questions, transfers, and what belongs to messages.
META = frozenset(["ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TSIG", "TKEY", "SIG0", "NONE", "MD", "MF", "TYPE0"])
_COMMON: Final = {name: name for name in COMMON_MNEMONICS}


def ttl_s(word: str) -> int | None:
    """Seconds, from digits or BIND's units (1h30m); None when the word is no TTL. Raises RdataError when too large."""
    if _NUMBER.match(word):
        value = int(word)
    elif len(word) < 64 and _TTL.match(word):  # noqa: PLR2004 - a longer one is no time
        value = sum(int(count) * _UNIT_S[unit.lower()] for count, unit in _TTL_PART.findall(word))
    elif word.isascii() and word.isdigit():
        value = MAX_TTL + 1
    else:
        return None
    if value > MAX_TTL:
        raise RdataError(f"the TTL {word[:20]} is larger than {MAX_TTL} s (RFC 2181)")
    return value


def mnemonic(word: str) -> str | None:
    """The type as we write it; None when it is no type. Raises RdataError for types no zone can hold."""
    common = _COMMON.get(word) or _COMMON.get(word.upper())
    if common is not None:
        return common
    try:
        number = dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        return None
    name = dns.rdatatype.to_text(number)
    if name in META or dns.rdatatype.is_metatype(number):
        raise RdataError(f"type {name} cannot stand in a zone", rule="type-meta")
    return mnemonic_of(number)


def rdata(kind: str, line: Line, start: int, origin: str) -> str:
    """RDATA in normal form, names absolute: the words of `line` from `start` on. Raises RdataError."""
    words = line.words[start:]
    if not words:
        raise RdataError(f"the {kind} record has no data")
    by_hand = _BY_HAND.get(kind)
    if by_hand is not None and words[0] != "\\#":
        if line.tokens is not None and any(token.quoted for token in line.tokens[start:]):
            raise RdataError(f"a {kind} record has no strings between quotes")
        return by_hand(words, origin)
    if kind in _STRINGS and words[0] != "\\#":
        return _strings(words)
    written = by_dnspython(kind, (line.tokens or [Token(word, False) for word in line.words])[start:], origin)
    return by_hand(written.split(" "), ".") if by_hand is not None else written  # from the generic form


def _fields(kind: str, words: Sequence[str], count: int) -> Sequence[str]:
    if len(words) != count:
        raise RdataError(f"a record of type {kind} has {count} field{'s' * (count > 1)}, this one has {len(words)}")
    return words


def _number(word: str, limit: int, what: str) -> int:
    if not _NUMBER.match(word) or int(word) > limit:
        raise RdataError(f"{what} {word[:20]!a} is not a number from 0 to {limit}")
    return int(word)


def _a(words: Sequence[str], _origin: str) -> str:
    (address,) = _fields("A", words, 1)
    if not _IPV4.match(address):
        raise RdataError(f"{address[:40]!a} is not an IPv4 address")
    return address


def _aaaa(words: Sequence[str], _origin: str) -> str:
    (address,) = _fields("AAAA", words, 1)
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


def _target(kind: str) -> Callable[[Sequence[str], str], str]:
    def one(words: Sequence[str], origin: str) -> str:
        (name,) = _fields(kind, words, 1)
        return absolute(name, origin)

    return one


def _preferred(kind: str) -> Callable[[Sequence[str], str], str]:
    def two(words: Sequence[str], origin: str) -> str:
        preference, name = _fields(kind, words, 2)
        return f"{_number(preference, 65535, 'the preference')} {absolute(name, origin)}"

    return two


def _rp(words: Sequence[str], origin: str) -> str:
    mailbox, text = _fields("RP", words, 2)
    return f"{absolute(mailbox, origin)} {absolute(text, origin)}"


def _srv(words: Sequence[str], origin: str) -> str:
    priority, weight, port, name = _fields("SRV", words, 4)
    numbers = " ".join(str(_number(word, 65535, "the field")) for word in (priority, weight, port))
    return f"{numbers} {absolute(name, origin)}"


def _strings(words: Sequence[str]) -> str:
    text = '" "'.join(words)
    if len(text) < MAX_STRING and not _TO_ESCAPE.search(text.replace('" "', "")):  # nothing to escape, nothing too long
        return f'"{text}"'
    size = 0
    parts = []
    for word in words:
        octets = _ESCAPE.sub(_unescaped, word) if "\\" in word else word
        if len(octets) > MAX_STRING:
            raise RdataError(
                f"a string has {len(octets)} octets, at most 255 fit: split it into several strings between quotes"
            )
        size += 1 + len(octets)
        parts.append(_TO_ESCAPE.sub(_escaped, octets))
    if size > MAX_RDATA:
        raise RdataError("the record's text is longer than a record can hold (64 KiB)")
    return '"' + '" "'.join(parts) + '"'


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


def _soa(words: Sequence[str], origin: str) -> str:
    mname, rname, *numbers = _fields("SOA", words, 7)
    serial = _number(numbers[0], 2**32 - 1, "the serial")
    times = []
    for word in numbers[1:]:
        seconds = ttl_s(word)
        if seconds is None:
            raise RdataError(f"{word[:20]!a} is not a time")
        times.append(str(seconds))
    return f"{absolute(mname, origin)} {absolute(rname, origin)} {serial} {' '.join(times)}"


_BY_HAND: dict[str, Callable[[Sequence[str], str], str]] = {
    "A": _a,
    "AAAA": _aaaa,
    "NS": _target("NS"),
    "CNAME": _target("CNAME"),
    "PTR": _target("PTR"),
    "DNAME": _target("DNAME"),
    "MX": _preferred("MX"),
    "AFSDB": _preferred("AFSDB"),
    "KX": _preferred("KX"),
    "RP": _rp,
    "SRV": _srv,
    "SOA": _soa,
}
_STRINGS: Final = frozenset({"TXT", "SPF"})
