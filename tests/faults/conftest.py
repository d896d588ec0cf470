"""The fault suite: a table of what was done to the service, and what became of what it had acknowledged.

`make test` runs a short cut of it; `make faults` sets FAULT_RUNS=200.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from bench.service import STOPPABLE, Service
from tests.faults.ledger import Ledger, Looker, Row, table
from tests.support.programs import require_program

ROWS: list[Row] = []
EXTRA = """
outbox:
  disk_reserve_mb: 0
"""


class FaultService(Service):
    """The service as a process; `arm` names the step at which it shall die."""

    program = (sys.executable, "-m", "tests.faults.child")

    def arm(self, step: str, number: int = 1) -> None:
        (self.folder / "arm").write_text(f"{step} {number}")

    def disarm(self) -> None:
        (self.folder / "arm").unlink(missing_ok=True)

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def died(self, limit_s: float = 120.0) -> bool:
        """Wait for the end of the process; whether it came."""
        end = time.monotonic() + limit_s
        while self.exit_code() is None and time.monotonic() < end:
            time.sleep(0.01)
        return self.exit_code() is not None

    def end_name_server(self) -> None:
        """With the service gone, kill what it left behind, as a power cut does."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.named_pid(), signal.SIGKILL)

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture(scope="session")
def runs() -> int:
    """Random kills; 20 in a usual run, 200 in `make faults`."""
    return int(os.environ.get("FAULT_RUNS", "20"))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Callable[[str], Row]:
    """A line of the table."""

    def make(fault: str) -> Row:
        ROWS.append(Row(fault))
        return ROWS[-1]

    return make


@pytest.fixture
def service() -> Iterator[FaultService]:
    require_program("named")
    with FaultService(extra=EXTRA, log_level="INFO", backends=STOPPABLE) as running:
        yield running


@pytest.fixture
def ledger(service: FaultService) -> Ledger:
    return Ledger(service.port)


@pytest.fixture
def look(service: FaultService) -> Iterator[Looker]:
    looker = Looker(service.dns_port)
    yield looker
    looker.close()


@contextmanager
def recovering(row: Row) -> Iterator[None]:
    """Measures how long the block takes: from the end of a fault until everything is served."""
    began = time.monotonic()
    yield
    row.runs += 1
    row.recover_s = max(row.recover_s, time.monotonic() - began)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table."""
    if ROWS:
        terminalreporter.section("faults")
        for line in table(ROWS):
            terminalreporter.write_line(line)
