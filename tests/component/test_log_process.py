"""The log of a process: one event a line, no secret, no forged line, and never a reason to stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"


PROGRAM = """
import logging, sys, structlog
from directdnsonly import log
log.configure(level="INFO", fmt=sys.argv[1], timezone="Pacific/Auckland")
logger = structlog.get_logger()
def fail():
    password = "hunter2"
    raise ValueError("first\\n2026-11-23 [info] push.accepted zone=forged\\x1b[2J")
logger.debug("nobody.sees")
logger.info("push.refused", reason="a\\nforged\\x1b[31m\\u2028\\x85", password="hunter2", api_key="hunter2",
    nested={"password": "hunter2", "text": "b\\nforged"}, texts=["c\\nforged"], raw=b"d\\nforged", number=3)
try:
    fail()
except ValueError:
    logger.exception("door.failed")
logging.getLogger("library").info("nobody.sees")
logging.getLogger("library").error("said %s", "e\\nforged")
logging.getLogger("library").error("broken %d", "hunter2")
try:
    fail()
except ValueError:
    logging.getLogger("library").exception("it failed")
"""


def run(fmt: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, fmt],
        stdout=subprocess.PIPE, stderr=stderr, timeout=180, check=False, env={**os.environ, "PYTHONPATH": str(SRC)},
    )  # fmt: skip


def test_json_is_one_object_a_line():
    """With the time in the configured zone."""
    done = run("json")

    events = [json.loads(line) for line in done.stderr.decode().splitlines()]

    assert 0 == done.returncode
    assert ["push.refused", "door.failed", "said e\\x0aforged"] == [event["event"] for event in events[:3]]
    assert events[0]["timestamp"][-6:] in ("+12:00", "+13:00")
    assert ("info", 3) == (events[0]["level"], events[0]["number"])
    assert "a\\x0aforged\\x1b[31m\\u2028\\x85" == events[0]["reason"]
    assert {"password": "***", "text": "b\\x0aforged"} == events[0]["nested"]
    assert "ValueError: first" in events[1]["exception"]
    assert "a log record of library could not be formatted" in done.stderr.decode()
    assert "ValueError: first" in events[-1]["exception"]


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_no_secret_and_no_forged_line(fmt):
    """Faults B10, promise 11: also not by a traceback's local variables."""
    text = run(fmt).stderr.decode()

    assert "hunter2" not in text.replace('password = "hunter2"', "")  # the program's own source, shown in no traceback
    assert "nobody.sees" not in text
    assert not [line for line in text.splitlines() if line.startswith(("forged", "2026-11-23 [info] push.accepted"))]
    assert not set("\x1b\x85\u2028") & set(text)


def test_a_log_that_cannot_be_written_stops_nobody():
    """A full disk under the log, or a reader that went away."""
    full = os.open("/dev/full", os.O_WRONLY)
    reader, gone = os.pipe()
    os.close(reader)
    try:
        assert [0, 0] == [run("json", stderr=place).returncode for place in (full, gone)]
    finally:
        os.close(full)
        os.close(gone)
