"""The lifecycle of a delivery (one zone on one backend): the only place that knows its transitions.

Pure. The SQL that moves deliveries takes its states from `TRANSITIONS` (`stands`, `moved`), and so does the diagram in
docs/line.md (`make docs`). The SQL CHECK of the `delivery` table is tested equal to `State`; that every row really moves along
the table is watched by the outbox's stateful test, after each step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType

from directdnsonly.errors import IllegalTransition


class State(StrEnum):
    """The state of a delivery, or the outcome of an attempt (which may also be SUPERSEDED)."""

    PENDING = "pending"  # wanted, waits until it is due; so each delivery begins
    LEASED = "leased"  # an attempt is running; the lease ends at due_at
    APPLIED = "applied"  # the backend took it; the name server has not proved it yet, and the lease goes on
    VERIFIED = "verified"  # the name server itself proved it
    SUPERSEDED = "superseded"  # only of an attempt: a newer version took its place, and the delivery waits for that one
    DEAD = "dead"  # given up; only a person, reconciliation or a newer version moves it


class Event(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "claim"  # a lane takes it, also from a lease that has ended
    APPLY = "apply"  # the backend took it, and the proof is still out
    VERIFY = "verify"
    RETRY = "retry"  # the attempt failed for now, or was given back
    BURY = "bury"  # the attempt failed for good
    SUPERSEDE = "supersede"  # an attempt ended, and a newer version is wanted by now
    LOSE_LEASE = "lose lease"  # the process that held it is gone: given back at the next start
    WANT = "want"  # another version is wanted: an attempt that runs ends first
    REVIVE = "revive"  # a person, or reconciliation, gives it all its attempts again
    DRIFT = "drift"  # the name server has lost it, or has what it should not have
    REDELIVER = "redeliver"  # a person wants it done once more, now


BEGINS = State.PENDING

TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.PENDING, Event.CLAIM): State.LEASED,
        (State.LEASED, Event.CLAIM): State.LEASED,
        (State.APPLIED, Event.CLAIM): State.LEASED,
        (State.LEASED, Event.APPLY): State.APPLIED,
        (State.LEASED, Event.VERIFY): State.VERIFIED,
        (State.APPLIED, Event.VERIFY): State.VERIFIED,
        (State.LEASED, Event.RETRY): State.PENDING,
        (State.APPLIED, Event.RETRY): State.PENDING,
        (State.LEASED, Event.BURY): State.DEAD,
        (State.APPLIED, Event.BURY): State.DEAD,
        (State.LEASED, Event.SUPERSEDE): State.PENDING,
        (State.APPLIED, Event.SUPERSEDE): State.PENDING,
        (State.LEASED, Event.LOSE_LEASE): State.PENDING,
        (State.APPLIED, Event.LOSE_LEASE): State.PENDING,
        (State.PENDING, Event.WANT): State.PENDING,
        (State.LEASED, Event.WANT): State.LEASED,
        (State.APPLIED, Event.WANT): State.APPLIED,
        (State.VERIFIED, Event.WANT): State.PENDING,
        (State.DEAD, Event.WANT): State.PENDING,
        (State.DEAD, Event.REVIVE): State.PENDING,
        (State.VERIFIED, Event.DRIFT): State.PENDING,
        (State.DEAD, Event.DRIFT): State.PENDING,
        (State.PENDING, Event.REDELIVER): State.PENDING,
        (State.VERIFIED, Event.REDELIVER): State.PENDING,
        (State.DEAD, Event.REDELIVER): State.PENDING,
    }
)


def after(state: State, event: Event) -> State:
    """The state after an event. Raises IllegalTransition, which is our bug."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a delivery that is {state} cannot {event}") from None


def from_which(event: Event) -> frozenset[State]:
    """The states in which `event` may happen."""
    return frozenset(state for state, candidate in TRANSITIONS if candidate is event)


def stands(event: Event) -> str:
    """An SQL condition on the column `state`: `event` may happen in it."""
    found = from_which(event)
    return (
        f"state IN ({_listed(found)})" if len(found) > 1 else f"state = {_listed(found)}"
    )  # as indexes of one state ask


def moved(event: Event) -> str:
    """An SQL expression for the state after `event`, depending on the column `state` if necessary."""
    leads = {state: after(state, event) for state in from_which(event)}
    (target,) = {after for state, after in leads.items() if after is not state} or set(leads.values())
    stay = {state for state, after in leads.items() if after is state is not target}
    return f"CASE WHEN state IN ({_listed(stay)}) THEN state ELSE {quoted(target)} END" if stay else quoted(target)


def quoted(state: State) -> str:
    """A state as an SQL literal, because partial indexes are used only with literals."""
    return f"'{state}'"


def _listed(chosen: Collection[State]) -> str:
    return ", ".join(quoted(state) for state in State if state in chosen)
