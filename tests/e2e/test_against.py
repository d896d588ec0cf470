"""`python -m bench --against URL`: the faults of docs/compared.md at a receiver; ours stands up to them, one that nods at everything does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from bench import against_faults
from bench.against import FAULTS
from bench.load import PASSWORD, USER

ROOT = Path(__file__).parents[2]


def _against(port: int, file: Path, *more: str) -> tuple[int, str, dict[str, object]]:
    url = f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--against", url, "--json", file, *more],
        cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, json.loads(file.read_text())


def test_our_service_stands_up_to_every_fault(service, tmp_path):
    """With the name server asked; no password is told, and no zone is left."""
    code, seen, found = _against(service.port, tmp_path / "found.json", "--dns", f"127.0.0.1:{service.dns_port}")

    assert [] == [row for row in found["rows"] if row["held"] != "yes"]
    assert (0, len(FAULTS), []) == (code, len(found["rows"]), found["left"])
    assert PASSWORD not in seen + json.dumps(found)


class Nods(BaseHTTPRequestHandler):
    """Says yes to everybody and does nothing."""

    def do_GET(self) -> None:
        self._yes(b"error=0&exists=0")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._yes(b"error=0")

    def _yes(self, body: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def _nodding() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Nods) as server:
        running = threading.Thread(target=server.serve_forever)
        running.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            running.join()


def test_a_receiver_that_nods_at_everything_does_not_hold(tmp_path):
    """And without a name server to ask, nothing is called served."""
    with _nodding() as port:
        code, seen, found = _against(port, tmp_path / "found.json")

    by_fault: dict[str, set[str]] = {}
    for row in found["rows"]:
        by_fault.setdefault(row["fault"], set()).add(row["held"])
    assert 1 == code
    assert {"B2", "B3", "B10", "D4", "E1", "E2", "E8"} <= {
        number for number, held in by_fault.items() if held == {"NO"}
    }
    assert {"B1", "B4", "B5", "B6", "B7", "B8"} <= {number for number, held in by_fault.items() if held == {"-"}}
    assert "what is served was not asked" in seen


@pytest.mark.parametrize("number", sorted({each for fault in FAULTS for each in fault[0].split(", ")}))
def test_each_fault_is_a_row_of_the_page(number):
    """And the page names the command."""
    page = (ROOT / "docs/compared.md").read_text()

    assert against_faults.GOOD
    assert re.search(rf"^\| {number} \|.*`--against`", page, re.MULTILINE)
