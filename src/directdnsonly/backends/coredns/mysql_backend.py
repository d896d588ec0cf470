"""CoreDNS on MySQL: writes each zone as the difference from the tables, many zones in one transaction.

The row of a zone and its id stay for the life of the zone (mysql_extend keeps ids in memory), and rows that come
take the place of those that vanish. Deletes take the records, then the zone's row, in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ZoneChange, ZoneObserved
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.backends.coredns.on_delete import OnDelete
from directdnsonly.backends.coredns.rows import (
    NO_NSEC3,
    PACKED,
    Dialect,
    Row,
    RowRefused,
    checksum,
    is_quick,
    records,
    rows_of,
    unpacked,
)
from directdnsonly.backends.coredns.schema import CHECKSUM, Schema, find_schema
from directdnsonly.backends.tables.batch import deliver
from directdnsonly.backends.tables.difference import difference
from directdnsonly.errors import NameRefused
from directdnsonly.mysql.errors import HeldByOperator
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session
from directdnsonly.mysql.text import Made, Value
from directdnsonly.mysql.wire import Rows
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName

PAGE = 1000
MOST_WORKERS = 8
COLUMNS = ("id", "zone_id", "hostname", "type", "data", "ttl", "online")
Held = list[tuple[int, int, Row]]  # what the tables hold of a zone: id, online, row


class CorednsMysqlBackend:
    """The backend `coredns_mysql`: the two tables of a database. Raises as `Backend` says."""

    def __init__(self, name: str, settings: CorednsMysqlSettings) -> None:
        ours = settings.plugin == "mysqlzones"
        self.name = name
        self.servers = settings.servers()
        self.capabilities = Capabilities(
            batch_size=settings.batch_size,
            concurrency=settings.connections,
            workers=min(
                2 * settings.connections, MOST_WORKERS
            ),  # CoreDNS reads a zone when it is asked: proofs take time
            allows_transfer=settings.transfers,
            observes=True,
            authoritative=settings.authoritative,
            forgets=ours,
            unsupported_types=NO_NSEC3 if ours else frozenset(),
        )
        self._settings = settings
        self._server = MysqlServer(name, settings)
        self._dialect = Dialect(escapes=ours, signed=settings.signed_zones == "write")
        self._zones, self._records = f"`{settings.zones_table}`", f"`{settings.records_table}`"
        self._schema: Schema | None = None
        self._on_delete = OnDelete(settings.on_delete, settings.on_delete_timeout_s)

    # -- Backend

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each."""
        if self._schema is None:
            self._schema = await self._find_schema()
        quick = len(changes) == 1 and is_quick(changes[0])  # less work than waking a thread
        wanted, refused = self._prepare(changes) if quick else await asyncio.to_thread(self._prepare, changes)
        good = [change for number, change in enumerate(changes) if number not in refused]

        async def write(session: Session, some: Sequence[ZoneChange]) -> None:
            await self._write(session, some, wanted)

        outcomes = iter(await deliver(self._server, good, write, explain=self._explain) if good else [])
        settled = [refused.get(number) or next(outcomes) for number in range(len(changes))]
        return await self._on_delete.after(changes, settled)

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable.

        A page of zones at a time, by their ids.
        """
        if self._schema is None:
            self._schema = await self._find_schema()
        last = 0
        while True:
            rows = await self._server.query(
                f"SELECT id, zone_name, {self._mark} FROM {self._zones} WHERE id > %s ORDER BY id LIMIT {PAGE}", (last,)
            )
            if not rows:
                return
            last = rows[-1][0]
            for observed in await self.observe(
                [name for _, text, mark in rows if mark >= 0 and (name := _zone_name(text))]
            ):
                if observed is not None:
                    yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable.

        Serial and count come from the records themselves, as the name server reads them.
        """
        if not names:
            return []
        if self._schema is None:
            self._schema = await self._find_schema()
        version, altered = ("z.version", f"MAX(z.checksum) <> {CHECKSUM}") if self._schema.ours else ("NULL", "FALSE")
        found: dict[str, ZoneObserved] = {}
        for start in range(0, len(names), PAGE):
            page = [name.absolute for name in names[start : start + PAGE]]
            rows = await self._server.query(
                f"SELECT z.zone_name, MAX({version}), {altered}, COUNT(r.id),"
                " MAX(CASE WHEN r.type = 'SOA' AND r.hostname = '@' THEN r.data END)"
                f" FROM {self._zones} z LEFT JOIN {self._records} r ON r.zone_id = z.id AND r.online <> 0"
                f" WHERE z.zone_name IN ({_places(page)}) GROUP BY z.id, z.zone_name",
                page,
            )
            found |= {text: _observed(text, *rest) for text, *rest in rows}
        return [found.get(name.absolute) for name in names]

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None when absent. Raises BackendUnavailable."""
        zone = await self._server.query(f"SELECT id FROM {self._zones} WHERE zone_name = %s", (name.absolute,))
        if not zone:
            return None
        rows = await self._server.query(
            f"SELECT hostname, type, data, ttl FROM {self._records} WHERE zone_id = %s AND online <> 0", zone[0]
        )
        return records(name, (Row(*row) for row in rows))

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason.

        The tables are looked at each time: somebody may have changed or dropped them.
        """
        self._schema = await self._find_schema()

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""
        await self._server.aclose()

    # -- a batch

    def _prepare(
        self, changes: Sequence[ZoneChange]
    ) -> tuple[dict[tuple[ZoneName, int], frozenset[Row]], dict[int, Outcome]]:
        """The rows of each put, and what this backend refuses. Of many records in a thread: 10 us each."""
        wanted: dict[tuple[ZoneName, int], frozenset[Row]] = {}
        refused: dict[int, Outcome] = {}
        for number, change in enumerate(changes):
            if change.is_delete:
                continue
            try:
                rows = rows_of(change, self._dialect)
                lacking = sorted({row.type for row in rows} & self.capabilities.unsupported_types)
                if lacking:
                    raise RowRefused(f"CoreDNS cannot serve zones with {', '.join(lacking)}")
                wanted[change.name, change.version] = rows
            except RowRefused as error:
                refused[number] = Outcome(kind=OutcomeKind.REFUSED, reason=str(error))
        return wanted, refused

    async def _write(
        self,
        session: Session,
        changes: Sequence[ZoneChange],
        wanted: Mapping[tuple[ZoneName, int], frozenset[Row]],
    ) -> None:
        """Inside a transaction: make the tables hold these changes; of several of one zone, the last."""
        last = {change.name: change for change in changes}
        puts = {name: change for name, change in sorted(last.items()) if not change.is_delete}
        ids, held = await self._held(session, sorted(last), [name for name, change in puts.items() if change.known])
        gone = [ids[name] for name, change in last.items() if change.is_delete and name in ids]
        if gone:
            session.write(f"DELETE FROM {self._records} WHERE zone_id IN ({_places(gone)})", gone)
            session.write(f"DELETE FROM {self._zones} WHERE id IN ({_places(gone)})", gone)
        there = {ids[name]: name for name in puts if name in ids}
        held |= await self._rows(session, [zone for zone in there if zone not in held])
        new = {name: change for name, change in puts.items() if name not in ids}
        made = await self._insert_zones(session, new, wanted)
        rows = {made.get(name) or ids[name]: wanted[name, change.version] for name, change in puts.items()}
        self._write_records(session, rows, held)
        self._write_zones(session, {number: puts[name] for number, name in there.items()}, rows)

    async def _held(
        self, session: Session, names: Sequence[ZoneName], known: Sequence[ZoneName]
    ) -> tuple[dict[ZoneName, int], dict[int, Held]]:
        """The ids of the zones that exist, their rows locked in one order; and what the tables hold of the known ones.

        The second question is asked in the same command, but answered when the locks are ours.
        """
        asked = [self._ids_of(names, lock=True)]
        if known and self._schema is not None and self._schema.ours:
            # STRAIGHT_JOIN: with statistics of yesterday's tables it would be all records first.
            joined = f"{self._zones} z STRAIGHT_JOIN {self._records} r ON r.zone_id = z.id"
            where = f"WHERE z.zone_name IN ({_places(known)}) GROUP BY z.zone_name"
            sql = f"SELECT z.id, COUNT(*), {PACKED} FROM {joined} {where}"
            asked.append((sql, [name.absolute for name in known]))
        found, *packed = await session.selects(*asked)
        if any(mark < 0 for *_, mark in found):
            how = f"the table {self._settings.zones_table} has the zone with a version below 0"
            raise HeldByOperator(f"{HELD_BY_OPERATOR}: {how}; it stays as it is", backend=self.name)
        ids = _ids(found)
        held: dict[int, Held] = {ids[name]: [] for name in known if packed and name in ids}
        for zone, *rest in packed[0] if packed else ():
            if (rows := unpacked(*rest)) is not None:
                held[zone] = rows
            else:
                del held[zone]
        return ids, held

    def _ids_of(self, names: Collection[ZoneName], *, lock: bool = False) -> tuple[str, list[str]]:
        where = f"zone_name IN ({_places(names)}) ORDER BY zone_name{' FOR UPDATE' if lock else ''}"
        return f"SELECT id, zone_name, {self._mark} FROM {self._zones} WHERE {where}", [name.absolute for name in names]

    @property
    def _mark(self) -> str:
        """What tells an operator's own zones in tables of our wider form. All in stock tables are ours: nothing there could tell."""
        return "version" if self._schema is not None and self._schema.ours else "0"

    async def _insert_zones(
        self,
        session: Session,
        puts: Mapping[ZoneName, ZoneChange],
        wanted: Mapping[tuple[ZoneName, int], frozenset[Row]],
    ) -> Mapping[ZoneName, int | Made]:
        """Rows for new zones, in our own schema with what `_write_zones` would say of them; their ids."""
        if not puts:
            return {}
        columns = ["zone_name"]
        values: list[list[Any]] = [[name.absolute] for name in puts]
        if self._schema is not None and self._schema.ours:
            columns += ["stamp", "serial", "version", "records", "checksum"]
            for row, (name, change) in zip(values, puts.items(), strict=True):
                records = wanted[name, change.version]
                row += [1, change.serial, change.version, len(records), checksum(records)]
        session.insert(self._settings.zones_table, columns, values)
        if len(puts) == 1:
            session.keep_id()
            return dict.fromkeys(puts, Made.ID)
        # Of several only the first is told, and a cluster leaves gaps.
        return _ids(await session.rows(*self._ids_of(puts)))

    def _write_records(
        self, session: Session, wanted: Mapping[int | Made, frozenset[Row]], held: Mapping[int, Held]
    ) -> None:
        """What is missing takes the place of what is too much; the rest comes and goes."""
        surplus: list[int] = []
        added: list[Sequence[Value]] = []
        for zone, rows in wanted.items():
            found = held.get(zone, ()) if isinstance(zone, int) else ()
            present = ((number, row if online else None) for number, online, row in found)
            written, left = difference(present, rows, place=itemgetter(0, 1))
            surplus += left
            added += [
                (number, zone, row.hostname, row.type, row.data, row.ttl, 1)
                for number, row in sorted(written, key=itemgetter(1))
            ]
        if surplus:
            session.write(f"DELETE FROM {self._records} WHERE id IN ({_places(surplus)})", surplus)
        session.insert(self._settings.records_table, COLUMNS, added, over=True)

    async def _rows(self, session: Session, zones: Sequence[int]) -> dict[int, Held]:
        """What the tables hold of these zones, row by row."""
        found: dict[int, Held] = {zone: [] for zone in zones}
        if zones:
            sql = f"SELECT zone_id, id, online, hostname, type, data, ttl FROM {self._records} WHERE zone_id IN ({_places(zones)})"
            for zone, number, online, *fields in await session.rows(sql, zones):
                found[zone].append((number, online, Row(*fields)))
        return found

    def _write_zones(
        self, session: Session, puts: Mapping[int, ZoneChange], rows: Mapping[int | Made, frozenset[Row]]
    ) -> None:
        """In our own schema: what the records are, and a new stamp, by which mysqlzones reads the zone again."""
        if not puts or self._schema is None or not self._schema.ours:
            return
        cases = {
            "serial": [(zone, change.serial) for zone, change in puts.items()],
            "version": [(zone, change.version) for zone, change in puts.items()],
            "records": [(zone, len(rows[zone])) for zone in puts],
            "checksum": [(zone, checksum(rows[zone])) for zone in puts],
        }
        sets = ", ".join(f"{column} = CASE id {'WHEN %s THEN %s ' * len(puts)}END" for column in cases)
        values = [value for pairs in cases.values() for pair in pairs for value in pair]
        session.write(
            f"UPDATE {self._zones} SET stamp = stamp + 1, {sets} WHERE id IN ({_places(puts)})", [*values, *puts]
        )

    def _explain(self, error: DataRefused) -> str:
        """Names the record whose value does not fit."""
        if error.row is None or len(error.row) != len(COLUMNS):
            return error.reason
        _, _, hostname, kind, data, *_ = error.row
        return f"the record {hostname} {kind} ({len(data)} characters) does not fit into the table: {error.reason}"

    # -- around it

    async def _find_schema(self) -> Schema:
        return await find_schema(self._server, self._settings, backend=self.name)


def build(name: str, settings: CorednsMysqlSettings, data_dir: Path) -> CorednsMysqlBackend:
    """The backend of these settings."""
    del data_dir
    return CorednsMysqlBackend(name, settings)


def _ids(rows: Rows) -> dict[ZoneName, int]:
    return {ZoneName.trusted(text.removesuffix(".")): number for number, text, *_ in rows}


def _places(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _zone_name(text: str) -> ZoneName | None:
    """The zone of a row; None for the catch-all, and for what is none of ours."""
    try:
        return ZoneName.parse(text) if text.endswith(".") else None
    except NameRefused:
        return None


def _observed(text: str, version: int | None, altered: object, count: int, soa: str | None) -> ZoneObserved:
    """Not whole: without an SOA, or other records than we wrote."""
    name = ZoneName.trusted(text.removesuffix("."))
    fields = (soa or "").split(" ")
    if altered or len(fields) < 7 or not fields[2].isdigit():  # noqa: PLR2004 - the fields of an SOA
        return ZoneObserved(name=name, version=version, records=count, whole=False)
    return ZoneObserved(name=name, serial=int(fields[2]), records=count, version=version)
