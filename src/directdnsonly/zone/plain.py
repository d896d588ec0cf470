"""The short way for a zone as DirectAdmin writes it: one regular expression over the text. Pure.

It takes only what needs no judgement (explicit TTL and class, the usual types, names and strings without escapes or
surprises) and gives up on the whole zone at the first other octet; then the long way reads it from the start and says
what is wrong. What it takes is tested equal to the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_NAME = r"[A-Za-z0-9_*](?:[A-Za-z0-9_.*/-]*[A-Za-z0-9_.*-])?|@"
_U16 = r"(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3}|0)"
_TTL = r"(?:[1-9]\d{0,8}|0)"
_STRING = r'"[ !#-\[\]-~]{0,255}"'  # no quote, no backslash, no control character: it stands as it is
_B = r"[ \t]+"  # blanks
# A text in parentheses over several lines is how DirectAdmin writes a long DKIM key.
_LINE: Final = re.compile(
    rf"""[ \t\r]*\n
    | (?P<owner>{_NAME}){_B}(?P<ttl>{_TTL}){_B}IN{_B}(?:
        A{_B}(?P<a>{_IPV4})
      | (?P<named>NS|CNAME|PTR){_B}(?P<target>{_NAME})
      | MX{_B}(?P<preference>{_U16}){_B}(?P<exchange>{_NAME})
      | (?P<text>TXT|SPF){_B}(?P<strings>{_STRING}(?:{_B}{_STRING})*)
      | (?P<long>TXT|SPF){_B}\([ \t\r\n]*(?P<pieces>{_STRING}(?:[ \t\r\n]+{_STRING})*)[ \t\r\n]*\)
      | SRV{_B}(?P<srv>{_U16}{_B}{_U16}{_B}{_U16}){_B}(?P<host>{_NAME})
    )[ \t]*\r?\n
    | \$TTL{_B}(?P<default>{_TTL})[ \t]*\r?\n
    | (?P<apex>{_NAME})(?:{_B}(?P<soattl>{_TTL}))?{_B}IN{_B}SOA{_B}(?P<mname>{_NAME}){_B}(?P<rname>{_NAME}){_B}
      \([ \t\r\n]*(?P<numbers>\d{{1,10}}(?:[ \t\r\n]+\d{{1,10}}){{4}})[ \t\r\n]*\)[ \t]*\r?\n
    """,
    re.VERBOSE,
)
_STRINGS: Final = re.compile(_STRING)
_LABELS: Final = re.compile(r"(?:[A-Za-z0-9_*/-]{1,63}\.)+\Z")
MAX_NAME_CHARS: Final = 254  # 255 octets on the wire
_LONGEST_TEXT: Final = 60_000  # characters of a TXT; near the limit of a record the long way counts exactly
_LARGEST_SERIAL: Final = 2**32 - 1
_LARGEST_TIME: Final = 2**31 - 1

PlainRecord = tuple[str, int, str, str]  # owner (absolute, lower case), TTL, type, RDATA in normal form


class NotPlain(Exception):
    """This zone needs the long way."""


def records(text: str, apex: str) -> Iterator[PlainRecord]:
    """The records in the order of the text. Raises NotPlain, possibly after some records."""
    if not text.endswith("\n"):
        text += "\n"
    suffix = f".{apex}"
    names = {"@": apex}
    default: int | None = None
    position, size = 0, len(text)
    match = _LINE.match

    def name(word: str) -> str:
        known = names.get(word)
        if known is None:
            known = word if word[-1] == "." else word + suffix
            if len(known) > MAX_NAME_CHARS or not _LABELS.match(known):
                raise NotPlain
            names[word] = known
        return known

    while position < size:
        line = match(text, position)
        if line is None:
            raise NotPlain
        position = line.end()
        kind = line.lastgroup
        if kind is None:
            continue
        if kind == "default":
            default = int(line["default"])
            continue
        if kind == "numbers":
            yield _soa(line, name, apex, default)
            continue
        owner = name(line["owner"]).lower()
        if owner != apex and not owner.endswith(suffix):
            raise NotPlain  # to be dropped with a warning
        yield owner, int(line["ttl"]), *_data(line, kind, name)


def _data(line: re.Match[str], kind: str, name: Callable[[str], str]) -> tuple[str, str]:
    """Type and RDATA; `kind` is the last group that took part in the match."""
    if kind == "a":
        return "A", line["a"]
    if kind == "strings":
        return line["text"], _text(line["strings"])
    if kind == "target":
        return line["named"], name(line["target"])
    if kind == "exchange":
        return "MX", f"{line['preference']} {name(line['exchange'])}"
    if kind == "pieces":
        return line["long"], _text(line["pieces"])
    return "SRV", f"{' '.join(line['srv'].split())} {name(line['host'])}"


def _text(strings: str) -> str:
    """One blank between the strings; inside of them nothing changes."""
    if len(strings) > _LONGEST_TEXT:
        raise NotPlain
    return " ".join(_STRINGS.findall(strings))


def _soa(line: re.Match[str], name: Callable[[str], str], apex: str, default: int | None) -> PlainRecord:
    owner = name(line["apex"]).lower()
    ttl = int(line["soattl"]) if line["soattl"] else default
    serial, *times = (int(word) for word in line["numbers"].split())
    if owner != apex or ttl is None or serial > _LARGEST_SERIAL or max(times) > _LARGEST_TIME:
        raise NotPlain
    times_text = " ".join(map(str, times))
    return owner, ttl, "SOA", f"{name(line['mname'])} {name(line['rname'])} {serial} {times_text}"
