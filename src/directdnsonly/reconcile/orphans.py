"""The long way of an orphan: absent, absent again, ripe, quarantined, due. Pure.

A zone is deleted only after it was absent in several whole lists over a stretch of time, under a cap, after a grace in
which it was still served, and (by whoever carries this out) after DirectAdmin itself was asked once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.reconcile.plan import Absent, Plan
from directdnsonly.zone.name import ZoneName

LEAST_CAP = 3  # a share of few zones would round to nothing


class Step(StrEnum):
    """What is next for an absent zone."""

    COUNT = "count"  # absent, not yet often or long enough
    BLOCK = "block"  # too many at once: an operator must approve
    QUARANTINE = "quarantine"  # still served, flagged
    WAIT = "wait"  # in quarantine, grace not over
    DELETE = "delete"  # ask DirectAdmin once more, then delete
    KEEP = "keep"  # an operator said: keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """One absent zone, how it was seen by now, and its next step."""

    zone: Absent
    sighting: Sighting
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How careful we are."""

    absences: int
    absent_s: float
    grace_s: float
    max_orphans: int
    max_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """The steps of this pass, and zones that are watched no longer. `blocked`: plan by server that was over the cap."""

    steps: tuple[Next, ...]
    blocked: Mapping[str, str]

    def of(self, step: Step) -> list[Next]:
        """Zones with this next step."""
        return [one for one in self.steps if one.step is step]


def advance(plan: Plan, known: Mapping[ZoneName, Sighting], rules: Rules, *, now: float) -> Orphans:
    """Judge every absent zone of the plan, given how each was seen before."""
    steps: list[Next] = []
    blocked: dict[str, str] = {}
    for found in plan.servers:
        absent = [zone for zone in plan.absent if zone.server == found.server]
        seen = [(zone, _seen_again(zone, known.get(zone.name), now)) for zone in absent]
        ripe = [(zone, sighting) for zone, sighting in seen if _is_under_way(sighting, rules)]
        limit = min(rules.max_orphans, max(LEAST_CAP, int(found.owned * rules.max_share)))
        over = len(ripe) > limit
        if over:
            blocked[found.server] = plan_id([zone for zone, _ in ripe])
        for zone, sighting in seen:
            step = _step(sighting, rules, over=over, now=now)
            if step is Step.BLOCK:
                sighting = replace(sighting, plan=blocked[found.server])  # noqa: PLW2901 - the same one, marked
            steps.append(Next(zone=zone, sighting=sighting, step=step))
    return Orphans(steps=tuple(steps), blocked=blocked)


def plan_id(zones: Sequence[Absent]) -> str:
    """The name of a set of deletions: another set, or another version of a zone, has another name."""
    text = "\n".join(f"{zone.name} {zone.version}" for zone in sorted(zones, key=lambda zone: zone.name))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _seen_again(zone: Absent, before: Sighting | None, now: float) -> Sighting:
    """One absence more; from the start when the zone was pushed since (or is another version)."""
    if before is None or before.version != zone.version or zone.pushed_at > before.first_at:
        return Sighting(name=zone.name, version=zone.version, server=zone.server, absences=1, first_at=now, last_at=now)
    return replace(before, absences=before.absences + 1, last_at=now)


def _is_ripe(sighting: Sighting, rules: Rules) -> bool:
    enough = sighting.absences >= rules.absences
    return enough and sighting.last_at - sighting.first_at >= rules.absent_s


def _is_under_way(sighting: Sighting, rules: Rules) -> bool:
    """Whether it counts against the cap: on its way to be deleted with nobody's approval."""
    if sighting.approved or sighting.state is SightingState.KEPT:
        return False
    return sighting.state is SightingState.QUARANTINED or _is_ripe(sighting, rules)


def _step(sighting: Sighting, rules: Rules, *, over: bool, now: float) -> Step:
    if sighting.state is SightingState.KEPT:
        return Step.KEEP
    if sighting.state is SightingState.ABSENT and not _is_ripe(sighting, rules):
        return Step.COUNT
    if over and not sighting.approved:
        return Step.BLOCK
    if sighting.state is SightingState.ABSENT:
        return Step.QUARANTINE
    assert sighting.quarantined_at is not None
    return Step.DELETE if now - sighting.quarantined_at >= rules.grace_s else Step.WAIT
