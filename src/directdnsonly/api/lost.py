"""/api/v1/lost: pushes that were answered error=1 because they could not be recorded. They must be pushed again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from directdnsonly.api.models import LostView
from directdnsonly.api.parts import ApiParts, Audit
from directdnsonly.api.problem import RESPONSES
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName


class Forgotten(BaseModel):
    """How many were forgotten."""

    forgotten: int = Field(examples=[1])


def router(parts: ApiParts, audit: Audit) -> APIRouter:
    """The two routes; the guard asks who it is."""
    api = APIRouter(prefix="/api/v1", responses=RESPONSES, tags=["outbox"])

    @api.get("/lost", summary="Pushes that could not be recorded when they came, newest first")
    async def lost(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        zone: Annotated[str, Query(description="Of this zone only", max_length=1024)] = "",
    ) -> list[LostView]:
        """One of each zone. What was recorded of a zone since makes it good."""
        if zone:
            found = await parts.lost.find(ZoneName.parse(zone))
            return [LostView.of(found)] if found else []
        return [LostView.of(one) for one in await parts.lost.newest(limit)]

    @api.delete("/lost", summary="Forget them: somebody has looked at it")
    async def forget(
        request: Request, zone: Annotated[str, Query(description="Of this zone only", max_length=1024)] = ""
    ) -> Forgotten:
        forgotten = await parts.lost.forget(ZoneName.parse(zone) if zone else None)
        if forgotten:
            await audit(request, "lost.forgotten", zone=zone, detail=counted(forgotten, "lost push", "lost pushes"))
        return Forgotten(forgotten=forgotten)

    return api
