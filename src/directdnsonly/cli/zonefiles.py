"""Which zone a file holds: decided by its SOA record, or by the file's name if the SOA's owner is `@`. Read-only."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

ENDINGS = (".db", ".zone", ".txt", ".hosts", ".dns", ".signed")
BEGINNINGS = ("db.", "pri.", "named.", "zone.")  # Debian's, ISPConfig's, Red Hat's
LOOKED_AT = 2**20  # octets in which the SOA must stand
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|;.*|[^\s;"]+')
_CLASS_OR_TTL = re.compile(r"(?i)IN|CH|HS|(?:\d+[smhdw]?)+")


class NoZone(Exception):
    """The file holds no zone; the text says why."""


def zone_of(file: Path) -> str:
    """The name of the file's zone, without the final dot. Raises NoZone, OSError."""
    with file.open("rb") as handle:
        head = handle.read(LOOKED_AT)
    return zone_in(head, called=file.name)


def zone_in(text: bytes, *, called: str) -> str:
    """The name of the zone in a text; `called` is the file's name. Raises NoZone."""
    if not text.strip():
        raise NoZone("it is empty")
    origin = owner = ""  # empty: not said
    for line in text.decode("latin-1").splitlines():
        words = [word for word in _WORD.findall(line) if not word.startswith(";")]
        if not words:
            continue
        if words[0].upper() == "$ORIGIN" and len(words) > 1:
            origin = _joined(words[1], origin)
            continue
        if words[0].startswith("$"):
            continue
        if not line[0].isspace():
            owner = words.pop(0)
        while words and _CLASS_OR_TTL.fullmatch(words[0]):
            words.pop(0)
        if words and words[0].upper() == "SOA":
            name = origin if owner in ("", "@") else _joined(owner, origin)
            return (name if name.endswith(".") else f"{name}.{called_zone(called)}").strip(".").lower()
    raise NoZone("it holds no SOA record")


def is_called_a_zone(name: str) -> bool:
    """Whether a file with this name is meant to hold a zone."""
    return name.endswith(tuple(ending for ending in ENDINGS if ending != ".txt")) or name.startswith(BEGINNINGS)


def called_zone(name: str) -> str:
    """The zone that a file with this name conventionally holds."""
    name = next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)
    return unquote(next((name.removeprefix(one) for one in BEGINNINGS if name.startswith(one)), name))


def _joined(name: str, origin: str) -> str:
    if name.endswith(".") or not origin:
        return "" if name == "@" else name
    return origin if name == "@" else f"{name}.{origin}"
