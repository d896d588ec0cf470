"""/api/v1/outbox: outstanding and dead deliveries with reasons, failed attempts, and reviving dead deliveries."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.models.zones import PlacementView
from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.deliveries import Attempt, Placement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.shapes import AfterNumber, Limit, Moment, Page, ZonePath, ZoneText, failures
from directdnsonly.zone.name import ZoneName

CURSOR = r"^([^/]{1,100}/-?[0-9]/[0-9]{1,12}(\.[0-9]{1,9})?/.{1,253})?$"


class Which(StrEnum):
    """Which deliveries are listed."""

    PENDING = "pending"  # waiting or running
    DEAD = "dead"


class DeliveryView(PlacementView):
    """One outstanding or dead delivery."""

    zone: str
    priority: str = Field(examples=["urgent"])

    @classmethod
    def of_delivery(cls, placement: Placement) -> DeliveryView:
        """The view of a record."""
        shown = PlacementView.of(placement).model_dump()
        return cls(**shown, zone=str(placement.name), priority=placement.priority.name.lower())


class ReviveRequest(BaseModel):
    """Which dead deliveries; both left out means all of them."""

    model_config = ConfigDict(extra="forbid")

    zone: ZoneText | None = Field(None, examples=["example.com"])
    backend: str | None = Field(None, max_length=100, examples=["bind"])


class Revived(BaseModel):
    """How many deliveries got all their attempts again."""

    revived: int


class AttemptView(BaseModel):
    """An attempt that did not end in proof."""

    id: int
    backend: str
    version: int
    state: State = Field(description="The state in which it left the delivery")
    attempt: int = Field(description="1 is the first try")
    reason: str
    at: Moment
    elapsed_s: float

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptView:
        """The view of a record."""
        return cls(
            id=attempt.id,
            backend=attempt.backend,
            version=attempt.version,
            state=attempt.state,
            attempt=attempt.attempt,
            reason=attempt.reason,
            at=attempt.at,
            elapsed_s=round(attempt.elapsed_s, 3),
        )


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts. To be included before those of /zones/{zone}, which take any rest of a path."""
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(parts.asks)], tags=["outbox"])
    looking = parts.looking

    @api.get("/outbox", summary="Outstanding or dead deliveries, in pages", responses=failures(404, 503))
    async def list_deliveries(
        state: Annotated[Which, Query(description="`pending`: waiting or running; `dead`: given up")] = Which.PENDING,
        backend: Annotated[str, Query(max_length=100)] = "",
        after: Annotated[str, Query(description="`next` of the page before", pattern=CURSOR)] = "",
        limit: Limit = 100,
    ) -> Page[DeliveryView]:
        listing = looking.dead if state is Which.DEAD else looking.outstanding
        try:
            page = await listing(backend=parts.acts.deliveries.known(backend), after=after, limit=limit)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return Page[DeliveryView](
            items=[DeliveryView.of_delivery(placement) for placement in page.placements], next=page.next or None
        )

    @api.post(
        "/outbox/revive",
        summary="Give dead deliveries all their attempts again, starting now",
        responses=failures(400, 404, 503),
    )
    async def revive_deliveries(wanted: ReviveRequest, request: Request) -> Revived:
        name = ZoneName.parse(wanted.zone) if wanted.zone is not None else None
        count = await parts.acts.deliveries.revive(parts.asks(request), name=name, backend=wanted.backend or "")
        return Revived(revived=count)

    @api.get(
        "/zones/{zone:zone}/attempts",
        summary="Attempts on a zone that did not end in proof, newest first",
        responses=failures(404, 503),
    )
    async def list_attempts(zone: ZonePath, after: AfterNumber = None, limit: Limit = 100) -> Page[AttemptView]:
        name = ZoneName.parse(zone)
        found = await looking.attempts(name, before=after, limit=limit + 1)
        if not found and await looking.zone(name) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        return Page[AttemptView].cut(found, limit, view=AttemptView.of, key=lambda attempt: attempt.id)

    return api
