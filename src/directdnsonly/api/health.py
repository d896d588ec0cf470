"""/livez and /readyz: no password, no details that help a stranger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from directdnsonly.api.guard import principal_of
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.status import backend_state, status_of
from directdnsonly.errors import OutboxUnavailable

PROBE_TIMEOUT_S = 5.0
PROBE_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether pushes are safe with us now. `status`: ready, degraded or unready; `reason`: why not ready."""

    status: str
    reason: str
    store: str
    lost: list[str]
    backends: dict[str, str]


class Readiness:
    """Ready = the store can commit and every actor is at work. A dead backend is degraded, not unready: pushes are still safe with us."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._probe = _StoreProbe(parts)

    async def look(self) -> Health:
        """As it is now; at most one commit a second, whoever asks."""
        reason = await self._probe.reason()
        daemons = self._parts.daemons()
        backends = {name: backend_state(lane, daemons.get(name)) for name, lane in self._parts.lanes().items()}
        lost = self._parts.lost_actors()
        ready = not reason and not lost
        return Health(
            status="unready" if not ready else "ready" if set(backends.values()) <= {"ok"} else "degraded",
            reason=reason or "; ".join(lost),
            store="unavailable" if reason else "ok",
            lost=lost,
            backends=backends,
        )


def router(parts: ApiParts, readiness: Readiness) -> APIRouter:
    """The two answers."""
    health = APIRouter(tags=["health"])

    @health.get("/livez", summary="The process answers")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @health.get("/readyz", summary="Pushes can be committed; the state of each part")
    async def readyz(request: Request, *, verbose: bool = False) -> Response:
        """Ready = the store can commit and every actor is at work. A dead backend is degraded, not unready: pushes are still safe with us."""
        if verbose:
            _may_look(request)
        now = await readiness.look()
        ready = now.status != "unready"
        answer: dict[str, object] = {
            "status": now.status,
            "store": now.store,
            "actors": "lost" if now.lost else "ok",
            "backends": now.backends,
        }
        if verbose:
            answer["reason"] = now.reason
            answer["lost_actors"] = now.lost
            if ready:
                answer["details"] = (await status_of(parts)).model_dump(mode="json")
        return JSONResponse(answer, status_code=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return health


class _StoreProbe:
    """Whether the store can commit. One commit answers everybody who asks within a second: strangers may ask."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._reason = ""

    async def reason(self) -> str:
        """Why not; empty when it can."""
        async with self._turn:
            if asyncio.get_running_loop().time() - self._asked_at >= PROBE_EVERY_S:
                self._reason = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
            return self._reason

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._parts.store.probe()
        except OutboxUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"no commit within {PROBE_TIMEOUT_S:g} s"
        return ""


def _may_look(request: Request) -> None:
    who = principal_of(request)
    if who is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "give a user name and a password, or a token")
    if "read" not in who.roles:
        raise HTTPException(HTTPStatus.FORBIDDEN, f"{who.name} does not have the role read")
