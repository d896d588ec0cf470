"""RDATA that is a few numbers and one hexadecimal field: DS, CDS, TLSA, SMIMEA, SSHFP, ZONEMD. Pure.

The length of that field is checked as named does: only for the digest types that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import dns.dnssectypes
import dns.exception

from directdnsonly.wording import with_article
from directdnsonly.zone.domain import RdataError, number
from directdnsonly.zone.octets import from_generic, hexadecimal, in_groups

_U8, _U16, _U32 = 2**8 - 1, 2**16 - 1, 2**32 - 1
_Fields = tuple[tuple[str, int], ...]  # name and largest value
_DS: Final[_Fields] = (("key tag", _U16), ("algorithm", _U8), ("digest type", _U8))
_TLSA: Final[_Fields] = (("usage", _U8), ("selector", _U8), ("matching type", _U8))
FIELDS: Final[dict[str, _Fields]] = {
    "DS": _DS,
    "CDS": _DS,
    "TLSA": _TLSA,
    "SMIMEA": _TLSA,
    "SSHFP": (("key algorithm", _U8), ("fingerprint type", _U8)),
    "ZONEMD": (("serial", _U32), ("scheme", _U8), ("hash algorithm", _U8)),
}
_DS_OCTETS: Final = {1: 20, 2: 32, 4: 48}
_OCTETS: Final = {  # by type and its last number; TLSA and SMIMEA are loaded with any
    "DS": _DS_OCTETS,
    "CDS": _DS_OCTETS,
    "SSHFP": {1: 20, 2: 32},
    "ZONEMD": {1: 48, 2: 64},
    "TLSA": {},
    "SMIMEA": {},
}
_LEAST_OCTETS: Final = {"ZONEMD": 12}  # RFC 8976, section 2.2.4


def by_kind(kind: str) -> Callable[[Sequence[str], str], str]:
    """The function that normalises RDATA of this type. It raises RdataError."""
    fields, octets, least = FIELDS[kind], _OCTETS[kind], _LEAST_OCTETS.get(kind, 1)
    count = len(fields)
    form = f"{', '.join(name for name, _ in fields)}, octets in hexadecimal"

    def normal(words: Sequence[str], _origin: str) -> str:
        if words[0] == "\\#":
            words = _fields(from_generic(words), fields)
        if len(words) <= count:
            raise RdataError(f"{with_article(kind)} record has these fields: {form}; this one has {len(words)}")
        numbers = [_number(word, limit, name) for word, (name, limit) in zip(words, fields, strict=False)]
        digits = hexadecimal(words[count] if len(words) == count + 1 else "".join(words[count:]))
        wanted = octets.get(numbers[-1])
        size = len(digits) // 2
        if size < least or (wanted is not None and size != wanted):
            right = str(wanted) if wanted is not None else f"{least} or more"
            raise RdataError(
                f"the {kind} record has {size} octets, but {fields[-1][0]} {numbers[-1]} requires {right}: named does not load it"
            )
        return f"{' '.join(map(str, numbers))} {in_groups(digits)}"

    return normal


def _number(word: str, limit: int, name: str) -> int:
    if name == "algorithm" and word[:1].isalpha():
        try:
            return int(dns.dnssectypes.Algorithm.from_text(word))
        except (dns.exception.DNSException, ValueError):
            raise RdataError(f"{word[:40]!a} is not a DNSSEC algorithm") from None
    return number(word, limit, f"the {name}")


def _fields(octets: bytes, fields: _Fields) -> list[str]:
    words = []
    for name, limit in fields:
        size = limit.bit_length() // 8
        if len(octets) < size:
            raise RdataError(f"the record ends within its {name}")
        words.append(str(int.from_bytes(octets[:size], "big")))
        octets = octets[size:]
    return [*words, octets.hex()]
