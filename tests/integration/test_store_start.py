"""A start that cannot open the store: one line with what to do, exit code 1, no traceback."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bench.service import DADNS, free_port

from directdnsonly.clock import SystemClock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store

SRC = Path(__file__).parents[2] / "src"
Spoil = Callable[[Path], object]  # what it returns is kept while the service starts


def a_closed_folder(folder: Path) -> None:
    folder.chmod(0o555)


def a_file_in_its_place(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")


def no_database(folder: Path) -> None:
    (folder / "outbox.sqlite").write_bytes(b"no database" * 1000)


def a_directory(folder: Path) -> None:
    (folder / "outbox.sqlite").mkdir()


def another_programs(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "outbox.sqlite")) as connection:
        connection.execute("CREATE TABLE zone (name)")


def another_instance(folder: Path) -> object:
    lock = (folder / "outbox.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write("4711")
    lock.flush()
    return lock


def somebody_who_writes(folder: Path) -> object:
    connection = sqlite3.connect(folder / "outbox.sqlite", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


SPOILT: list[tuple[Spoil, str]] = [
    (a_closed_folder, "/outbox.lock: Permission denied: give the folder to the user that the service runs as"),
    (a_file_in_its_place, "File exists: give the folder to the user that the service runs as, or choose another one"),
    (
        no_database,
        "/outbox.sqlite: file is not a database [SQLITE_NOTADB]: the file is not a store of ours: put a backup",
    ),
    (
        a_directory,
        "/outbox.sqlite: unable to open database file [SQLITE_CANTOPEN]: the store cannot be opened: see that",
    ),
    (another_programs, "/outbox.sqlite: it is another program's database: move it away"),
    (another_instance, "the store is in use by process 4711 ("),
    (somebody_who_writes, "/outbox.sqlite: database is locked [SQLITE_BUSY]: another program holds the store locked"),
]


@pytest.fixture(params=SPOILT, ids=lambda spoilt: spoilt[0].__name__)
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder for the store that cannot be opened, and what is told."""
    spoil, told = request.param
    folder = tmp_path / "queues"
    folder.mkdir()
    kept = spoil(folder)
    yield folder, told
    if hasattr(kept, "close"):
        kept.close()


def mortal() -> list[str]:
    """Before a command: root, too, needs permission."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv") or pytest.skip("setpriv (util-linux) makes root obey modes")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def test_a_store_that_cannot_be_opened_is_one_line_and_an_exit_code(spoilt, tmp_path):
    folder, told = spoilt
    (tmp_path / "app.yml").write_text(
        f"app:\n  listen_port: {free_port()}\n  auth_username: a\n  auth_password: s3cret-of-the-test\n"
        f"data_dir: {tmp_path}/data\nqueue_location: {folder}\noutbox:\n  busy_timeout_s: 0.2\n"
        f"dns:\n  backends:\n    one:\n      type: coredns_file\n      enabled: true\n      zones_dir: {tmp_path}/zones\n"
    )

    done = subprocess.run(
        [*mortal(), DADNS, "serve", "--config", str(tmp_path / "app.yml")],
        capture_output=True, timeout=180, check=False, env={**os.environ, "PYTHONPATH": str(SRC)}, text=True,
    )  # fmt: skip

    assert (1, "") == (done.returncode, done.stdout)
    (line,) = done.stderr.splitlines()
    assert "service.failed" in line
    assert told in line


async def test_what_cannot_be_opened_is_closed_again(tmp_path):
    """Whoever keeps the error (a log, a supervisor): no descriptor of the file is kept with it."""
    no_database(tmp_path)
    settings = OutboxSettings(busy_timeout_s=0.2)

    with pytest.raises(OutboxUnavailable) as kept:
        async with open_store(tmp_path, settings=settings, clock=SystemClock(), backends=["one"]):
            pytest.fail("it must not open")

    still_open = [
        file for each in Path("/proc/self/fd").iterdir() if (file := each.resolve()).name.startswith("outbox.sq")
    ]
    assert [] == still_open
    del kept


async def test_no_thread_outlives_a_store_that_cannot_be_opened(tmp_path):
    """Otherwise it tells its end to a loop that is closed by then: a traceback on stderr, now and then."""
    no_database(tmp_path)
    settings = OutboxSettings(busy_timeout_s=0.2)
    before = set(threading.enumerate())
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5)  # the thread would not get to run before we look
    try:
        with pytest.raises(OutboxUnavailable):
            async with open_store(tmp_path, settings=settings, clock=SystemClock(), backends=["one"]):
                pytest.fail("it must not open")
        left = [thread.name for thread in set(threading.enumerate()) - before if "_connection_worker" in thread.name]
    finally:
        sys.setswitchinterval(interval)

    assert [] == left
