"""A real CoreDNS, built by `make coredns`, on zone files or on a real MariaDB."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
import pytest
from bench.service import free_port

from directdnsonly.backends.coredns import file_backend as coredns_file
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.backends.coredns.file_backend import CorednsFileBackend, CorednsFileSettings
from directdnsonly.backends.coredns.mysql_backend import CorednsMysqlBackend
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from tests.support.mariadb import MariaDb
from tests.support.rig import ChildDaemon, Daemon, RigKind

ROOT = Path(__file__).parents[2]
DATABASE, USER, PASSWORD = "coredns", "coredns", "pw"
# What coredns_mysql_extend creates by itself.
STOCK = """CREATE TABLE zones (id INT NOT NULL AUTO_INCREMENT, zone_name VARCHAR(255) NOT NULL, PRIMARY KEY (id),
  UNIQUE KEY (zone_name));
CREATE TABLE records (id INT NOT NULL AUTO_INCREMENT, zone_id INT NOT NULL, hostname VARCHAR(512) NOT NULL,
  type VARCHAR(10) NOT NULL, data VARCHAR(1024) NOT NULL, ttl INT NOT NULL DEFAULT 120, online INT NOT NULL DEFAULT 0,
  PRIMARY KEY (id), FOREIGN KEY (zone_id) REFERENCES zones(id));
"""


def require_coredns() -> str:
    """The binary. Missing: a failure in CI, a visible skip elsewhere."""
    path = ROOT / "build" / "coredns"
    if path.exists():
        return str(path)
    if os.environ.get("CI"):
        pytest.fail("build/coredns is not there; CI must have it (make coredns)")
    pytest.skip("build/coredns is not there (make coredns)")


class CoreDns(ChildDaemon):
    """With one of the Corefiles of deploy/coredns as it is, on a free port of 127.0.0.1."""

    def __init__(self, folder: Path, corefile: str, **variables: str) -> None:
        self.port = free_port()
        self.log = folder / f"{corefile}.log"
        values = {"DNS_PORT": str(self.port), "DNS_LISTEN": "127.0.0.1", "TRANSFER_TO": "127.0.0.1", **variables}
        set_them = [f"{name}={value}" for name, value in values.items()]
        conf = ROOT / "deploy" / "coredns" / f"Corefile.{corefile}"
        command = ["/usr/bin/env", *set_them, require_coredns(), "-conf", str(conf)]
        super().__init__(command, ready=self.answers, log=self.log)

    async def answers(self) -> bool:
        """Whether it answers anything at all."""
        query = dns.message.make_query("directdnsonly.invalid", "SOA", flags=0)
        try:
            await dns.asyncquery.udp(query, "127.0.0.1", port=self.port, timeout=0.5)
        except (OSError, dns.exception.DNSException):
            return False
        return True


class Together:
    """Several daemons as one: started in order, stopped the other way round."""

    def __init__(self, *daemons: Daemon) -> None:
        self._daemons = daemons

    async def start(self) -> None:
        for daemon in self._daemons:
            await daemon.start()

    async def stop(self) -> None:
        for daemon in reversed(self._daemons):
            await daemon.stop()


class DataCentre:
    """A MariaDB with CoreDNS's account, and a CoreDNS that reads it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.database = MariaDb(folder)
        dsn = folder / "dsn"
        dsn.write_text(f"reader:{PASSWORD}@tcp(127.0.0.1:{self.database.port})/{DATABASE}\n")
        self.coredns = CoreDns(folder, "mysqlzones", DSN_FILE=str(dsn))

    async def prepare(self) -> None:
        """Start the database, with the accounts that the documentation asks for."""
        await self.database.start()
        self.database.account(USER, PASSWORD, DATABASE)
        self.database.account("reader", PASSWORD, DATABASE, "SELECT")

    def settings(self, **keys: Any) -> CorednsMysqlSettings:
        """Of a backend on this database."""
        given = {
            "host": "127.0.0.1", "port": self.database.port, "database": DATABASE, "username": USER,
            "password": PASSWORD, "plugin": "mysqlzones", "verify_address": f"127.0.0.1#{self.coredns.port}",
            "transfers": True, "connect_timeout_s": 2, "command_timeout_s": 5,
        }  # fmt: skip
        return CorednsMysqlSettings(**(given | keys))

    async def freeze(self) -> None:
        """SIGSTOP the database."""
        await self.database.freeze()

    def thaw(self) -> None:
        """Let the database go on."""
        self.database.signal(signal.SIGCONT)

    async def stop(self) -> None:
        """Both."""
        await self.coredns.stop()
        await self.database.stop()


@asynccontextmanager
async def mysql_under_test(folder: Path, kind: str) -> AsyncIterator[tuple[CorednsMysqlBackend, Daemon]]:
    """`kind`: ours (our plug-in), extend (the conventions of mysql_extend), stock (also its tables, SQL alone)."""
    centre = DataCentre(folder / "dc")
    keys: dict[str, Any] = {} if kind == "ours" else {"plugin": "mysql_extend", "transfers": False}
    if kind == "stock":
        keys["verify_address"] = ()
    backend = coredns_mysql.build("coredns_mysql", centre.settings(**keys), folder)
    daemons: list[Daemon] = [centre.database] if kind == "stock" else [centre.database, centre.coredns]
    try:
        await centre.prepare()
        if kind == "stock":
            centre.database.script(STOCK, DATABASE)
        await backend.ready()
        if kind != "stock":
            await centre.coredns.start()
        yield backend, Together(*daemons)
    finally:
        await backend.aclose()
        await centre.stop()


@asynccontextmanager
async def file_under_test(folder: Path) -> AsyncIterator[tuple[CorednsFileBackend, Daemon]]:
    """Our backend on a folder that the plug-in auto reads."""
    zones = folder / "zones"
    zones.mkdir()
    daemon = CoreDns(folder, "auto", ZONES_DIR=str(zones), RELOAD="200ms")
    settings = CorednsFileSettings(zones_dir=zones, verify_address=f"127.0.0.1#{daemon.port}", transfers=True)
    backend = coredns_file.build("coredns_file", settings, folder)
    try:
        await daemon.start()
        yield backend, daemon
    finally:
        await backend.aclose()
        await daemon.stop()


REFUSAL = "a CNAME must stand alone"
RIGS = [
    *(
        RigKind(
            name=f"coredns_mysql-{kind}",
            open=partial(mysql_under_test, kind=kind),
            refusal=REFUSAL,
            title="CoreDNS (mysqlzones)" if kind == "ours" else "",
        )
        for kind in ("ours", "extend", "stock")
    ),
    RigKind(
        name="coredns_file",
        open=file_under_test,
        refusal=REFUSAL,
        title="CoreDNS (auto)",
        most=1000,  # it looks for a zone in a list: docs/backends/coredns_file.md, Limits
        unservable=frozenset({"0/26.2.0.192.in-addr.arpa"}),
    ),
]
