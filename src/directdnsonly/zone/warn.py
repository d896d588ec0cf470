"""Warnings: what name servers load but is probably a mistake. A warning is kept with the version and shown; it refuses nothing. Pure.

Three kinds of rules, by what they need to see:

* `OF_LINE`: a record as it was written, for what its normal form does not show any more;
* `OF_RDATA`: the RDATA of one record in normal form;
* `warn_zone.RULES`: the whole zone.

A new rule is a function in one of these tables, and a row of docs/refusals.md. A zone without warnings costs one dictionary
lookup for each record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from directdnsonly.zone import warn_record as record
from directdnsonly.zone.tokens import Line

KEPT: Final = 20  # of one zone; that there are more is told
MAX_CHARS: Final = 300  # of one text

Key = tuple[str, str, str]  # owner, type, RDATA with the letters of names folded
LineOf = Callable[[Key], int]


@dataclass(frozen=True, slots=True)
class ZoneWarning:
    """One warning. `rule` is listed in docs/refusals.md; owner and type are empty, and the line 0, if they do not apply."""

    rule: str
    text: str
    owner: str = ""
    type: str = ""
    line: int = 0

    def __str__(self) -> str:
        """One line for people."""
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(frozen=True, slots=True)
class LineRule:
    """A rule for a line as written. `tell` gets the line and where its RDATA begins in `words`; it returns the text, or ""."""

    rule: str
    tell: Callable[[Line, int], str]


@dataclass(frozen=True, slots=True)
class RdataRule:
    """A rule for RDATA. `tell` gets owner and RDATA, both in normal form; it returns the text, or ""."""

    rule: str
    tell: Callable[[str, str], str]


_CUT, _CURLY = LineRule("text-cut", record.cut), LineRule("curly-quotes", record.curly)
OF_LINE: Final[Mapping[str, Sequence[LineRule]]] = {  # by type
    "TXT": (_CUT, _CURLY),
    "SPF": (_CUT, _CURLY),
    "CAA": (_CUT, _CURLY),
    "RRSIG": (LineRule("rrsig-date", record.date_of_another_age),),
}
_ALIAS, _ECH = RdataRule("alias-parameters", record.alias_with_parameters), RdataRule("ech", record.ech_that_is_none)
_SVCB_ALIAS = RdataRule("alias-parameters", record.svcb_alias_with_parameters)
_DIGEST, _OUT_OF_USE = (
    RdataRule("digest-length", record.digest_of_other_length),
    RdataRule("out-of-use", record.out_of_use),
)
_PRIVATE = RdataRule("private-algorithm", record.private_key)
OF_RDATA: Final[Mapping[str, Sequence[RdataRule]]] = {  # by type
    "HTTPS": (_ALIAS, _ECH),
    "SVCB": (_SVCB_ALIAS, _ECH, RdataRule("svcb-dns", record.resolver_without_path)),
    "TLSA": (_DIGEST,),
    "SMIMEA": (_DIGEST,),
    "URI": (RdataRule("uri-empty", record.uri_without_target),),
    "TYPE42": (RdataRule("apl-empty", record.no_prefixes),),
    "MINFO": (_OUT_OF_USE,),
    "KEY": (_OUT_OF_USE, _PRIVATE),
    "DNSKEY": (_PRIVATE,),
    "CDNSKEY": (_PRIVATE,),
    "RRSIG": (RdataRule("private-algorithm", record.private_signature),),
    "SOA": (RdataRule("soa-interval", record.huge_interval),),
}


class Warnings:
    """Collects the warnings of a zone while it is parsed: the first twenty, and whether there were more."""

    def __init__(self) -> None:
        self._kept: list[ZoneWarning] = []
        self._more = False

    @property
    def is_full(self) -> bool:
        """Whether no more are kept, so that an expensive rule may stop once it has called `add`."""
        return self._more

    def add(self, rule: str, text: str, *, owner: str = "", kind: str = "", line: int | Callable[[], int] = 0) -> None:
        """Add a warning. `line` may be a function, because finding the line of a record takes a walk through the zone."""
        if len(self._kept) >= KEPT:
            self._more = True
            return
        number = line if isinstance(line, int) else line()
        shown = text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 3]}..."
        self._kept.append(ZoneWarning(rule, shown, owner[:MAX_CHARS], kind, number))

    def of_line(self, owner: str, kind: str, line: Line, start: int) -> None:
        """Add the warnings about a record as it was written."""
        for one in OF_LINE.get(kind, ()):
            if text := one.tell(line, start):
                self.add(one.rule, text, owner=owner, kind=kind, line=line.number)

    def of_rdata(self, keys: Iterable[Key], line_of: LineOf) -> None:
        """Add the warnings about the records' RDATA."""
        for key in keys:
            owner, kind, data = key
            for one in OF_RDATA.get(kind, ()):
                if text := one.tell(owner, data):
                    self.add(one.rule, text, owner=owner, kind=kind, line=partial(line_of, key))

    def found(self) -> tuple[ZoneWarning, ...]:
        """The kept warnings in order of line, and a last one if there were more."""
        if not self._kept:
            return ()
        kept = sorted(self._kept, key=lambda one: one.line)
        if not self._more:
            return tuple(kept)
        return (*kept, ZoneWarning("more", f"there are more warnings than the {KEPT} kept here"))
