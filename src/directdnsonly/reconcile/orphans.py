"""The steps of an orphan to its deletion: absent, absent again, ripe, quarantined, due. Pure.

A zone is deleted only after it was absent in several whole lists over a stretch of time, under a cap, after a grace in
which it was still served, and (by whoever carries this out) after DirectAdmin itself was asked once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from directdnsonly.outbox import cap
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.reconcile.plan import Absent, Plan
from directdnsonly.reconcile.settings import ReconciliationSettings
from directdnsonly.zone.name import ZoneName


class Step(StrEnum):
    """The next step for an absent zone."""

    COUNT = "count"  # absent, not yet often or long enough
    BLOCK = "block"  # too many at once: an operator must approve
    QUARANTINE = "quarantine"  # still served, flagged
    WAIT = "wait"  # in quarantine, grace not over
    DELETE = "delete"  # ask DirectAdmin once more, then delete
    KEEP = "keep"  # an operator said: keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """An absent zone, its sightings so far, and its next step."""

    zone: Absent
    sighting: Sighting
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits that protect zones from being deleted as orphans by mistake."""

    absences: int
    absent_s: float
    grace_s: float
    max_orphans: int
    max_share: float

    @classmethod
    def of(cls, settings: ReconciliationSettings) -> Rules:
        """As configured."""
        return cls(
            absences=settings.absences,
            absent_s=settings.absent_minutes * 60,
            grace_s=settings.grace_minutes * 60,
            max_orphans=settings.max_orphans,
            max_share=settings.max_orphan_share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """The steps of this pass, and zones no longer watched. `blocked`: by server, the plan that exceeded the cap."""

    steps: tuple[Next, ...]
    blocked: Mapping[str, str]

    def of(self, step: Step) -> list[Next]:
        """The zones with this next step."""
        return [one for one in self.steps if one.step is step]


def advance(plan: Plan, known: Mapping[ZoneName, Sighting], rules: Rules, *, now: float) -> Orphans:
    """Decide the next step of every absent zone of a plan, given its earlier sightings."""
    steps: list[Next] = []
    blocked: dict[str, str] = {}
    for found in plan.servers:
        absent = [zone for zone in plan.absent if zone.server == found.server]
        seen = [(zone, _seen_again(zone, known.get(zone.name), now)) for zone in absent]
        ripe = [(zone, sighting) for zone, sighting in seen if _is_under_way(sighting, rules)]
        limit = cap.cap(found.owned, most=rules.max_orphans, share=rules.max_share)
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
    """The id of a set of deletions; it changes if the set or the version of a zone in it does."""
    return cap.plan_id((str(zone.name), str(zone.version)) for zone in zones)


def _seen_again(zone: Absent, before: Sighting | None, now: float) -> Sighting:
    """The sighting with one more absence; restarted if the zone was pushed since or has another version."""
    if before is None or before.version != zone.version or zone.pushed_at > before.first_at:
        return Sighting(name=zone.name, version=zone.version, server=zone.server, absences=1, first_at=now, last_at=now)
    return replace(before, absences=before.absences + 1, last_at=now)


def _is_ripe(sighting: Sighting, rules: Rules) -> bool:
    enough = sighting.absences >= rules.absences
    return enough and sighting.last_at - sighting.first_at >= rules.absent_s


def _is_under_way(sighting: Sighting, rules: Rules) -> bool:
    """Whether the zone counts towards the cap: on its way to deletion without an approval."""
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
