"""Pushes with new content each time, while they drain to two databases of CoreDNS; until all are proven in both.

Two MariaDB servers, each with a CoreDNS that reads it: proof is the SOA by DNS, and what the tables hold (serial, count, checksum). Without `make coredns` the tables alone prove, as they do where no name server is configured; the row says so.
The floors: the same rows into the same database through the same connections, and `apply` alone.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.coredns import DATABASE, PASSWORD, ROOT, USER
from tests.support.mariadb import MariaDb
from tests.support.rig import ChildDaemon

from bench.line import SERIAL, _warm_up, ms
from bench.load import drive, percentile, rawsave, zone_text
from bench.process import cpu_s
from bench.service import Service
from directdnsonly.backends.contract import ZoneChange
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.backends.coredns.mysql_backend import COLUMNS
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.backends.coredns.rows import Dialect, rows_of
from directdnsonly.mysql.server import MysqlServer, Session
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

Row = dict[str, object]
CLIENTS = 32
NAMES = ("dc1", "dc2")
BACKEND = """\
    {name}:
      type: coredns_mysql
      host: 127.0.0.1
      port: {port}
      database: {database}
      username: {user}
      password: {password}
      plugin: mysqlzones
      verify_address: [{verify}]
"""


class DataCentres:
    """Two databases, and a CoreDNS for each where there is one."""

    def __init__(self, folder: Path) -> None:
        self.by_dns = (ROOT / "build" / "coredns").exists()
        self.databases: dict[str, MariaDb] = {}
        self.dns_ports: dict[str, int] = {}
        self._daemons: list[MariaDb | ChildDaemon] = []
        for name in NAMES:
            (folder / name).mkdir()
            self.databases[name] = MariaDb(folder / name, "innodb-buffer-pool-size=256M", "innodb-log-file-size=64M")
        self._folder = folder

    async def start(self) -> None:
        """The databases with their accounts, then the name servers."""
        for name, database in self.databases.items():
            self._daemons.append(database)
            await database.start()
            database.account(USER, PASSWORD, DATABASE)
            database.account("reader", PASSWORD, DATABASE, "SELECT")
            if self.by_dns:
                from tests.support.coredns import CoreDns  # noqa: PLC0415 - it needs the binary

                dsn = self._folder / name / "dsn"
                dsn.write_text(f"reader:{PASSWORD}@tcp(127.0.0.1:{database.port})/{DATABASE}\n")
                daemon = CoreDns(self._folder / name, "mysqlzones", DSN_FILE=str(dsn))
                self._daemons.append(daemon)
                await daemon.start()
                self.dns_ports[name] = daemon.port

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of the databases and of the name servers so far."""
        used = {"databases": 0.0, "name servers": 0.0}
        for daemon in self._daemons:
            child = daemon._child if isinstance(daemon, MariaDb) else daemon  # noqa: SLF001 - its process
            assert child.process is not None
            used["databases" if isinstance(daemon, MariaDb) else "name servers"] += cpu_s(child.process.pid)
        return used

    async def stop(self) -> None:
        """The other way round."""
        for daemon in reversed(self._daemons):
            await daemon.stop()

    def backends(self) -> str:
        """The configuration of both."""
        return "".join(
            BACKEND.format(
                name=name,
                port=database.port,
                database=DATABASE,
                user=USER,
                password=PASSWORD,
                verify=f'"127.0.0.1#{self.dns_ports[name]}"' if self.by_dns else "",
            )
            for name, database in self.databases.items()
        )

    def settings(self, name: str) -> CorednsMysqlSettings:
        """Of a backend on one of the databases, without DNS."""
        return CorednsMysqlSettings(
            host="127.0.0.1",
            port=self.databases[name].port,
            database=DATABASE,
            username=USER,
            password=PASSWORD,
            plugin="mysqlzones",
        )


class Watch:
    """When each backend had nothing outstanding any more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._accepted = threading.Event()
        self.idle_at: dict[str, float] = {}
        self.backlog: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.left_at_last_ack: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def accepted(self) -> None:
        """Every push is accepted: from now on an empty backlog is the end."""
        self.left_at_last_ack = self._left()
        self._accepted.set()
        self._thread.join()

    def _left(self) -> dict[str, int]:
        backends: Sequence[dict[str, int]] = self._service.status()["backends"]  # type: ignore[assignment]
        return {str(one["name"]): one["pending"] + one["leased"] for one in backends}

    def _run(self) -> None:
        while len(self.idle_at) < len(NAMES):
            ending = self._accepted.is_set()
            for name, left in self._left().items():
                self.backlog[name] = max(self.backlog[name], left)
                if ending and not left:
                    self.idle_at.setdefault(name, time.perf_counter())
            time.sleep(0.05 if ending else 0.25)


@contextmanager
def _two_databases() -> Iterator[DataCentres]:
    with tempfile.TemporaryDirectory(prefix="dadns-drain-") as text, asyncio.Runner() as runner:
        centres = DataCentres(Path(text))
        try:
            runner.run(centres.start())
            yield centres
        finally:
            runner.run(centres.stop())


def drain(quick: bool) -> list[Row]:
    """New zones, then the same zones with every address changed; then the floors."""
    count = 1000 if quick else 10_000
    rows: list[Row] = []
    with _two_databases() as centres:
        with Service(backends=centres.backends()) as service:
            asyncio.run(_warm_up(service.port))
            for number, what in enumerate(("new zones", "changed zones, 11 records each", "changed again")):
                rows.append(_drained(service, count, what, SERIAL + number + 100, centres))
        made = [_change(f"floor{number}.example", SERIAL) for number in range(count // 2)]
        databases_s, seconds = asyncio.run(_insert_floor(centres, made))
        rows.append(
            {
                "what": "floor: the rows alone, 50 zones a transaction, both databases at once",
                "zones": len(made),
                "zones/s dc1": round(len(made) / databases_s["dc1"]),
                "zones/s dc2": round(len(made) / databases_s["dc2"]),
                "until all proven s": round(seconds, 2),
            }
        )
        made = [_change(f"apply{number}.example", SERIAL) for number in range(count // 2)]
        databases_s, seconds = asyncio.run(_apply_floor(centres, made))
        rows.append(
            {
                "what": "floor: apply alone, no store, no proof, both databases at once",
                "zones": len(made),
                "zones/s dc1": round(len(made) / databases_s["dc1"]),
                "zones/s dc2": round(len(made) / databases_s["dc2"]),
                "until all proven s": round(seconds, 2),
            }
        )
    return rows


def _proof(centres: DataCentres) -> str:
    return "SOA by DNS, serial and count in the tables" if centres.by_dns else "tables alone"


def _drained(service: Service, count: int, what: str, serial: int, centres: DataCentres) -> Row:
    address = f"203.0.{serial % 250}.7"
    requests = (
        rawsave(f"zone{number}.example", zone_text(f"zone{number}.example", serial, address=address), keep_alive=True)
        for number in range(count)
    )
    cpu, others, load = service.cpu_s(), centres.cpu_s(), time.process_time()
    began, watch = time.perf_counter(), Watch(service)
    times, accepted_s = asyncio.run(drive(service.port, requests, clients=CLIENTS, keep_alive=True))
    watch.accepted()
    seconds = {name: at - began for name, at in watch.idle_at.items()}
    return {
        "what": what,
        "zones": count,
        "acks/s": round(count / accepted_s),
        "p50 ms": ms(percentile(times, 0.5)),
        "p99 ms": ms(percentile(times, 0.99)),
        **{f"zones/s {name}": round(count / seconds[name]) for name in NAMES},
        "until all proven s": round(max(seconds.values()), 2),
        "left at the last ack": max(watch.left_at_last_ack.values()),
        "CPU us/push": round((service.cpu_s() - cpu) / count * 1e6),
        **{
            f"CPU us/push, {name}": round((used - others[name]) / count * 1e6) for name, used in centres.cpu_s().items()
        },
        "CPU us/push, load": round((time.process_time() - load) / count * 1e6),
        "proof": _proof(centres),
    }


def _change(name: str, serial: int) -> ZoneChange:
    zone = parse(zone_text(name, serial), ZoneName.parse(name))
    return ZoneChange(name=zone.name, version=1, text=zone.text, serial=zone.serial, records=zone.records)


async def _both(work: dict[str, Iterator[Sequence[ZoneChange]]], act: object) -> tuple[dict[str, float], float]:
    began = time.perf_counter()
    ended: dict[str, float] = {}

    async def worker(name: str) -> None:
        for batch in work[name]:
            await act(name, batch)  # type: ignore[operator]
        ended[name] = time.perf_counter() - began

    await asyncio.gather(*(worker(name) for name in work for _ in range(2)))
    return ended, time.perf_counter() - began


def _batches(made: Sequence[ZoneChange]) -> Iterator[Sequence[ZoneChange]]:
    return iter([made[start : start + 50] for start in range(0, len(made), 50)])


async def _insert_floor(centres: DataCentres, made: Sequence[ZoneChange]) -> tuple[dict[str, float], float]:
    """The zones and their rows, made before the clock starts, through the connections that the backend uses."""
    dialect = Dialect(escapes=True, signed=False)
    rows = {change.name: sorted(rows_of(change, dialect)) for change in made}
    servers = {name: MysqlServer(name, centres.settings(name)) for name in NAMES}

    async def act(name: str, batch: Sequence[ZoneChange]) -> None:
        async def write(session: Session) -> None:
            session.insert("zones", ["zone_name"], [[change.name.absolute] for change in batch])
            ((first,),) = await session.rows("SELECT LAST_INSERT_ID()")
            values = [
                (None, first + number, row.hostname, row.type, row.data, row.ttl, 1)
                for number, change in enumerate(batch)
                for row in rows[change.name]
            ]
            session.insert("records", COLUMNS, values)

        await servers[name].transaction(write)

    try:
        return await _both({name: _batches(made) for name in NAMES}, act)
    finally:
        for server in servers.values():
            await server.aclose()


async def _apply_floor(centres: DataCentres, made: Sequence[ZoneChange]) -> tuple[dict[str, float], float]:
    backends = {name: coredns_mysql.build(name, centres.settings(name), Path()) for name in NAMES}

    async def act(name: str, batch: Sequence[ZoneChange]) -> None:
        await backends[name].apply(batch)

    try:
        for backend in backends.values():
            await backend.ready()
        return await _both({name: _batches(made) for name in NAMES}, act)
    finally:
        for backend in backends.values():
            await backend.aclose()
