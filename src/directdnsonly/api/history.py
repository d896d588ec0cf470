"""A zone's history: its versions and who sent them, the difference of two versions, and rollback."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.models.zones import VERSION_ID, ReceiptView, WarningView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.pins import PinView
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.kept import PastVersion
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.shapes import LARGEST, AfterNumber, Limit, Moment, OwnerView, Page, Whole, ZonePath, failures
from directdnsonly.zone.diff import RRset, diff
from directdnsonly.zone.name import ZoneName

MOST_RRSETS = 10_000  # of each kind in one answer


class VersionView(BaseModel):
    """One version of a zone."""

    version: int
    version_id: str = Field(description=VERSION_ID)
    kind: Kind
    serial: int = Field(description="As published on the name servers")
    pushed_serial: int = Field(description="As pushed")
    records: int
    pusher: OwnerView = Field(description="Who sent it; not necessarily the owner")
    address: str
    source: str
    change_id: str
    at: Moment
    wanted: bool = Field(description="Whether this is the version to be served")
    warnings: list[WarningView]

    @classmethod
    def of(cls, past: PastVersion, *, wanted: int) -> VersionView:
        """The view of a record."""
        return cls(
            version=past.version,
            version_id=past.stated,
            kind=past.kind,
            serial=past.serial,
            pushed_serial=past.pushed_serial,
            records=past.records,
            pusher=OwnerView.of(past.pusher),
            address=past.address,
            source=past.source,
            change_id=past.change_id,
            at=past.at,
            wanted=past.version == wanted,
            warnings=WarningView.all_of(past.warnings),
        )


class HistoryPage(Page[VersionView]):
    """A part of a zone's history, newest first."""

    zone: str
    wanted_version: int
    pin: PinView | None


class RRsetView(BaseModel):
    """All records of one owner and type."""

    owner: str
    type: str
    ttl: int
    rdata: list[str]

    @classmethod
    def of(cls, rrset: RRset) -> RRsetView:
        """The view of a record."""
        return cls(owner=rrset.owner, type=rrset.type, ttl=rrset.ttl, rdata=list(rrset.rdata))


class ChangedRRset(BaseModel):
    """An RRset before and after."""

    before: RRsetView
    after: RRsetView


class DiffCounts(BaseModel):
    """How many RRsets were added, removed and changed, including those not shown."""

    added: int
    removed: int
    changed: int


class DiffView(BaseModel):
    """How one version became another; of each kind the first `limit` RRsets by owner and type."""

    zone: str
    from_version: int
    to_version: int
    counts: DiffCounts
    added: list[RRsetView]
    removed: list[RRsetView]
    changed: list[ChangedRRset]

    @classmethod
    def of(cls, name: ZoneName, older: tuple[int, str], newer: tuple[int, str], *, limit: int) -> DiffView:
        """The view of two versions and their texts."""
        found = diff(older[1], newer[1])
        return cls(
            zone=name,
            from_version=older[0],
            to_version=newer[0],
            counts=DiffCounts(added=len(found.added), removed=len(found.removed), changed=len(found.changed)),
            added=[RRsetView.of(rrset) for rrset in found.added[:limit]],
            removed=[RRsetView.of(rrset) for rrset in found.removed[:limit]],
            changed=[
                ChangedRRset(before=RRsetView.of(before), after=RRsetView.of(after))
                for before, after in found.changed[:limit]
            ],
        )


class RollbackRequest(BaseModel):
    """The version whose content is to be served again; `pin` also pins the zone there."""

    model_config = ConfigDict(extra="forbid")

    version: Whole = Field(ge=1, le=LARGEST, examples=[1])
    pin: bool = Field(False, strict=True)


def router(parts: ApiParts) -> APIRouter:
    """The routes over these parts. To be included before those of /zones/{zone}, which take any rest of a path."""
    api = APIRouter(prefix="/api/v1/zones", dependencies=[Depends(parts.asks)], tags=["history"])
    looking = parts.looking
    one_diff = asyncio.Lock()

    @api.get(
        "/{zone:zone}/history",
        summary="The versions of a zone, newest first: who sent each and when",
        responses=failures(404, 503),
    )
    async def list_versions(zone: ZonePath, after: AfterNumber = None, limit: Limit = 100) -> HistoryPage:
        name = ZoneName.parse(zone)
        wanted = await _wanted(looking, name)
        found = await looking.versions(name, before=after, limit=limit + 1)
        pin = await looking.pin_of(name)
        return HistoryPage.cut(
            found,
            limit,
            view=lambda past: VersionView.of(past, wanted=wanted),
            key=lambda past: past.version,
            zone=name,
            wanted_version=wanted,
            pin=PinView.of(pin) if pin else None,
        )

    @api.get(
        "/{zone:zone}/diff",
        summary="The difference of two versions, RRset by RRset",
        responses=failures(404, 410, 503),
    )
    async def diff_versions(
        zone: ZonePath,
        from_: Annotated[
            int | None, Query(alias="from", ge=1, le=LARGEST, description="Older version; default: the one before `to`")
        ] = None,
        to: Annotated[int | None, Query(ge=1, le=LARGEST, description="Newer version; default: the wanted one")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_RRSETS, description="How many RRsets of each kind to show")] = 1000,
    ) -> DiffView:
        name = ZoneName.parse(zone)
        newer = to if to is not None else await _wanted(looking, name)
        kept = await looking.versions(name, before=newer, limit=1)
        older = from_ if from_ is not None else kept[0].version if kept else newer
        texts = (older, await _text(looking, name, older)), (newer, await _text(looking, name, newer))
        async with one_diff:  # two large zones are 32 MiB of text, and a second of work that others need not wait for
            return await asyncio.to_thread(DiffView.of, name, *texts, limit=limit)

    @api.post(
        "/{zone:zone}/rollback",
        summary="Serve the content of an old version again, as a new version",
        responses=failures(400, 404, 410, 503),
    )
    async def roll_back_zone(zone: ZonePath, wanted: RollbackRequest, request: Request) -> ReceiptView:
        """The serial moves forward (RFC 1982). A signed zone whose serial would have to be rewritten is refused."""
        name, who = ZoneName.parse(zone), parts.asks(request)
        pushed = await parts.acts.zones.roll_back(name, wanted.version, who, pin=wanted.pin)
        return ReceiptView.of(pushed.receipt, pushed.warnings)

    return api


async def _wanted(looking: Looking, name: ZoneName) -> int:
    found = await looking.zone(name)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
    return found.version


async def _text(looking: Looking, name: ZoneName, version: int) -> str:
    """The text of a version; empty for a deletion. 404 when it is not kept."""
    text = await looking.published_text(name, version)
    if text is not None:
        return text
    kept = await looking.versions(name, before=version + 1, limit=1)
    if kept and kept[0].version == version:
        return ""
    raise HTTPException(HTTPStatus.NOT_FOUND, f"version {version} of {name} is not kept, or was never there")
