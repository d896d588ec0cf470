"""The life of a delivery: one table, and everything else agrees with it."""

from __future__ import annotations

import re

import pytest

from directdnsonly.errors import IllegalTransition
from directdnsonly.outbox._migrate import migrations
from directdnsonly.outbox.lifecycle import TRANSITIONS, Event, State, after, from_which


def test_the_sql_check_lists_exactly_the_states_of_the_table():
    """A state that SQL would refuse, or one that code does not know, cannot exist."""
    checks = re.findall(r"state\s+TEXT\s+NOT NULL CHECK \(state IN \(([^)]*)\)\)", migrations()[0][1])

    listed = [{word.strip(" '") for word in check.split(",")} for check in checks]

    assert [set(State)] * 2 == listed


def test_every_state_but_the_first_can_be_reached():
    """The table has no dead corner."""
    assert set(State) - {State.PENDING} <= set(TRANSITIONS.values())


def test_dead_is_left_only_by_revival_or_a_newer_version():
    """Nothing else brings a delivery back that was given up."""
    assert {Event.REVIVE, Event.SUPERSEDE} == {event for state, event in TRANSITIONS if state is State.DEAD}


def test_superseded_is_final():
    """An older version never comes back."""
    assert not [event for state, event in TRANSITIONS if state is State.SUPERSEDED]


def test_an_illegal_transition_raises_and_names_both():
    """Our bug is told as such."""
    with pytest.raises(IllegalTransition, match="verified cannot claim"):
        after(State.VERIFIED, Event.CLAIM)


def test_retry_starts_where_an_attempt_can_fail():
    """Leased and applied deliveries are the ones that can fail."""
    assert {State.LEASED, State.APPLIED} == from_which(Event.RETRY)
