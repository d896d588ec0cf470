"""A fast parser for RRSIG, NSEC and NSEC3 as signers write them; they are over half of a signed zone. Pure.

Each function returns None for any other spelling; dnspython parses that, or says what is wrong.
"""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import dns.exception
import dns.rdatatype

from directdnsonly.zone.domain import RdataError, absolute
from directdnsonly.zone.octets import generic, name_octets
from directdnsonly.zone.portable import LARGEST_TTL, mnemonic_of

_U8, _U16, _U32 = 2**8 - 1, 2**16 - 1, 2**32 - 1
_RRSIG_NUMBERS: Final = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,10}) (\d{1,14}) (\d{1,14}) (\d{1,5})", re.ASCII)
_NSEC3_HEAD: Final = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,5}) (-|(?:[0-9a-f]{2}){1,255}) ([0-9a-v]{32})", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_SIGNATURE_GROUP: Final = 32


def rrsig(words: Sequence[str], origin: str) -> str | None:
    """RDATA of RRSIG, with dates from 1970 on, which count modulo 2**32 (RFC 4034, section 3.1.5). Raises RdataError."""
    numbers = _RRSIG_NUMBERS.fullmatch(" ".join(words[1:7]))
    if numbers is None or len(words) < 9:  # noqa: PLR2004 - a signature must follow
        return None
    covered = types_alike((words[0],))
    algorithm, labels, ttl, tag = (int(numbers[group]) for group in (1, 2, 3, 6))
    expires, begins = instant(numbers[4]), instant(numbers[5])
    if not covered or max(algorithm, labels) > _U8 or ttl > _U32 or tag > _U16 or expires is None or begins is None:
        return None
    signer = absolute(words[7], origin)
    if (signer != ".") * signer.count(".") > labels:
        raise RdataError(f"the RRSIG has fewer labels ({labels}) than its signer: named does not load it")
    try:
        signature = binascii.a2b_base64("".join(words[8:]), strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    if ttl > LARGEST_TTL:
        head = struct.pack("!HBBIIIH", _number(words[0]), algorithm, labels, ttl, expires[1], begins[1], tag)
        return generic(head + name_octets(signer) + signature)
    text = binascii.b2a_base64(signature, newline=False).decode("ascii")
    groups = [text[start : start + _SIGNATURE_GROUP] for start in range(0, len(text), _SIGNATURE_GROUP)]
    return f"{covered} {algorithm} {labels} {ttl} {expires[0]} {begins[0]} {tag} {signer} {' '.join(groups)}"


def nsec(words: Sequence[str], origin: str) -> str | None:
    """RDATA of NSEC. Raises RdataError."""
    types = types_alike(tuple(words[1:]))
    if types == "":
        raise RdataError("the NSEC record lists no types: named does not load it")
    return None if types is None else f"{absolute(words[0], origin)} {types}"


def nsec3(words: Sequence[str], _origin: str) -> str | None:
    """RDATA of NSEC3 with a hash of 20 octets (SHA-1)."""
    head = _NSEC3_HEAD.fullmatch(" ".join(words[:5]).lower())
    types = types_alike(tuple(words[5:]))
    if head is None or types is None or int(head[1]) > _U8 or int(head[2]) > _U8 or int(head[3]) > _U16:
        return None
    text = f"{int(head[1])} {int(head[2])} {int(head[3])} {head[4]} {head[5]}"
    return f"{text} {types}" if types else text


def _types(words: Sequence[str]) -> str | None:
    """The types in ascending order, each once, as every name server knows them; None: not all are types."""
    try:
        numbers = sorted({_number(word) for word in words})
    except (dns.exception.DNSException, ValueError):
        return None
    return " ".join(map(mnemonic_of, numbers)) if 0 not in numbers else None


types_alike = lru_cache(1024)(_types)


@lru_cache(1024)
def _number(word: str) -> int:
    return int(dns.rdatatype.from_text(word))


@lru_cache(1024)  # all signatures of one run have the same
def instant(word: str) -> tuple[str, int] | None:
    """The date as we write it, and as a 32-bit number; None if it is not a date, or one before 1970."""
    date = _DATE.fullmatch(word)
    try:
        if date is not None:
            seconds = int(datetime(*map(int, date.groups()), tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]
        else:
            seconds = int(word)
            if seconds > _U32:
                return None
    except ValueError:
        return None
    if seconds < 0:
        return None
    number = seconds & _U32
    return datetime.fromtimestamp(number, tz=UTC).strftime("%Y%m%d%H%M%S"), number
