"""Detects zones that NSD cannot serve together: its one tree refuses a DNAME with names below it, even another zone's.

A zone exactly where another one has its DNAME is served all the same while it has records at its own name alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.within import has_names_below

_DNAME = re.compile(r"^(\S+) \d+ IN DNAME ", re.MULTILINE)


def why_one_of_two(files: ZoneFolder, name: ZoneName, text: str) -> str:
    """Why NSD cannot serve this zone together with another one; empty if it can. Reads files."""
    for parent in name.ancestors():
        for owner in _redirects(files.read(parent)):
            if _lies_in(name, [owner], lambda: text):
                return _told(parent, owner, name)
    ours = _redirects(text.encode("ascii"))
    if ours:
        for other in files.names():
            if other != name and (owner := _lies_in(other, ours, partial(_text, files, other))):
                return _told(name, owner, other)
    return ""


def _redirects(content: bytes | None) -> list[str]:
    return _DNAME.findall(content.decode("ascii", "replace")) if content and b" IN DNAME " in content else []


def _text(files: ZoneFolder, name: ZoneName) -> str:
    return (files.read(name) or b"").decode("ascii", "replace")


def _lies_in(name: ZoneName, owners: Iterable[str], text_of: Callable[[], str]) -> str:
    """The owner below which something of this zone lies."""
    absolute = name.absolute
    for owner in owners:
        if absolute.endswith(f".{owner}") or (absolute == owner and has_names_below(text_of(), name)):
            return owner
    return ""


def _told(zone: ZoneName, owner: str, other: ZoneName) -> str:
    return (
        f"NSD serves only one of the zones {zone} and {other}, the one that it reads first, and answers SERVFAIL for the other:"
        f" {zone} has a DNAME at {owner}, and {other} is there. Remove one of them, or serve them from another name server"
    )
