"""A real MariaDB server for tests, started in a third of a second from a data folder that is made once per process.

server = MariaDb(tmp_path)
await server.start()                 # a free port of 127.0.0.1, and server.socket; root has no password
server.sql("CREATE DATABASE d")      # as root; rows of the last statement
await server.stop(); server.kill()   # cleanly; as by kill -9
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import getpass
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pymysql
from bench.service import free_port

from tests.support.programs import require_program
from tests.support.rig import ChildDaemon

SCRIPTS = ("/usr/share/mysql/mysql_", "/usr/share/mariadb/mariadb_")  # up to MariaDB 10, and from 11 on
SYSTEM_TABLES = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")
SMALL = [
    "--no-defaults", "--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:10M:autoextend",
    "--innodb-buffer-pool-size=16M", "--aria-log-file-size=8M", "--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
    "--performance-schema=off", "--aria-pagecache-buffer-size=1M", "--key-buffer-size=1M",
]  # fmt: skip


@functools.cache
def template() -> Path:
    """A data folder with the system tables, as mariadb-install-db makes it (which needs the client package too)."""
    folder = Path(tempfile.mkdtemp(prefix="mariadb-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    temporary = folder / "tmp-of-bootstrap"  # a shared one is cleaned by each server that starts
    temporary.mkdir()
    script = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n"
    place = next(begin for begin in SCRIPTS if Path(begin + SYSTEM_TABLES[0]).exists())
    script += "".join(Path(place + name).read_text() for name in SYSTEM_TABLES)
    subprocess.run(
        [require_program("mariadbd"), *SMALL, "--bootstrap", f"--datadir={folder}", f"--user={getpass.getuser()}",
         f"--tmpdir={temporary}", "--enforce-storage-engine=", "--max-allowed-packet=8M", "--net-buffer-length=16K"],
        input=script.encode(), check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    temporary.rmdir()
    return folder


class MariaDb:
    """A `Daemon` of the rig. Options are mariadbd's own, without the dashes."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.datadir = folder / "mariadb"
        self.log = folder / "mariadb.log"
        # The path of a socket has at most 107 characters; pytest's folders are longer at times.
        short = Path(tempfile.mkdtemp(prefix="dadns-db-"))
        atexit.register(shutil.rmtree, short, ignore_errors=True)
        self.socket = short / "s"
        shutil.copytree(template(), self.datadir)
        (folder / "mariadb-tmp").mkdir(exist_ok=True)  # at its start a server removes temporary tables, also of others
        command = [
            require_program("mariadbd"), *SMALL, f"--datadir={self.datadir}", f"--user={getpass.getuser()}",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.socket}", "--skip-name-resolve",
            f"--pid-file={self.datadir}/pid", f"--tmpdir={folder}/mariadb-tmp", *(f"--{option}" for option in options),
        ]  # fmt: skip
        self._child = ChildDaemon(command, ready=self.is_ready, log=self.log)

    async def start(self) -> None:
        await self._child.start()

    async def stop(self) -> None:
        await self._child.stop()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT hang it and let it go on."""
        assert self._child.process is not None
        os.kill(self._child.process.pid, number)

    async def freeze(self) -> None:
        """SIGSTOP, and wait until each of its threads stands: some may go on for a moment."""
        self.signal(signal.SIGSTOP)
        assert self._child.process is not None
        threads = Path(f"/proc/{self._child.process.pid}/task")
        while not all(_stands(thread) for thread in threads.iterdir()):
            await asyncio.sleep(0.01)

    def kill(self) -> None:
        """As a crash: kill -9. Start it again with `start`."""
        assert self._child.process is not None
        self._child.process.kill()
        self._child.process.wait()

    async def is_ready(self) -> bool:
        """Whether it takes connections (pymysql would leak a socket for each that fails)."""
        try:
            _, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        await asyncio.to_thread(self.sql, "FLUSH HOSTS")  # which forgets that this one said nothing
        return True

    def connect(self, database: str | None = None) -> pymysql.Connection[Any]:
        """As root, through the socket."""
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True, read_timeout=30
        )

    def sql(self, *statements: str, database: str | None = None) -> tuple[tuple[Any, ...], ...]:
        """Run them; the rows of the last one."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def script(self, text: str, database: str) -> None:
        """Statements between semicolons, as schema files have them."""
        self.sql(*(part for part in text.split(";\n") if part.strip()), database=database)

    def account(self, user: str, password: str, database: str, rights: str = "ALL") -> None:
        """A database, and an account with rights on it, from anywhere."""
        self.sql(
            f"CREATE DATABASE IF NOT EXISTS `{database}`",
            f"CREATE OR REPLACE USER `{user}`@`%` IDENTIFIED BY '{password}'",
            f"GRANT {rights} ON `{database}`.* TO `{user}`@`%`",
        )


def _stands(thread: Path) -> bool:
    return (thread / "stat").read_text().rsplit(")", 1)[1].split()[0] in "Tt"
