"""The fast parser for a zone as DirectAdmin writes it: one regular expression over the text. Pure.

It takes only what needs no judgement (explicit TTL and class, the usual types, names and strings without escapes or
surprises) and gives up on the whole zone at the first other octet; then the full parser reads it from the start and says
what is wrong. Its results are tested to equal those of the full parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from directdnsonly.errors import ZoneSyntaxError
from directdnsonly.zone.domain import RdataError
from directdnsonly.zone.rdata import rdata
from directdnsonly.zone.tokens import Line, logical_lines

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_NAME = r"[A-Za-z0-9_*](?:[A-Za-z0-9_.*/-]*[A-Za-z0-9_.*-])?|@"
_U16 = r"(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3}|0)"
_TTL = r"(?:[1-9]\d{0,8}|0)"
_STRING = r'"[ !#-\[\]-~]{0,255}"'  # no quote, no backslash, no control character: it stands as it is
_B = r"[ \t]+"  # blanks
_GAP = r"[ \t\n]"  # between parentheses; a lone CR is no blank
# A text in parentheses over several lines is how DirectAdmin writes a long DKIM key.
_LINE: Final = re.compile(
    rf"""[ \t\r\n]*\n
    | (?P<owner>{_NAME}){_B}(?P<ttl>{_TTL}){_B}IN{_B}(?:
        A{_B}(?P<a>{_IPV4})
      | (?P<named>NS|CNAME|PTR){_B}(?P<target>{_NAME})
      | MX{_B}(?P<preference>{_U16}){_B}(?P<exchange>{_NAME})
      | (?P<text>TXT|SPF){_B}(?P<strings>{_STRING}(?:{_B}{_STRING})*)
      | (?P<long>TXT|SPF){_B}\({_GAP}*(?P<pieces>{_STRING}(?:{_GAP}+{_STRING})*){_GAP}*\)
      | SRV{_B}(?P<srv>{_U16}{_B}{_U16}{_B}{_U16}){_B}(?P<host>{_NAME})
      | (?P<nameless>AAAA|CAA|TLSA|SSHFP){_B}(?P<fields>[0-9A-Fa-f:](?:[A-Za-z0-9:.\ ]|"[!#-'*-:<-\[\]-~]*"){{0,300}}+)
    )[ \t]*\r?\n
    | \$TTL{_B}(?P<default>{_TTL})[ \t]*\r?\n
    | (?P<apex>{_NAME})(?:{_B}(?P<soattl>{_TTL}))?{_B}IN{_B}SOA{_B}(?P<mname>{_NAME}){_B}(?P<rname>{_NAME}){_B}
      \({_GAP}*(?P<numbers>\d{{1,10}}(?:{_GAP}+\d{{1,10}}){{4}}){_GAP}*\)[ \t]*\r?\n
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUPS: Final = _LINE.groupindex
_OWNER, _TTL_AT, _A = _GROUPS["owner"], _GROUPS["ttl"], _GROUPS["a"]
_NAMED, _TARGET = _GROUPS["named"], _GROUPS["target"]
_TEXT, _STRINGS_AT = _GROUPS["text"], _GROUPS["strings"]
_DEFAULT, _NUMBERS, _OTHER = _GROUPS["default"], _GROUPS["numbers"], _GROUPS["other"]
_STRINGS: Final = re.compile(_STRING)
_LABELS: Final = re.compile(r"(?:[A-Za-z0-9_*/-]{1,63}\.)+\Z")
MAX_LABEL_CHARS: Final = 63
MAX_NAME_CHARS: Final = 254  # 255 octets on the wire
_LONGEST_TEXT: Final = 60_000  # characters of a TXT; near the limit of a record the long way counts exactly
_LONGEST_ALONE: Final = 300  # characters of what is remembered
_LARGEST_SERIAL: Final = 2**32 - 1
_LARGEST_TIME: Final = 2**31 - 1

PlainRecord = tuple[str, int, str, str]  # owner (absolute, lower case), TTL, type, RDATA in normal form


class NotPlain(Exception):
    """This zone needs the full parser."""


def records(text: str, apex: str) -> Iterator[PlainRecord]:
    """The records in the order of the text. Raises NotPlain, possibly after some records."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not text.endswith("\n"):
        text += "\n"
    names = _Names(apex)
    owner, absolute = names.owner, names.absolute
    default: int | None = None
    # Something fits everywhere, so that nothing is searched: a search would go through a run of blanks once for each of them.
    for line in _LINE.finditer(text):
        kind = line.lastindex
        if kind is None:
            continue
        if kind == _A:
            word, ttl, data = line.group(_OWNER, _TTL_AT, _A)
            yield owner(word), int(ttl), "A", data
        elif kind == _STRINGS_AT:
            word, ttl, named, data = line.group(_OWNER, _TTL_AT, _TEXT, _STRINGS_AT)
            yield owner(word), int(ttl), named, _text(data)
        elif kind == _TARGET:
            word, ttl, named, data = line.group(_OWNER, _TTL_AT, _NAMED, _TARGET)
            yield owner(word), int(ttl), named, absolute(data)
        elif kind == _DEFAULT:
            default = int(line[_DEFAULT])
        elif kind == _NUMBERS:
            yield _soa(line, names, default)
        elif kind == _OTHER:
            raise NotPlain
        else:
            yield owner(line[_OWNER]), int(line[_TTL_AT]), *_data(line, absolute)


class _Names:
    """A cache of absolute names by their spelling. Raises NotPlain if a name needs judgement."""

    def __init__(self, apex: str) -> None:
        self.apex = apex
        self._suffix = f".{apex}"
        self._label_chars = min(MAX_LABEL_CHARS, MAX_NAME_CHARS - len(self._suffix))  # of one label below the apex
        self._owners = {"@": apex, apex: apex}

    def absolute(self, word: str) -> str:
        """The name made absolute, in its own letter case."""
        if word == "@" or word == self.apex:  # noqa: PLR1714 - a set would be made for each name
            return self.apex
        if "." not in word and len(word) <= self._label_chars:
            return word + self._suffix
        name = word if word[-1] == "." else word + self._suffix
        if not _is_name(name):
            raise NotPlain
        return name

    def owner(self, word: str) -> str:
        """The owner name in lower case. Raises NotPlain if it lies outside the zone, because it must be dropped with a warning."""
        known = self._owners.get(word)
        if known is None:
            known = self.absolute(word).lower()
            if known != self.apex and not known.endswith(self._suffix):
                raise NotPlain
            self._owners[word] = known
        return known


@lru_cache(1024)  # the same name servers stand in most zones
def _is_name(name: str) -> bool:
    return len(name) <= MAX_NAME_CHARS and _LABELS.match(name) is not None


def _data(line: re.Match[str], absolute: Callable[[str], str]) -> tuple[str, str]:
    """Type and RDATA of what is rare."""
    kind = line.lastgroup
    if kind == "exchange":
        return "MX", f"{line['preference']} {absolute(line['exchange'])}"
    if kind == "pieces":
        return line["long"], _text(line["pieces"])
    if kind == "fields":
        return line["nameless"], _alone(line["nameless"], line["fields"])
    return "SRV", f"{' '.join(line['srv'].split())} {absolute(line['host'])}"


@lru_cache(1024)
def _alone(kind: str, fields: str) -> str:
    """RDATA in which no name stands, so that it is the same in every zone: by the long way, once."""
    if len(fields) > _LONGEST_ALONE:
        raise NotPlain
    try:
        return rdata(kind, Line(0, False, fields.split()) if '"' not in fields else next(logical_lines(fields)), 0, ".")
    except (RdataError, ZoneSyntaxError):
        raise NotPlain from None


def _text(strings: str) -> str:
    """One blank between the strings; inside of them nothing changes."""
    if len(strings) > _LONGEST_TEXT:
        raise NotPlain
    if strings.count('"') == 2:  # noqa: PLR2004 - of one string, as nearly always
        return strings
    return " ".join(_STRINGS.findall(strings))


def _soa(line: re.Match[str], names: _Names, default: int | None) -> PlainRecord:
    owner = names.owner(line["apex"])
    ttl = int(line["soattl"]) if line["soattl"] else default
    serial, *times = (int(word) for word in line["numbers"].split())
    if owner != names.apex or ttl is None or serial > _LARGEST_SERIAL or max(times) > _LARGEST_TIME:
        raise NotPlain
    times_text = " ".join(map(str, times))
    return owner, ttl, "SOA", f"{names.absolute(line['mname'])} {names.absolute(line['rname'])} {serial} {times_text}"
