"""/api/v1/backends: state of each, pause, resume, probe; and redelivery of one zone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.api.guard import principal_of
from directdnsonly.api.models import BackendStatus
from directdnsonly.api.parts import ApiParts, Audit
from directdnsonly.api.status import backends_of, removed_of
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.records import Priority
from directdnsonly.shapes import LARGEST_PAGE, AfterName, Limit, Page, ZonePath, failures
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

TAGS: list[str | Enum] = ["backends"]
BackendPath = Annotated[str, Path(max_length=64, description="The backend's name", examples=["bind"])]

RemovedPath = Annotated[str, Path(max_length=64, description="The former name", examples=["old-ns3"])]


class LaneControl(Protocol):
    """What can be done with a lane."""

    def pause(self, reason: str) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102
    def wake(self, priority: Priority) -> None: ...  # noqa: D102
    async def probe(self) -> str:
        """Why work cannot flow; empty when it can."""
        ...


class PauseRequest(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=200, examples=["moving the machine"])


class PausedView(BackendStatus):
    """The backend, and whether it was paused before."""

    already: bool = Field(
        description="It was paused before: who did so first, when and why stay; what was given now is in the audit alone"
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
    deliveries: int = Field(description="Deliveries that were kept for it; 0: there was nothing")


class RedeliverView(BaseModel):
    """What will be delivered once more."""

    zone: str
    backends: list[str]
    requeued: int = Field(description="Deliveries that are due now; others are on their way already")


def router(parts: ApiParts, lanes: Callable[[], Mapping[str, LaneControl]], audit: Audit) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api/v1")  # one tag for each operation, so none for all
    store = parts.store

    async def configured() -> list[BackendStatus]:
        return backends_of(parts, await store.figures())

    async def state_of(name: str) -> BackendStatus:
        for backend in await configured():
            if backend.name == name:
                return backend
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no enabled backend {name!a}")

    @api.get(
        "/backends",
        tags=TAGS,
        summary="Every backend by name: state, breaker, what is outstanding; also those that were removed",
        responses=failures(503),
    )
    async def list_backends(after: AfterName = "", limit: Limit = LARGEST_PAGE) -> Page[BackendStatus]:
        found = [*await configured(), *await removed_of(parts)]
        later = sorted((one for one in found if one.name > after), key=lambda one: one.name)
        return Page[BackendStatus].cut(later, limit, view=lambda one: one, key=lambda one: one.name)

    @api.get("/backends/{backend}", tags=TAGS, summary="One backend", responses=failures(404, 503))
    async def get_backend(backend: BackendPath) -> BackendStatus:
        if backend not in parts.configured:
            for removed in await removed_of(parts):
                if removed.name == backend:
                    return removed
        return await state_of(backend)

    @api.delete(
        "/backends/{backend}",
        tags=TAGS,
        summary="Forget a backend that is not configured any more",
        responses=failures(409, 503),
    )
    async def forget_backend(backend: RemovedPath, request: Request) -> ForgottenView:
        """Drops its deliveries, and so lets tombstones go that wait only for it. May be repeated without harm.

        Zones that it still serves stay there: were it configured again, it would be a new backend.
        """
        if backend in parts.configured:
            told = f"backend {backend} is still configured: take dns.backends.{backend} out of the configuration, restart, repeat"
            raise HTTPException(HTTPStatus.CONFLICT, told)
        is_known = backend in await store.removed_backends(parts.configured)
        dropped = await store.forget_backend(backend)
        if is_known:
            await audit(request, "backend.forgotten", detail=f"{backend}: {counted(dropped, 'delivery', 'deliveries')}")
        return ForgottenView(backend=backend, deliveries=dropped)

    @api.post(
        "/backends/{backend}/pause",
        tags=TAGS,
        summary="Deliver nothing until resumed; holds over a restart",
        responses=failures(400, 404, 503),
    )
    async def pause_backend(backend: BackendPath, request: Request, why: PauseRequest | None = None) -> PausedView:
        """Who pauses what is paused already changes nothing: its first reason may still hold when the second is gone."""
        await state_of(backend)
        given = Pause(actor=_who(request), reason=why.reason if why else "", at=parts.clock.now_s())
        first = await _stop(parts, lanes()[backend], backend, given)
        await audit(request, "backend.paused", detail=_said(backend, given, first))
        return PausedView(**(await state_of(backend)).model_dump(), already=first != given)

    @api.post("/backends/{backend}/resume", tags=TAGS, summary="Deliver again", responses=failures(404, 503))
    async def resume_backend(backend: BackendPath, request: Request) -> BackendStatus:
        await state_of(backend)
        await store.resume(backend)
        lanes()[backend].resume()
        await audit(request, "backend.resumed", detail=backend)
        return await state_of(backend)

    @api.post(
        "/backends/{backend}/probe",
        tags=TAGS,
        summary="Ask it and its name server now",
        responses=failures(404, 503),
    )
    async def probe_backend(backend: BackendPath) -> ProbeView:
        await state_of(backend)
        began = time.perf_counter()
        reason = await lanes()[backend].probe()
        elapsed_ms = round((time.perf_counter() - began) * 1e3, 1)
        return ProbeView(backend=backend, ready=not reason, reason=reason, elapsed_ms=elapsed_ms)

    @api.post(
        "/zones/{zone:zone}/redeliver",
        tags=["zones"],
        summary="Deliver the newest version once more",
        responses=failures(404, 503),
    )
    async def redeliver_zone(
        zone: ZonePath,
        request: Request,
        backend: Annotated[str | None, Query(max_length=64, description="Only there; else everywhere")] = None,
    ) -> RedeliverView:
        name = ZoneName.parse(zone)
        if await store.zone(name) is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        if backend is not None:
            await state_of(backend)
        among = [backend] if backend is not None else list(lanes())
        requeued = await store.redeliver(name, among, reason="an operator asked for it")
        for each in among:
            lanes()[each].wake(Priority.INTERACTIVE)
        await audit(request, "zone.redelivered", zone=name, detail=", ".join(among))
        return RedeliverView(zone=name, backends=among, requeued=requeued)

    return api


def _who(request: Request) -> str:
    who = principal_of(request)
    return who.name if who else ""


async def _stop(parts: ApiParts, lane: LaneControl, backend: str, given: Pause) -> Pause:
    """Keep the pause, then hold the lane; the pause that holds, which is that of who came first."""
    await parts.store.pause(backend, given)
    first = (await parts.store.pauses()).get(backend, given)
    lane.pause(told(first))
    return first


def _said(backend: str, given: Pause, first: Pause) -> str:
    """For the audit: also the reason that was not kept."""
    why = f"{backend}: {given.reason}" if given.reason else backend
    return why if first == given else f"{why} (already {told(first)})"


def told(pause: Pause) -> str:
    """A pause for people."""
    return f"paused by {pause.actor}" + (f": {pause.reason}" if pause.reason else "")
