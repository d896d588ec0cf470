"""TTLs, types and RDATA in normal form: the usual types by hand (a microsecond each), all others by dnspython. Pure.

The results of the hand-written parsers are tested to equal dnspython's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from directdnsonly.wording import with_article
from directdnsonly.zone import digests
from directdnsonly.zone.address import ipv4, ipv6
from directdnsonly.zone.domain import RdataError, absolute, number
from directdnsonly.zone.examples import written_like
from directdnsonly.zone.forms import diagnosis
from directdnsonly.zone.octets import MAX_RDATA, TO_ESCAPE, escaped, from_generic, generic, unescaped
from directdnsonly.zone.portable import COMMON_MNEMONICS, LEAST_OCTETS, OUT_OF_USE, by_dnspython, mnemonic_of
from directdnsonly.zone.service import service
from directdnsonly.zone.signed import nsec, nsec3, rrsig
from directdnsonly.zone.tokens import Line, Token
from directdnsonly.zone.usual import USUAL, usual
from directdnsonly.zone.usual_generic import WHOLE, is_whole

_NUMBER = re.compile(r"\d{1,10}\Z", re.ASCII)
_TTL = re.compile(r"(?:\d+[smhdw])+\Z", re.IGNORECASE | re.ASCII)
_TTL_PART = re.compile(r"(\d+)([smhdw])", re.IGNORECASE | re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MAX_TTL = 2**31 - 1  # RFC 2181, section 8
MAX_INTERVAL = 2**32 - 1  # RFC 1035, section 3.3.13
MAX_STRING = 255  # RFC 1035, section 3.3
# Types that a zone cannot hold: questions, transfers, and what belongs to messages.
META = frozenset(["ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TSIG", "TKEY", "SIG0", "NONE", "MD", "MF", "TYPE0"])
_CAA_TAG: Final = re.compile(r"[A-Za-z0-9]{1,255}\Z")
_CAA_TAG_OF_ALL: Final = re.compile(r"[a-z0-9]{1,15}\Z")  # all that NSD reads as text
_LONGEST_MNEMONIC: Final = 64  # far from it
_COMMON: Final = {name: name for name in COMMON_MNEMONICS}


def ttl_s(word: str, limit: int = MAX_TTL) -> int | None:
    """A TTL in seconds, from digits or BIND's units (1h30m); None if the word is not a time. Raises RdataError if it is too large."""
    if _NUMBER.match(word):
        value = int(word)
    elif len(word) < 64 and _TTL.match(word):  # noqa: PLR2004 - a longer one is no time
        value = sum(int(count) * _UNIT_S[unit.lower()] for count, unit in _TTL_PART.findall(word))
    elif word.isascii() and word.isdigit():
        value = limit + 1
    else:
        return None
    if value > limit:
        what = "TTL" if limit == MAX_TTL else "time"
        raise RdataError(f"the {what} {word[:20]} is larger than {limit} s (RFC {2181 if limit == MAX_TTL else 1035})")
    return value


def mnemonic(word: str) -> str | None:
    """The type as we write it; None if the word is not a type. Raises RdataError for types that cannot occur in a zone."""
    common = _COMMON.get(word) or _COMMON.get(word.upper())
    if common is not None:
        return common
    return _rare_mnemonic(word) if len(word) <= _LONGEST_MNEMONIC else None


@lru_cache(1024)
def _rare_mnemonic(word: str) -> str | None:
    try:
        number = dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        return None
    name = dns.rdatatype.to_text(number)
    if name in META or dns.rdatatype.is_metatype(number):
        raise RdataError(f"type {name} cannot occur in a zone", rule="type-meta")
    return mnemonic_of(number)


def rdata(kind: str, line: Line, start: int, origin: str) -> str:
    """RDATA in normal form, names absolute: the words of `line` from `start` on. Raises RdataError, and nothing else."""
    try:
        return _normal(kind, line, start, origin)
    except RdataError as error:
        if error.rule != "syntax":
            raise
        raise RdataError(f"{error}; {written_like(kind)}") from None
    except Exception as error:
        # dnspython knows no bounds for what it raises, and no user can do anything with "'I' format requires ...".
        raise RdataError(f"{diagnosis(kind, _tokens(line, start), origin)}; {written_like(kind)}") from error


def _normal(kind: str, line: Line, start: int, origin: str) -> str:
    words = line.words[start:]
    if not words:
        if kind == "TYPE42":  # an APL may have no items (RFC 3123, section 4)
            return "\\# 0"
        raise RdataError(f"the {kind} record has no RDATA")
    is_generic = words[0] == "\\#"
    by_hand = _BY_HAND.get(kind)
    if by_hand is not None and (not is_generic or kind in digests.FIELDS):
        if line.tokens is not None and any(token.quoted for token in line.tokens[start:]):
            raise RdataError(f"{with_article(kind)} record has no quoted strings")
        return by_hand(words, origin)
    if kind in _STRINGS and not is_generic:
        return _strings(words)
    if is_generic and _is_unknown(kind):
        return generic(from_generic(words))
    if is_generic and kind in WHOLE and (found := _whole(kind, line, start)) is not None:
        return found
    if kind in USUAL and not is_generic:
        known = line.tokens[start:] if line.tokens is not None else None
        if (found := usual(kind, words, known, origin)) is not None:
            return found
    if kind in _AS_SIGNED and line.tokens is None and (found := _AS_SIGNED[kind](words, origin)) is not None:
        return found
    tokens = _tokens(line, start)
    if kind in _OF_TOKENS:
        return _OF_TOKENS[kind](tokens, origin)
    written = by_dnspython(kind, tokens, origin)
    return by_hand(written.split(" "), ".") if by_hand is not None else written  # from the generic form


def _tokens(line: Line, start: int) -> Sequence[Token]:
    return (line.tokens or [Token(word, False) for word in line.words])[start:]


def _whole(kind: str, line: Line, start: int) -> str | None:
    """The generic form of a type that we know, if there is nothing odd about it."""
    if any(token.quoted for token in line.tokens or ()):
        return None
    octets = from_generic(line.words[start:])
    return generic(octets) if is_whole(kind, octets) else None


@lru_cache(1024)
def _is_unknown(kind: str) -> bool:
    """Whether any octets are RDATA of this type."""
    number = dns.rdatatype.from_text(kind)
    unknown = dns.rdata.get_rdata_class(dns.rdataclass.IN, number) is dns.rdata.GenericRdata  # type: ignore[no-untyped-call]
    return unknown and int(number) not in OUT_OF_USE and int(number) not in LEAST_OCTETS


def _fields(kind: str, words: Sequence[str], count: int) -> Sequence[str]:
    if len(words) != count:
        raise RdataError(f"{with_article(kind)} record has {count} field{'s' * (count > 1)}, this one has {len(words)}")
    return words


def _a(words: Sequence[str], _origin: str) -> str:
    (address,) = _fields("A", words, 1)
    return ipv4(address)


def _aaaa(words: Sequence[str], _origin: str) -> str:
    (address,) = _fields("AAAA", words, 1)
    return ipv6(address)


def _target(kind: str) -> Callable[[Sequence[str], str], str]:
    def one(words: Sequence[str], origin: str) -> str:
        (name,) = _fields(kind, words, 1)
        return absolute(name, origin)

    return one


def _preferred(kind: str) -> Callable[[Sequence[str], str], str]:
    def two(words: Sequence[str], origin: str) -> str:
        preference, name = _fields(kind, words, 2)
        return f"{number(preference, 65535, 'the preference')} {absolute(name, origin)}"

    return two


def _two_names(kind: str) -> Callable[[Sequence[str], str], str]:
    def two(words: Sequence[str], origin: str) -> str:
        one, other = _fields(kind, words, 2)
        return f"{absolute(one, origin)} {absolute(other, origin)}"

    return two


def _srv(words: Sequence[str], origin: str) -> str:
    priority, weight, port, name = _fields("SRV", words, 4)
    numbers = " ".join(str(number(word, 65535, "the field")) for word in (priority, weight, port))
    return f"{numbers} {absolute(name, origin)}"


def _strings(words: Sequence[str]) -> str:
    text = '" "'.join(words)
    if len(text) < MAX_STRING and not TO_ESCAPE.search(text.replace('" "', "")):  # nothing to escape, nothing too long
        return f'"{text}"'
    size = 0
    parts = []
    for word in words:
        octets = unescaped(word)
        if len(octets) > MAX_STRING:
            raise RdataError(
                f"a string has {len(octets)} octets, but at most 255 are allowed: split it into several quoted strings"
            )
        size += 1 + len(octets)
        parts.append(escaped(octets))
    if size > MAX_RDATA:
        raise RdataError("the record's text is longer than a record can hold (64 KiB)")
    return '"' + '" "'.join(parts) + '"'


def _soa(words: Sequence[str], origin: str) -> str:
    mname, rname, *numbers = _fields("SOA", words, 7)
    serial = number(numbers[0], MAX_INTERVAL, "the serial")
    times = []
    # Only the minimum is a TTL, of negative answers (RFC 2308, section 4).
    for word, limit in zip(numbers[1:], (MAX_INTERVAL, MAX_INTERVAL, MAX_INTERVAL, MAX_TTL), strict=True):
        seconds = ttl_s(word, limit)
        if seconds is None:
            raise RdataError(f"{word[:20]!a} is not a time")
        times.append(str(seconds))
    return f"{absolute(mname, origin)} {absolute(rname, origin)} {serial} {' '.join(times)}"


def _caa(tokens: Sequence[Token], _origin: str) -> str:
    if tokens[0].text == "\\#" and not tokens[0].quoted:
        octets = from_generic([token.text for token in tokens]).decode("latin-1")
        size = ord(octets[1:2] or "\0")
        flags, tag, value = ord(octets[0:1] or "\0"), octets[2 : 2 + size], octets[2 + size :]
        if len(octets) < 2 + size:
            raise RdataError("the CAA record ends within its tag")
    else:
        if len(tokens) != 3:  # noqa: PLR2004
            raise RdataError(f"a CAA record has 3 fields: flags, tag, value; this one has {len(tokens)}")
        flags = number(tokens[0].text, 255, "the flags")
        tag, value = tokens[1].text, unescaped(tokens[2].text)
    if not _CAA_TAG.match(tag):
        raise RdataError(f"the tag {tag[:40]!a} is not one to 255 letters and digits (RFC 8659, section 4.1)")
    if len(value) + len(tag) + 2 > MAX_RDATA:
        raise RdataError("the record's value is longer than a record can hold (64 KiB)")
    if not _CAA_TAG_OF_ALL.match(tag):
        return generic(bytes([flags, len(tag)]) + f"{tag}{value}".encode("latin-1"))
    return f'{flags} {tag} "{escaped(value)}"'


def _uri(tokens: Sequence[Token], _origin: str) -> str:
    if tokens[0].text == "\\#" and not tokens[0].quoted:
        octets = from_generic([token.text for token in tokens])
        if len(octets) < 4:  # noqa: PLR2004
            raise RdataError("the URI record ends before its target")
        priority, weight = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
        target = octets[4:].decode("latin-1")
    else:
        if len(tokens) != 3:  # noqa: PLR2004
            raise RdataError(f"a URI record has 3 fields: priority, weight, target; this one has {len(tokens)}")
        priority, weight = (number(token.text, 65535, "the field") for token in tokens[:2])
        target = unescaped(tokens[2].text)
    if len(target) + 4 > MAX_RDATA:
        raise RdataError("the record's target is longer than a record can hold (64 KiB)")
    return f'{priority} {weight} "{escaped(target)}"'


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
    "RP": _two_names("RP"),
    "MINFO": _two_names("MINFO"),
    "SRV": _srv,
    "SOA": _soa,
    **{kind: digests.by_kind(kind) for kind in digests.FIELDS},
}
_STRINGS: Final = frozenset({"TXT", "SPF"})
_OF_TOKENS: Final[dict[str, Callable[[Sequence[Token], str], str]]] = {
    "CAA": _caa,
    "HTTPS": service,
    "SVCB": service,
    "URI": _uri,
}
_AS_SIGNED: Final = {"RRSIG": rrsig, "NSEC": nsec, "NSEC3": nsec3}
