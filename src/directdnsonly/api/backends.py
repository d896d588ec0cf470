"""/api/v1/backends: state of each, pause, resume, probe; and redelivery of one zone."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.models.status import BackendStatus
from directdnsonly.api.parts import ApiParts
from directdnsonly.errors import NotHere
from directdnsonly.operate.figures import BackendFigures
from directdnsonly.operate.status import backends_of, removed_of
from directdnsonly.shapes import LARGEST_PAGE, AfterName, Limit, Page, ZonePath, failures
from directdnsonly.zone.name import ZoneName

TAGS: list[str | Enum] = ["backends"]
BackendPath = Annotated[str, Path(max_length=64, description="The backend's name", examples=["bind"])]

RemovedPath = Annotated[
    str, Path(max_length=64, description="The name it had in the configuration", examples=["old-ns3"])
]


class PauseRequest(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=200, examples=["moving the machine"])


class PausedView(BackendStatus):
    """The backend, and whether it was paused before."""

    already: bool = Field(
        description="Whether it was already paused: the first pause stays, and the new reason is only in the audit log"
    )


class ProbeView(BaseModel):
    """What a backend and its name server answered just now."""

    backend: str
    ready: bool
    reason: str
    elapsed_ms: float


class ForgottenView(BaseModel):
    """What was dropped."""

    backend: str
    deliveries: int = Field(description="Deliveries that were kept for it; 0: there were none")


class RedeliverView(BaseModel):
    """What will be delivered once more."""

    zone: str
    backends: list[str]
    requeued: int = Field(description="Deliveries that are now due; the others are already in progress")


def router(parts: ApiParts) -> APIRouter:
    """The routes over the acts."""
    api = APIRouter(prefix="/api/v1")  # one tag for each operation, so none for all
    acts, running = parts.acts.backends, parts.running

    async def configured() -> list[BackendFigures]:
        return backends_of(running, await parts.looking.figures())

    async def state_of(name: str) -> BackendStatus:
        for backend in await configured():
            if backend.name == name:
                return BackendStatus.of(backend)
        raise NotHere(f"there is no enabled backend {name!a}")

    @api.get(
        "/backends",
        tags=TAGS,
        summary="Every backend in order of name: state, breaker, outstanding work; also removed ones",
        responses=failures(503),
    )
    async def list_backends(after: AfterName = "", limit: Limit = LARGEST_PAGE) -> Page[BackendStatus]:
        found = [*await configured(), *await removed_of(running)]
        later = sorted((one for one in found if one.name > after), key=lambda one: one.name)
        return Page[BackendStatus].cut(later, limit, view=BackendStatus.of, key=lambda one: one.name)

    @api.get("/backends/{backend}", tags=TAGS, summary="One backend", responses=failures(404, 503))
    async def get_backend(backend: BackendPath) -> BackendStatus:
        if backend not in running.configured:
            for removed in await removed_of(running):
                if removed.name == backend:
                    return BackendStatus.of(removed)
        return await state_of(backend)

    @api.delete(
        "/backends/{backend}",
        tags=TAGS,
        summary="Forget a backend that is no longer configured",
        responses=failures(409, 503),
    )
    async def forget_backend(backend: RemovedPath, request: Request) -> ForgottenView:
        """Drops its deliveries, and so lets tombstones go that wait only for it. May be repeated without harm.

        Zones that it still serves stay there: were it configured again, it would be a new backend.
        """
        dropped = await acts.forget(backend, parts.asks(request))
        return ForgottenView(backend=backend, deliveries=dropped)

    @api.post(
        "/backends/{backend}/pause",
        tags=TAGS,
        summary="Stop deliveries until resumed, even across restarts",
        responses=failures(400, 404, 503),
    )
    async def pause_backend(backend: BackendPath, request: Request, why: PauseRequest | None = None) -> PausedView:
        """Who pauses what is paused already changes nothing: its first reason may still hold when the second is gone."""
        done = await acts.pause(backend, parts.asks(request), reason=why.reason if why else "")
        return PausedView(**(await state_of(backend)).model_dump(), already=done.already)

    @api.post("/backends/{backend}/resume", tags=TAGS, summary="Deliver again", responses=failures(404, 503))
    async def resume_backend(backend: BackendPath, request: Request) -> BackendStatus:
        await acts.resume(backend, parts.asks(request))
        return await state_of(backend)

    @api.post(
        "/backends/{backend}/probe",
        tags=TAGS,
        summary="Check the backend and its name server now",
        responses=failures(404, 503),
    )
    async def probe_backend(backend: BackendPath) -> ProbeView:
        probed = await acts.probe(backend)
        elapsed_ms = round(probed.elapsed_s * 1e3, 1)
        return ProbeView(backend=backend, ready=not probed.reason, reason=probed.reason, elapsed_ms=elapsed_ms)

    @api.post(
        "/zones/{zone:zone}/redeliver",
        tags=["zones"],
        summary="Deliver the newest version again",
        responses=failures(404, 503),
    )
    async def redeliver_zone(
        zone: ZonePath,
        request: Request,
        backend: Annotated[
            str | None, Query(max_length=64, description="Only to this backend; default: to all")
        ] = None,
    ) -> RedeliverView:
        name = ZoneName.parse(zone)
        done = await parts.acts.deliveries.redeliver(name, parts.asks(request), backend=backend)
        return RedeliverView(zone=name, backends=list(done.backends), requeued=done.requeued)

    return api
