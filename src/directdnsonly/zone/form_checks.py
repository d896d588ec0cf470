"""A check for each kind of RDATA field; it raises RdataError, in our own words, if the field is not valid. Pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final

import dns.dnssectypes
import dns.exception
import dns.rdatatype

from directdnsonly.zone.address import ipv4, ipv6
from directdnsonly.zone.domain import RdataError, absolute, number
from directdnsonly.zone.octets import unescaped
from directdnsonly.zone.signed import instant

_U8: Final = 2**8 - 1
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z")
_BASE32: Final = re.compile(r"[0-9A-Va-v]+\Z")
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]*\Z")
_SECONDS: Final = re.compile(r"[0-5]?\d(?:\.\d{1,3})?\Z", re.ASCII)
_METRES: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)m?\Z", re.ASCII)
_APL_ITEM: Final = re.compile(r"!?(\d{1,5}):(.*)/(\d{1,5})\Z", re.ASCII)
_PLACES: Final = (("latitude", 90, "NS"), ("longitude", 180, "EW"))
_SHOWN: Final = 40
_MOST_STRING: Final = 255

Check = Callable[[str, str, str], object]  # word, origin, "the order": raises RdataError


def shown(word: str) -> str:
    """A word for a message: at most 40 characters, escaped."""
    return ascii(word if len(word) <= _SHOWN else f"{word[: _SHOWN - 3]}...")


def number_to(most: int) -> Check:
    """A check for a number from 0 to `most`."""
    return lambda word, _origin, what: number(word, most, what)


def name(word: str, origin: str, _what: str) -> None:
    """Check a domain name."""
    absolute(word, origin)


def string(word: str, _origin: str, what: str) -> None:
    """Check a character-string: at most 255 octets."""
    size = len(unescaped(word))
    if size > _MOST_STRING:
        raise RdataError(f"{what} has {size} octets, but at most {_MOST_STRING} are allowed")


def anything(_word: str, _origin: str, _what: str) -> None:
    """Accept anything: fields with more than one form, such as a number or flag names."""


def base64(word: str, _origin: str, what: str) -> None:
    """Check complete base64."""
    odd = next((character for character in word if not re.match(r"[A-Za-z0-9+/=]", character)), "")
    if odd:
        raise RdataError(f"{what} {shown(word)} is not base64: {shown(odd)} is not one of its characters")
    if not _BASE64.match(word):
        raise RdataError(f"{what} {shown(word)} is not base64: = may occur only at its end, at most twice")
    try:
        binascii.a2b_base64(word, strict_mode=True)
    except binascii.Error:
        raise RdataError(
            f"{what} {shown(word)} is truncated or too long: base64 has a multiple of four characters, padded with = at the end"
        ) from None


def hexadecimal(word: str, _origin: str, what: str) -> None:
    """Check an even number of hexadecimal digits."""
    if not _HEXADECIMAL.match(word):
        raise RdataError(f"{what} {shown(word)} is not hexadecimal: it has characters other than 0-9 and a-f")
    if len(word) % 2:
        raise RdataError(f"{what} {shown(word)} has an odd number of hexadecimal digits")


def salt(word: str, origin: str, what: str) -> None:
    """Check an NSEC3 salt: hexadecimal, or `-` for none."""
    if word != "-":
        hexadecimal(word, origin, what)


def next_hash(word: str, _origin: str, what: str) -> None:
    """Check the next hashed owner name of NSEC3: base32hex."""
    if not _BASE32.match(word):
        raise RdataError(f"{what} {shown(word)} is not base32: it has characters other than 0-9 and a-v (RFC 5155)")


def record_type(word: str, _origin: str, what: str) -> None:
    """Check a record type that can occur in a zone."""
    try:
        value = int(dns.rdatatype.from_text(word))
    except (dns.exception.DNSException, ValueError):
        raise RdataError(f"{what} {shown(word)} is not a record type") from None
    if not value:
        raise RdataError(f"{what} {shown(word)} is not a type that a record can have")


def algorithm(word: str, _origin: str, what: str) -> None:
    """Check a DNSSEC algorithm, by number or name."""
    if word[:1].isdigit():
        number(word, _U8, what)
        return
    try:
        dns.dnssectypes.Algorithm.from_text(word)
    except (dns.exception.DNSException, ValueError):
        raise RdataError(f"{what} {shown(word)} is neither the number nor the name of a DNSSEC algorithm") from None


def time(word: str, _origin: str, what: str) -> None:
    """Check the inception or expiration time of a signature."""
    if instant(word) is None:
        raise RdataError(f"{what} {shown(word)} is not a time: YYYYMMDDHHMMSS, or seconds since 1970 (RFC 4034)")


def address(word: str, _origin: str, _what: str) -> None:
    """Check an IPv4 address."""
    ipv4(word)


def of_form(form: re.Pattern[str], wanted: str) -> Check:
    """A check by regular expression; `wanted` says in words what it matches."""

    def check(word: str, _origin: str, what: str) -> None:
        if not form.match(word):
            raise RdataError(f"{what} {shown(word)} is not {wanted}")

    return check


def apl_item(word: str, _origin: str, what: str) -> None:
    """Check an address prefix of APL."""
    found = _APL_ITEM.match(word)
    if found is None:
        raise RdataError(f"{what} {shown(word)} is not family:address/prefix (RFC 3123)")
    family, address, prefix = found.groups()
    if int(family) in (1, 2):
        (ipv4 if int(family) == 1 else ipv6)(address)
        number(prefix, 32 if int(family) == 1 else 128, "the prefix")


def named_number(names: Sequence[str], most: int) -> Check:
    """A check for a number from 0 to `most`, or one of these names."""

    def check(word: str, _origin: str, what: str) -> None:
        if not word.isdigit() and word not in names:
            raise RdataError(f"{what} {shown(word)} is neither a number nor {' or '.join(names)}")
        if word.isdigit():
            number(word, most, what)

    return check


def geography(words: Sequence[str], _origin: str) -> None:
    """A check for a coordinate of GPOS: up to 90 degrees of latitude, 180 of longitude."""
    for what, most, word in (("latitude", 90, words[0]), ("longitude", 180, words[1])):
        if abs(float(word)) > most:
            raise RdataError(f"the {what} {shown(word)} is not between -{most} and {most} degrees")


def gateway(place: int) -> Callable[[Sequence[str], str], None]:
    """A check for a gateway (or relay) of the type given by the field at `place`."""

    def check(words: Sequence[str], origin: str) -> None:
        kind, gateway = words[place], words[3]
        if int(kind) == 0 and gateway != ".":
            raise RdataError(f"the gateway {shown(gateway)} is not `.`, which type 0 requires (no gateway)")
        if int(kind) > 0:
            (lambda: ipv4(gateway), lambda: ipv6(gateway), lambda: absolute(gateway, origin))[int(kind) - 1]()

    return check


def location(words: Sequence[str], _origin: str) -> None:
    """Check the fields of LOC, which may be omitted from several places on."""
    at = 0
    for what, most, letters in _PLACES:
        end = next((place for place in range(at, len(words)) if words[place] in letters), -1)
        if end < 0:
            raise RdataError(f"the {what} does not end in {letters[0]} or {letters[1]}")
        _angle(words[at:end], what, most)
        at = end + 1
    if at == len(words):
        raise RdataError("the altitude is missing")
    for what, word in zip(("altitude", "size", "horizontal precision", "vertical precision"), words[at:], strict=False):
        of_form(_METRES, "a number of metres")(word, "", f"the {what}")
    if len(words) > at + 4:
        raise RdataError(f"there are more fields than the type has, starting at {shown(words[at + 4])} on")


def _angle(parts: Sequence[str], what: str, most: int) -> None:
    if not 1 <= len(parts) <= 3:  # noqa: PLR2004 - degrees, minutes, seconds
        raise RdataError(f"the {what} takes one to three numbers (degrees, minutes, seconds), not {len(parts)}")
    number(parts[0], most, f"the degrees of the {what}")
    if len(parts) > 1:
        number(parts[1], 59, f"the minutes of the {what}")
    if len(parts) > 2:  # noqa: PLR2004
        wanted = "a number from 0 to 59.999"
        of_form(_SECONDS, wanted)(parts[2], "", f"the seconds of the {what}")
