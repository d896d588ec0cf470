"""/api/v1/reconcile: how the last passes went, plan, run, approve, undo."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.reconcile.job import Job
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.report import PassView
from directdnsonly.shapes import LARGEST, AfterName, Limit, Moment, Page, ZonePath, failures
from directdnsonly.zone.name import ZoneName

LONGEST_WAIT_S = 30.0


class AlarmView(BaseModel):
    """What a person must look at."""

    kind: str
    subject: str
    reason: str
    since: Moment


class JobView(BaseModel):
    """A requested pass and its progress."""

    id: int
    live: bool = Field(description="False: it only compares")
    done: bool
    stage: str
    count: int
    failure: str = ""
    result: PassView | None = None

    @classmethod
    def of(cls, job: Job) -> JobView:
        """The view of a job."""
        return cls(
            id=job.id,
            live=job.live,
            done=job.done.is_set(),
            stage=job.stage,
            count=job.count,
            failure=job.failure,
            result=job.result,
        )


class ReconcileView(BaseModel):
    """The state of reconciliation at a glance."""

    enabled: bool
    dry_run: bool
    servers: list[str]
    running: str = Field(description="Stage of the running pass; empty if none is running")
    next_at: Moment | None = Field(description="When the next pass is due")
    alarms: list[AlarmView]
    watched: int = Field(description="Zones absent from a complete list of their server")
    quarantined: int
    passes: list[PassView]


class WatchedView(BaseModel):
    """A zone that was absent from its server's list."""

    zone: str
    version: int
    server: str
    state: SightingState
    absences: int
    first_at: Moment
    last_at: Moment
    quarantined_at: Moment | None
    plan: str = Field(description="The plan whose approval it waits for")
    approved: bool

    @classmethod
    def of(cls, one: Sighting) -> WatchedView:
        """The view of a record."""
        return cls(
            zone=one.name,
            version=one.version,
            server=one.server,
            state=one.state,
            absences=one.absences,
            first_at=one.first_at,
            last_at=one.last_at,
            quarantined_at=one.quarantined_at,
            plan=one.plan,
            approved=one.approved,
        )


class Approved(BaseModel):
    """The result of an approval."""

    zones: int


class Undone(BaseModel):
    """What became of a zone."""

    zone: str
    done: str = Field(examples=["kept", "restored"])


def router(parts: ApiParts, reconciler: Reconciler) -> APIRouter:
    """The router of reconciliation."""
    api = APIRouter(prefix="/api/v1/reconcile", tags=["reconcile"], dependencies=[Depends(parts.asks)])
    acts = parts.acts.reconciling

    @api.get("", summary="Alarms, what is watched, and the last passes", responses=failures(503))
    async def get_reconciliation(passes: Annotated[int, Query(ge=0, le=100)] = 5) -> ReconcileView:
        watched = await reconciler.watched()
        settings = reconciler.settings
        return ReconcileView(
            enabled=settings.enabled,
            dry_run=settings.dry_run,
            servers=[server.hostname for server in settings.directadmin_servers],
            running=reconciler.running.stage if reconciler.running else "",
            next_at=reconciler.next_at,
            alarms=[
                AlarmView(kind=one.kind, subject=one.subject, reason=one.reason, since=one.since)
                for one in reconciler.alarms()
            ],
            watched=len(watched),
            quarantined=sum(one.state is SightingState.QUARANTINED for one in watched),
            passes=await reconciler.passes(passes) if passes else [],
        )

    @api.get(
        "/watched",
        summary="Zones absent from a complete list of their server, in order of name",
        responses=failures(503),
    )
    async def list_watched(after: AfterName = "", limit: Limit = 100) -> Page[WatchedView]:
        found = await reconciler.watched(after=after, limit=limit + 1)
        return Page[WatchedView].cut(found, limit, view=WatchedView.of, key=lambda one: one.name)

    @api.post("/plan", status_code=HTTPStatus.ACCEPTED, summary="Compare everything and change nothing")
    async def plan_reconciliation() -> JobView:
        return JobView.of(acts.plan())

    @api.post("/run", status_code=HTTPStatus.ACCEPTED, summary="Run a pass now")
    async def run_reconciliation() -> JobView:
        return JobView.of(acts.run())

    @api.get("/jobs/{job_id}", summary="The progress of a plan or pass, and its result", responses=failures(404))
    async def get_job(
        number: Annotated[int, Path(alias="job_id", ge=1, le=LARGEST, examples=[1])],
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0.0,
    ) -> JobView:
        found = acts.job(number)
        try:
            async with asyncio.timeout(wait):
                await found.done.wait()
        except TimeoutError:
            pass
        return JobView.of(found)

    @api.post(
        "/approve/{plan}",
        summary="Approve the deletions of a plan that exceeded the cap",
        responses=failures(404, 503),
    )
    async def approve_plan(
        plan: Annotated[str, Path(max_length=64, examples=["3b1f0c9a7d52"])], request: Request
    ) -> Approved:
        return Approved(zones=await acts.approve(plan, parts.asks(request)))

    @api.post(
        "/servers/{server}/accept-list",
        summary="Accept a server's next list, however short; later ones are compared with it",
        responses=failures(404, 503),
    )
    async def accept_list(
        server: Annotated[str, Path(max_length=253, examples=["da1.example.com"])], request: Request
    ) -> Approved:
        await acts.accept_list(server, parts.asks(request))
        return Approved(zones=0)

    @api.post(
        "/undo/{zone:zone}",
        summary="Keep a zone that its server no longer lists, or restore it if it is deleted",
        responses=failures(404, 410, 503),
    )
    async def undo_orphan(zone: ZonePath, request: Request) -> Undone:
        name = ZoneName.parse(zone)
        done = await acts.undo(name, parts.asks(request))
        return Undone(zone=name, done=done)

    return api
