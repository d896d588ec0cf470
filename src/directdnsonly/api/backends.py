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
from directdnsonly.api.problem import RESPONSES
from directdnsonly.api.status import backends_of, removed_of
from directdnsonly.outbox.operators import Pause
from directdnsonly.outbox.records import Priority
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
    api = APIRouter(prefix="/api/v1", responses=RESPONSES)  # one tag for each operation, so none for all
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
        summary="Every backend: state, breaker, what is outstanding; also those that were removed",
    )
    async def listed() -> list[BackendStatus]:
        return [*await configured(), *await removed_of(parts)]

    @api.get("/backends/{name}", tags=TAGS, summary="One backend")
    async def one(name: BackendPath) -> BackendStatus:
        if name not in parts.configured:
            for removed in await removed_of(parts):
                if removed.name == name:
                    return removed
        return await state_of(name)

    @api.delete("/backends/{name}", tags=TAGS, summary="Forget a backend that is not configured any more")
    async def forget(name: RemovedPath, request: Request) -> ForgottenView:
        """Drops its deliveries, and so lets tombstones go that wait only for it. May be repeated without harm.

        Zones that it still serves stay there: were it configured again, it would be a new backend.
        """
        if name in parts.configured:
            told = f"backend {name} is still configured: take dns.backends.{name} out of the configuration, restart, repeat"
            raise HTTPException(HTTPStatus.CONFLICT, told)
        is_known = name in await store.removed_backends(parts.configured)
        dropped = await store.forget_backend(name)
        if is_known:
            await audit(request, "backend.forgotten", detail=f"{name}: {counted(dropped, 'delivery', 'deliveries')}")
        return ForgottenView(backend=name, deliveries=dropped)

    @api.post("/backends/{name}/pause", tags=TAGS, summary="Deliver nothing until resumed; holds over a restart")
    async def pause(name: BackendPath, request: Request, why: PauseRequest | None = None) -> BackendStatus:
        await state_of(name)
        who = principal_of(request)
        given = Pause(actor=who.name if who else "", reason=why.reason if why else "", at=parts.clock.now_s())
        await store.pause(name, given)
        lanes()[name].pause(told((await store.pauses()).get(name, given)))  # who did so first stays
        await audit(request, "backend.paused", detail=f"{name}: {given.reason}" if given.reason else name)
        return await state_of(name)

    @api.post("/backends/{name}/resume", tags=TAGS, summary="Deliver again")
    async def resume(name: BackendPath, request: Request) -> BackendStatus:
        await state_of(name)
        await store.resume(name)
        lanes()[name].resume()
        await audit(request, "backend.resumed", detail=name)
        return await state_of(name)

    @api.post("/backends/{name}/probe", tags=TAGS, summary="Ask it and its name server now")
    async def probe(name: BackendPath) -> ProbeView:
        await state_of(name)
        began = time.perf_counter()
        reason = await lanes()[name].probe()
        elapsed_ms = round((time.perf_counter() - began) * 1e3, 1)
        return ProbeView(backend=name, ready=not reason, reason=reason, elapsed_ms=elapsed_ms)

    @api.post("/zones/{zone:zone}/redeliver", tags=["zones"], summary="Deliver the newest version once more")
    async def redeliver(
        zone: Annotated[str, Path(max_length=1024, examples=["example.com"])],
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


def told(pause: Pause) -> str:
    """A pause for people."""
    return f"paused by {pause.actor}" + (f": {pause.reason}" if pause.reason else "")
