"""/api/v1: zones, changes, refused pushes, events, status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from directdnsonly.api.changes import follow
from directdnsonly.api.models import (
    ChangeView,
    EventView,
    OwnerView,
    PlacementView,
    Problem,
    ReceiptView,
    RefusedView,
    StatusView,
    ZoneDetail,
    ZonePage,
    ZoneView,
)
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.status import status_of
from directdnsonly.outbox.records import Kind
from directdnsonly.zone.name import ZoneName

LONGEST_WAIT_S = 60.0

PROBLEMS: dict[int | str, dict[str, object]] = {
    401: {"model": Problem, "description": "No or wrong credentials"},
    404: {"model": Problem, "description": "There is no such thing"},
    422: {"model": Problem, "description": "The name or the zone is refused, with the reason"},
    503: {"model": Problem, "description": "The store cannot take it now; nothing was recorded"},
}
ZonePath = Annotated[
    str, Path(description="The zone's name; a slash in it (RFC 2317) as %2F", examples=["example.com"], max_length=1024)
]


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts."""

    async def credential(request: Request) -> str:
        return parts.authenticate(request)

    api = APIRouter(prefix="/api/v1", responses=PROBLEMS, dependencies=[Depends(credential)])
    store = parts.store

    @api.get("/status", tags=["service"], summary="The whole service at a glance")
    async def status() -> StatusView:
        return await status_of(parts)

    @api.get("/zones", tags=["zones"], summary="Zones by name, in pages")
    async def zones(
        after: Annotated[str, Query(description="`next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        search: Annotated[str, Query(description="Part of the name", max_length=253)] = "",
    ) -> ZonePage:
        found = await store.zones(after=after, limit=limit, search=search)
        return ZonePage(
            zones=[ZoneView.of(zone) for zone in found], next=str(found[-1].name) if len(found) == limit else None
        )

    @api.get("/zones/{zone:path}/text", tags=["zones"], summary="The zone file as published")
    async def zone_text(zone: ZonePath, version: Annotated[int | None, Query(ge=1)] = None) -> Response:
        text = await store.text(ZoneName.parse(zone), version)
        if text is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no text of {zone!a} in that version")
        return Response(text, media_type="text/dns")

    @api.get("/zones/{zone:path}", tags=["zones"], summary="A zone and its state on each backend")
    async def zone_detail(zone: ZonePath) -> ZoneDetail:
        name = ZoneName.parse(zone)
        found = await store.zone(name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        placements = [PlacementView.of(placement) for placement in await store.placements(name)]
        return ZoneDetail(**ZoneView.of(found).model_dump(), placements=placements)

    @api.put(
        "/zones/{zone:path}",
        tags=["zones"],
        summary="Create or replace a zone by its zone file",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "text/dns": {"schema": {"type": "string"}, "example": "$TTL 3600\n@ IN SOA ns1 hostmaster 1 ..."},
                    "text/plain": {"schema": {"type": "string"}},
                },
            }
        },
    )
    async def put_zone(zone: ZonePath, request: Request) -> ReceiptView:
        body = await _read_body(request, parts.max_body_bytes)
        pushed = await parts.pushes.put(
            ZoneName.parse(zone), body, credential=parts.authenticate(request), address=address_of(request)
        )
        return ReceiptView.of(pushed.receipt, pushed.warnings)

    @api.delete("/zones/{zone:path}", tags=["zones"], summary="Remove a zone from every name server")
    async def delete_zone(zone: ZonePath, request: Request) -> ReceiptView:
        name = ZoneName.parse(zone)
        found = await store.zone(name)
        if found is None or found.kind is Kind.DELETE:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: there is nothing to delete")
        return ReceiptView.of(
            await parts.pushes.delete(name, credential=parts.authenticate(request), address=address_of(request))
        )

    @api.get("/changes/{change_id}", tags=["changes"], summary="How far an accepted change has come")
    async def change(
        change_id: Annotated[str, Path(max_length=64)],
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait until it is done")] = 0.0,
    ) -> ChangeView:
        receipt = await store.receipt(change_id)
        if receipt is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"change {change_id!a} is unknown (or long ago)")
        return await follow(store, receipt, wait_s=wait)

    @api.get("/refused", tags=["pushes"], summary="Refused pushes and why, newest first")
    async def refused(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[RefusedView]:
        return [
            RefusedView(
                id=entry.id,
                change_id=entry.change_id,
                name=entry.name,
                rule=entry.rule,
                reason=entry.reason,
                owner=OwnerView.of(entry.owner),
                address=entry.address,
                at=entry.at,
            )
            for entry in await store.refused(limit=limit)
        ]

    @api.get("/events", tags=["service"], summary="The audit, newest first")
    async def events(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, zone: Annotated[str, Query(max_length=253)] = ""
    ) -> list[EventView]:
        return [
            EventView(
                id=entry.id,
                at=entry.at,
                event=entry.event,
                zone=entry.zone,
                actor=entry.actor,
                address=entry.address,
                detail=entry.detail,
            )
            for entry in await store.events(limit=limit, zone=zone)
        ]

    return api


def address_of(request: Request) -> str:
    """Whom the request came from."""
    return request.client.host if request.client else ""


async def _read_body(request: Request, limit: int) -> bytes:
    """The raw body, counted while it comes in."""
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)
