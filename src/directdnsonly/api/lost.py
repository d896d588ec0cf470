"""/api/v1/lost: pushes that were answered error=1 because they could not be recorded. They must be pushed again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from directdnsonly.api.models.pushes import LostView
from directdnsonly.api.parts import ApiParts
from directdnsonly.shapes import Limit, Page, ZoneQuery, failures, looked_for

MOST = 20_000  # more than are kept
CURSOR = r"^([0-9]{1,12}(\.[0-9]{1,9})?/.{1,253})?$"


class Forgotten(BaseModel):
    """How many were forgotten."""

    forgotten: int = Field(examples=[1])


def router(parts: ApiParts) -> APIRouter:
    """The router of lost pushes; the guard authenticates."""
    api = APIRouter(prefix="/api/v1", tags=["outbox"])

    @api.get("/lost", summary="Pushes that could not be recorded when they came, newest first", responses=failures(503))
    async def list_lost(
        after: Annotated[str, Query(pattern=CURSOR, description="`next` of the page before")] = "",
        limit: Limit = 100,
        zone: ZoneQuery = "",
    ) -> Page[LostView]:
        """One of each zone. What was recorded of a zone since makes it good."""
        if name := looked_for(zone):
            found = await parts.running.lost.find(name)
            return Page[LostView](items=[LostView.of(found)] if found else [], next=None)
        newest = sorted((-one.at, one.name, one) for one in await parts.running.lost.newest(MOST))
        at, _, last = after.partition("/")
        behind = [one for *place, one in newest if not after or (*place,) > (-float(at), last)]
        return Page[LostView].cut(behind, limit, view=LostView.of, key=lambda one: f"{one.at!r}/{one.name}")

    @api.delete("/lost", summary="Forget lost pushes that have been dealt with", responses=failures(503))
    async def forget_lost(request: Request, zone: ZoneQuery = "") -> Forgotten:
        who = parts.asks(request)
        return Forgotten(forgotten=await parts.acts.deliveries.forget_lost(looked_for(zone), who, asked=zone))

    return api
