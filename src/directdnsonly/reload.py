"""A changed configuration, taken at work: nothing is closed for it, and a wrong one changes nothing.

Three steps. Everything is read, planned, built and checked; then the store takes what it must keep; only then settings are
swapped, which cannot fail, and backends come and go. One reload at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from directdnsonly import log
from directdnsonly.backends.contract import Backend
from directdnsonly.config import Settings, load
from directdnsonly.config.plan import BACKENDS, Plan, misfits, plan
from directdnsonly.door.tls import Certificate, why_unusable
from directdnsonly.errors import ConfigError, ConfigProblem, OutboxUnavailable
from directdnsonly.operate.backends import told
from directdnsonly.operate.configuration import Reloaded, Standing
from directdnsonly.operate.journal import Operator
from directdnsonly.service import Built, Service
from directdnsonly.wiring import most_zones, policy_of, swept_lanes

DRAIN_S: Final = 45.0  # in which a lane's attempts end by themselves: apply_timeout_s and the proof are less by default
LANES_ANEW: Final = ("dispatch.bulk_workers", "dispatch.bulk_slows_answers")  # a lane keeps these for its life


def read_again(before: Settings) -> Settings:
    """From where it was read before, as the same starter. Raises ConfigError."""
    return load(before.source_file, starter=before.starter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that may be wrong with a plan has been tried."""

    plan: Plan
    built: Mapping[str, Built] = field(default_factory=dict)  # backends that are new, or other ones under an old name
    certificate: Certificate | None = None


class Reloader:
    """Reloads a running service. `certificate` is its door's."""

    def __init__(
        self,
        service: Service,
        certificate: Certificate | None = None,
        *,
        read: Callable[[Settings], Settings] = read_again,
    ) -> None:
        self._service = service
        self._certificate = certificate
        self._read = read
        self._one = asyncio.Lock()
        self._log = structlog.get_logger()
        file = service.settings.source_file
        self.standing = Standing(file=str(file) if file else "", loaded_at=service.started_at)

    async def reload(self, who: Operator, *, dry_run: bool = False) -> Reloaded:
        """As `operate.configuration.Reloading`."""
        async with self._one:
            try:
                return await self._reload(who, dry_run=dry_run)
            except ConfigError as error:
                if not dry_run:
                    await self._failed(error, who)
                raise
            except Exception as error:  # a reload is beside the line: pushes go on
                self._log.exception("config.reload_failed", actor=who.name)
                what = f"an unexpected error, perhaps in the middle of it: {type(error).__name__}: {error}"
                unforeseen = ConfigError([ConfigProblem("reload", what, "restart the service; its log has the story")])
                await self._failed(unforeseen, who)
                raise unforeseen from error

    async def _reload(self, who: Operator, *, dry_run: bool) -> Reloaded:
        prepared = await self._prepare(dry_run=dry_run)
        if dry_run:
            await self._discard(prepared)
            return _reloaded(prepared.plan, dry_run=True)
        await self._keep(prepared)
        await self._apply(prepared)
        return await self._done(prepared.plan, who)

    # -- everything that can be wrong

    async def _prepare(self, *, dry_run: bool) -> Prepared:
        """Raises ConfigError with everything that is wrong."""
        service = self._service
        new = await asyncio.to_thread(self._read, service.settings)
        found = plan(service.settings, new)
        problems = misfits(found)
        built = {}
        for name in _built_anew(found, service.settings):
            try:
                built[name] = await self._build(
                    name, found.result, is_new=name not in service.backends, dry_run=dry_run
                )
            except ConfigError as error:
                problems += error.problems
            except OutboxUnavailable as error:
                problems.append(ConfigProblem("data_dir", str(error)))
            except OSError as error:
                problems.append(ConfigProblem(f"{BACKENDS}.{name}", f"{error.strerror}: {error.filename}"))
        certificate = self._pair(found, problems)
        if problems:
            await self._discard(Prepared(plan=found, built=built))
            raise ConfigError(problems, file=str(new.source_file) if new.source_file else None)
        return Prepared(plan=found, built=built, certificate=certificate)

    async def _build(self, name: str, settings: Settings, *, is_new: bool, dry_run: bool) -> Built:
        built = self._service.build(name, settings.dns.backends[name])
        if is_new and built.program is not None and not dry_run:
            self._service.folder.own()
            await asyncio.to_thread(built.program.prepare)
        return built

    def _pair(self, found: Plan, problems: list[ConfigProblem]) -> Certificate | None:
        """The door's new pair, read; None when it is the old one, or wrong."""
        app = found.result.app
        is_other = found.touches("app.tls_certificate", "app.tls_key")
        if not is_other or app.tls_certificate is None or app.tls_key is None:
            return None
        try:
            return Certificate(app.tls_certificate, app.tls_key)
        except OSError as error:
            what = f"cannot be used with app.tls_key: {why_unusable(error)}"
            problems.append(ConfigProblem("app.tls_certificate", what))
            return None

    async def _discard(self, prepared: Prepared) -> None:
        for one in prepared.built.values():
            await self._service.close(one.backend)

    # -- what the store must keep

    async def _keep(self, prepared: Prepared) -> None:
        """Raises ConfigError when the store cannot: then it keeps what it kept."""
        found, upkeep = prepared.plan, self._service.store.upkeep
        before, after = self._service.settings, found.result
        try:
            if found.touches("app.credentials"):
                await upkeep.count_limited(list(most_zones(after)))
            if found.touches("outbox"):
                await upkeep.follow(after.outbox)
            if bool(before.peers) is not bool(after.peers):
                await upkeep.compare(wanted=bool(after.peers))
            if list(before.enabled_backends()) != list(after.enabled_backends()):
                await upkeep.change_backends(list(after.enabled_backends()))
        except OutboxUnavailable as error:
            await self._discard(prepared)
            with suppress(OutboxUnavailable):
                await upkeep.follow(before.outbox)
                await upkeep.compare(wanted=bool(before.peers))
            raise ConfigError([ConfigProblem("outbox", f"the store cannot take it: {error}")]) from error

    # -- the swap

    async def _apply(self, prepared: Prepared) -> None:
        service, found = self._service, prepared.plan
        before, service.settings = service.settings, found.result
        if self._certificate is not None:
            if prepared.certificate is not None:
                self._certificate.become(prepared.certificate)
            self._certificate.look_once()
        log.set_level(found.result.log_level)
        service.acceptance.policy = policy_of(found.result)
        for follow in service.followers:
            follow(found.result)
        service.dispatcher.watch_every_s = found.result.dispatch.watch_every_s
        for lane in service.dispatcher.lanes.values():
            lane.follow(found.result.dispatch)
        if found.touches("peers", "peering"):
            service.neighbours.follow(found.result.peers, found.result.peering)
            service.housekeeping.wake()
        leaving = await self._change_backends(prepared, before)
        if leaving or found.touches(BACKENDS, "reconciliation", *LANES_ANEW):
            lanes = swept_lanes(service.dispatcher.lanes, service.backends)
            service.reconciler.follow(found.result.reconciliation, lanes)
        for backend in leaving:
            service.beside(self._close_unused(backend), name=f"closing:{backend.name}")
        service.changed.ring()

    async def _change_backends(self, prepared: Prepared, before: Settings) -> list[Backend]:
        """Backends go, change and come; those that nobody delivers to any more. Lanes are drained side by side."""
        service, after = self._service, prepared.plan.result.enabled_backends()
        gone = [name for name in before.enabled_backends() if name not in after]
        leaving = [service.backends[name] for name in gone]
        await asyncio.gather(*(self._remove(name) for name in gone))
        stay = [name for name in after if name in service.backends]
        anew = stay if prepared.plan.touches(*LANES_ANEW) else [name for name in stay if name in prepared.built]
        leaving += [service.backends[name] for name in anew if name in prepared.built]
        await asyncio.gather(*(self._replace(name, prepared.built.get(name)) for name in anew))
        for name in after:
            if name not in service.backends:
                await self._add(name, prepared.built[name])
        return leaving

    async def _remove(self, name: str) -> None:
        service = self._service
        await service.dispatcher.remove(name, limit_s=DRAIN_S)
        await service.stop_daemon(name)
        del service.backends[name]

    async def _replace(self, name: str, built: Built | None) -> None:
        """Another lane, and another backend where one was built. A pause of an operator's holds."""
        service = self._service
        backend = built.backend if built is not None else service.backends[name]
        await service.dispatcher.replace(service.lane(backend), limit_s=DRAIN_S)
        if built is not None:
            service.take(built)

    async def _add(self, name: str, built: Built) -> None:
        service = self._service
        service.metrics.add_backend(name)
        lane = service.lane(built.backend)
        try:
            if (pause := (await service.store.operators.pauses()).get(name)) is not None:
                lane.pause(told(pause))
        except OutboxUnavailable as error:
            self._log.warning("store.unavailable", reason=str(error), task="reload")
        service.take(built)
        service.dispatcher.add(lane)
        service.start_daemon(name)

    async def _close_unused(self, backend: Backend) -> None:
        """When no pass of the reconciler looks at it any more."""
        try:
            await self._service.reconciler.taken_up()
        finally:
            await self._service.close(backend)

    # -- what is told

    async def _done(self, found: Plan, who: Operator) -> Reloaded:
        done = _reloaded(found, dry_run=False)
        now = self._service.clock.now_s()
        file = found.result.source_file
        self.standing = Standing(
            file=str(file) if file else "",
            loaded_at=now,
            tried_at=now,
            changed=done.changed,
            needs_restart=done.needs_restart,
        )
        for note in found.result.notes:
            self._log.warning("config.noted", key=note.path, reason=str(note))
        waits = f"; need a restart: {', '.join(done.needs_restart)}" if done.needs_restart else ""
        await self._service.journal.tell(
            "config.reloaded",
            actor=who.name,
            address=who.address,
            detail=f"{', '.join(done.changed) or 'nothing has changed'}{waits}",
            line={"actor": who.name, "changed": list(done.changed), "needs_restart": list(done.needs_restart)},
        )
        return done

    async def _failed(self, error: ConfigError, who: Operator) -> None:
        now = self._service.clock.now_s()
        since = self.standing.failed_at if self.standing.failed_at is not None else now
        self.standing = replace(self.standing, tried_at=now, failed_at=since, problems=tuple(error.problems))
        problems = [str(one) for one in error.problems]
        self._service.changed.ring()
        await self._service.journal.tell(
            "config.reload_failed",
            actor=who.name,
            address=who.address,
            detail="; ".join(problems),
            line={"actor": who.name, "file": error.file or "", "problems": problems},
            warn=True,
        )


def _built_anew(found: Plan, before: Settings) -> list[str]:
    """Backends that are new, or of which a key is applied."""
    return [
        name
        for name in found.result.enabled_backends()
        if name not in before.enabled_backends() or found.touches(f"{BACKENDS}.{name}")
    ]


def _reloaded(found: Plan, *, dry_run: bool) -> Reloaded:
    return Reloaded(
        changed=tuple(map(str, found.changed)), needs_restart=tuple(map(str, found.needs_restart)), dry_run=dry_run
    )
