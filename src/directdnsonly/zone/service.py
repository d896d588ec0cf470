r"""RDATA of HTTPS and SVCB (RFC 9460): priority, name, parameters. Pure.

Written as text where named 9.18, NSD 4.6 and Knot 3.2 read the same octets from it, else in the generic form: Knot reads
no key above 6 and no empty `ech`, and interprets a backslash in `alpn` differently. What is merely meaningless
(parameters in AliasMode, an invalid `ech`) is loaded by all of them, and so accepted.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from directdnsonly.zone.address import ipv4, ipv6
from directdnsonly.zone.domain import RdataError, absolute, number
from directdnsonly.zone.octets import escaped, from_generic, generic, name_at, name_octets, unescaped
from directdnsonly.zone.tokens import Token, logical_lines

_MANDATORY, ALPN, _NO_DEFAULT_ALPN, _PORT, _IPV4HINT, ECH, _IPV6HINT, DOHPATH, _OHTTP, _DOCPATH = *range(9), 10
_KEYS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "mandatory": _MANDATORY, "alpn": ALPN, "no-default-alpn": _NO_DEFAULT_ALPN, "port": _PORT, "ipv4hint": _IPV4HINT,
        "ech": ECH, "ipv6hint": _IPV6HINT, "dohpath": DOHPATH, "ohttp": _OHTTP, "docpath": _DOCPATH,
    }
)  # fmt: skip
_NAMES: Final[Mapping[int, str]] = MappingProxyType({key: name for name, key in _KEYS.items()})
_LAST_COMMON_KEY: Final = _IPV6HINT
_MOST_PARAMETERS: Final = 62  # NSD loads no record with more
_NUMBERED: Final = re.compile(r"key(0|[1-9]\d{0,4})\Z", re.ASCII)
_DOH_TEMPLATE: Final = re.compile(rb"/[ -z|~]*\{\?dns\}[ -z|~]*\Z")
_ITEM: Final = re.compile(r"((?:\\[,\\]|[^,\\])*)(?:,|\Z)", re.DOTALL)
_ALIKE: Final = re.compile(rb"[!#-+\--\[\]-~]+\Z")
_MAX_ITEM: Final = 255
_U16: Final = 2**16 - 1
_REMEMBERED_CHARS: Final = 200


class _Parameter(NamedTuple):
    """A parameter: key, octets of the value, and text form, which is empty if only the generic form is portable."""

    key: int
    octets: bytes
    text: str


_Parameters = dict[int, _Parameter]


def service(tokens: Sequence[Token], origin: str) -> str:
    """RDATA in normal form. Raises RdataError."""
    if tokens[0].text == "\\#" and not tokens[0].quoted:
        return _from_octets(from_generic([token.text for token in tokens]))
    if len(tokens) < 2 or tokens[0].quoted or tokens[1].quoted:  # noqa: PLR2004
        raise RdataError("the record has to begin with a priority and a name (RFC 9460, section 2.1)")
    priority = number(tokens[0].text, _U16, "the priority")
    return _written(priority, absolute(tokens[1].text, origin), _read(tokens, 2))


class Service(NamedTuple):
    """The content of a record: priority, target, and the octets of its parameters by key."""

    priority: int
    name: str
    parameters: dict[int, bytes]


def read(data: str) -> Service:
    """Parse RDATA that is in normal form."""
    (line,) = logical_lines(data)
    if line.words[0] == "\\#":
        octets = from_generic(line.words)
        priority = int.from_bytes(octets[:2], "big")
        name, found = _parameters_at(octets)
    else:
        priority, name = int(line.words[0]), line.words[1]
        found = _read(line.tokens or [Token(word, False) for word in line.words], 2)
    return Service(priority, name, {one.key: one.octets for one in found.values()})


def text_of(key: int, octets: bytes) -> str:
    """The text of a parameter up to ipv6hint as RFC 9460 writes it, even if not every daemon reads it."""
    if key == ALPN:
        value = b",".join(re.sub(rb"[,\\]", rb"\\\g<0>", item) for item in items(octets))
        return f'alpn="{escaped(value.decode("latin-1"))}"'
    return _of_octets(key, octets).text or f'{_NAMES[key]}=""'


def items(octets: bytes) -> list[bytes]:
    """The items of `alpn`."""
    return _split(octets) or []


def _read(tokens: Sequence[Token], position: int) -> _Parameters:
    found: _Parameters = {}
    count = len(tokens)
    while position < count:
        text, is_string, is_glued, _ = tokens[position]
        position += 1
        if is_string or is_glued:
            raise RdataError(f"{text[:40]!a} has no value: a parameter is written key=value (RFC 9460, section 2.1)")
        key, equals, value = text.partition("=")
        if equals and not value and position < count and tokens[position].quoted and tokens[position].glued:
            value = tokens[position].text
            position += 1
        elif equals and not value:
            raise RdataError(f"there is no value after {text[:40]!a}")
        one = (_remembered if len(value) < _REMEMBERED_CHARS else _parameter)(key, value)
        if one.key in found:
            raise RdataError(f"the parameter {key} occurs twice")
        found[one.key] = one
    return found


def _parameter(name: str, value: str) -> _Parameter:
    key = _key(name)
    if name.startswith("key"):  # by number: its octets
        return _of_octets(key, _encoded(value))
    return _of_octets(key, _ENCODERS.get(key, _encoded)(value))


_remembered = lru_cache(4096)(_parameter)


def _encoded(value: str) -> bytes:
    return unescaped(value).encode("latin-1")


def _mandatory(value: str) -> bytes:
    keys = sorted(_key(name) for name in value.split(","))
    return struct.pack(f"!{len(keys)}H", *keys)


def _key(name: str) -> int:
    numbered = _NUMBERED.match(name)
    key = int(numbered[1]) if numbered else _KEYS.get(name, -1)
    if not 0 <= key <= _U16:
        raise RdataError(f"{name[:40]!a} is not a parameter of HTTPS and SVCB: write one that has no name as keyNNN")
    return key


def _items(value: str) -> bytes:
    r"""A list with commas; in an item `\,` is a comma and `\\` a backslash (RFC 9460, appendix A.1)."""
    text = unescaped(value)
    found = b""
    position = 0
    while text and position <= len(text):
        item = _ITEM.match(text, position)
        if item is None:
            raise RdataError("in a list a backslash needs a comma or a backslash after it (RFC 9460, appendix A.1)")
        octets = re.sub(r"\\(.)", r"\1", item[1], flags=re.DOTALL).encode("latin-1")
        if not 0 < len(octets) <= _MAX_ITEM:
            raise RdataError(f"an item of a list has {len(octets)} octets, but 1 to {_MAX_ITEM} are allowed")
        found += bytes([len(octets)]) + octets
        position = item.end() if item.end() > item.end(1) else len(text) + 1
    return found


def _port(value: str) -> bytes:
    return number(value, _U16, "the port").to_bytes(2, "big")


def _ipv4_hints(value: str) -> bytes:
    return b"".join([bytes(map(int, ipv4(word).split("."))) for word in value.split(",")])


def _ipv6_hints(value: str) -> bytes:
    return b"".join(IPv6Address(ipv6(word)).packed for word in value.split(","))


def _ech(value: str) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise RdataError(f"the ech {value[:40]!a} is not base64") from None


def _nothing(value: str) -> bytes:
    if value:
        raise RdataError(f"the parameter takes no value, but here it has {value[:40]!a}")
    return b""


_ENCODERS: Final[Mapping[int, Callable[[str], bytes]]] = MappingProxyType(
    {
        _MANDATORY: _mandatory,
        ALPN: _items,
        _NO_DEFAULT_ALPN: _nothing,
        _PORT: _port,
        _IPV4HINT: _ipv4_hints,
        ECH: _ech,
        _IPV6HINT: _ipv6_hints,
        _OHTTP: _nothing,
        _DOCPATH: _items,
    }
)


def _of_octets(key: int, octets: bytes) -> _Parameter:
    """The parameter, if named loads these octets."""
    name = _NAMES.get(key, f"key{key}")
    is_right, text = _FORMS.get(key, _ANY_FORM)
    if not is_right(octets):
        raise RdataError(f"the value of {name} is not what RFC 9460 requires: named does not load it")
    value = text(octets)
    return _Parameter(key, octets, f'{name}="{value}"' if value else name if key == _NO_DEFAULT_ALPN else "")


def _mandatory_keys(octets: bytes) -> tuple[int, ...]:
    return struct.unpack(f"!{len(octets) // 2}H", octets)


def _is_mandatory(octets: bytes) -> bool:
    if len(octets) % 2 or not octets:
        return False
    keys = _mandatory_keys(octets)
    return keys[0] > 0 and all(low < high for low, high in pairwise(keys))


def _split(octets: bytes) -> list[bytes] | None:
    items = []
    while octets:
        size = octets[0]
        if not size or size >= len(octets):
            return None
        items.append(octets[1 : size + 1])
        octets = octets[size + 1 :]
    return items


def _alpn_text(octets: bytes) -> str:
    """Empty where the three would read it in different ways: backslashes, commas, Knot blanks as well."""
    found = _split(octets) or []
    return b",".join(found).decode("ascii") if all(_ALIKE.match(item) for item in found) else ""


def _ipv4_text(octets: bytes) -> str:
    return ",".join(".".join(map(str, octets[start : start + 4])) for start in range(0, len(octets), 4))


def _ipv6_text(octets: bytes) -> str:
    return ",".join(ipv6(str(IPv6Address(octets[start : start + 16]))) for start in range(0, len(octets), 16))


_Form = tuple[Callable[[bytes], bool], Callable[[bytes], str]]  # are the octets right, their text
_FORMS: Final[Mapping[int, _Form]] = MappingProxyType(
    {
        _MANDATORY: (_is_mandatory, lambda octets: ",".join(_NAMES.get(k, f"key{k}") for k in _mandatory_keys(octets))),
        ALPN: (lambda octets: bool(_split(octets)), _alpn_text),
        _NO_DEFAULT_ALPN: (lambda octets: not octets, lambda _octets: ""),
        _PORT: (lambda octets: len(octets) == 2, lambda octets: str(int.from_bytes(octets, "big"))),  # noqa: PLR2004
        _IPV4HINT: (lambda octets: len(octets) % 4 == 0 < len(octets), _ipv4_text),
        ECH: (lambda _octets: True, lambda octets: base64.b64encode(octets).decode("ascii")),
        _IPV6HINT: (lambda octets: len(octets) % 16 == 0 < len(octets), _ipv6_text),
        DOHPATH: (lambda octets: _DOH_TEMPLATE.match(octets) is not None, lambda _octets: ""),
    }
)


_ANY_FORM: Final[_Form] = (lambda _octets: True, lambda _octets: "")


def _written(priority: int, name: str, found: _Parameters) -> str:
    _check(found)
    parameters = [found[key] for key in sorted(found)] if len(found) > 1 else list(found.values())
    texts = [one.text for one in parameters]
    if "" not in texts:
        return " ".join((str(priority), name, *texts))
    octets = b"".join(struct.pack("!HH", one.key, len(one.octets)) + one.octets for one in parameters)
    return generic(struct.pack("!H", priority) + name_octets(name) + octets)


def _check(found: _Parameters) -> None:
    if len(found) > _MOST_PARAMETERS:
        raise RdataError(f"the record has {len(found)} parameters, but NSD loads at most {_MOST_PARAMETERS}")
    if _NO_DEFAULT_ALPN in found and ALPN not in found:
        raise RdataError("no-default-alpn requires alpn as well (RFC 9460, section 7.1.1)")
    if _MANDATORY in found:
        for key in _mandatory_keys(found[_MANDATORY].octets):
            if key not in found:
                raise RdataError(
                    f"{_NAMES.get(key, f'key{key}')} is listed as mandatory but missing (RFC 9460, section 8)"
                )


def _from_octets(octets: bytes) -> str:
    """From the generic form."""
    name, found = _parameters_at(octets)
    return _written(int.from_bytes(octets[:2], "big"), name, found)


def _parameters_at(octets: bytes) -> tuple[str, _Parameters]:
    name, at = name_at(octets, 2)
    found: _Parameters = {}
    last = -1
    while at < len(octets):
        key, size = struct.unpack("!HH", octets[at : at + 4].ljust(4, b"\0"))
        at += 4 + size
        if key <= last or at > len(octets):
            raise RdataError("the octets are not a list of parameters with ascending keys (RFC 9460, section 2.2)")
        found[key] = _of_octets(key, octets[at - size : at])
        last = key
    return name, found
