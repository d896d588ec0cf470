"""A zone as the rows that PowerDNS's generic SQL back ends read, as its own `rectify-zone` would leave them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from directdnsonly.backends.powerdns.records import name_there, written
from directdnsonly.zone.model import Record


class Row(NamedTuple):
    """A row of `records`, in the order of COLUMNS without the domain's id. Names have no final dot."""

    name: str
    type: str | None  # None: an empty non-terminal, which exists but has no records
    content: str | None
    ttl: int | None
    prio: int | None
    disabled: int
    ordername: str | None
    auth: int


COLUMNS = ("domain_id", *Row._fields)


def rows_of(records: Iterable[Record], apex: str, *, signed: bool = False) -> set[Row]:
    """The rows of a zone. `apex` and the owners have their final dot. `signed`: PowerDNS signs it, with NSEC.

    `auth` is 0 for the NS of a delegation and for what lies below it; empty non-terminals have a row of their own, or
    they would be NXDOMAIN; `ordername`, of signed zones, holds the labels in reverse order, which is the order of NSEC.
    """
    records = list(records)
    cuts = {record.owner for record in records if record.type == "NS" and record.owner != apex}
    rows = {_row(record, apex, cuts, signed=signed) for record in records}
    rows |= _empty_non_terminals(rows, apex.removesuffix("."))
    return {row._replace(name=name_there(row.name)) if "\\" in row.name else row for row in rows}


def _row(record: Record, apex: str, cuts: set[str], *, signed: bool) -> Row:
    kind, content = written(record.type, record.rdata)
    below = _is_below(record.owner, apex, cuts)
    at_cut = record.owner in cuts
    relative = record.owner.removesuffix(apex).removesuffix(".")
    return Row(
        name=record.owner.removesuffix("."),
        type=kind,
        content=content,
        ttl=record.ttl,
        prio=None,
        disabled=0,
        ordername=None if below or not signed else " ".join(reversed(relative.split("."))),
        auth=int(not below and (not at_cut or record.type in {"DS", "RRSIG", "NSEC"})),
    )


def _is_below(owner: str, apex: str, cuts: set[str]) -> bool:
    """Whether the owner lies below a delegation."""
    name = owner
    while cuts and name != apex:
        name = name.partition(".")[2]
        if name in cuts:
            return True
    return False


def _empty_non_terminals(rows: set[Row], apex: str) -> set[Row]:
    names = {row.name for row in rows}
    empty: dict[str, int] = {}
    for row in rows:
        name = row.name.partition(".")[2]
        while name not in names and name.endswith(f".{apex}"):
            empty[name] = empty.get(name, 0) | row.auth
            name = name.partition(".")[2]
    return {Row(name, None, None, None, None, 0, None, auth) for name, auth in empty.items()}
