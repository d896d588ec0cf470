"""/livez and /readyz (no password, no details that help a stranger), and /api/v1/status with all details."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from directdnsonly.api.guard import principal_of
from directdnsonly.api.models.status import StatusView
from directdnsonly.api.parts import ApiParts
from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.status import backend_state
from directdnsonly.readiness import ReasonKind, ServiceState
from directdnsonly.shapes import failures, rfc3339


def router(parts: ApiParts, readiness: Readiness) -> APIRouter:
    """The router of the health checks and the status."""
    health = APIRouter()
    running = parts.running

    @health.get("/livez", tags=["health"], summary="The process answers")
    async def get_liveness() -> dict[str, str]:
        return {"status": "alive"}

    @health.get(
        "/readyz",
        tags=["health"],
        summary="Pushes can be committed; the state of each part",
        responses=failures(401, 403) | {503: {"content": {"application/json": {}}}},
    )
    async def get_readiness(request: Request, *, verbose: bool = False) -> Response:
        """Ready = the store can commit and every actor is at work. A dead backend is degraded, not unready: pushes are still safe with us.

        `verbose` (role `read`): with every reason, worst first.
        """
        if verbose:
            _may_look(request)
        seen = await readiness.look()
        verdict = seen.verdict
        ready = verdict.state is not ServiceState.UNREADY
        kinds = {one.kind for one in verdict.reasons}
        answer: dict[str, object] = {
            "status": verdict.state,
            "store": "unavailable" if verdict.refuses else "ok",
            "actors": "lost" if ReasonKind.ACTOR in kinds else "ok",
            "backends": {name: backend_state(lane, running.daemon(name)) for name, lane in running.statuses().items()},
        }
        if verbose:
            answer["reason"] = verdict.why
            answer["since"] = rfc3339(verdict.since)
            answer["lost_actors"] = [one.what for one in verdict.reasons if one.kind is ReasonKind.ACTOR]
            if seen.status is not None:
                answer["details"] = StatusView.of(verdict, seen.status).model_dump(mode="json")
        return JSONResponse(answer, status_code=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    @health.get(
        "/api/v1/status",
        tags=["service"],
        summary="The whole service at a glance",
        responses=failures(503),
        dependencies=[Depends(parts.asks)],
    )
    async def get_status() -> StatusView:
        """503 when the store cannot even be read; `detail` says why. A store that cannot be written is `unready` here."""
        return StatusView.of(*await readiness.readable())

    return health


def _may_look(request: Request) -> None:
    who = principal_of(request)
    if who is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "give a user name and a password, or a token")
    if "read" not in who.roles:
        raise HTTPException(HTTPStatus.FORBIDDEN, f"{who.name} does not have the role read")
