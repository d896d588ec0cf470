"""/api/v1/zones/{zone}/explain: the verdict on one zone, with the facts behind it. The pages show the same."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from directdnsonly import advice
from directdnsonly.api.models.pushes import EventView, RefusedView
from directdnsonly.api.models.status import PauseView
from directdnsonly.api.models.zones import PlacementView, ZoneView
from directdnsonly.api.pins import PinView
from directdnsonly.api.served import ServedView
from directdnsonly.operate.explain import ExplainedPlace, Explainer, Explanation
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.shapes import AskedPath, Moment, failures
from directdnsonly.verify.compare import Finding, Verdict


class CauseView(BaseModel):
    """One reason, in the same words as everywhere else."""

    cause: advice.Cause
    live: advice.Live = Field(description="The verdict that this reason causes")
    why: str
    do: str = Field(description="What to do; empty: nothing")
    since: Moment | None = Field(description="Null: nobody knows")
    backend: str = Field(description="The backend concerned; empty: it is about the zone itself")

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
    """What a backend reads back from its name server's storage (a database, its API)."""

    finding: Finding
    reason: str

    @classmethod
    def of(cls, stored: Verdict) -> StoredView:
        """The view of what the lane found."""
        return cls(finding=stored.finding, reason=stored.reason)


class PlaceView(PlacementView):
    """One zone on one backend, and what its name servers say now."""

    standing: str = Field(description="`proven`, `stored, not proven: ...`, or its state")
    servers: list[ServedView] = Field(description="What each name server answers now; empty: nobody can be asked")
    stored: StoredView | None
    paused: PauseView | None

    @classmethod
    def of_place(cls, place: ExplainedPlace) -> PlaceView:
        """The view of one backend's part."""
        placement = place.placement
        unasked = (placement.backend,) if place.state == "stored" else ()
        return cls(
            **PlacementView.of(placement, unasked).model_dump(),
            standing=place.standing,
            servers=[ServedView.of(answer) for answer in place.answers],
            stored=StoredView.of(place.stored) if place.stored else None,
            paused=PauseView.of(place.paused) if place.paused else None,
        )


class WaitingView(BaseModel):
    """A push that waits for approval."""

    at: Moment
    rule: str
    reason: str
    digest: str

    @classmethod
    def of(cls, held: HeldPush) -> WaitingView:
        """The view of a record."""
        return cls(at=held.at, rule=held.rule, reason=held.reason, digest=held.digest)


class ExplainView(BaseModel):
    """The verdict on one zone: live or not, why, since when, what customers get meanwhile, and what to do."""

    asked: str = Field(description="The requested name", examples=["www.example.com"])
    zone: str = Field(description="The zone that contains the name", examples=["example.com"])
    within: bool = Field(description="The requested name is not the zone's own but lies within the zone")
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
    also: list[CauseView] = Field(description="Further reasons, the most likely cause first")
    about: ZoneView | None = Field(description="Null: no zone of this name is known")
    pin: PinView | None
    held: WaitingView | None
    places: list[PlaceView]
    refused: list[RefusedView] = Field(description="Pushes refused since the last one that was accepted, newest first")
    events: list[EventView]

    @classmethod
    def of(cls, told: Explanation) -> ExplainView:
        """The view of a verdict and its grounds."""
        first, *others = told.judged.reasons
        return cls(
            asked=told.asked,
            zone=told.zone,
            within=told.within,
            live=told.judged.live,
            verdict=first.cause,
            headline=told.judged.headline,
            since=first.since,
            why=first.why,
            customers=told.judged.customers,
            do=first.do,
            also=[CauseView.of(reason) for reason in others],
            about=ZoneView.of(told.about) if told.about else None,
            pin=PinView.of(told.pin) if told.pin else None,
            held=WaitingView.of(told.held) if told.held else None,
            places=[PlaceView.of_place(place) for place in told.places],
            refused=[RefusedView.of(one) for one in told.refused],
            events=[EventView.of(event) for event in told.events],
        )


def router(explainer: Explainer) -> APIRouter:
    """The route. To be included before those of /zones/{zone}, which take any rest of a path."""
    api = APIRouter(prefix="/api/v1", tags=["zones"])

    @api.get(
        "/zones/{zone:zone}/explain",
        summary="Explain whether a zone is live, why not, since when, what customers get, and what to do",
        responses=failures(503),
    )
    async def explain_zone(zone: AskedPath) -> ExplainView:
        """Also for a name in a zone, or an address of the web: the zone that holds it is explained.

        The name servers are asked now, and judged as deliveries are. A name that no zone of ours holds is `unknown`.
        """
        return ExplainView.of(await explainer.explain(zone))

    return api
