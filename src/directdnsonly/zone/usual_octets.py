"""RDATA of the types that we write in the generic form, because not every name server reads their own. Pure.

HIP, IPSECKEY, APL and such: from their common spelling to octets. Called by `zone.usual`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from types import MappingProxyType
from typing import Final

import dns.exception
import dns.rdatatype

from directdnsonly.zone.address import ipv4, ipv6
from directdnsonly.zone.octets import generic, name_octets
from directdnsonly.zone.usual_fields import SIMPLE_STRING, base64_octets, plain_name, whole_number

_U8, _U16 = 2**8 - 1, 2**16 - 1
_MOST_APL_ITEMS: Final = 64  # NSD loads no record with more
_APL_ITEM: Final = re.compile(r"(!?)([12]):([0-9A-Fa-f:.]+)/(\d{1,3})", re.ASCII)
_PREFIX_BITS: Final = {"1": 32, "2": 128}
_NEGATED: Final = 0x80
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){1,255}\Z")
_LOCATOR: Final = re.compile(r"(?:[0-9A-Fa-f]{4}:){3}[0-9A-Fa-f]{4}\Z")
_NSAP: Final = re.compile(r"0x[0-9A-Fa-f][0-9A-Fa-f.]*\Z")
_DECIMAL: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?\Z", re.ASCII)
_NOTIFY: Final = {"NOTIFY": 1}  # RFC 9859, the schemes of DSYNC
_LEAST_DHCID: Final = 4

_Field = Callable[[str, str], bytes]  # word, origin


def octets_of(kind: str, words: Sequence[str], origin: str) -> str | None:
    """RDATA in the generic form, or None. Raises RdataError or ValueError for any other spelling."""
    octets = _READERS[kind](words, origin)
    return generic(octets) if octets else None


def _in_row(*fields: _Field) -> Callable[[Sequence[str], str], bytes]:
    def read(words: Sequence[str], origin: str) -> bytes:
        return b"".join([field(word, origin) for field, word in zip(fields, words, strict=True)])

    return read


def _u8(word: str, _origin: str) -> bytes:
    return bytes((whole_number(word, _U8),))


def _u16(word: str, _origin: str) -> bytes:
    return whole_number(word, _U16).to_bytes(2, "big")


def _name(word: str, origin: str) -> bytes:
    return name_octets(plain_name(word, origin))


def _ipv4(word: str, _origin: str) -> bytes:
    return bytes(map(int, ipv4(word).split(".")))


def _ipv6(word: str, _origin: str) -> bytes:
    return IPv6Address(ipv6(word)).packed


def _locator(word: str, _origin: str) -> bytes:
    if not _LOCATOR.match(word):
        raise ValueError
    return bytes.fromhex(word.replace(":", ""))


@lru_cache(1024)
def _type(word: str, _origin: str) -> bytes:
    try:
        return int(dns.rdatatype.from_text(word)).to_bytes(2, "big")
    except dns.exception.DNSException:
        raise ValueError from None


def _scheme(word: str, origin: str) -> bytes:
    return _u8(str(_NOTIFY.get(word, word)), origin)


def _string(word: str, _origin: str) -> bytes:
    if not SIMPLE_STRING.match(word):
        raise ValueError
    return bytes((len(word),)) + word.encode("ascii")


def _strings(words: Sequence[str], origin: str) -> bytes:
    return b"".join([_string(word, origin) for word in words])


def _nsap(words: Sequence[str], _origin: str) -> bytes:
    (address,) = words
    if not _NSAP.match(address):
        raise ValueError
    return bytes.fromhex(address[2:].replace(".", ""))


def _gpos(words: Sequence[str], origin: str) -> bytes:
    latitude, longitude, _ = words
    if not all(map(_DECIMAL.match, words)) or abs(float(latitude)) > 90 or abs(float(longitude)) > 180:  # noqa: PLR2004
        raise ValueError
    return _in_row(_string, _string, _string)(words, origin)


def _isdn(words: Sequence[str], origin: str) -> bytes:
    """An address, and with it a subaddress."""
    if len(words) != 2 or not words[1]:  # noqa: PLR2004 - alone it is rare
        raise ValueError
    return _strings(words, origin)


_GATEWAYS: Final[Sequence[_Field]] = (lambda _word, _origin: b"", _ipv4, _ipv6, _name)  # RFC 4025, section 2.5


def _gateway(kind: int, word: str, origin: str) -> bytes:
    if kind >= len(_GATEWAYS) or (kind == 0 and word != "."):
        raise ValueError
    return _GATEWAYS[kind](word, origin)


def _ipseckey(words: Sequence[str], origin: str) -> bytes | None:
    precedence, kind, algorithm = (whole_number(word, _U8) for word in words[:3])
    key = base64_octets(words[4:])
    return bytes((precedence, kind, algorithm)) + _gateway(kind, words[3], origin) + key if key else None


def _amtrelay(words: Sequence[str], origin: str) -> bytes:
    precedence, optional, kind, relay = words
    head = (whole_number(precedence, _U8), whole_number(optional, 1) << 7 | whole_number(kind, 3))
    return bytes(head) + _gateway(int(kind), relay, origin)


def _hip(words: Sequence[str], origin: str) -> bytes | None:
    algorithm, tag, key = whole_number(words[0], _U8), words[1], base64_octets(words[2:3])
    if not _HEXADECIMAL.match(tag) or not key:
        return None
    head = struct.pack("!BBH", len(tag) // 2, algorithm, len(key))
    return head + bytes.fromhex(tag) + key + b"".join([_name(word, origin) for word in words[3:]])


def _apl(words: Sequence[str], origin: str) -> bytes | None:
    return b"".join([_apl_item(word, origin) for word in words]) if len(words) <= _MOST_APL_ITEMS else None


def _apl_item(word: str, origin: str) -> bytes:
    found = _APL_ITEM.fullmatch(word)
    if found is None:
        raise ValueError
    negated, family, address, prefix = found.groups()
    octets = (_ipv4 if family == "1" else _ipv6)(address, origin).rstrip(b"\0")
    head = (0, int(family), whole_number(prefix, _PREFIX_BITS[family]), len(octets) | _NEGATED * bool(negated))
    return bytes(head) + octets


def _dhcid(words: Sequence[str], _origin: str) -> bytes | None:
    octets = base64_octets(words)
    return octets if len(octets) >= _LEAST_DHCID else None


_READERS: Final[Mapping[str, Callable[[Sequence[str], str], bytes | None]]] = MappingProxyType(
    {
        "TYPE20": _isdn,
        "TYPE21": _in_row(_u16, _name),  # RT
        "TYPE22": _nsap,
        "TYPE26": _in_row(_u16, _name, _name),  # PX
        "TYPE27": _gpos,
        "TYPE42": _apl,
        "TYPE45": _ipseckey,
        "TYPE49": _dhcid,
        "TYPE55": _hip,
        "TYPE56": _strings,  # NINFO
        "TYPE66": _in_row(_type, _scheme, _u16, _name),  # DSYNC
        "TYPE104": _in_row(_u16, _locator),  # NID
        "TYPE105": _in_row(_u16, _ipv4),  # L32
        "TYPE106": _in_row(_u16, _locator),  # L64
        "TYPE107": _in_row(_u16, _name),  # LP
        "TYPE258": _strings,  # AVC
        "TYPE260": _amtrelay,
        "TYPE261": _strings,  # RESINFO
        "TYPE262": _strings,  # WALLET
    }
)
STRINGS_OF: Final = frozenset({"TYPE20", "TYPE56", "TYPE258", "TYPE261", "TYPE262"})
OCTETS_OF: Final = frozenset(_READERS)
