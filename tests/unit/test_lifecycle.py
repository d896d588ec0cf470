"""The life of a delivery: one table, and everything else agrees with it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from directdnsonly.errors import IllegalTransition
from directdnsonly.outbox.lifecycle import BEGINS, TRANSITIONS, Event, State, after, from_which, moved, stands
from directdnsonly.outbox.sqlite.migrate import migrations


def test_the_sql_check_lists_exactly_the_states_of_the_table():
    """A state that SQL would refuse, or one that code does not know, cannot exist."""
    checks = re.findall(r"state\s+TEXT\s+NOT NULL CHECK \(state IN \(([^)]*)\)\)", migrations()[0][1])

    listed = [{word.strip(" '") for word in check.split(",")} for check in checks]

    assert [set(State)] * 2 == listed


def test_what_can_be_claimed_is_what_is_due_some_day():
    """A claim finds its rows by `due_at` alone: the schema gives one to just the states in which a claim may happen."""
    (at_rest,) = re.findall(r"\(due_at IS NULL\) = \(state IN \(([^)]*)\)\)", migrations()[0][1])

    assert set(State) - from_which(Event.CLAIM) == {State(word.strip(" '")) for word in at_rest.split(",")}


def test_every_state_of_a_delivery_can_be_reached_and_left():
    """The table has no dead corner; only an attempt is ever called superseded."""
    stand = set(State) - {State.SUPERSEDED}

    assert stand - {BEGINS} <= set(TRANSITIONS.values()) <= stand
    assert stand == {state for state, _ in TRANSITIONS}


def test_every_event_can_happen():
    assert set(Event) == {event for _, event in TRANSITIONS}


def test_dead_is_left_by_a_person_reconciliation_or_another_version_only():
    """No lane brings a delivery back that was given up."""
    left = {event for state, event in TRANSITIONS if state is State.DEAD}

    assert {Event.REVIVE, Event.REDELIVER, Event.DRIFT, Event.WANT} == left


def test_only_an_attempt_that_runs_proves_and_it_needs_no_stop_on_its_way():
    """Most are proven at once; `applied` is where the proof takes longer."""
    assert {State.LEASED, State.APPLIED} == from_which(Event.VERIFY) == from_which(Event.SUPERSEDE)
    assert {State.VERIFIED} == {after(state, Event.VERIFY) for state in from_which(Event.VERIFY)}


def test_an_illegal_transition_raises_and_names_both():
    """Our bug is told as such."""
    with pytest.raises(IllegalTransition, match="verified cannot claim"):
        after(State.VERIFIED, Event.CLAIM)


@pytest.mark.parametrize("event", Event)
def test_sql_moves_exactly_along_the_table(event):
    """The condition finds the states in which the event may happen, the expression gives those that follow."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE delivery (state TEXT)")
        connection.executemany("INSERT INTO delivery VALUES (?)", [(state,) for state in State])

        rows = connection.execute(f"SELECT state, {moved(event)} FROM delivery WHERE {stands(event)}").fetchall()

    assert {state: TRANSITIONS[state, event] for state in from_which(event)} == dict(rows)
