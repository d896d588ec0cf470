"""The life of one delivery: one version of one zone on one backend. The only place that knows the way.

Pure. The SQL CHECK of the `delivery` table is tested equal to `State`; the diagram in docs/line.md is generated
from `TRANSITIONS` (`make docs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from directdnsonly.errors import IllegalTransition


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"  # wanted, waits until it is due
    LEASED = "leased"  # an attempt is running; the lease ends at due_at
    APPLIED = "applied"  # the backend took it; the name server has not proved it yet
    VERIFIED = "verified"  # the name server itself proved it
    SUPERSEDED = "superseded"  # a newer version took its place
    DEAD = "dead"  # given up; only a person, the reconciler or a newer version moves it


class Event(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "claim"
    APPLY = "apply"
    VERIFY = "verify"
    RETRY = "retry"
    LOSE_LEASE = "lose lease"
    BURY = "bury"
    REVIVE = "revive"
    DRIFT = "drift"
    SUPERSEDE = "supersede"


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.PENDING, Event.CLAIM): State.LEASED,
        (State.LEASED, Event.APPLY): State.APPLIED,
        (State.APPLIED, Event.VERIFY): State.VERIFIED,
        (State.LEASED, Event.RETRY): State.PENDING,
        (State.APPLIED, Event.RETRY): State.PENDING,
        (State.LEASED, Event.LOSE_LEASE): State.PENDING,
        (State.APPLIED, Event.LOSE_LEASE): State.PENDING,
        (State.LEASED, Event.BURY): State.DEAD,
        (State.APPLIED, Event.BURY): State.DEAD,
        (State.DEAD, Event.REVIVE): State.PENDING,
        (State.VERIFIED, Event.DRIFT): State.PENDING,
        (State.PENDING, Event.SUPERSEDE): State.SUPERSEDED,
        (State.LEASED, Event.SUPERSEDE): State.SUPERSEDED,
        (State.APPLIED, Event.SUPERSEDE): State.SUPERSEDED,
        (State.VERIFIED, Event.SUPERSEDE): State.SUPERSEDED,
        (State.DEAD, Event.SUPERSEDE): State.SUPERSEDED,
    }
)


def after(state: State, event: Event) -> State:
    """The state that follows. Raises IllegalTransition, which is our bug."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a delivery that is {state} cannot {event}") from None


def from_which(event: Event) -> frozenset[State]:
    """The states in which `event` may happen."""
    return frozenset(state for state, candidate in TRANSITIONS if candidate is event)
