"""/api/v1/zones/{zone}/explain: the verdict on one zone, with all that it stands on. The pages show the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import BaseModel, Field

from directdnsonly import advice
from directdnsonly.api.models import EventView, PauseView, PlacementView, RefusedView, ZoneView
from directdnsonly.api.parts import ApiParts, Lookout
from directdnsonly.api.pins import PinView
from directdnsonly.api.served import AskedLike, Asks, ServedView, ask_lanes
from directdnsonly.api.status import backend_state
from directdnsonly.outbox.drift import HeldPush, HoldRule
from directdnsonly.outbox.facts import ZoneFacts
from directdnsonly.outbox.records import Kind, LostPush, Owner, PastVersion, Placement, Refused
from directdnsonly.shapes import AskedPath, Moment, failures
from directdnsonly.verify.compare import Finding, Verdict
from directdnsonly.verify.verifier import Said
from directdnsonly.verify.wire import RCODES
from directdnsonly.wording import Calendar
from directdnsonly.zone.asked import names_meant


class CauseView(BaseModel):
    """One thing that is so, as all who tell of it say it."""

    cause: advice.Cause
    live: advice.Live = Field(description="What it makes of the zone")
    why: str
    do: str = Field(description="What to do; empty: nothing")
    since: Moment | None = Field(description="Null: nobody knows")
    backend: str = Field(description="Where it is so; empty: it is about the zone itself")

    @classmethod
    def of(cls, reason: advice.Reason) -> CauseView:
        """The view of a reason."""
        return cls(
            cause=reason.cause,
            live=reason.live,
            why=reason.why,
            do=reason.do,
            since=reason.since,
            backend=reason.backend,
        )


class StoredView(BaseModel):
    """What a backend reads where its name server reads (a database, its API)."""

    finding: Finding
    reason: str


class PlaceView(PlacementView):
    """One zone on one backend, and what is said of it there now."""

    standing: str = Field(description="`proven`, `stored, not proven: ...`, or its state")
    servers: list[ServedView] = Field(description="What each name server answers now; empty: nobody can be asked")
    stored: StoredView | None
    paused: PauseView | None


class WaitingView(BaseModel):
    """A push that waits for approval."""

    at: Moment
    rule: str
    reason: str
    digest: str


class ExplainView(BaseModel):
    """The verdict on one zone: live or not, why, since when, what customers get meanwhile, and what to do."""

    asked: str = Field(description="The name that was asked for", examples=["www.example.com"])
    zone: str = Field(description="The zone that holds it", examples=["example.com"])
    within: bool = Field(description="The name asked for is not the zone's own: it lies in the zone")
    live: advice.Live = Field(description="`live`: what customers get is what the newest push said")
    verdict: advice.Cause
    headline: str = Field(
        examples=[
            "NOT LIVE: the push of 07:45:45 was refused (line 37: no IPv4 address, rule syntax); customers get version 1"
        ]
    )
    since: Moment | None
    why: str
    customers: str
    do: str = Field(description="Empty: nothing to do")
    also: list[CauseView] = Field(description="What holds as well, the nearest cause first")
    about: ZoneView | None = Field(description="Null: no zone of this name is known")
    pin: PinView | None
    held: WaitingView | None
    places: list[PlaceView]
    refused: list[RefusedView] = Field(description="Pushes refused since the last one that was accepted, newest first")
    events: list[EventView]


class Explainer:
    """Gathers the facts of a zone, asks its name servers, and has them judged."""

    def __init__(
        self,
        parts: ApiParts,
        lanes: Callable[[], Mapping[str, Asks]],
        lookout: Lookout,
        timezone: ZoneInfo,
    ) -> None:
        self._parts, self._lanes, self._lookout, self._timezone = parts, lanes, lookout, timezone

    async def explain(self, asked: str) -> ExplainView:
        """Whatever somebody typed: a zone, a name in it, an address. Raises NameRefused, OutboxUnavailable."""
        found, within = await self._find(asked)
        said = await ask_lanes(self._parts.store, self._lanes(), found.zone) if found.zone else {}
        facts = self._facts(found, await self._parts.lost.find(found.name), said)
        judged = advice.judge_zone(facts, Calendar(now=self._parts.clock.now_s(), timezone=self._timezone))
        first, *others = judged.reasons
        return ExplainView(
            asked=asked,
            zone=found.name,
            within=within,
            live=judged.live,
            verdict=first.cause,
            headline=judged.headline,
            since=first.since,
            why=first.why,
            customers=judged.customers,
            do=first.do,
            also=[CauseView.of(reason) for reason in others],
            about=ZoneView.of(found.zone) if found.zone else None,
            pin=PinView.of(found.pin) if found.pin else None,
            held=_held_view(found),
            places=[
                self._place_view(placement, place, said)
                for placement, place in zip(found.placements, facts.places, strict=True)
            ],
            refused=[RefusedView.of(one) for one in found.standing],
            events=[EventView.of(event) for event in found.events],
        )

    async def _find(self, asked: str) -> tuple[ZoneFacts, bool]:
        """What is meant: the zone itself where we know anything of it, else the nearest zone that holds the name."""
        store, names = self._parts.store, names_meant(asked)
        found = [await store.facts_of(name) for name in names]
        for one in found:
            if one.zone or one.refused or one.held or await self._parts.lost.find(one.name):
                return one, False
        for name in names:
            if holder := await store.find_held(name.ancestors()):
                return await store.facts_of(holder.name), True
        return found[-1], False

    def _facts(self, found: ZoneFacts, lost: LostPush | None, said: Mapping[str, AskedLike]) -> advice.Facts:
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

    def _place(self, found: ZoneFacts, placement: Placement, asked: AskedLike | None) -> advice.Place:
        name = placement.backend
        lane, daemon, stop = self._parts.lanes()[name], self._parts.daemons().get(name), found.pauses.get(name)
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

    def _place_view(self, placement: Placement, place: advice.Place, said: Mapping[str, AskedLike]) -> PlaceView:
        asked, stop = said.get(placement.backend), place.paused
        return PlaceView(
            **PlacementView.of(placement, self._parts.unasked()).model_dump(),
            standing=advice.standing(place),
            servers=[ServedView.of(placement.backend, one) for one in asked.said] if asked else [],
            stored=StoredView(finding=asked.stored.finding, reason=asked.stored.reason)
            if asked and asked.stored
            else None,
            paused=PauseView(by=stop.actor, at=stop.at, reason=stop.reason) if stop else None,
        )


def router(explainer: Explainer) -> APIRouter:
    """The route. To be included before those of /zones/{zone}, which take any rest of a path."""
    api = APIRouter(prefix="/api/v1", tags=["zones"])

    @api.get(
        "/zones/{zone:zone}/explain",
        summary="Is it live, why not, since when, what do customers get, what to do",
        responses=failures(503),
    )
    async def explain_zone(zone: AskedPath) -> ExplainView:
        """Also for a name in a zone, or an address of the web: the zone that holds it is explained.

        The name servers are asked now, and judged as deliveries are. A name that no zone of ours holds is `unknown`.
        """
        return await explainer.explain(zone)

    return api


def _edition(one: PastVersion) -> advice.Edition:
    return advice.Edition(version=one.version, serial=one.serial, at=one.at, deleted=one.kind is Kind.DELETE)


def _refusal(found: ZoneFacts, refused: Refused) -> advice.Setback:
    reason = f"{refused.reason}, rule {refused.rule}"
    return advice.Setback(at=refused.at, reason=reason, sender=_sender(found, refused.owner))


def _loss(found: ZoneFacts, lost: LostPush) -> advice.Setback:
    what = "delete" if lost.kind is Kind.DELETE else "push"
    return advice.Setback(at=lost.at, reason=lost.reason, sender=_sender(found, lost.owner), what=what)


def _sender(found: ZoneFacts, who: Owner) -> str:
    """Who sent a push; empty when that is the zone's owner."""
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


def _held_view(found: ZoneFacts) -> WaitingView | None:
    held = found.held
    return WaitingView(at=held.at, rule=held.rule, reason=held.reason, digest=held.digest) if held else None


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
