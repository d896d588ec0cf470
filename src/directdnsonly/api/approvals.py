"""/api/v1/held and /api/v1/migrations: approve or reject held pushes, announce moves between servers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.drift import HeldPush, Migration
from directdnsonly.shapes import LARGEST, AfterNumber, Limit, Moment, OwnerView, Page, ZonePath, ZoneText, failures
from directdnsonly.zone.name import ZoneName

LONGEST_MOVE_HOURS = 24 * 90
CURSOR = r"^([0-9]{1,12}(\.[0-9]{1,9})?/.{1,253})?$"
Digest = Annotated[str, Path(min_length=12, max_length=128, pattern="^[0-9A-Fa-f]+$", examples=["f3747a8a88d9a555"])]


class HeldView(BaseModel):
    """A push that waits for approval."""

    zone: str
    digest: str = Field(description="Digest of the content, by which it is approved (at least the first 12 digits)")
    rule: str = Field(description="loss, takeover, or overlap: a new zone above or below another server's")
    reason: str
    difference: str = Field(description="Records added and removed, one per line")
    owner: OwnerView = Field(description="Who sent it")
    address: str
    at: Moment

    @classmethod
    def of(cls, held: HeldPush) -> HeldView:
        """The view of a record."""
        return cls(
            zone=held.name,
            digest=held.digest,
            rule=held.rule,
            reason=held.reason,
            difference=held.difference,
            owner=OwnerView.of(held.owner),
            address=held.address,
            at=held.at,
        )


class Decided(BaseModel):
    """What became of a held push."""

    zone: str
    approved: bool
    version: int | None = None
    change_id: str = ""


class NewMigration(BaseModel):
    """A move to announce."""

    model_config = ConfigDict(extra="forbid")

    from_server: str = Field(
        min_length=1,
        max_length=253,
        description="Host name of the server that the zones leave",
        examples=["da1.example.com"],
    )
    to_server: str = Field(
        min_length=1,
        max_length=253,
        description="Host name of the server that the zones move to",
        examples=["da2.example.com"],
    )
    zones: list[ZoneText] = Field(
        [], max_length=10_000, description="The zones that move; empty: all", examples=[["example.com"]]
    )
    hours: float = Field(24.0, gt=0, le=LONGEST_MOVE_HOURS, examples=[24], strict=True)


class MigrationView(BaseModel):
    """An announced move."""

    id: int
    from_server: str
    to_server: str
    zones: list[str]
    until: Moment

    @classmethod
    def of(cls, move: Migration) -> MigrationView:
        """The view of a record."""
        return cls(
            id=move.id,
            from_server=move.former,
            to_server=move.server,
            zones=list(move.zones),
            until=move.until,
        )


class Closed(BaseModel):
    """A move that is over."""

    id: int


def router(parts: ApiParts) -> APIRouter:
    """The routes over the acts."""
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(parts.asks)])
    approvals = parts.acts.approvals

    @api.get("/held", tags=["held"], summary="Pushes held for approval, oldest first", responses=failures(503))
    async def list_held(
        after: Annotated[str, Query(pattern=CURSOR, description="`next` of the page before")] = "", limit: Limit = 100
    ) -> Page[HeldView]:
        try:
            found = await approvals.waiting(limit + 1, after=after)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return Page[HeldView].cut(found, limit, view=HeldView.of, key=lambda one: f"{one.at!r}/{one.name}")

    @api.post(
        "/held/{zone:zone}/approve/{digest}",
        tags=["held"],
        summary="Approve a held push, so that it is served",
        responses=failures(404, 409, 503),
    )
    async def approve_held(zone: ZonePath, digest: Digest, request: Request) -> Decided:
        waiting = await approvals.find(ZoneName.parse(zone), digest)
        receipt = await approvals.approve(waiting, parts.asks(request))
        return Decided(zone=receipt.name, approved=True, version=receipt.version, change_id=receipt.change_id)

    @api.post(
        "/held/{zone:zone}/reject/{digest}",
        tags=["held"],
        summary="Discard a held push",
        responses=failures(404, 503),
    )
    async def reject_held(zone: ZonePath, digest: Digest, request: Request) -> Decided:
        waiting = await approvals.find(ZoneName.parse(zone), digest)
        await approvals.reject(waiting, parts.asks(request))
        return Decided(zone=waiting.name, approved=False)

    @api.get(
        "/migrations", tags=["held"], summary="Announced moves between DirectAdmin servers", responses=failures(503)
    )
    async def list_migrations(after: AfterNumber = None, limit: Limit = 100) -> Page[MigrationView]:
        found = await approvals.migrations(after=after or 0, limit=limit + 1)
        return Page[MigrationView].cut(found, limit, view=MigrationView.of, key=lambda move: move.id)

    @api.post(
        "/migrations",
        tags=["held"],
        status_code=HTTPStatus.CREATED,
        summary="Announce that zones move from one server to another",
        responses=failures(400, 503),
    )
    async def open_migration(new: NewMigration, request: Request) -> MigrationView:
        zones = [ZoneName.parse(zone) for zone in new.zones]
        former, server = (name.lower().removesuffix(".") for name in (new.from_server, new.to_server))
        return MigrationView.of(
            await approvals.open_migration(former, server, zones, lasts_s=new.hours * 3600, who=parts.asks(request))
        )

    @api.delete(
        "/migrations/{migration_id}",
        tags=["held"],
        summary="Close an announced move before its time is up",
        responses=failures(404, 503),
    )
    async def close_migration(
        number: Annotated[int, Path(alias="migration_id", ge=1, le=LARGEST, examples=[1])], request: Request
    ) -> Closed:
        await approvals.close_migration(number, parts.asks(request))
        return Closed(id=number)

    return api
