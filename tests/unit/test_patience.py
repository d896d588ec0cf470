"""When a name server that answers nobody is believed to hang."""

from __future__ import annotations

import pytest

from directdnsonly.nameservers.watch import Patience

LIMIT_S = 30.0


@pytest.mark.parametrize(
    ("silent_s", "busy", "hangs"),
    [(29.9, False, False), (30.0, False, True), (30.0, True, False), (119.9, True, False), (120.0, True, True)],
)
def test_one_that_does_nothing_is_given_up_at_the_limit_and_one_that_computes_at_four_times_that(silent_s, busy, hangs):
    """It may load 100,000 zones, or be flooded: killing it would help nobody."""
    patience = Patience(LIMIT_S, now=1000.0)
    patience.why_hung("query", now=1000.0, cpu_s=5.0)

    reason = patience.why_hung("query", now=1000.0 + silent_s, cpu_s=5.0 + (silent_s * 0.5 if busy else 0.01))

    assert hangs == bool(reason)
    assert not hangs or f"no query for {silent_s:.0f} s" in reason


def test_each_answer_begins_the_patience_anew():
    patience = Patience(LIMIT_S, now=0.0)
    patience.why_hung("query", now=29.0, cpu_s=0.0)
    patience.answered(now=29.5)

    assert not patience.why_hung("query", now=59.0, cpu_s=0.0)
    assert patience.why_hung("query", now=59.5, cpu_s=0.0)
