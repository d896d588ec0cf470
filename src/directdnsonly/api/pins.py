"""/api/v1/zones/{zone}/pin: keep a zone at what it serves until an operator releases it."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.models.zones import ReceiptView
from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.kept import Pin
from directdnsonly.shapes import LARGEST, Moment, Whole, ZonePath, failures
from directdnsonly.zone.name import ZoneName


class PinView(BaseModel):
    """A zone that keeps what it serves."""

    version: int
    actor: str
    address: str
    reason: str
    at: Moment
    waiting_version: int | None = Field(description="Newest version recorded meanwhile, served when released")

    @classmethod
    def of(cls, pin: Pin) -> PinView:
        """The view of a record."""
        return cls(
            version=pin.version,
            actor=pin.actor,
            address=pin.address,
            reason=pin.reason,
            at=pin.at,
            waiting_version=pin.waiting_version,
        )


class PinRequest(BaseModel):
    """The reason, for whoever finds the pin later. `version` guards against a push that came a moment ago."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=500)
    version: Whole | None = Field(None, ge=1, le=LARGEST)


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts. To be included before those of /zones/{zone}, which take any rest of a path."""
    api = APIRouter(prefix="/api/v1/zones", dependencies=[Depends(parts.asks)], tags=["history"])

    @api.get("/{zone:zone}/pin", summary="The pin of a zone", responses=failures(404, 503))
    async def get_pin(zone: ZonePath) -> PinView:
        name = ZoneName.parse(zone)
        found = await parts.looking.pin_of(name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{name} is not pinned")
        return PinView.of(found)

    @api.put(
        "/{zone:zone}/pin",
        summary="Pin the zone at the wanted version; pushes and deletes are recorded, but wait",
        responses=failures(400, 404, 503),
    )
    async def put_pin(zone: ZonePath, request: Request, wanted: PinRequest | None = None) -> PinView:
        asked = wanted or PinRequest()
        name, who = ZoneName.parse(zone), parts.asks(request)
        return PinView.of(await parts.acts.zones.pin(name, who, reason=asked.reason, version=asked.version))

    @api.delete(
        "/{zone:zone}/pin",
        summary="Release the zone: the newest version recorded meanwhile is served",
        responses=failures(404, 503),
    )
    async def delete_pin(zone: ZonePath, request: Request) -> ReceiptView:
        return ReceiptView.of(await parts.acts.zones.unpin(ZoneName.parse(zone), parts.asks(request)))

    return api
