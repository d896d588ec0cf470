"""Explains one zone: whether it is live, why not, since when, what to do, and the facts behind that.

The API (and so `dadns explain`) and the pages all show this explanation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from directdnsonly import advice
from directdnsonly.dispatch.proof import Asked
from directdnsonly.operate.asking import Answer, ask_lanes
from directdnsonly.operate.running import Running
from directdnsonly.operate.status import backend_state, shown_state
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.drift import HeldPush, HoldRule
from directdnsonly.outbox.facts import ZoneFacts
from directdnsonly.outbox.kept import Event, LostPush, PastVersion, Pin, Refused, ZoneSummary
from directdnsonly.outbox.lifecycle import State
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.verify.compare import Finding, Verdict
from directdnsonly.verify.verifier import Said
from directdnsonly.verify.wire import RCODES
from directdnsonly.wording import Calendar
from directdnsonly.zone.asked import names_meant


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPlace:
    """The zone on one backend. `answers`: empty if nobody can be asked; `stored`: None if the backend cannot read back."""

    placement: Placement
    state: State | Literal["stored"]
    standing: str
    answers: Sequence[Answer]
    stored: Verdict | None
    paused: advice.Stop | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The verdict and the facts behind it. `about` None: no zone of this name is known; `within`: the name lies in the zone."""

    asked: str
    zone: str
    within: bool
    judged: advice.Judgement
    about: ZoneSummary | None
    pin: Pin | None
    held: HeldPush | None
    places: Sequence[ExplainedPlace]
    refused: Sequence[Refused]  # since the last push that was accepted, newest first
    events: Sequence[Event]


class Explainer:
    """Gathers the facts of a zone, asks its name servers, and has them judged."""

    def __init__(self, parts: Running, lookout: Lookout, timezone: ZoneInfo) -> None:
        """`timezone`: the time zone of the times in its sentences."""
        self._parts, self._lookout, self._timezone = parts, lookout, timezone

    async def explain(self, asked: str) -> Explanation:
        """Explain the zone that a typed text means: a zone, a name in it, or a URL. Raises NameRefused, OutboxUnavailable."""
        found, within = await self._find(asked)
        said = await ask_lanes(self._parts.store.looking, self._parts.lanes, found.zone) if found.zone else {}
        lost = await self._parts.lost.find(found.name)
        # From here on nothing is waited for: a reload may have taken out a backend since these were read.
        found = replace(found, placements=[one for one in found.placements if one.backend in self._parts.lanes])
        facts = self._facts(found, lost, said)
        judged = advice.judge_zone(facts, Calendar(now=self._parts.clock.now_s(), timezone=self._timezone))
        return Explanation(
            asked=asked,
            zone=found.name,
            within=within,
            judged=judged,
            about=found.zone,
            pin=found.pin,
            held=found.held,
            places=[
                self._explained(placement, place, said.get(placement.backend))
                for placement, place in zip(found.placements, facts.places, strict=True)
            ],
            refused=found.standing,
            events=found.events,
        )

    async def _find(self, asked: str) -> tuple[ZoneFacts, bool]:
        """The zone meant: the name itself if we know anything of it, otherwise the nearest zone that contains it."""
        looking, names = self._parts.store.looking, names_meant(asked)
        found = [await looking.facts_of(name) for name in names]
        for one in found:
            if one.zone or one.refused or one.held or await self._parts.lost.find(one.name):
                return one, False
        for name in names:
            if holder := await looking.find_held(name.ancestors()):
                return await looking.facts_of(holder.name), True
        return found[-1], False

    def _facts(self, found: ZoneFacts, lost: LostPush | None, said: Mapping[str, Asked]) -> advice.Facts:
        zone = found.zone
        editions = [_edition(one) for one in found.versions]
        newest = None
        if zone is not None:
            newest = advice.Edition(
                version=zone.version, serial=zone.serial, at=zone.changed_at, deleted=zone.kind is Kind.DELETE
            )
        return advice.Facts(
            name=found.name,
            newest=newest,
            versions=editions,
            refused=_refusal(found, found.standing[0]) if found.standing else None,
            lost=_loss(found, lost) if lost else None,
            held=_waiting(found.held) if found.held else None,
            pin=_pinned(found, editions),
            orphan=self._lookout.orphan(zone, found.sighting) if zone else None,
            unclaimed=self._lookout.unclaimed(zone) if zone else None,
            places=[self._place(found, placement, said.get(placement.backend)) for placement in found.placements],
        )

    def _place(self, found: ZoneFacts, placement: Placement, asked: Asked | None) -> advice.Place:
        name = placement.backend
        lane, daemon, stop = self._parts.lanes[name].status(), self._parts.daemon(name), found.pauses.get(name)
        down = backend_state(lane, daemon) == "down"
        attempts = [one.at for one in found.attempts if one.backend == name and one.version == placement.want_version]
        stored = asked.stored if asked else None
        return advice.Place(
            backend=name,
            state=placement.state,
            want_version=placement.want_version,
            verified_version=placement.verified_version,
            verified_at=placement.verified_at,
            attempts=placement.attempts,
            reason=placement.reason,
            due_at=placement.due_at,
            failed_at=max(attempts, default=None),
            paused=advice.Stop(actor=stop.actor, reason=stop.reason, at=stop.at) if stop and lane.paused else None,
            down=down,
            down_since=lane.since if down else None,
            down_reason=lane.reason or (daemon.reason if daemon else ""),
            bundled=daemon is not None,
            answers=[_heard(one) for one in asked.said] if asked else (),
            stored=_heard_stored(name, stored) if stored else None,
        )

    def _explained(self, placement: Placement, place: advice.Place, asked: Asked | None) -> ExplainedPlace:
        return ExplainedPlace(
            placement=placement,
            state=shown_state(placement, self._parts.unasked()),
            standing=advice.standing(place),
            answers=[Answer.of(placement.backend, one) for one in asked.said] if asked else [],
            stored=asked.stored if asked else None,
            paused=place.paused,
        )


def _edition(one: PastVersion) -> advice.Edition:
    return advice.Edition(version=one.version, serial=one.serial, at=one.at, deleted=one.kind is Kind.DELETE)


def _refusal(found: ZoneFacts, refused: Refused) -> advice.Setback:
    reason = f"{refused.reason}, rule {refused.rule}"
    return advice.Setback(at=refused.at, reason=reason, sender=_sender(found, refused.owner))


def _loss(found: ZoneFacts, lost: LostPush) -> advice.Setback:
    what = "delete" if lost.kind is Kind.DELETE else "push"
    return advice.Setback(at=lost.at, reason=lost.reason, sender=_sender(found, lost.owner), what=what)


def _sender(found: ZoneFacts, who: Owner) -> str:
    """The sender of a push; empty if it is the zone's owner."""
    owner = found.zone.owner if found.zone else None
    is_owner = owner is not None and (who.hostname or who.credential) == (owner.hostname or owner.credential)
    return "" if is_owner else who.hostname or who.credential


def _pinned(found: ZoneFacts, editions: Sequence[advice.Edition]) -> advice.Pinned | None:
    pin = found.pin
    if pin is None:
        return None
    return advice.Pinned(
        actor=pin.actor,
        reason=pin.reason,
        at=pin.at,
        version=pin.version,
        waiting=next((one for one in editions if one.version == pin.waiting_version), None),
    )


def _waiting(held: HeldPush) -> advice.Waiting:
    whole_sentence = held.damaged or held.rule is HoldRule.OVERLAP
    reason = held.reason if whole_sentence else f"it {held.reason}"
    return advice.Waiting(at=held.at, reason=reason, digest=held.digest)


def _heard(said: Said) -> advice.Heard:
    answer, finding = said.answer, said.verdict.finding
    is_lame = finding is Finding.LAME
    return advice.Heard(
        server=said.server,
        proven=finding is Finding.PROVEN,
        answered=answer is not None and finding is not Finding.SILENT,
        serial=answer.serial if answer and not is_lame else None,
        said="without authority" if is_lame else RCODES.get(answer.rcode, str(answer.rcode)) if answer else "",
        reason=said.verdict.reason,
        same_serial=finding in {Finding.MISCOUNT, Finding.ALTERED},
        unread=finding is Finding.UNREAD,
    )


def _heard_stored(backend: str, stored: Verdict) -> advice.Heard:
    return advice.Heard(
        server=backend,
        proven=stored.finding is Finding.PROVEN,
        answered=stored.finding is not Finding.SILENT,
        reason=stored.reason,
    )
