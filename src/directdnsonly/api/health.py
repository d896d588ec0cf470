"""/livez and /readyz (no password, no details that help a stranger), and /api/v1/status, which tells all of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from directdnsonly.api.guard import principal_of
from directdnsonly.api.models import StatusView
from directdnsonly.api.parts import ApiParts
from directdnsonly.api.status import backend_facts, backend_state, lost_count, status_view
from directdnsonly.bell import Bell
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.records import Figures
from directdnsonly.readiness import Facts, ReasonKind, ServiceState, Verdict, judge
from directdnsonly.shapes import failures, rfc3339

PROBE_TIMEOUT_S: Final = 5.0
PROBE_EVERY_S: Final = 1.0
WATCH_EVERY_S: Final = 10.0
REFUSING_EVERY_S: Final = 1.0  # while pushes are refused: nobody else tells that the store works again
GAP_S: Final = 0.25  # between two looks, however often something changes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The service as it was seen. `status` is missing while the store cannot be read; the verdict says why."""

    verdict: Verdict
    status: StatusView | None


class Readiness:
    """Gathers what `judge` needs. Use within one event loop."""

    def __init__(self, parts: ApiParts, changed: Bell | None = None) -> None:
        """`changed` rings when the state may be another one."""
        self._parts = parts
        self._changed = changed or Bell()
        self._probe = _StoreProbe(parts)
        self._last: Verdict | None = None
        self._told: Verdict | None = None

    async def look(self, *, probe: bool = True, fresh: bool = False) -> Seen:
        """As it is now; at most one commit a second, whoever asks. Without `probe` the last answer of the store counts.

        `fresh`: the store is tried once more, whenever it was asked last; for ourselves alone.
        """
        parts = self._parts
        store = await self._probe.reason(fresh=fresh) if probe else self._probe.last
        figures: Figures | None = None
        try:
            figures = await parts.store.figures()
        except OutboxUnavailable as error:
            store = store or str(error)
        self._last = verdict = judge(self._facts(store, figures), self._last)
        return Seen(verdict=verdict, status=status_view(parts, figures, verdict) if figures else None)

    async def status(self) -> StatusView:
        """The whole service. Raises OutboxUnavailable when the store cannot be read."""
        return _readable(await self.look())

    async def figures_only(self) -> StatusView:
        """As `status`, at once: the store is read and not tried."""
        return _readable(await self.look(probe=False))

    async def watch(self) -> None:
        """Look when something changed, and now and then, until cancelled: the log tells a new state, and what was lost is written."""
        await self._until_started()
        while True:
            await self.watch_once()
            await asyncio.sleep(GAP_S)
            refuses = self._told is not None and self._told.refuses
            await self._changed.heard(REFUSING_EVERY_S if refuses else WATCH_EVERY_S)

    async def _until_started(self) -> None:
        """That not everything runs is no news while it is only starting."""
        until = asyncio.get_running_loop().time() + WATCH_EVERY_S
        while (left_s := until - asyncio.get_running_loop().time()) > 0:
            await self._changed.heard(left_s)
            if (await self.look(probe=False)).verdict.state is ServiceState.READY:
                return
            await asyncio.sleep(GAP_S)

    async def watch_once(self) -> None:
        """One look."""
        verdict = (await self.look(fresh=True)).verdict
        self._tell(verdict)
        if not verdict.refuses:
            try:
                written = await self._parts.lost.write()
            except OutboxUnavailable as error:
                log.warning("store.unavailable", reason=str(error), task="lost pushes")
            else:
                if written:
                    log.warning("push.lost", zones=written, reason="dadns lost tells which: they must be pushed again")

    def _tell(self, now: Verdict) -> None:
        """After the start, and when the state or what stands behind it is another one."""
        before, self._told = self._told, now
        if before is not None and _what(before) == _what(now):
            return
        tell = {ServiceState.READY: log.info, ServiceState.DEGRADED: log.warning, ServiceState.UNREADY: log.error}[
            now.state
        ]
        was = str(before.state) if before else ""
        tell("service.state_changed", state=str(now.state), before=was, reasons=[one.what for one in now.reasons])

    def _facts(self, store: str, figures: Figures | None) -> Facts:
        parts = self._parts
        waiting = parts.lost.waiting()
        newest = waiting[-1] if waiting else figures.lost_newest if figures else None
        return Facts(
            now=parts.clock.now_s(),
            started_at=parts.started_at,
            store=store,
            actors=parts.lost_actors(),
            backends=backend_facts(parts, figures),
            lost=lost_count(parts, figures),
            lost_zone=str(newest.name) if newest else "",
            lost_reason=newest.reason if newest else "",
            lost_at=newest.at if newest else None,
            held=figures.held if figures else 0,
            held_since=figures.held_since if figures else None,
            alarms=parts.alarms(),
            certificate_ends_at=parts.certificate_ends_at(),
        )


def _readable(seen: Seen) -> StatusView:
    if seen.status is None:
        raise OutboxUnavailable(seen.verdict.headline)
    return seen.status


def _what(verdict: Verdict) -> tuple[ServiceState, frozenset[tuple[ReasonKind, str]]]:
    """What a change is judged by: not the numbers in the words."""
    return verdict.state, frozenset((one.kind, one.subject) for one in verdict.reasons)


def router(parts: ApiParts, readiness: Readiness) -> APIRouter:
    """The three answers."""
    health = APIRouter()

    async def credential(request: Request) -> str:
        return parts.authenticate(request)

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
        daemons = parts.daemons()
        kinds = {one.kind for one in verdict.reasons}
        answer: dict[str, object] = {
            "status": verdict.state,
            "store": "unavailable" if verdict.refuses else "ok",
            "actors": "lost" if ReasonKind.ACTOR in kinds else "ok",
            "backends": {name: backend_state(lane, daemons.get(name)) for name, lane in parts.lanes().items()},
        }
        if verbose:
            answer["reason"] = verdict.why
            answer["since"] = rfc3339(verdict.since)
            answer["lost_actors"] = [one.what for one in verdict.reasons if one.kind is ReasonKind.ACTOR]
            if seen.status is not None:
                answer["details"] = seen.status.model_dump(mode="json")
        return JSONResponse(answer, status_code=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    @health.get(
        "/api/v1/status",
        tags=["service"],
        summary="The whole service at a glance",
        responses=failures(503),
        dependencies=[Depends(credential)],
    )
    async def get_status() -> StatusView:
        """503 when the store cannot even be read; `detail` says why. A store that cannot be written is `unready` here."""
        return await readiness.status()

    return health


class _StoreProbe:
    """Whether the store can commit. One commit answers everybody who asks within a second: strangers may ask."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self.last = ""

    async def reason(self, *, fresh: bool = False) -> str:
        """Why not; empty when it can."""
        async with self._turn:
            if fresh or asyncio.get_running_loop().time() - self._asked_at >= PROBE_EVERY_S:
                self.last = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
            return self.last

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._parts.store.probe()
        except OutboxUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"no commit within {PROBE_TIMEOUT_S:g} s: another program holds the store locked (a backup?), or its disk hangs"
        return ""


def _may_look(request: Request) -> None:
    who = principal_of(request)
    if who is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "give a user name and a password, or a token")
    if "read" not in who.roles:
        raise HTTPException(HTTPStatus.FORBIDDEN, f"{who.name} does not have the role read")
