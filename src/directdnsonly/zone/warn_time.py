"""Warnings that depend on the time: signatures that have expired or are not valid yet. Pure; callers pass the time."""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from typing import NamedTuple

from directdnsonly.zone.warn import Key, LineOf, ZoneWarning

_END_FIELD, _BEGIN_FIELD = 4, 5  # of an RRSIG, from 0
_FORM = "%Y%m%d%H%M%S"


class Moment(NamedTuple):
    """When (epoch seconds) a signature becomes valid or expires, and which signature it is."""

    at: int
    owner: str
    covered: str
    line: int


class Signatures(NamedTuple):
    """The signature of a zone that expires first, and the one that becomes valid last."""

    first_end: Moment
    last_begin: Moment


def signatures_of(keys: Sequence[Key], line_of: LineOf) -> Signatures | None:
    """The Signatures of these RRSIG records; None if the times of none can be parsed."""
    found: list[tuple[int, int, Key]] = []
    for key in keys:
        fields = key[2].split(" ", _BEGIN_FIELD + 1)
        if len(fields) > _BEGIN_FIELD:
            end, begin = _seconds(fields[_END_FIELD]), _seconds(fields[_BEGIN_FIELD])
            if end is not None and begin is not None:
                found.append((end, begin, key))
    if not found:
        return None
    first = min(found, key=lambda one: one[0])
    last = max(found, key=lambda one: one[1])
    return Signatures(_moment(first[0], first[2], line_of), _moment(last[1], last[2], line_of))


def _moment(at: int, key: Key, line_of: LineOf) -> Moment:
    return Moment(at, key[0], key[2].split(" ", 1)[0], line_of(key))


def _seconds(word: str) -> int | None:
    if not word.isdigit():
        return None
    if len(word) != len("YYYYMMDDHHMMSS"):
        return int(word)
    try:
        return calendar.timegm(time.strptime(word, _FORM))
    except ValueError:
        return None


def warnings_at(signatures: Signatures, now_s: float) -> tuple[ZoneWarning, ...]:
    """The warnings about the signatures at the time `now_s`."""
    end, begin = signatures
    found: list[ZoneWarning] = []
    if end.at < now_s:
        text = (
            f"the signature of {end.owner} {end.covered} ended on {_shown(end.at)}:"
            " validating resolvers answer SERVFAIL; sign the zone again"
        )
        found.append(ZoneWarning("rrsig-expired", text, end.owner, "RRSIG", end.line))
    if begin.at > now_s:
        text = (
            f"the signature of {begin.owner} {begin.covered} is not valid before {_shown(begin.at)}:"
            " validating resolvers answer SERVFAIL until then; check the clock of the signing machine"
        )
        found.append(ZoneWarning("rrsig-future", text, begin.owner, "RRSIG", begin.line))
    return tuple(found)


def _shown(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
