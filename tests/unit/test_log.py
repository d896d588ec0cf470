"""The log: one event a line, no secret, no forged line, and never a reason to stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly import log
from directdnsonly.outbox.records import Source
from directdnsonly.zone.name import ZoneName

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


class Odd:
    """What JSON does not know."""

    def __repr__(self) -> str:
        return "Odd\n()"


KEYS = st.one_of(st.text(max_size=8), st.sampled_from(["password", "api_key", "exception", "stack", "zone", "rule"]))
VALUES = st.one_of(
    st.text(),
    st.text("ab c", max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.binary(),
    st.builds(Odd),
    st.sampled_from([Source.PULL, ZoneName.trusted("example.com"), ("a", "b\n")]),
    st.lists(st.text()),
    st.dictionaries(st.sampled_from(["token", "zone"]), st.text()),
)


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.sampled_from(["debug", "info", "warning", "error", "critical"]))
def test_the_short_way_writes_what_structlogs_steps_write(facts, method):
    """Byte for byte; secrets, control characters and what JSON does not know included."""
    line = log.JsonLine(lambda: "now")
    facts = {key: value for key, value in facts.items() if key != "exc_info"} | {"event": "a.b"}

    slow = dict(facts)
    for step in line.steps:
        slow = step(None, method, slow)

    assert slow == line(None, method, dict(facts))


@pytest.mark.parametrize("zone", ["Europe/Vienna", "UTC", "Asia/Kathmandu"])
def test_the_time_is_that_of_the_zone_also_around_the_change_of_its_offset(zone):
    """All but the milliseconds is kept for a second; the clock may also be set back."""
    change = 1_792_890_000  # 2026-10-25 01:00 UTC: summer time ends in Vienna
    moments = [change - 1.001, change - 0.001, change, change + 0.5, change - 0.001, change + 3600.25]
    waiting = iter(moments)
    stamp = log.Stamp(zone, lambda: next(waiting))

    for moment in moments:
        expected = datetime.fromtimestamp(int(moment), ZoneInfo(zone)).replace(
            microsecond=int(moment * 1000) % 1000 * 1000
        )
        assert expected.isoformat(timespec="milliseconds") == stamp()
