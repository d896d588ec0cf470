"""Foreign records (from a transfer, a database, an API) in our normal form, and how they differ from ours. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from directdnsonly.errors import ZoneSyntaxError
from directdnsonly.zone.domain import RdataError, absolute
from directdnsonly.zone.fold import FOLDS
from directdnsonly.zone.model import Record
from directdnsonly.zone.rdata import mnemonic, rdata
from directdnsonly.zone.tokens import logical_lines

SHOWN = 3  # differences that a reason names


def record_of(owner: str, ttl: int, kind: str, data: str) -> Record:
    """A foreign record as we would write it; its names must be absolute, but the owner's final dot may be missing.

    A record that cannot be parsed is kept as it is: it differs from all of ours, so `difference` names it.
    """
    try:
        name = absolute(owner, ".").lower()
        known = mnemonic(kind) or kind.upper()
        (line,) = logical_lines(data)
        return Record(name, ttl, known, rdata(known, line, 0, "."))
    except (RdataError, ZoneSyntaxError, ValueError):
        return Record(owner, ttl, kind.upper(), data)


def difference(wanted: Iterable[Record], found: Iterable[Record]) -> str:
    """The difference as text for people; empty if both have the same records. Names compare without case (RFC 4343)."""
    here, there = Counter(map(folded, wanted)), Counter(map(folded, found))
    missing, extra = sorted((here - there).elements()), sorted((there - here).elements())
    told = [f"lacks {_shown(record)}" for record in missing] + [f"has also {_shown(record)}" for record in extra]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _shown(record: Record) -> str:
    return f"{record.owner} {record.ttl} {record.type}"


def folded(record: Record) -> Record:
    """With the names in its RDATA in lower case, so that what RFC 4343 calls equal is equal."""
    fold = FOLDS.get(record.type)
    try:
        return record if fold is None else record._replace(rdata=fold(record.rdata))
    except ValueError:  # foreign RDATA that could not be read
        return record
