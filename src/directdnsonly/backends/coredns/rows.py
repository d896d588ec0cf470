"""A zone as rows of the table `records`, in the form in which CoreDNS's plug-ins look them up. Pure.

hostname: lower case, relative to the zone, no final dot; the apex is `@`. type: the mnemonic in upper case. data: the
RDATA in presentation format, every name absolute; the target of a CNAME in lower case (mysql_extend looks it up as it
stands). One record a row, none twice, online 1.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from directdnsonly.backends.contract import ZoneChange
from directdnsonly.errors import PushRefused
from directdnsonly.zone.lately import is_ours
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import record_of
from directdnsonly.zone.text import SIGNATURES, parse, read_plain, records_of

# CoreDNS's zone data knows no NSEC3, and serves no zone that has one (mysqlzones and auto alike).
NO_NSEC3 = frozenset({"NSEC3", "NSEC3PARAM"})
LONGEST_TYPE = 10  # octets of the column, in the plug-in's own schema as in ours
LARGEST_TTL = 2**31 - 1
REMEMBERED = 512  # zones whose rows are kept: backends that keep pace with each other read a zone once
LONGEST_REMEMBERED = 8192  # octets of text, so that all of them stay below a few MiB
FEW = 64  # rows
QUICK = 2048  # octets of text, 35 records: with a thread beside it they cost more and are there no sooner


class Row(NamedTuple):
    """What identifies a record of a zone, and its TTL."""

    hostname: str
    type: str
    data: str
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What the reader of the tables can do."""

    escapes: bool  # owner names with escaped characters are found
    signed: bool  # signed zones are taken


class RowRefused(ValueError):
    """This plug-in cannot serve the zone correctly; the text names the record and the reason."""


def rows_of(change: ZoneChange, dialect: Dialect) -> frozenset[Row]:
    """The rows of a put. Raises RowRefused.

    A text that our parser did not write a moment ago is read by it once more: a row that the plug-in cannot read would
    end in SERVFAIL for its name.
    """
    assert change.text is not None
    read = _remembered if len(change.text) <= LONGEST_REMEMBERED else _read
    return read(change.text, change.name, dialect)


def is_quick(change: ZoneChange) -> bool:
    """Whether `rows_of` is so quick that no thread is worth it."""
    return change.text is None or len(change.text) <= QUICK


def _read(text: str, name: ZoneName, dialect: Dialect) -> frozenset[Row]:
    try:
        if not is_ours(text, name) and read_plain(_as_pushed(text), name) is None:  # the short way costs a third less
            parse(text, name)
    except PushRefused as error:
        raise RowRefused(f"the zone cannot be written: {error}") from None
    rows = frozenset(_row(record, name, dialect) for record in records_of(text))
    kinds = {row.type for row in rows}
    if not dialect.signed and (found := sorted(kinds & SIGNATURES)):
        raise RowRefused(
            f"the zone is signed ({', '.join(found)}), but this plug-in does not serve signatures with its answers"
        )
    return rows


def _as_pushed(text: str) -> str:
    """A zone in our normal form as DirectAdmin would write it: without $ORIGIN, with parentheses in the SOA."""
    lines = text.split("\n", 3)
    if len(lines) < 4:  # noqa: PLR2004 - $ORIGIN, $TTL, SOA, the rest
        return text
    _origin, ttl, soa, rest = lines
    words = soa.split(" ")
    words[-5:] = ["(", *words[-5:], ")"]
    return "\n".join([ttl, " ".join(words), rest])


_remembered = functools.lru_cache(maxsize=REMEMBERED)(_read)  # by the whole text: it cannot be out of date


def _row(record: Record, zone: ZoneName, dialect: Dialect) -> Row:
    owner = record.owner
    hostname = "@" if owner == zone.absolute else owner.removesuffix(f".{zone}.")
    data = record.rdata.lower() if record.type == "CNAME" else record.rdata
    if "\\" in hostname and not dialect.escapes:
        raise RowRefused(f"{owner} {record.type}: the plug-in does not find names with escaped characters")
    if not 0 <= record.ttl <= LARGEST_TTL:
        raise RowRefused(f"{owner} {record.type}: its TTL {record.ttl} is none (RFC 2181, section 8)")
    if len(record.type) > LONGEST_TYPE:
        raise RowRefused(f"{owner} {record.type}: the type's name does not fit the column")
    return Row(hostname, record.type, data, record.ttl)


# Many rows in one column of one row: the driver takes 10 us for each row that it reads. Each row has seven fields, the
# last of them empty, so that none that was cut off, lacks a value (NULL) or holds a separator itself is taken for one.
FIELD, END = "\x1f", "\x1e"
PACKED = "GROUP_CONCAT(CONCAT_WS(x'1f', r.id, r.online, r.hostname, r.type, r.data, r.ttl, '') SEPARATOR x'1e')"


def unpacked(count: int, packed: str | bytes | None) -> list[tuple[int, int, Row]] | None:
    """The id, online flag and row of each record joined by PACKED; None if these are not all `count` of them unchanged."""
    found = []
    try:
        text = packed.decode() if isinstance(packed, bytes) else packed or ""
        for part in text.split(END):
            number, online, hostname, kind, data, ttl, nothing = part.split(FIELD)
            if nothing:
                return None
            found.append((int(number), int(online), Row(hostname, kind, data, int(ttl))))
    except ValueError:  # too few or too many fields, no number, no text
        return None
    return found if len(found) == count else None


def checksum(rows: frozenset[Row]) -> int:
    """A checksum of a zone's rows, which the database computes alike by `CHECKSUM` of `schema`."""
    return _checksum_of_few(rows) if len(rows) <= FEW else _checksum(rows)


def _checksum(rows: Iterable[Row]) -> int:
    return sum([zlib.crc32(f"{row.hostname} {row.type} {row.ttl} {row.data}".encode("ascii")) for row in rows])


_checksum_of_few = functools.lru_cache(maxsize=REMEMBERED)(
    _checksum
)  # for as many zones as `_remembered`, the same objects


def records(zone: ZoneName, rows: Iterable[Row]) -> list[Record]:
    """Rows as records in our normal form."""
    return [
        record_of(zone.absolute if row.hostname == "@" else f"{row.hostname}.{zone}.", row.ttl, row.type, row.data)
        for row in rows
    ]
