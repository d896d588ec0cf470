"""A fast parser for rarer types in their common spelling: a few microseconds where dnspython takes fifty to a hundred. Pure.

`usual` returns None for any other spelling and for anything wrong: dnspython parses or refuses that (see
`zone.portable`). Its results are tested to equal those of dnspython.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import dns.dnssectypes
import dns.exception

from directdnsonly.zone.naptr import is_substitution
from directdnsonly.zone.signed import types_alike
from directdnsonly.zone.tokens import Token
from directdnsonly.zone.usual_fields import SIMPLE_STRING, base64_octets, plain_name, whole_number
from directdnsonly.zone.usual_octets import OCTETS_OF, STRINGS_OF, octets_of

_U8, _U16, _U32 = 2**8 - 1, 2**16 - 1, 2**32 - 1
_GROUPS: Final = re.compile(r".{1,32}")  # of base64, between two blanks
_NO_KEY: Final = 0xC000  # RFC 2535, section 3.1.2
_CERTIFICATES: Final = {  # RFC 4398, section 2.1
    "PKIX": 1, "SPKI": 2, "PGP": 3, "IPKIX": 4, "ISPKI": 5, "IPGP": 6, "ACPKIX": 7, "IACPKIX": 8, "URI": 253, "OID": 254,
}  # fmt: skip
# With a quotation mark or backslash only as `\"` and `\\`, which is how we write them.
_EXPRESSION: Final = re.compile(r'(?:[ !#-\[\]-~]|\\["\\])*\Z')
_ESCAPED: Final = re.compile(r'\\(["\\])')
_LONGEST: Final = 255
_PLACE: Final = r"(\d{1,3})(?: (\d{1,2})(?: (\d{1,2})(?:\.(\d{1,3}))?)?)?"
_METRES: Final = r"(\d{1,7}(?:\.\d{1,2})?)m?"
_LOC: Final = re.compile(
    rf"{_PLACE} ([NS]) {_PLACE} ([EW]) (-?\d{{1,7}}(?:\.\d{{1,2}})?)m?(?: {_METRES})?(?: {_METRES})?(?: {_METRES})?",
    re.ASCII,
)
_LOWEST_CM: Final = -10_000_000
_SIZES: Final = (100.0, 1_000_000.0, 1_000.0)  # of the LOC that does not say them, in centimetres: RFC 1876, section 3


def usual(kind: str, words: Sequence[str], tokens: Sequence[Token] | None, origin: str) -> str | None:
    """RDATA in normal form, or None. `tokens` are the words with details of each; None if they are plain words."""
    if tokens is not None and not _are_strings(tokens, *_MAY_BE_QUOTED.get(kind, (0, 0))):
        return None
    read = _READERS.get(kind)
    try:
        return octets_of(kind, words, origin) if read is None else read(words, origin)
    except (ValueError, IndexError):  # RdataError and binascii.Error are ValueErrors; a field may be missing
        return None


def _are_strings(tokens: Sequence[Token], start: int, stop: int) -> bool:
    """Whether only these are between quotes, and a blank stands before each."""
    return not any(token.glued or (token.quoted and not start <= place < stop) for place, token in enumerate(tokens))


def _naptr(words: Sequence[str], origin: str) -> str | None:
    order, preference, flags, service, regexp, name = words
    if not (SIMPLE_STRING.match(flags) and SIMPLE_STRING.match(service) and _EXPRESSION.match(regexp)):
        return None
    octets = _ESCAPED.sub(r"\1", regexp) if "\\" in regexp else regexp
    if len(octets) > _LONGEST or not is_substitution(octets.encode("ascii")):
        return None
    head = f"{whole_number(order, _U16)} {whole_number(preference, _U16)}"
    return f'{head} "{flags}" "{service}" "{regexp}" {plain_name(name, origin)}'


def _hinfo(words: Sequence[str], _origin: str) -> str | None:
    processor, system = words
    if not (SIMPLE_STRING.match(processor) and SIMPLE_STRING.match(system)):
        return None
    return f'"{processor}" "{system}"'


def _dnskey(words: Sequence[str], _origin: str) -> str | None:
    key = _in_groups(words[3:])
    flags, protocol = whole_number(words[0], _U16), whole_number(words[1], _U8)
    return f"{flags} {protocol} {_algorithm(words[2])} {key}" if key else None


def _key(words: Sequence[str], origin: str) -> str | None:
    """With a key, and flags that say so."""
    return None if whole_number(words[0], _U16) & _NO_KEY == _NO_KEY else _dnskey(words, origin)


def _cert(words: Sequence[str], _origin: str) -> str | None:
    certificate = _in_groups(words[3:])
    kind = _CERTIFICATES.get(words[0]) or whole_number(words[0], _U16)
    return f"{kind} {whole_number(words[1], _U16)} {_algorithm(words[2])} {certificate}" if certificate else None


def _openpgpkey(words: Sequence[str], _origin: str) -> str | None:
    return binascii.b2a_base64(base64_octets(words), newline=False).decode("ascii") or None


def _eui(octets: int) -> Callable[[Sequence[str], str], str | None]:
    form = re.compile(rf"[0-9A-Fa-f]{{2}}(?:-[0-9A-Fa-f]{{2}}){{{octets - 1}}}\Z")

    def read(words: Sequence[str], _origin: str) -> str | None:
        (address,) = words
        return address.lower() if form.match(address) else None

    return read


def _csync(words: Sequence[str], _origin: str) -> str | None:
    types = types_alike(tuple(words[2:]))
    return f"{whole_number(words[0], _U32)} {whole_number(words[1], _U16)} {types}" if types else None


def _loc(words: Sequence[str], _origin: str) -> str | None:
    found = _LOC.fullmatch(" ".join(words))
    if found is None:
        return None
    north, east = _angle(found, 1, 90), _angle(found, 6, 180)
    # Computed as dnspython does, so that the last digit is the same.
    altitude, *given = (float(metres) * 100.0 for metres in found.group(11, 12, 13, 14) if metres is not None)
    sizes = (*given, *_SIZES[len(given) :])
    if not north or not east or altitude < _LOWEST_CM:
        return None
    text = f"{north} {found[5]} {east} {found[10]} {altitude / 100.0:0.2f}m"
    return text if sizes == _SIZES else f"{text} {' '.join([f'{size / 100.0:0.2f}m' for size in sizes])}"


def _angle(found: re.Match[str], group: int, most: int) -> str:
    """Degrees, minutes and seconds; empty when they are no latitude or longitude."""
    degrees, minutes, seconds = (int(digits or 0) for digits in found.group(group, group + 1, group + 2))
    thousandths = (found[group + 3] or "").ljust(3, "0")
    if degrees > most or minutes > 59 or seconds > 59:  # noqa: PLR2004 - of sixty
        return ""
    if degrees == most and (minutes or seconds or int(thousandths)):
        return ""
    return f"{degrees} {minutes} {seconds}.{thousandths}"


def _in_groups(words: Sequence[str]) -> str:
    """Base64 in groups, as dnspython writes it. Raises binascii.Error."""
    text = binascii.b2a_base64(base64_octets(words), newline=False).decode("ascii")
    return " ".join(_GROUPS.findall(text))


@lru_cache(1024)
def _algorithm(word: str) -> int:
    """Of DNSSEC, by number or name. Raises ValueError."""
    if word.isascii() and word.isdigit():
        return whole_number(word, _U8)
    try:
        return int(dns.dnssectypes.Algorithm.from_text(word))
    except dns.exception.DNSException:
        raise ValueError from None


_READERS: Final[Mapping[str, Callable[[Sequence[str], str], str | None]]] = MappingProxyType(
    {
        "NAPTR": _naptr,
        "HINFO": _hinfo,
        "DNSKEY": _dnskey,
        "CDNSKEY": _dnskey,
        "KEY": _key,
        "CERT": _cert,
        "OPENPGPKEY": _openpgpkey,
        "CSYNC": _csync,
        "EUI48": _eui(6),
        "EUI64": _eui(8),
        "LOC": _loc,
    }
)
_MAY_BE_QUOTED: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"NAPTR": (2, 5), "HINFO": (0, 2), **dict.fromkeys(STRINGS_OF, (0, 255))}
)
USUAL: Final = frozenset(_READERS) | OCTETS_OF
