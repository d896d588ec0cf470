r"""Domain names in a zone text: absolute, in the one spelling that named, NSD and Knot all read. Pure.

Letters, digits, hyphen, underscore, slash and asterisk stand as they are, every other octet as \DDD. Knot 3.2 reads
characters such as `!` or `+` only so; and a dot inside a label (\046) can never be mistaken for a separator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PLAIN_NAME: Final = re.compile(r"(?:[A-Za-z0-9_*/-]{1,63}\.)+\Z")
_ODD: Final = re.compile(r"\\(?:(\d{3})|(\D))|([^A-Za-z0-9_*/.-])", re.DOTALL | re.ASCII)
_HIGH: Final = re.compile(r"[\x80-\xff]")
SPELLING: Final = [  # of each octet of a label
    chr(octet) if chr(octet).isascii() and (chr(octet).isalnum() or chr(octet) in "-_/*") else f"\\{octet:03d}"
    for octet in range(256)
]
_NUMBER: Final = re.compile(r"\d{1,10}\Z", re.ASCII)
MAX_LABEL_OCTETS: Final = 63  # RFC 1035, section 2.3.4
MAX_NAME_OCTETS: Final = 255


class RdataError(ValueError):
    """Why a name, TTL or RDATA is refused, and by which rule; the caller adds the line."""

    def __init__(self, reason: str, *, rule: str = "syntax") -> None:
        self.rule = rule
        super().__init__(reason)


def absolute(word: str, origin: str) -> str:
    """The absolute name, with the final dot, which `origin` has as well; `@` is the origin. Raises RdataError."""
    if word == "@":
        return origin
    name = word if word[-1:] == "." else f"{word}.{origin}" if origin != "." else f"{word}."
    if len(name) < MAX_NAME_OCTETS and _PLAIN_NAME.match(name):
        return name
    if name == ".":
        return name
    name = _ODD.sub(_spelled, word)  # only now is a final dot a dot, and not \\.
    if name[-1:] != ".":
        name += f".{origin}" if origin != "." else "."
    labels = name[:-1].split(".")
    sizes = [len(label) - 3 * label.count("\\") for label in labels]
    if min(sizes) < 1 or max(sizes) > MAX_LABEL_OCTETS or sum(sizes) + len(sizes) + 1 > MAX_NAME_OCTETS:
        raise RdataError(f"{word[:80]!a} is not a name: {_name_fault(labels, sizes)}")
    return name


def _name_fault(labels: Sequence[str], sizes: Sequence[int]) -> str:
    if min(sizes) < 1:
        return "a label is empty, because of two dots in a row or a leading dot: remove a dot"
    longest = max(sizes)
    if longest > MAX_LABEL_OCTETS:
        label = labels[sizes.index(longest)]
        begins = f"{label[:17]}..." if len(label) > 20 else label  # noqa: PLR2004 - characters
        return f"its label {begins!a} has {longest} octets, but at most {MAX_LABEL_OCTETS} are allowed (RFC 1035): shorten it"
    return f"it has {sum(sizes) + len(sizes) + 1} octets including the zone's name, but at most {MAX_NAME_OCTETS} are allowed (RFC 1035): shorten it"


def _spelled(found: re.Match[str]) -> str:
    digits, escaped, odd = found.groups()
    octet = int(digits) if digits else ord(escaped or odd)
    if odd == "\\" or octet > 255:  # noqa: PLR2004
        raise RdataError("a backslash in a name needs a character or the three digits of an octet after it (RFC 1035)")
    return SPELLING[octet]


def ascii_only(text: str) -> str:
    r"""The text with octets above 127 as \DDD, so that dnspython does not take them for internationalised names."""
    return text if text.isascii() else _HIGH.sub(lambda found: f"\\{ord(found[0]):03d}", text)


def number(word: str, limit: int, what: str) -> int:
    """The number in a word, from 0 to `limit`. Raises RdataError."""
    if not _NUMBER.match(word) or int(word) > limit:
        raise RdataError(f"{what} {word[:20]!a} is not a number from 0 to {limit}")
    return int(word)
