"""What each name server needs alone: its control channel (or SQL, or a file) by hand, then SOA questions until it serves.

Files, bodies and statements are made beforehand, in `prepare`; nothing is compared, counted or recorded.
"""

# ruff: noqa: SLF001 - the backends' own control clients and files, without the backends around them

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import aiomysql
from tests.support.rig import RigKind

from bench.load import zone_text
from directdnsonly.backends.coredns import rows as coredns_rows
from directdnsonly.backends.knot.control import KnotCommand
from directdnsonly.backends.powerdns import rows as powerdns_rows
from directdnsonly.backends.powerdns.records import grouped
from directdnsonly.verify.query import SoaProber
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse, records_of

LONGEST_S = 120
MOST_ROWS = 500  # zones in one transaction
FIRST_SERIAL = 2026010100


class Floor(Protocol):
    """One channel, by hand. All names of a call were given to `prepare` just before, with the serial to be served."""

    what: str

    async def prepare(self, zones: Sequence[Zone]) -> None: ...
    async def add_all(self, names: Sequence[ZoneName]) -> None: ...
    async def change(self, name: ZoneName) -> None: ...


class _Files:
    """Zone files, laid in `prepare`."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def prepare(self, zones: Sequence[Zone]) -> None:
        self._backend._files.folder.mkdir(parents=True, exist_ok=True)
        for zone in zones:
            self._backend._files.write(zone.name, zone.text, version=1, serial=zone.serial, records=zone.records)


class Bind(_Files):
    """Over one kept control connection; `addzone` takes one zone."""

    what = "rndc reload ZONE, rndc addzone"

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        for name in names:
            path = self._backend._files.path(name)
            reply = await self._backend._ask(f'addzone "{name}" {{ type primary; file "{path}"; }};')
            assert reply.ok, reply.text

    async def change(self, name: ZoneName) -> None:
        reply = await self._backend._ask(f'reload "{name}"')
        assert reply.ok, reply.text


class Nsd(_Files):
    """Over its unix socket; all new zones in one command."""

    what = "nsd-control reload ZONE, one addzones"

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        await self._backend._ask("addzones", [f"{name} {self._backend._pattern(name)}" for name in names])

    async def change(self, name: ZoneName) -> None:
        reply = await self._backend._ask(f"reload {name}")
        assert reply.ok, reply.text


class Knot(_Files):
    """Over its control socket; all new zones in one transaction of the configuration."""

    what = "knotc -b zone-reload, one conf-commit"

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        commands = [KnotCommand(command="conf-begin")]
        for name in names:
            path = str(self._backend._files.path(name))
            commands.append(KnotCommand(command="conf-set", section="zone", item="domain", value=name.absolute))
            commands.append(
                KnotCommand(command="conf-set", section="zone", item="file", identity=name.absolute, value=path)
            )
        replies = await self._backend._control.run([*commands, KnotCommand(command="conf-commit")])
        assert all(reply.ok for reply in replies)

    async def change(self, name: ZoneName) -> None:
        (reply,) = await self._backend._control.run([KnotCommand(command="zone-reload", flags="B", zone=name.absolute)])
        assert reply.ok, reply.text


class CorednsAuto:
    """It has no control channel: the file itself, which it looks for every 200 ms here."""

    what = "the file (read every 200 ms)"

    def __init__(self, backend: Any) -> None:
        self._files = backend._files
        self._zones: dict[ZoneName, Zone] = {}

    async def prepare(self, zones: Sequence[Zone]) -> None:
        self._zones = {zone.name: zone for zone in zones}

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        for name in names:
            await self.change(name)

    async def change(self, name: ZoneName) -> None:
        zone = self._zones[name]
        self._files.write(name, zone.text, version=1, serial=zone.serial, records=zone.records)


class PowerDns:
    """HTTP: POST of one zone (it has no batch; as many at once as our backend uses), PATCH of its SOA."""

    what = "HTTP PATCH of the SOA, POST of each zone"

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._rrsets: dict[ZoneName, list[dict[str, Any]]] = {}

    async def prepare(self, zones: Sequence[Zone]) -> None:
        for zone in zones:
            sets = grouped(list(records_of(zone.text))).values()
            self._rrsets[zone.name] = [self._backend._rrset(records) for records in sets]

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        async def create(name: ZoneName) -> None:
            body = {"name": name.absolute, "kind": "Native", "soa_edit_api": "", "nameservers": []}
            reply = await self._backend._api.create({**body, "rrsets": self._rrsets[name]})
            assert reply.ok, reply.error

        await asyncio.gather(*(create(name) for name in names))

    async def change(self, name: ZoneName) -> None:
        soa = [rrset for rrset in self._rrsets[name] if rrset["type"] == "SOA"]
        reply = await self._backend._api.change(name, soa)
        assert reply.ok, reply.error


class _Sql:
    """One record (the SOA) in one transaction; many zones in few. The name server is asked afterwards as elsewhere."""

    what = "SQL: the SOA in one transaction, INSERT of many"

    def __init__(self, backend: Any) -> None:
        self._settings = backend._settings
        self._connection: Any = None
        self._ids: dict[ZoneName, int] = {}
        self._rows: dict[ZoneName, list[tuple[Any, ...]]] = {}
        self._soas: dict[ZoneName, str] = {}

    async def prepare(self, zones: Sequence[Zone]) -> None:
        for zone in zones:
            number = self._ids.setdefault(zone.name, len(self._ids) + 1)
            self._rows[zone.name] = self._made(zone, number)
            self._soas[zone.name] = next(record.rdata for record in records_of(zone.text) if record.type == "SOA")
        if self._connection is None:
            settings = self._settings
            self._connection = await aiomysql.connect(
                host=settings.host, port=settings.port, db=settings.database, user=settings.username,
                password=settings.password.get_secret_value(),
            )  # fmt: skip

    async def add_all(self, names: Sequence[ZoneName]) -> None:
        async with self._connection.cursor() as cursor:
            for start in range(0, len(names), MOST_ROWS):
                part = names[start : start + MOST_ROWS]
                await self._insert(cursor, part)
                await self._connection.commit()

    async def change(self, name: ZoneName) -> None:
        async with self._connection.cursor() as cursor:
            await self._update(cursor, name)
            await self._connection.commit()

    async def _insert(self, cursor: Any, names: Sequence[ZoneName]) -> None:
        raise NotImplementedError

    async def _update(self, cursor: Any, name: ZoneName) -> None:
        raise NotImplementedError

    def _made(self, zone: Zone, number: int) -> list[tuple[Any, ...]]:
        raise NotImplementedError


class CorednsMysql(_Sql):
    """The tables of mysqlzones; the stamp tells it to read the zone again."""

    def _made(self, zone: Zone, number: int) -> list[tuple[Any, ...]]:
        rows = (coredns_rows._row(record, zone.name, DIALECT) for record in records_of(zone.text))
        return [(number, row.hostname, row.type, row.data, row.ttl) for row in rows]

    async def _insert(self, cursor: Any, names: Sequence[ZoneName]) -> None:
        zones = [(self._ids[name], name.absolute) for name in names]
        await cursor.executemany("INSERT INTO zones (id, zone_name, stamp) VALUES (%s, %s, 1)", zones)
        rows = [row for name in names for row in self._rows[name]]
        sql = "INSERT INTO records (zone_id, hostname, type, data, ttl) VALUES (%s, %s, %s, %s, %s)"
        await cursor.executemany(sql, rows)

    async def _update(self, cursor: Any, name: ZoneName) -> None:
        number = self._ids[name]
        sql = "UPDATE records SET data = %s WHERE zone_id = %s AND hostname = '@' AND type = 'SOA'"
        await cursor.execute(sql, (self._soas[name], number))
        await cursor.execute("UPDATE zones SET stamp = stamp + 1 WHERE id = %s", (number,))


class PowerDnsMysql(_Sql):
    """PowerDNS's own tables; its caches are off."""

    def _made(self, zone: Zone, number: int) -> list[tuple[Any, ...]]:
        return [(number, *row) for row in powerdns_rows.rows_of(records_of(zone.text), zone.name.absolute)]

    async def _insert(self, cursor: Any, names: Sequence[ZoneName]) -> None:
        zones = [(self._ids[name], str(name)) for name in names]
        await cursor.executemany("INSERT INTO domains (id, name, type) VALUES (%s, %s, 'NATIVE')", zones)
        rows = [row for name in names for row in self._rows[name]]
        columns = powerdns_rows.COLUMNS
        sql = f"INSERT INTO records ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
        await cursor.executemany(sql, rows)

    async def _update(self, cursor: Any, name: ZoneName) -> None:
        sql = "UPDATE records SET content = %s WHERE domain_id = %s AND type = 'SOA'"
        await cursor.execute(sql, (self._soas[name], self._ids[name]))


DIALECT = coredns_rows.Dialect(escapes=True, signed=True)
FLOORS: dict[str, Callable[[Any], Floor]] = {
    "BIND": Bind,
    "NSD": Nsd,
    "Knot DNS": Knot,
    "CoreDNS (mysqlzones)": CorednsMysql,
    "CoreDNS (auto)": CorednsAuto,
    "PowerDNS": PowerDns,
    "PowerDNS on MySQL": PowerDnsMysql,
}


def _zone(name: str, serial: int) -> Zone:
    return parse(zone_text(name, serial), ZoneName.parse(name))


async def _until_served(prober: SoaProber, names: Sequence[ZoneName], serial: int) -> None:
    waiting = list(names)
    async with asyncio.timeout(LONGEST_S):
        while waiting:
            answers = await prober.ask_all(waiting)
            waiting = [
                name for name, answer in zip(waiting, answers, strict=True) if answer is None or answer.serial != serial
            ]
            if waiting:
                await asyncio.sleep(0.0005)


async def floors_of(kind: RigKind, sizes: Sequence[int], samples: int) -> dict[int, dict[str, object]]:
    """On a name server of its own: for each number of zones, the columns that go beside our figures."""
    found: dict[int, dict[str, object]] = {}
    have, serial = 0, FIRST_SERIAL
    with tempfile.TemporaryDirectory(prefix="dadns-floor-") as text:
        async with kind.open(Path(text)) as (backend, _):
            await backend.ready()
            floor = FLOORS[kind.title](backend)
            prober = await SoaProber.open(backend.servers[0].host, backend.servers[0].port)
            for size in sizes:
                names = [ZoneName.parse(f"zone{number}.example") for number in range(have, size)]
                await floor.prepare([_zone(str(name), FIRST_SERIAL) for name in names])
                began = time.perf_counter()
                await floor.add_all(names)
                await _until_served(prober, names, FIRST_SERIAL)
                bulk_s, added, have = time.perf_counter() - began, size - have, size
                times = []
                for sample in range(samples):
                    serial += 1
                    zone = _zone(f"zone{sample % size}.example", serial)
                    await floor.prepare([zone])
                    began = time.perf_counter()
                    await floor.change(zone.name)
                    await _until_served(prober, [zone.name], serial)
                    times.append(time.perf_counter() - began)
                    if size < samples:
                        await asyncio.sleep(0.16)  # as our own samples are
                found[size] = {"floor is": floor.what, "floor change ms": round(median(times) * 1e3, 2)}
                if added >= 500:
                    found[size]["floor bulk add zones/s"] = round(added / bulk_s)
            prober.close()
    return found
