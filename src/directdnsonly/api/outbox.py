"""/api/v1/outbox: what waits, what was given up and why, and giving it all its attempts again."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.audit import Auditor
from directdnsonly.api.models import Moment, PlacementView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.problem import RESPONSES
from directdnsonly.api.routes import ZonePath, address_of
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.records import Event, Placement, Priority
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

log = structlog.get_logger()


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


class DeliveryPage(BaseModel):
    """A page of deliveries."""

    deliveries: list[DeliveryView]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last page")


class ReviveRequest(BaseModel):
    """Which dead deliveries; both left out means all of them."""

    model_config = ConfigDict(extra="forbid")

    zone: str | None = Field(None, max_length=1024, examples=["example.com"])
    backend: str | None = Field(None, max_length=100, examples=["bind"])


class Revived(BaseModel):
    """How many deliveries got all their attempts again."""

    revived: int


class AttemptView(BaseModel):
    """An attempt that did not end in proof."""

    backend: str
    version: int
    state: State = Field(description="Where it left the delivery")
    attempt: int = Field(description="1 is the first try")
    reason: str
    at: Moment
    elapsed_s: float


class AttemptsView(BaseModel):
    """The newest of them first."""

    zone: str
    attempts: list[AttemptView]


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts. To be included before those of /zones/{zone}, which take any rest of a path."""

    async def credential(request: Request) -> str:
        return parts.authenticate(request)

    api = APIRouter(prefix="/api/v1", responses=RESPONSES, dependencies=[Depends(credential)], tags=["outbox"])
    store = parts.store

    def known(backend: str) -> str:
        if backend and backend not in parts.lanes():
            raise HTTPException(HTTPStatus.NOT_FOUND, f"backend {backend!a} is not configured")
        return backend

    @api.get("/outbox", summary="Deliveries that wait, or that were given up, in pages")
    async def outbox(
        state: Annotated[Which, Query(description="`pending`: waiting or running; `dead`: given up")] = Which.PENDING,
        backend: Annotated[str, Query(max_length=100)] = "",
        after: Annotated[str, Query(description="`next` of the page before", max_length=2048)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> DeliveryPage:
        listing = store.dead if state is Which.DEAD else store.outstanding
        try:
            page = await listing(backend=known(backend), after=after, limit=limit)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return DeliveryPage(
            deliveries=[DeliveryView.of_delivery(placement) for placement in page.placements], next=page.next or None
        )

    @api.post("/outbox/revive", summary="Give dead deliveries all their attempts again, at once")
    async def revive(wanted: ReviveRequest, request: Request) -> Revived:
        name = ZoneName.parse(wanted.zone) if wanted.zone is not None else None
        backend = known(wanted.backend or "")
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

    @api.get("/zones/{zone:zone}/attempts", summary="Attempts on a zone that did not end in proof, newest first")
    async def attempts(zone: ZonePath, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> AttemptsView:
        name = ZoneName.parse(zone)
        found = [
            AttemptView(
                backend=attempt.backend,
                version=attempt.version,
                state=attempt.state,
                attempt=attempt.attempt,
                reason=attempt.reason,
                at=attempt.at,
                elapsed_s=round(attempt.elapsed_s, 3),
            )
            for attempt in await store.attempts(name, limit=limit)
        ]
        return AttemptsView(zone=name, attempts=found)

    return api
