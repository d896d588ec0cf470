"""What our own code gains where we go past a library (docs/adr/0008): python -m bench.beyond [NAME ...]

Microseconds of this process's CPU for one unit of work, ours and the library's in turns, the best of ROUNDS; the names are
those of the table below. Servers are real and have their own processes.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import dns.asyncquery
import dns.message
import dns.rrset
import dns.zone
import httpx
import pymysql.err
import structlog
from tests.support.mariadb import MariaDb

from bench.__main__ import table
from bench.line import SERIAL, _fill
from bench.load import zone_text
from bench.service import Service
from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.backends.coredns.mysql_backend import CorednsMysqlBackend
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.backends.powerdns.http import HttpClient
from directdnsonly.log import JsonLine, Stamp, steps
from directdnsonly.mysql import server as mysql_server
from directdnsonly.mysql.wire import Connection as OurMysql
from directdnsonly.mysql.wire import Result
from directdnsonly.outbox.sqlite.connection import Connection as OurSqlite
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import SOA, question, read_soa
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

ROUNDS = 7
ZONES = 50
Row = dict[str, object]
Work = Callable[[], Awaitable[object]]


async def compared(what: str, units: int, ours: Work, theirs: Work) -> Row:
    """Both in turns; `units` pieces of work are in one call."""
    best = {ours: float("inf"), theirs: float("inf")}
    for work in (ours, theirs) * (ROUNDS + 1):
        start = time.process_time()
        await work()
        best[work] = min(best[work], time.process_time() - start)
    mine, library = (best[work] / units * 1e6 for work in (ours, theirs))
    return {"what": what, "ours us": round(mine, 1), "library us": round(library, 1), "times": round(library / mine, 1)}


async def parser() -> list[Row]:
    """The zone parser (with its checks and the normal form) beside dnspython's (which makes objects only)."""
    rows = []
    for records, times in ((15, 100), (1000, 3)):
        text, name = zone_text("a.example", SERIAL, records=records).decode(), ZoneName.parse("a.example")

        async def ours(text: str = text, name: ZoneName = name, times: int = times) -> None:
            for _ in range(times):
                parse(text, name)

        async def theirs(text: str = text, times: int = times) -> None:
            for _ in range(times):
                dns.zone.from_text(text, origin="a.example.", check_origin=False)

        rows.append(await compared(f"read a zone of {records} records", times, ours, theirs))
    return rows


async def log() -> list[Row]:
    """The line that a push writes."""
    stamp = Stamp("UTC")
    line, through = JsonLine(stamp), steps(stamp, structlog.processors.JSONRenderer())
    event = {"event": "push.recorded", "zone": "a.example", "version": 7, "serial": SERIAL, "records": 15, "bytes": 950}
    event |= {"credential": "h1", "address": "192.0.2.1", "hostname": "da1.host.example", "elapsed_ms": 1.234}

    async def ours() -> None:
        for _ in range(2000):
            line(None, "info", dict(event))

    async def theirs() -> None:
        for _ in range(2000):
            made: object = dict(event)
            for step in through:
                made = step(None, "info", made)

    return [await compared("a line of the log", 2000, ours, theirs)]


async def sqlite() -> list[Row]:
    """Ten statements: one visit to the connection's thread, or ten."""
    with tempfile.TemporaryDirectory() as folder:
        opened = await OurSqlite(lambda: sqlite3.connect(Path(folder) / "x", isolation_level=None), 64).opened()
        await opened.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT)")
        sql = "SELECT v FROM t WHERE n = ?"

        def all_ten(connection: sqlite3.Connection) -> None:
            for number in range(10):
                connection.execute(sql, (number,)).fetchall()

        async def ours() -> None:
            for _ in range(200):
                await opened.call(all_ten)

        async def theirs() -> None:
            for _ in range(200):
                for number in range(10):
                    await aiosqlite.Connection.execute_fetchall(opened, sql, (number,))

        row = await compared("ten statements on SQLite", 200, ours, theirs)
        await opened.close()
    return [row]


async def wire() -> list[Row]:
    """One SOA question written, and its answer read."""
    name = ZoneName.parse("a.example")
    asked = question(name, SOA, 7)
    made = dns.message.make_response(dns.message.from_wire(asked))
    made.flags |= 0x0400
    soa = dns.rrset.from_text("a.example.", 3600, "IN", "SOA", f"ns1.host.example. h.host.example. {SERIAL} 1 1 1 1")
    made.answer = [soa]
    answer = made.to_wire()

    async def ours() -> None:
        for _ in range(500):
            read_soa(answer, question(name, SOA, 7))

    async def theirs() -> None:
        for _ in range(500):
            query = dns.message.make_query("a.example.", "SOA", flags=0, id=7)
            query.to_wire()
            query.is_response(dns.message.from_wire(answer))

    return [await compared("a SOA question and its answer, as octets", 500, ours, theirs)]


async def prober() -> list[Row]:
    """A sweep: the bundled named is asked about zones that it serves."""
    with Service() as service:
        await asyncio.to_thread(_fill, service, ZONES)
        names = [ZoneName.parse(f"zone{number}.example") for number in range(ZONES)]
        asking = await SoaProber.open("127.0.0.1", service.dns_port)

        async def ours() -> None:
            assert all(one is not None and one.serial for one in await asking.ask_all(names))

        async def one(name: ZoneName) -> None:
            query = dns.message.make_query(f"{name}.", "SOA", flags=0)
            assert (await dns.asyncquery.udp(query, "127.0.0.1", port=service.dns_port, timeout=5)).answer

        async def theirs() -> None:
            await asyncio.gather(*map(one, names))

        row = await compared(f"a SOA question to named, {ZONES} at once", ZONES, ours, theirs)
        asking.close()
    return [row]


async def http() -> list[Row]:
    """A GET, over a connection that is kept and over one that the server closes, as PowerDNS 4.7 does."""
    rows = []
    with Service() as service:
        for what, headers in (("a GET, connection kept", {}), ("a GET, closed by the server", {"Connection": "close"})):
            client = HttpClient(service.url, headers, None)
            async with httpx.AsyncClient(base_url=service.url, headers=headers, trust_env=False) as library:

                async def ours(client: HttpClient = client) -> None:
                    for _ in range(50):
                        assert 200 == (await client.request("GET", "/livez")).status

                async def theirs(library: httpx.AsyncClient = library) -> None:
                    for _ in range(50):
                        assert 200 == (await library.get("/livez")).status_code

                rows.append(await compared(what, 50, ours, theirs))
            client.close()
    return rows


class PublicMysql(OurMysql):
    """Our log-in and session, but asked and read by aiomysql's public cursor: several statements, `nextset`."""

    async def run(self, sql: str) -> tuple[list[Result], pymysql.err.MySQLError | None]:
        """As ours. Of a SELECT the cursor does not tell whether a transaction is open still."""
        results: list[Result] = []
        cursor = await self.cursor()
        try:
            await cursor.execute(sql)
            while True:
                rows = list(await cursor.fetchall()) if cursor.description else []
                in_transaction = self.get_transaction_status()
                results.append(Result(changed=cursor.rowcount, rows=rows, in_transaction=in_transaction))
                if not await cursor.nextset():
                    return results, None
        except pymysql.err.MySQLError as error:
            return results, error


@asynccontextmanager
async def a_backend(database: MariaDb, kind: type[OurMysql]) -> AsyncIterator[CorednsMysqlBackend]:
    """On this kind of connection, which is open already."""
    settings = CorednsMysqlSettings(
        host="127.0.0.1", port=database.port, database="d", username="u", password="p", plugin="mysqlzones"
    )
    mysql_server.Connection, before = kind, mysql_server.Connection  # type: ignore[misc]
    backend = CorednsMysqlBackend("bench", settings)
    await backend.ready()
    mysql_server.Connection = before  # type: ignore[misc]
    yield backend
    await backend.aclose()


async def mysql() -> list[Row]:
    """Zones written to CoreDNS's tables on a real MariaDB by the whole backend."""
    rows = []
    version = iter(range(1, 1000))

    def changes(prefix: str, count: int, records: int) -> list[ZoneChange]:
        number, made = next(version), []
        for zone in range(count):
            name = f"{prefix}{zone}.example"
            text = zone_text(name, SERIAL + number, address=f"192.0.2.{number % 250}", records=records)
            read = parse(text, ZoneName.parse(name))
            made.append(
                ZoneChange(name=read.name, version=number, text=read.text, serial=read.serial, records=read.records)
            )
        return made

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        database = MariaDb(Path(folder), "innodb-buffer-pool-size=256M")
        await database.start()
        database.account("u", "p", "d")
        async with a_backend(database, OurMysql) as mine, a_backend(database, PublicMysql) as public:

            def works(prefix: str, count: int, batch: int, records: int) -> tuple[Work, Work]:
                def work(backend: CorednsMysqlBackend) -> Work:
                    made = iter([changes(prefix, count, records) for _ in range(ROUNDS + 1)])

                    async def apply() -> None:
                        some = next(made)
                        for at in range(0, count, batch):
                            outcomes = await backend.apply(some[at : at + batch])
                            assert all(one.kind is OutcomeKind.APPLIED for one in outcomes)

                    return apply

                return work(mine), work(public)

            async def listed(backend: CorednsMysqlBackend) -> None:
                assert [one async for one in backend.inventory()]

            batch = "changed zones of 15 records in one transaction"
            rows += [
                await compared(f"MySQL: {ZONES} {batch}", ZONES, *works("b", ZONES, ZONES, 15)),
                await compared("MySQL: one changed zone of 15 records", ZONES, *works("b", ZONES, 1, 15)),
                await compared("MySQL: one changed zone of 1,000 records", 3, *works("c", 3, 1, 1000)),
                await compared(
                    "MySQL: a zone of an inventory", ZONES + 3, lambda: listed(mine), lambda: listed(public)
                ),
            ]
        await database.stop()
    return rows


BENCHMARKS = {
    "parser": parser, "wire": wire, "prober": prober, "log": log, "http": http, "mysql": mysql, "sqlite": sqlite,
}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[])
    for name in options.parse_args().names or list(BENCHMARKS):
        print(table(name, asyncio.run(BENCHMARKS[name]())), flush=True)


if __name__ == "__main__":
    main()
