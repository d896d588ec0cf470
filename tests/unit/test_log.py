"""The log: its short way and its clock. What a process writes: tests/component/test_log_process.py."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directdnsonly import log
from directdnsonly.outbox.changes import Source
from directdnsonly.zone.name import ZoneName


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
