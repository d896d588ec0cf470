"""The end of the process: asked for under load, by a bug, and a start that must not be."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from bench.service import LONGEST_STOP_S
from tests.faults.child import BUG
from tests.faults.conftest import recovering


def test_sigterm_under_load_ends_in_time_and_loses_nothing(service, ledger, look, row, runs):
    """Exit code 0, in time, while four clients push; leases are free at the next start."""
    line = row("SIGTERM under load")
    for _ in range(max(runs // 10, 2)):
        stop = threading.Event()

        def client(part: int, stop: threading.Event = stop) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                if not ledger.save(f"z{part}-{number % 30}") and service.exit_code() is not None:
                    return

        clients = [threading.Thread(target=client, args=(part,)) for part in range(4)]
        for thread in clients:
            thread.start()
        time.sleep(0.4)
        took_s = service.stop()
        stop.set()
        for thread in clients:
            thread.join()
        assert (True, 0) == (took_s < LONGEST_STOP_S, service.exit_code())
        with recovering(line):
            service.start()
            ledger.judge(line, look)
    line.check()


def test_sigterm_ends_in_time_also_when_the_name_server_hangs(service, ledger, look, row):
    """What hangs is killed; what it did not take is delivered after the next start."""
    line = row("SIGTERM while the name server hangs")
    os.kill(service.named_pid(), signal.SIGSTOP)
    for number in range(10):
        assert ledger.save(f"z{number}")

    took_s = service.stop()

    assert (True, 0) == (took_s < LONGEST_STOP_S, service.exit_code()), took_s
    with recovering(line):
        service.start()
        ledger.judge(line, look)
    line.check()


def test_an_actor_that_ends_unexpectedly_ends_the_process_with_the_reason(service, ledger, look, row):
    """A bug in one backend: never a live liar that goes on saying error=0."""
    line = row("an actor ends by a bug")
    assert ledger.save("before")
    service.arm(BUG)
    ledger.save("during")

    assert service.died()
    assert 1 == service.exit_code()
    assert "service.failed" in service.log()
    assert f"ZeroDivisionError: {BUG}" in service.log()

    service.disarm()
    with recovering(line):
        service.start()
        ledger.judge(line, look)
    line.check()


def test_a_store_that_is_newer_than_the_program_ends_the_start_unharmed(service, ledger, look, row):
    """The reason is told, the exit code is 1; the right program then serves everything."""
    line = row("store newer than the program")
    assert ledger.save("kept")
    service.stop()
    with closing(sqlite3.connect(service.folder / "data/queues/outbox.sqlite")) as connection:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 999")

    with pytest.raises(RuntimeError, match=f"the store has schema 999, this program knows {schema}: "):
        service.start()
    assert 1 == service.exit_code()

    with closing(sqlite3.connect(service.folder / "data/queues/outbox.sqlite")) as connection:
        connection.execute(f"PRAGMA user_version = {schema}")
    with recovering(line):
        service.start()
        ledger.judge(line, look)
    line.check()
