"""/health and /queue_status as the original answers them, for monitoring that knows it. /status is our page.

New monitoring asks /readyz, /api/v1/status or /metrics, which tell more.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.running import Running
from directdnsonly.operate.status import backend_state
from directdnsonly.readiness import ReasonKind, ServiceState


def router(running: Running, readiness: Readiness) -> APIRouter:
    """The router of the two addresses; the guard authenticates. Not in the OpenAPI document, as nobody should start using them."""
    old = APIRouter(include_in_schema=False)

    @old.get("/health")
    async def get_health() -> Response:
        """The original always answers OK; we answer 503 while pushes are refused or a part of the service has ended."""
        unready = (await readiness.look()).verdict.state is ServiceState.UNREADY
        return JSONResponse(
            {"status": "ERROR" if unready else "OK", "backends": _backends(running)},
            status_code=HTTPStatus.SERVICE_UNAVAILABLE if unready else HTTPStatus.OK,
        )

    @old.get("/queue_status")
    async def get_queue_status() -> dict[str, Any]:
        """The original's queue sizes; our one outbox also holds deletes and retries, so everything outstanding is `save_queue_size`."""
        verdict, figures = await readiness.readable()
        alive = not any(one.kind is ReasonKind.ACTOR for one in verdict.reasons)
        return {
            "save_queue_size": sum(one.pending + one.leased for one in figures.backends),
            "delete_queue_size": 0,
            "retry_queue_size": 0,
            "dead_letters": sum(one.dead for one in figures.backends),
            **dict.fromkeys(("save_worker_alive", "delete_worker_alive", "retry_worker_alive"), alive),
            "reconciler": {},
            "peer_sync": {},
        }

    return old


def _backends(running: Running) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "status": "unavailable" if backend_state(lane, running.daemon(name)) == "down" else "active",
        }
        for name, lane in running.statuses().items()
    ]
