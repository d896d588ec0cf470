"""The shared check of the whole service: what is checked, how often, and what is logged about it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from directdnsonly.bell import Bell
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.operate.figures import ServiceFigures
from directdnsonly.operate.peers import peer_facts
from directdnsonly.operate.running import Running
from directdnsonly.operate.status import backend_facts, lost_count, service_figures
from directdnsonly.outbox.kept import Figures
from directdnsonly.readiness import Facts, ReasonKind, ServiceState, Verdict, judge

PROBE_TIMEOUT_S: Final = 5.0
PROBE_EVERY_S: Final = 1.0
WATCH_EVERY_S: Final = 10.0
REFUSING_EVERY_S: Final = 1.0  # while pushes are refused: nobody else tells that the store works again
GAP_S: Final = 0.25  # between two looks, however often something changes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The result of a check. `status` is None while the store cannot be read; the verdict says why."""

    verdict: Verdict
    status: ServiceFigures | None


class Readiness:
    """Gathers the facts for `judge` and logs changes of state. Use within one event loop."""

    def __init__(self, parts: Running, changed: Bell | None = None) -> None:
        """`changed` is rung whenever the state may have changed."""
        self._parts = parts
        self._changed = changed or Bell()
        self._probe = _StoreProbe(parts)
        self._last: Verdict | None = None
        self._told: Verdict | None = None

    async def look(self, *, probe: bool = True, fresh: bool = False) -> Seen:
        """The state of the service now, at most one commit a second for all callers. Without `probe` the store's last result counts.

        `fresh`: try the store again whenever it was last tried; for internal callers only.
        """
        parts = self._parts
        store = await self._probe.reason(fresh=fresh) if probe else self._probe.last
        figures: Figures | None = None
        try:
            figures = await parts.store.looking.figures()
        except OutboxUnavailable as error:
            store = store or str(error)
        self._last = verdict = judge(self._facts(store, figures), self._last)
        return Seen(verdict=verdict, status=service_figures(parts, figures) if figures else None)

    async def readable(self) -> tuple[Verdict, ServiceFigures]:
        """As `look`, but raises OutboxUnavailable, with the verdict's headline, if the store cannot be read."""
        seen = await self.look()
        if seen.status is None:
            raise OutboxUnavailable(seen.verdict.headline)
        return seen.verdict, seen.status

    async def watch(self) -> None:
        """Check after every change and periodically, until cancelled: log a new state, and store the names of lost pushes."""
        await self._until_started()
        while True:
            await self.watch_once()
            await asyncio.sleep(GAP_S)
            refuses = self._told is not None and self._told.refuses
            await self._changed.heard(REFUSING_EVERY_S if refuses else WATCH_EVERY_S)

    async def _until_started(self) -> None:
        """Wait until every part has started, because an incomplete start is not worth logging."""
        until = asyncio.get_running_loop().time() + WATCH_EVERY_S
        while (left_s := until - asyncio.get_running_loop().time()) > 0:
            await self._changed.heard(left_s)
            if (await self.look(probe=False)).verdict.state is ServiceState.READY:
                return
            await asyncio.sleep(GAP_S)

    async def watch_once(self) -> None:
        """Check once."""
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
        """Log the state if it, or a reason for it, has changed."""
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
        configuration = parts.configuration()
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
            peers=list(peer_facts(parts.peers(), parts.clock.now_s())),
            alarms=parts.alarm_texts(),
            certificate_ends_at=parts.certificate_ends_at(),
            config_failed_at=configuration.failed_at,
            config_problems=[str(one) for one in configuration.problems],
            config_loaded_at=configuration.loaded_at,
        )


def _what(verdict: Verdict) -> tuple[ServiceState, frozenset[tuple[ReasonKind, str]]]:
    """The key by which a change is recognised: the reasons without the numbers in their texts."""
    return verdict.state, frozenset((one.kind, one.subject) for one in verdict.reasons)


class _StoreProbe:
    """Checks whether the store can commit; one commit serves all callers within a second, since anybody may ask."""

    def __init__(self, parts: Running) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self.last = ""

    async def reason(self, *, fresh: bool = False) -> str:
        """Why the store cannot commit; empty if it can."""
        async with self._turn:
            if fresh or asyncio.get_running_loop().time() - self._asked_at >= PROBE_EVERY_S:
                self.last = await self._ask()
                self._asked_at = asyncio.get_running_loop().time()
            return self.last

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._parts.store.upkeep.probe()
        except OutboxUnavailable as error:
            return str(error)
        except TimeoutError:
            return f"no commit within {PROBE_TIMEOUT_S:g} s: another program holds the store locked (a backup?), or its disk hangs"
        return ""
