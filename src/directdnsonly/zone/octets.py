r"""Octets as text and back: strings with escapes (RFC 1035, section 5.1), names, and the generic form (RFC 3597). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from directdnsonly.zone.domain import MAX_NAME_OCTETS, SPELLING, RdataError

_ESCAPE: Final = re.compile(r"\\(\d{3}|.)", re.DOTALL | re.ASCII)
TO_ESCAPE: Final = re.compile(r'["\\\x00-\x1f\x7f-\xff]')
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]*\Z")
_BYTES_SHOWN: Final = 64  # of the generic form, between two blanks
MAX_RDATA: Final = 65535


def unescaped(word: str) -> str:
    """The octets that a word or string with escapes stands for, as characters up to 255. Raises RdataError."""
    return _ESCAPE.sub(_octet, word) if "\\" in word else word


def _octet(found: re.Match[str]) -> str:
    digits = found[1]
    if len(digits) == 1:
        if digits.isdigit():
            raise RdataError("a backslash before a digit needs three digits (RFC 1035)")
        return digits
    if int(digits) > 255:  # noqa: PLR2004 - an octet
        raise RdataError(f"\\{digits} is not an octet")
    return chr(int(digits))


def escaped(octets: str) -> str:
    """The octets escaped as the content of a quoted string."""
    return TO_ESCAPE.sub(_escaped, octets)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else f"\\{ord(character):03d}"


def name_octets(name: str) -> bytes:
    r"""The wire form of an absolute name in our spelling, in which every unusual octet is \DDD."""
    if name == ".":
        return b"\x00"
    labels = [_ESCAPE.sub(_octet, label).encode("latin-1") for label in name.split(".")[:-1]]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def name_at(octets: bytes, start: int) -> tuple[str, int]:
    """The uncompressed wire-form name at an offset, in our spelling, and the offset where it ends. Raises RdataError."""
    labels: list[str] = []
    at = start
    while at < len(octets) and octets[at]:
        size = octets[at]
        if size > 63 or at + size >= len(octets) or at + size - start >= MAX_NAME_OCTETS - 1:  # noqa: PLR2004 - a label
            break
        labels.append("".join(SPELLING[octet] for octet in octets[at + 1 : at + 1 + size]))
        at += size + 1
    if at >= len(octets) or octets[at]:
        raise RdataError("the octets do not contain a complete name")
    return f"{'.'.join(labels)}.", at + 1


def hexadecimal(digits: str) -> str:
    """The hexadecimal digits in lower case. Raises RdataError."""
    if len(digits) % 2 or not _HEXADECIMAL.match(digits):
        odd = "an odd number of digits" if _HEXADECIMAL.match(digits) else "characters other than 0-9 and a-f"
        raise RdataError(f"{digits[:40]!a} is not hexadecimal: it has {odd}")
    return digits.lower()


def in_groups(digits: str) -> str:
    """Hexadecimal digits with a blank after every 64 octets."""
    size = 2 * _BYTES_SHOWN
    if len(digits) <= size:
        return digits
    return " ".join(digits[start : start + size] for start in range(0, len(digits), size))


def generic(octets: bytes) -> str:
    r"""RDATA in the generic form of RFC 3597: \# length octets."""
    return f"\\# {len(octets)} {in_groups(octets.hex())}".rstrip()


def from_generic(words: Sequence[str]) -> bytes:
    r"""The octets of RDATA in the generic form; the first word is \#. Raises RdataError."""
    if len(words) < 2 or not (words[1].isascii() and words[1].isdigit()) or len(words[1]) > 6:  # noqa: PLR2004
        raise RdataError("the generic form is \\#, the number of octets, and the octets in hexadecimal (RFC 3597)")
    octets = bytes.fromhex(hexadecimal("".join(words[2:])))
    if len(octets) != int(words[1]):
        raise RdataError(f"the generic form announces {int(words[1])} octets but has {len(octets)}")
    if len(octets) > MAX_RDATA:
        raise RdataError(f"a record holds at most {MAX_RDATA} octets, this one has {len(octets)}")
    return octets


def rendezvous_servers(octets: bytes) -> int:
    """How many a HIP record names (RFC 8005, section 5). Raises RdataError."""
    at = 4 + octets[0] + int.from_bytes(octets[2:4], "big")
    count = 0
    while at < len(octets):
        _, at = name_at(octets, at)
        count += 1
    return count
