"""The store's disk is full, the store is locked by somebody else, its log is torn."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.conftest import EXTRA, FaultService, recovering
from tests.faults.ledger import Ledger, Looker
from tests.support.programs import require_program


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[bool]:
    """A tmpfs of that size on `folder`; False when we may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(options, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def says(service: FaultService, *, unready: bool) -> None:
    """/readyz tells the truth within moments: it commits at most once a second, whoever asks."""
    end = time.monotonic() + 60
    while (service.readyz()["status"] == "unready") is not unready:
        assert time.monotonic() < end, service.readyz()
        time.sleep(0.1)


@pytest.fixture(params=["real disk", "size limit"])
def cramped(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FaultService, str, Path]]:
    """A service whose store has room for a few hundred zones: on a small tmpfs, or by SQLite's max_page_count."""
    require_program("named")
    if request.param == "size limit":
        with FaultService(extra=f"queue_location: {tmp_path}{EXTRA}  max_store_mb: 1\n", log_level="INFO") as service:
            yield service, request.param, tmp_path
        return
    with small_disk(tmp_path, 8) as mounted:
        if not mounted:
            pytest.skip("mounting a tmpfs needs root; the size limit shows the same")
        (tmp_path / "ballast").write_bytes(b"x" * 2**20)
        with FaultService(extra=f"queue_location: {tmp_path}{EXTRA}", log_level="INFO") as service:
            yield service, request.param, tmp_path


def test_a_full_disk_refuses_what_it_cannot_keep_and_recovers_by_itself(cramped, row):
    """error=1 while full, nothing acknowledged is lost, the health answer says so, nothing has to be restarted."""
    service, kind, store = cramped
    line = row(f"store full ({kind}), then freed")
    ledger, look = Ledger(service.port), Looker(service.dns_port)
    refused = number = 0
    while refused < 20:
        number += 1
        refused += not ledger.save(f"z{number}")
        assert number < 5000, "the disk never became full"
    says(service, unready=True)
    assert service.exit_code() is None
    assert [line for line in service.log().splitlines() if '"push.failed"' in line and "is full" in line]
    assert number - refused > 50

    with recovering(line):
        if kind == "real disk":
            (store / "ballast").unlink()
        else:
            service.stop()
            config = service.folder / "app.yml"
            config.write_text(config.read_text().replace("max_store_mb: 1", "max_store_mb: 64"))
            service.start()
        end = time.monotonic() + 60
        while not ledger.save("after"):
            assert time.monotonic() < end, service.log()[-2000:]
            time.sleep(0.1)
        ledger.judge(line, look, limit_s=90)
    says(service, unready=False)
    line.check()
    look.close()


def test_a_start_on_a_disk_that_is_full_to_the_last_page_ends_with_the_reason(tmp_path, row):
    """A start needs room for one commit; with room it comes up, and everything acknowledged is served."""
    require_program("named")
    line = row("start on a full disk")
    with small_disk(tmp_path, 4) as mounted:
        if not mounted:
            pytest.skip("mounting a tmpfs needs root")
        with FaultService(extra=f"queue_location: {tmp_path}{EXTRA}", log_level="INFO") as service:
            ledger, look = Ledger(service.port), Looker(service.dns_port)
            for number in range(10):
                assert ledger.save(f"z{number}")
            service.stop()
            with (tmp_path / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(b"x" * 4096)

            with pytest.raises(RuntimeError, match="is full"):
                service.start()
            assert 1 == service.exit_code()

            (tmp_path / "ballast").unlink()
            with recovering(line):
                service.start()
                ledger.judge(line, look)
            look.close()
    line.check()


def test_a_disk_that_fails_to_write_loses_nothing(service, ledger, look, row):
    """The system refuses writes behind 64 KiB of a file (RLIMIT_FSIZE), as a failing disk would; then it works again."""
    line = row("writes to the store fail, then work again")
    for number in range(40):
        assert ledger.save(f"z{number}")
    ledger.judge(line, look)
    unlimited = resource.prlimit(service.pid(), resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
    assert 0 == sum(ledger.save(f"z{number}") for number in range(10))
    assert not ledger.delete("z20")
    says(service, unready=True)
    assert service.exit_code() is None

    resource.prlimit(service.pid(), resource.RLIMIT_FSIZE, unlimited)
    with recovering(line):
        for number in range(5, 15):
            assert ledger.save(f"z{number}")
        ledger.judge(line, look)
    says(service, unready=False)
    line.check()


def test_a_store_locked_by_a_backup_loses_nothing(service, ledger, look, row, runs):
    """Pushes and deletes wait within their request's time, or are answered error=1; then everything goes on."""
    line = row("store locked by a foreign writer")
    for name in ("kept", "gone"):
        assert ledger.save(name)
    store = service.folder / "data/queues/outbox.sqlite"
    for seconds in (7.0, 14.0) if runs > 20 else (3.0,):
        acts = [(ledger.save, f"new{number}") for number in range(10)]
        acts += [(ledger.save, "kept"), (ledger.delete, "gone")]
        clients = [threading.Thread(target=act, args=(name,)) for act, name in acts]
        with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            for client in clients:
                client.start()
            time.sleep(seconds)
            foreign.execute("ROLLBACK")
        with recovering(line):
            for client in clients:
                client.join()
            assert service.exit_code() is None
            assert ledger.save("after")
            ledger.judge(line, look, limit_s=90)
        assert ledger.save("gone")
    line.check()


def test_a_torn_write_ahead_log_is_recovered(service, ledger, look, row):
    """What stands behind the last whole commit is thrown away by SQLite; no acknowledged push is among it."""
    line = row("kill -9, then a torn write-ahead log")
    for number in range(30):
        assert ledger.save(f"z{number}")
    service.kill()
    service.end_name_server()
    with (service.folder / "data/queues/outbox.sqlite-wal").open("ab") as file:
        file.write(os.urandom(3000))

    with recovering(line):
        service.start()
        ledger.judge(line, look)
    line.check()
