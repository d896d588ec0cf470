"""A real pdns_server for tests: on SQLite, driven by its HTTP API, and on a real MariaDB, driven by its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.service import free_port

from directdnsonly.backends.powerdns import mysql_backend as powerdns_mysql
from directdnsonly.backends.powerdns.backend import PowerDnsBackend, build
from directdnsonly.backends.powerdns.mysql_backend import PowerDnsMysqlBackend
from directdnsonly.backends.powerdns.mysql_settings import PowerDnsMysqlSettings
from directdnsonly.backends.powerdns.settings import PowerDnsSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.verify.query import SoaProber
from directdnsonly.zone.name import ZoneName
from tests.support.mariadb import MariaDb
from tests.support.programs import require_program
from tests.support.rig import ChildDaemon, RigKind

KEY = "key-of-the-test"
SQLITE_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
MYSQL_SCHEMA = Path("/usr/share/pdns-backend-mysql/schema/schema.mysql.sql")
DATABASE, PASSWORD = "pdns", "s3cret-of-the-test"
TOO_LONG = "long.{name}. 60 IN TXT " + " ".join(['"' + "x" * 250 + '"'] * 260) + "\n"  # of the stock VARCHAR(64000)
COMMON = {
    "local-address": "127.0.0.1", "api": "yes", "api-key": KEY, "webserver": "yes", "webserver-address": "127.0.0.1",
    "webserver-allow-from": "127.0.0.1", "webserver-loglevel": "none", "loglevel": "4", "daemon": "no",
    "guardian": "no", "receiver-threads": "1", "distributor-threads": "2", "security-poll-suffix": "",
}  # fmt: skip


def configure(folder: Path, options: Mapping[str, str]) -> list[str]:
    """Write pdns.conf into the folder; the command that runs it."""
    (folder / "run").mkdir(parents=True)
    lines = {**COMMON, "socket-dir": str(folder / "run"), **options}
    (folder / "pdns.conf").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    return [require_program("pdns_server"), f"--config-dir={folder}"]


def on_sqlite(folder: Path, **options: str) -> tuple[PowerDnsSettings, list[str]]:
    """Settings for, and the command of, a PowerDNS on SQLite. Options with underscores for hyphens."""
    port, api = free_port(), free_port()
    folder.mkdir()
    database = folder / "pdns.sqlite3"
    connection = sqlite3.connect(database)
    connection.executescript(SQLITE_SCHEMA.read_text())
    connection.close()
    command = configure(folder, {
        "launch": "gsqlite3", "gsqlite3-database": str(database), "gsqlite3-pragma-synchronous": "1",
        "gsqlite3-pragma-foreign-keys": "yes", "gsqlite3-dnssec": "yes", "local-port": str(port),
        "webserver-port": str(api), **{key.replace("_", "-"): value for key, value in options.items()},
    })  # fmt: skip
    settings = PowerDnsSettings(api_url=f"http://127.0.0.1:{api}", api_key=KEY, verify_address=f"127.0.0.1#{port}")
    return settings, command


@asynccontextmanager
async def powerdns_under_test(
    folder: Path, changed: Mapping[str, Any] | None = None, **options: str
) -> AsyncIterator[tuple[PowerDnsBackend, ChildDaemon]]:
    """`changed`: settings of ours; options: of pdns_server."""
    settings, command = on_sqlite(folder / "pdns", **options)
    backend = build("powerdns", settings.model_copy(update=dict(changed or {})), folder)
    daemon = ChildDaemon(command, ready=partial(is_ready, backend), log=folder / "pdns.log")
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


class OnMysql:
    """A PowerDNS and the database that it reads; the database is the part that goes down and comes up."""

    def __init__(self, folder: Path, *, changed: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self.mariadb = MariaDb(folder)
        self._folder = folder
        self.port, self.api = free_port(), free_port()
        self.settings = PowerDnsMysqlSettings(
            host="127.0.0.1", port=self.mariadb.port, database=DATABASE, username="dadns", password=PASSWORD,
            verify_address=f"127.0.0.1#{self.port}",
        ).model_copy(update=dict(changed))  # fmt: skip
        self._options = {key.replace("_", "-"): value for key, value in options.items()}
        self.pdns: ChildDaemon | None = None

    async def start(self) -> None:
        """The database, at the first time with tables; then PowerDNS, which wants a database when it starts."""
        await self.mariadb.start()
        if self.pdns is None:
            self.mariadb.account("dadns", PASSWORD, DATABASE)
            if not self.settings.create_schema:
                self.mariadb.script(MYSQL_SCHEMA.read_text(), DATABASE)
            command = configure(self._folder / "pdns", {
                "launch": "gmysql", "gmysql-socket": str(self.mariadb.socket), "gmysql-user": "dadns",
                "gmysql-password": PASSWORD, "gmysql-dbname": DATABASE, "gmysql-dnssec": "yes",
                "local-port": str(self.port), "webserver-port": str(self.api), "zone-cache-refresh-interval": "0",
                "cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0", **self._options,
            })  # fmt: skip
            self.pdns = ChildDaemon(command, ready=self._answers, log=self._folder / "pdns.log")
        await self.pdns.start()

    async def stop(self) -> None:
        assert self.pdns is not None
        await self.pdns.stop()
        await self.mariadb.stop()

    async def _answers(self) -> bool:
        prober = await SoaProber.open("127.0.0.1", self.port)
        try:
            return await prober.ask(ZoneName.parse("none.example")) is not None
        finally:
            prober.close()


@asynccontextmanager
async def powerdns_mysql_under_test(
    folder: Path, changed: Mapping[str, Any] | None = None, **options: str
) -> AsyncIterator[tuple[PowerDnsMysqlBackend, OnMysql]]:
    """`changed`: settings of ours; options: of pdns_server."""
    daemon = OnMysql(folder, changed=changed or {}, options=options)
    backend = powerdns_mysql.build("powerdns_mysql", daemon.settings, folder)
    await daemon.start()
    try:
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


async def is_ready(backend: Any) -> bool:
    """Whether its API answers."""
    try:
        await backend.ready()
    except BackendUnavailable:
        return False
    return True


RIGS = [
    RigKind(name="powerdns-sqlite", open=powerdns_under_test, refusal="Conflicts with", batch=200, title="PowerDNS"),
    RigKind(
        name="powerdns_mysql", open=powerdns_mysql_under_test, poison=TOO_LONG,
        refusal="the TXT record of long.bad.example does not fit into the table records: Data too long",
        title="PowerDNS on MySQL",
    ),
]  # fmt: skip
