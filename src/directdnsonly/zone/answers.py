"""A check that the answer to every query fits into a DNS message. Pure.

A message has at most 65,535 octets, also over TCP (RFC 1035, section 4.2.2). Of a larger RRset named loads no zone or
answers with a part of it, NSD answers nothing, Knot SERVFAIL.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

import dns.rdata

from directdnsonly.errors import ZonePolicyError
from directdnsonly.zone.octets import name_octets
from directdnsonly.zone.warn import Key, LineOf

LARGEST_MESSAGE: Final = 65_535
# What may come on top: EDNS with a cookie, the key of a transfer, the longer name of a question that a wildcard answers, a
# CNAME that leads here. All three servers answer up to the last octet of a message.
RESERVED: Final = 512
LARGEST_ANSWER: Final = LARGEST_MESSAGE - RESERVED
_HEADER: Final = 12
_QUESTION: Final = 4  # type and class
_LONGEST_NAME: Final = 255
_RECORD: Final = 12  # pointer to the name, type, class, TTL, length
# An RRset that is too large has a record of more characters, or twice as many records.
_LONG: Final = 200
_MANY: Final = 20
_ESCAPE: Final = re.compile(r"\\(?:\d{3}|.)", re.DOTALL)
_FIXED: Final = {"A": 4, "AAAA": 16}
_BEFORE_NAME: Final = {"NS": 0, "CNAME": 0, "PTR": 0, "DNAME": 0, "MX": 1, "AFSDB": 1, "KX": 1, "SRV": 3}  # fields
_STRINGS: Final = frozenset({"TXT", "SPF"})
# In these, few characters may stand for many octets (ipv6hint="::,::", TYPE65535).
_DENSE: Final = frozenset({"HTTPS", "SVCB", "NSEC", "NSEC3", "CSYNC"})
_DENSITY: Final = 6
_FEW: Final = 20  # octets of fields that may be written with one digit


def too_large(keys: Sequence[Key], line_of: LineOf) -> Iterator[ZonePolicyError]:
    """A fault for each RRset that fits into no answer. `keys` are sorted. Names count uncompressed, signatures included."""
    if most_octets_of(keys) <= LARGEST_ANSWER:  # usual
        return
    suspects = dict.fromkeys(key[:2] for key in keys if len(key[2]) > _LONG)
    suspects |= {
        one[:2]: None for one, other in zip(keys[::_MANY], keys[_MANY::_MANY], strict=False) if one[:2] == other[:2]
    }
    for owner, kind in suspects:
        rrset = _records_of(owner, kind, keys)
        signatures = [key for key in _records_of(owner, "RRSIG", keys) if key[2].startswith(f"{kind} ")]
        head = _HEADER + _QUESTION + len(name_octets(owner)) + _RECORD * (len(rrset) + len(signatures))
        everything = [*rrset, *signatures]
        if head + sum(_most_octets(*key[1:]) for key in everything) <= LARGEST_ANSWER:
            continue
        size = head + sum(_octets(*key[1:]) for key in everything)
        if size > LARGEST_ANSWER:
            reason = (
                f"the {kind} records of {owner} make an answer of {size} octets, but at most {LARGEST_ANSWER} fit into a"
                " message: not every name server loads or serves it"
            )
            yield ZonePolicyError(reason, rule="answer-too-large", owner=owner, line=line_of(rrset[-1]))


def most_octets_of(keys: Sequence[Key]) -> int:
    """Not less than an answer with every one of these records would have."""
    characters = sum([len(data) for _, _, data in keys])
    return _HEADER + _QUESTION + _LONGEST_NAME + _DENSITY * characters + (_RECORD + _FEW) * len(keys)


def _records_of(owner: str, kind: str, keys: Sequence[Key]) -> Sequence[Key]:
    start = bisect_left(keys, (owner, kind, ""))
    return keys[start : bisect_left(keys, (owner, f"{kind}\0", ""), start)]


def _most_octets(kind: str, data: str) -> int:
    """Not less than the RDATA has."""
    if kind in _DENSE and data[0] != "\\":
        return _DENSITY * len(data) + _FEW
    return _FIXED.get(kind) or len(data) + _FEW


def _octets(kind: str, data: str) -> int:
    """What the RDATA has, names uncompressed; at most a few more."""
    if kind in _FIXED:
        return _FIXED[kind]
    if data.startswith("\\# "):
        return int(data.split(" ", 2)[1])
    if kind in _STRINGS:
        text = _ESCAPE.sub("x", data)
        return len(text) - text.count('"') + 1  # a length octet for the two quotes and the blank of each string
    if kind in _BEFORE_NAME:
        fields = _BEFORE_NAME[kind]
        return 2 * fields + len(_ESCAPE.sub("x", data.split(" ", fields)[fields])) + 1
    try:
        return len(dns.rdata.from_text("IN", kind, data).to_wire() or b"")
    except Exception:  # noqa: BLE001 - what dnspython does not read and every name server does
        return _most_octets(kind, data)
