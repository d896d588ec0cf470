"""/api/v1: zones, changes, refused pushes, events, status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request, Response

from directdnsonly.accept.acceptance import Accepted
from directdnsonly.api.changes import follow
from directdnsonly.api.models.pushes import EventView, RefusedView
from directdnsonly.api.models.zones import ChangeView, PlacementView, ReceiptView, ZoneDetail, ZoneView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.rrsets import EXAMPLE_JSON, EXAMPLE_TEXT
from directdnsonly.api.writing import ZONE_FILE, Once, WriteHeaders, read_body, zone_text
from directdnsonly.door.place import place_of
from directdnsonly.outbox.changes import Terms
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.operators import ZoneFilter
from directdnsonly.shapes import (
    LARGEST,
    AfterName,
    AfterNumber,
    Limit,
    Page,
    Since,
    ZonePath,
    ZoneQuery,
    failures,
    looked_for,
)
from directdnsonly.zone.name import ZoneName

LONGEST_WAIT_S = 60.0

_WRITING = """`If-Match: "5"` (the ETag of the zone): only when that is still the newest version, else 412.
`If-None-Match: *`: only when there is no such zone. `Idempotency-Key`: a repetition within a day changes nothing and
gets the first answer, with `Idempotency-Replayed: true`. A zone as JSON may have 1 MiB; a larger one comes as text/dns."""
_WAIT = """Seconds to wait at most until it is done. The answer comes earlier, with what is known, when a place is needed
or when the credential waits for many changes: ask again after a second when `done` is false"""


class ZoneFile(Response):
    """A zone file (RFC 4027)."""

    media_type = "text/dns"


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts."""
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(parts.asks)])
    looking = parts.looking
    once = Once(looking)

    @api.get("/zones", tags=["zones"], summary="Zones by name, in pages", responses=failures(503))
    async def list_zones(
        after: AfterName = "",
        limit: Limit = 100,
        search: Annotated[str, Query(description="Only names that contain this", max_length=253)] = "",
        owner: Annotated[str, Query(description="DirectAdmin host name, credential or DA user", max_length=253)] = "",
        state: Annotated[State | None, Query(description="Only zones in this state on `backend`, or on any")] = None,
        backend: Annotated[str, Query(description="Delivered to this backend", max_length=64)] = "",
    ) -> Page[ZoneView]:
        wanted = ZoneFilter(search=search, owner=owner, state=str(state or ""), backend=backend)
        found = await looking.listed(wanted, after=after, limit=limit + 1)
        return Page[ZoneView].cut(found, limit, view=ZoneView.of, key=lambda zone: zone.name)

    @api.get(
        "/zones/{zone:zone}/text",
        tags=["zones"],
        summary="The zone file as published",
        response_class=ZoneFile,
        responses=failures(404, 410, 503),
    )
    async def get_zone_text(zone: ZonePath, version: Annotated[int | None, Query(ge=1, le=LARGEST)] = None) -> Response:
        text = await looking.published_text(ZoneName.parse(zone), version)
        if text is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no text of {zone!a} in that version")
        return ZoneFile(text)

    @api.get(
        "/zones/{zone:zone}",
        tags=["zones"],
        summary="A zone and its state on each backend",
        responses=failures(404, 503),
    )
    async def get_zone(zone: ZonePath, response: Response) -> ZoneDetail:
        name = ZoneName.parse(zone)
        found = await looking.zone(name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        response.headers["ETag"] = f'"{found.version}"'
        placements = [
            PlacementView.of(placement, parts.running.unasked()) for placement in await looking.placements(name)
        ]
        return ZoneDetail(**ZoneView.of(found).model_dump(), placements=placements)

    @api.put(
        "/zones/{zone:zone}",
        tags=["zones"],
        summary="Create or replace a zone by its zone file, or by JSON",
        description=_WRITING,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    **{kind: {"schema": {"type": "string"}, "example": EXAMPLE_TEXT} for kind in ZONE_FILE},
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/ZoneContent"},
                        "example": EXAMPLE_JSON,
                    },
                },
            }
        },
        responses=failures(400, 408, 409, 412, 413, 415, 503),
    )
    async def put_zone(
        zone: ZonePath, request: Request, response: Response, headers: Annotated[WriteHeaders, Header()]
    ) -> ReceiptView:
        name, who = ZoneName.parse(zone), parts.asks(request)
        with parts.bodies.share() as share:
            body = await read_body(request, share, limit=parts.bodies.largest_bytes, timeout_s=parts.bodies.timeout_s)
            text = zone_text(request, body)

            async def act(terms: Terms) -> Accepted:
                return await parts.acts.zones.put(name, text, who, terms=terms)

            pushed, replayed = await once.run(request, headers, who.name, body, act)
        return _told(pushed, response, replayed=replayed)

    @api.delete(
        "/zones/{zone:zone}",
        tags=["zones"],
        summary="Remove a zone from every name server",
        description=_WRITING,
        responses=failures(400, 404, 409, 412, 503),
    )
    async def delete_zone(
        zone: ZonePath, request: Request, response: Response, headers: Annotated[WriteHeaders, Header()]
    ) -> ReceiptView:
        name, who = ZoneName.parse(zone), parts.asks(request)

        async def act(terms: Terms) -> Accepted:
            return Accepted(receipt=await parts.acts.zones.delete(name, who, terms=terms))

        pushed, replayed = await once.run(request, headers, who.name, b"", act)
        return _told(pushed, response, replayed=replayed)

    @api.get(
        "/changes/{change_id}",
        tags=["changes"],
        summary="The state of an accepted change",
        responses=failures(404, 503),
    )
    async def get_change(
        request: Request,
        change_id: Annotated[str, Path(max_length=64, examples=["01M8HW2GD5Q5XPG5SC7BJAW4ZY"])],
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description=_WAIT)] = 0.0,
    ) -> ChangeView:
        receipt = await looking.receipt(change_id)
        if receipt is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"change {change_id!a} is unknown (or long ago)")
        who, place = parts.asks(request).name, place_of(request.scope)
        return await follow(looking, receipt, wait_s=wait, who=who, place=place, unasked=parts.running.unasked())

    @api.get("/refused", tags=["pushes"], summary="Refused pushes and why, newest first", responses=failures(503))
    async def list_refused(
        after: AfterNumber = None,
        limit: Limit = 100,
        zone: ZoneQuery = "",
        server: Annotated[str, Query(max_length=253, description="Only pushes of this host name or credential")] = "",
        rule: Annotated[str, Query(max_length=64, description="Only pushes refused by this rule")] = "",
    ) -> Page[RefusedView]:
        name = zone.rstrip(".").lower()
        found = await looking.refused(name=name, server=server, rule=rule, before=after, limit=limit + 1, bodies=False)
        return Page[RefusedView].cut(found, limit, view=RefusedView.of, key=lambda entry: entry.id)

    @api.get("/events", tags=["service"], summary="The audit, newest first", responses=failures(503))
    async def list_events(
        after: AfterNumber = None,
        limit: Limit = 100,
        since: Since = None,
        event: Annotated[
            str, Query(max_length=64, description="Only events of this kind, see docs/log-events.md")
        ] = "",
        actor: Annotated[str, Query(max_length=253, description="Only events by this credential")] = "",
        zone: ZoneQuery = "",
    ) -> Page[EventView]:
        name = looked_for(zone) or ""
        found = await looking.events(zone=name, event=event, actor=actor, since=since, before=after, limit=limit + 1)
        return Page[EventView].cut(found, limit, view=EventView.of, key=lambda entry: entry.id)

    return api


def _told(pushed: Accepted, response: Response, *, replayed: bool) -> ReceiptView:
    response.headers["ETag"] = f'"{pushed.receipt.version}"'
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return ReceiptView.of(pushed.receipt, pushed.warnings)
