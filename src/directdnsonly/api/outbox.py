"""/api/v1/outbox: what waits, what was given up and why, and giving it all its attempts again."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.audit import Auditor
from directdnsonly.api.models import PlacementView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.routes import address_of
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.records import Attempt, Event, Placement, Priority
from directdnsonly.shapes import AfterNumber, Limit, Moment, Page, ZonePath, ZoneText, failures
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

log = structlog.get_logger()
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
    state: State = Field(description="Where it left the delivery")
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

    async def credential(request: Request) -> str:
        return parts.authenticate(request)

    api = APIRouter(prefix="/api/v1", dependencies=[Depends(credential)], tags=["outbox"])
    store = parts.store

    def known(backend: str) -> str:
        if backend and backend not in parts.lanes():
            raise HTTPException(HTTPStatus.NOT_FOUND, f"backend {backend!a} is not configured")
        return backend

    @api.get("/outbox", summary="Deliveries that wait, or that were given up, in pages", responses=failures(404, 503))
    async def list_deliveries(
        state: Annotated[Which, Query(description="`pending`: waiting or running; `dead`: given up")] = Which.PENDING,
        backend: Annotated[str, Query(max_length=100)] = "",
        after: Annotated[str, Query(description="`next` of the page before", pattern=CURSOR)] = "",
        limit: Limit = 100,
    ) -> Page[DeliveryView]:
        listing = store.dead if state is Which.DEAD else store.outstanding
        try:
            page = await listing(backend=known(backend), after=after, limit=limit)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return Page[DeliveryView](
            items=[DeliveryView.of_delivery(placement) for placement in page.placements], next=page.next or None
        )

    @api.post(
        "/outbox/revive",
        summary="Give dead deliveries all their attempts again, at once",
        responses=failures(400, 404, 503),
    )
    async def revive_deliveries(wanted: ReviveRequest, request: Request) -> Revived:
        name = ZoneName.parse(wanted.zone) if wanted.zone is not None else None
        backend = known(wanted.backend or "")
        if name is not None and await store.zone(name) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        count = await store.revive(name=name, backend=backend)
        if count:
            parts.wake(Priority.BULK if name is None else Priority.INTERACTIVE)
            who, where = parts.authenticate(request), address_of(request)
            detail = f"{counted(count, 'delivery', 'deliveries')}, backend {backend or 'all'}"
            log.info(
                "delivery.revived", zone=name, backend=backend or None, revived=count, credential=who, address=where
            )
            await Auditor(store, parts.clock).keep(
                Event(
                    at=parts.clock.now_s(),
                    event="delivery.revived",
                    zone=name or "",
                    actor=who,
                    address=where,
                    detail=detail,
                )
            )
        return Revived(revived=count)

    @api.get(
        "/zones/{zone:zone}/attempts",
        summary="Attempts on a zone that did not end in proof, newest first",
        responses=failures(404, 503),
    )
    async def list_attempts(zone: ZonePath, after: AfterNumber = None, limit: Limit = 100) -> Page[AttemptView]:
        name = ZoneName.parse(zone)
        found = await store.attempts(name, before=after, limit=limit + 1)
        if not found and await store.zone(name) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        return Page[AttemptView].cut(found, limit, view=AttemptView.of, key=lambda attempt: attempt.id)

    return api
