"""Pinning: a zone that serves on what it has, until a person releases it."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.audit import Auditor
from directdnsonly.api.models import ReceiptView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.routes import address_of
from directdnsonly.outbox.records import Event, NewPin, Pin, Receipt
from directdnsonly.shapes import LARGEST, Moment, ZonePath, failures
from directdnsonly.zone.name import ZoneName

log = structlog.get_logger()


class PinView(BaseModel):
    """A zone that keeps what it serves."""

    version: int
    actor: str
    address: str
    reason: str
    at: Moment
    waiting_version: int | None = Field(description="Newest version that came meanwhile, served when released")

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
    """Why, for those who find the pin later. `version` guards against a push that came a moment ago."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=500)
    version: int | None = Field(None, ge=1, le=LARGEST, strict=True)


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts. To be included before those of /zones/{zone}, which take any rest of a path."""

    async def credential(request: Request) -> str:
        return parts.authenticate(request)

    api = APIRouter(prefix="/api/v1/zones", dependencies=[Depends(credential)], tags=["history"])

    @api.get("/{zone:zone}/pin", summary="The pin of a zone", responses=failures(404, 503))
    async def get_pin(zone: ZonePath) -> PinView:
        name = ZoneName.parse(zone)
        found = await parts.store.pin_of(name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{name} is not pinned")
        return PinView.of(found)

    @api.put(
        "/{zone:zone}/pin",
        summary="Serve on what is wanted now; pushes and deletes are recorded, and wait",
        responses=failures(400, 404, 503),
    )
    async def put_pin(zone: ZonePath, request: Request, wanted: PinRequest | None = None) -> PinView:
        return PinView.of(await pin_zone(parts, ZoneName.parse(zone), request, wanted or PinRequest()))

    @api.delete(
        "/{zone:zone}/pin",
        summary="Release: the newest version that came meanwhile is served",
        responses=failures(404, 503),
    )
    async def delete_pin(zone: ZonePath, request: Request) -> ReceiptView:
        name = ZoneName.parse(zone)
        released = await parts.pushes.unpin(name, credential=parts.authenticate(request), address=address_of(request))
        if released is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{name} is not pinned")
        await note(parts, "zone.released", name, request, _what_is_next(released))
        return ReceiptView.of(released)

    return api


async def pin_zone(parts: ApiParts, name: ZoneName, request: Request, wanted: PinRequest) -> Pin:
    """Pin, with the audit of it. Raises HTTPException 404, and ZonePolicyError when another version is wanted now."""
    who, where = parts.authenticate(request), address_of(request)
    pin = await parts.store.pin(
        NewPin(name=name, actor=who, address=where, reason=wanted.reason, version=wanted.version)
    )
    if pin is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown, or deleted: there is nothing to pin")
    await note(parts, "zone.pinned", name, request, f"version {pin.version}: {wanted.reason}")
    return pin


async def note(parts: ApiParts, event: str, name: ZoneName, request: Request, detail: str) -> None:
    """The audit and the log of what a person did to a zone."""
    who, where = parts.authenticate(request), address_of(request)
    at = parts.clock.now_s()
    log.info(event, zone=name, detail=detail, credential=who, address=where)
    audit = Auditor(parts.store, parts.clock)
    await audit.keep(Event(at=at, event=event, zone=name, actor=who, address=where, detail=detail))


def _what_is_next(receipt: Receipt) -> str:
    if not receipt.changed:
        return f"version {receipt.version} is served on: nothing came meanwhile"
    return f"version {receipt.version} ({receipt.kind}) is wanted now"
