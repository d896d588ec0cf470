"""The reconciliation actor: runs passes periodically or on request, one at a time, and logs one line for each.

A pass only looks (`Survey`, `Heal` without repair) or also records (`Repair`, `Heal`). Only dispatch changes a backend.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import structlog

from directdnsonly.accept.telling import Journal
from directdnsonly.clock import Clock
from directdnsonly.outbox.drift import Pass, Sighting
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.outbox.store.work import Work
from directdnsonly.pulse import Pulses
from directdnsonly.reconcile import orphans as orphan_rules
from directdnsonly.reconcile.alarms import OF_A_BACKEND, OF_A_SERVER, Alarm, AlarmKind, Alarms
from directdnsonly.reconcile.directadmin_client import DirectAdminClient
from directdnsonly.reconcile.heal import Heal, Healed, Known
from directdnsonly.reconcile.job import Job
from directdnsonly.reconcile.orphans import Orphans, Rules
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.repair import Repair, Result
from directdnsonly.reconcile.report import Done, PassView, PlanView, view_of
from directdnsonly.reconcile.seams import Lane, NoRecorder, PassRecorder
from directdnsonly.reconcile.settings import DirectAdminServer, ReconciliationSettings
from directdnsonly.reconcile.survey import Survey, Surveyed
from directdnsonly.reconcile.unforeseen import reason_of, store_is_unavailable, unforeseen
from directdnsonly.wording import counted

KEPT_JOBS: Final = 20
HUNG_S: Final = 1800.0  # a stage of a pass over a fleet; it tells its progress more often


class Reconciler:
    """Runs reconciliation passes. Use within one event loop."""

    def __init__(
        self,
        *,
        settings: ReconciliationSettings,
        drift: DriftWatch,
        work: Work,
        approval: Approval,
        clock: Clock,
        journal: Journal,
        intake: PulledZones,
        lanes: Sequence[Lane],
        recorder: PassRecorder | None = None,
    ) -> None:
        self.settings = settings
        self._recorder: PassRecorder = recorder or NoRecorder()
        self._drift = drift
        self._clock = clock
        self._survey = Survey(drift=drift, settings=settings, clock=clock, open_client=self._open)
        self._repair = Repair(
            drift=drift,
            approval=approval,
            settings=settings,
            clock=clock,
            journal=journal,
            intake=intake,
            open_client=self._open,
        )
        self._heal = Heal(
            lanes if settings.heal else (),
            drift=drift,
            work=work,
            wake=intake.wake,
            delete_extra=settings.extra_zones == "delete",
        )
        self._lanes = {lane.name: lane for lane in lanes}
        self._coming: tuple[ReconciliationSettings, Sequence[Lane]] | None = None
        self._taken_up = asyncio.Event()
        self._taken_up.set()
        self._alarms = Alarms(journal=journal, clock=clock)
        self.pulses = Pulses(clock)
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self._log = structlog.get_logger()
        self.running: Job | None = None
        self.next_at: float | None = None

    # -- asked by people

    def request(self, *, live: bool) -> Job:
        """Request a pass, or only a plan; it starts after the one that is running."""
        job = Job(id=max(self._jobs, default=0) + 1, live=live, kept=live)
        self._jobs[job.id] = job
        while len(self._jobs) > KEPT_JOBS:
            self._jobs.popitem(last=False)
        self._queue.put_nowait(job)
        return job

    def job(self, number: int) -> Job | None:
        """A requested pass by its number; None if it is unknown."""
        return self._jobs.get(number)

    def alarms(self) -> list[Alarm]:
        """The active alarms."""
        return self._alarms.standing()

    async def passes(self, limit: int) -> list[PassView]:
        """The most recent passes, newest first."""
        return [
            PassView.model_validate_json(one.report).model_copy(update={"id": one.id})
            for one in await self._drift.passes(limit=limit)
        ]

    async def watched(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        """Zones absent from a complete list of their server, in order of name: `limit` of them, or all, after `after`."""
        return await self._drift.sightings(after=after, limit=limit)

    # -- the loop

    def follow(self, settings: ReconciliationSettings, lanes: Sequence[Lane]) -> None:
        """Use these settings and name servers from the next pass on; see `taken_up`."""
        self._coming = settings, lanes
        self._lanes = {lane.name: lane for lane in lanes}
        self._taken_up.clear()
        self._queue.put_nowait(None)

    async def taken_up(self) -> None:
        """Wait until no pass uses the former settings and name servers any more."""
        await self._taken_up.wait()

    async def _take_up(self) -> None:
        if self._coming is None:
            return
        (settings, lanes), self._coming = self._coming, None
        before, self.settings = self.settings, settings
        self._survey.settings = self._repair.settings = settings
        self._heal.lanes = lanes if settings.heal else ()
        self._heal.delete_extra = settings.extra_zones == "delete"
        if not settings.enabled:
            self.next_at = None
        elif not before.enabled or before.interval_minutes != settings.interval_minutes:
            wait_min = settings.interval_minutes if before.enabled else settings.initial_delay_minutes
            self.next_at = self._clock.now_s() + wait_min * 60
        self._taken_up.set()
        await self._alarms.forget(OF_A_SERVER, but={one.hostname for one in settings.directadmin_servers})
        await self._alarms.forget(OF_A_BACKEND, but=set(self._lanes))

    async def run(self) -> None:
        """Run passes until cancelled; if the store is unavailable, the next pass tries again."""
        if self.settings.enabled:
            self.next_at = self._clock.now_s() + self.settings.initial_delay_minutes * 60
        while True:
            await self._take_up()
            job = await self._next()
            if job is None:
                continue
            if self.settings.enabled and job.kept:
                self.next_at = self._clock.now_s() + self.settings.interval_minutes * 60
            job.beat = self._goes_on
            try:
                with self.pulses.at_work("reconcile", HUNG_S):
                    await self.run_once(job)
                await self._alarms.judge(AlarmKind.FAILED, "reconciliation", "")
            except Exception as error:  # noqa: BLE001 - a pass is beside the line: nothing in it may end the service
                await self._fail(job, error)
            finally:
                self.running = None
                job.done.set()

    async def _fail(self, job: Job, error: Exception) -> None:
        """Record that a pass failed; the next one tries again."""
        if store_is_unavailable(error):
            job.failure = reason_of(error)
            self._log.warning("store.unavailable", reason=job.failure, task="reconcile")
            return
        job.failure = unforeseen(error, "the pass")
        await self._alarms.judge(AlarmKind.FAILED, "reconciliation", job.failure)

    def _goes_on(self) -> None:
        self.pulses.beat("reconcile", HUNG_S)

    async def _next(self) -> Job | None:
        """Wait for the next pass that is requested or due; None if there are new settings."""
        if self.next_at is None:
            return await self._queue.get()
        try:
            async with asyncio.timeout(max(self.next_at - self._clock.now_s(), 0.0)):
                return await self._queue.get()
        except TimeoutError:
            return Job(id=0, live=not self.settings.dry_run)

    async def run_once(self, job: Job | None = None) -> PassView:
        """Run one pass. Raises OutboxUnavailable."""
        job = self.running = job or Job(id=0, live=not self.settings.dry_run)
        started_at = self._clock.now_s()
        result = Result()
        async with asyncio.TaskGroup() as group:
            healing = group.create_task(self._heal.look(repair=job.live), name="reconcile:heal")
            surveyed, steps = await self._with_directadmin(job, result)
        healed = healing.result()
        if job.kept:
            for backend, known in healed.known.items():
                await self._judge_known(backend, known)
        ended_at = self._clock.now_s()
        view = PassView(
            started_at=started_at,
            ended_at=ended_at,
            dry_run=not job.live,
            plan=self._plan_view(surveyed, steps, healed),
            done=_done(result, healed if job.live else Healed()),
        )
        if job.kept:
            one = Pass(started_at=started_at, ended_at=ended_at, dry_run=not job.live, report=view.model_dump_json())
            view = view.model_copy(update={"id": await self._drift.save_pass(one, keep=self.settings.keep_passes)})
        self._tell(view)
        job.result = view
        return view

    async def _with_directadmin(self, job: Job, result: Result) -> tuple[Surveyed, Orphans]:
        """Compare with DirectAdmin and, if live, pull missed zones and advance orphans by a step."""
        surveyed = await self._survey.look(job.progress)
        steps = orphan_rules.advance(
            surveyed.plan, surveyed.sightings, Rules.of(self.settings), now=self._drift.believed_s()
        )
        if job.live:
            for baseline in surveyed.baselines:
                await self._drift.save_baseline(baseline)
            await self._repair.release(surveyed, result)
            await self._repair.pull(surveyed, result, job.progress)
            job.progress("judging orphans", len(steps.steps))
            await self._repair.orphans(surveyed, steps, result)
        if job.kept:
            await self._judge(surveyed, steps, result)
        job.progress("comparing name servers", surveyed.plan.seen)
        return surveyed, steps

    async def _judge(self, surveyed: Surveyed, steps: Orphans, result: Result) -> None:
        """Raise and clear alarms according to the pass's findings."""
        for server in self.settings.directadmin_servers:
            name = server.hostname
            found = surveyed.plan.server(name)
            await self._alarms.judge(AlarmKind.NO_LIST, name, found.reason if found else "")
            if found is None or found.reason:
                continue  # nothing else is known about it now
            mixed = (
                f"its zones were pushed under the host name {found.pushes_as}: if that is this server, add it to"
                f" pushed_as of {name}; until then nothing of it is judged"
            )
            await self._alarms.judge(AlarmKind.HOSTNAME, name, mixed if found.pushes_as else "")
            missed = sum(one.server == name and not self._repair.refused(one.name) for one in surveyed.plan.missed)
            broken = f"{counted(missed, 'zone of it was', 'zones of it were')} never pushed to us: look at our entry in its Multi Server Setup"
            await self._alarms.judge(AlarmKind.MISSED, name, broken if missed >= self.settings.missed_alarm else "")
            failed = result.failed.get(name, 0)
            await self._alarms.judge(
                AlarmKind.PULL, name, f"{counted(failed, 'zone')} could not be fetched from it" if failed else ""
            )
            plan = steps.blocked.get(name, "")
            over = f"too many orphans at once, nothing is deleted: look, then dadns reconcile --approve {plan}"
            await self._alarms.judge(AlarmKind.OVER_CAP, name, over if plan else "")

    async def look_for_unknown(self, backend: str) -> None:
        """Raise or clear the alarm that a backend has mostly unknown zones. Raises BackendUnavailable, OutboxUnavailable."""
        if (lane := self._lanes.get(backend)) is not None:
            await self._judge_known(backend, await self._heal.known(lane))

    async def _judge_known(self, backend: str, known: Known) -> None:
        lost = (
            f"{counted(known.strangers, 'zone is', 'zones are')} served there that the store does not know, of {known.zones}:"
            " if the store was lost, restore a backup (dadns restore) or let DirectAdmin push all zones again;"
            " nothing of them is deleted"
        )
        await self._alarms.judge(AlarmKind.UNKNOWN, backend, lost if known.is_our_loss else "")

    def _plan_view(self, surveyed: Surveyed, steps: Orphans, healed: Healed) -> PlanView:
        return view_of(
            surveyed.plan,
            steps,
            silent=surveyed.silent,
            missing=healed.missing,
            drifted=healed.drifted,
            extra=healed.extra,
            extras=healed.extras,
            unreachable=healed.unreachable,
        )

    def _tell(self, view: PassView) -> None:
        """Log the one canonical line of a pass, and count it."""
        done = {key: value if isinstance(value, int) else len(value) for key, value in view.done if key != "failures"}
        self._recorder.passed(
            ended_at=view.ended_at, seconds=view.ended_at - view.started_at, found=view.plan.counts, done=done
        )
        self._log.info(
            "reconcile.completed",
            dry_run=view.dry_run,
            elapsed_s=round(view.ended_at - view.started_at, 3),
            servers=len(view.plan.servers),
            no_list=sum(bool(one.reason) for one in view.plan.servers),
            **view.plan.counts,
            pulled=view.done.pulled,
            pulls_refused=view.done.pulls_refused,
            quarantined=len(view.done.quarantined),
            deleted=len(view.done.deleted),
            healed=view.done.healed,
            unreachable=list(view.plan.unreachable),
        )

    def _open(self, server: DirectAdminServer) -> DirectAdminClient:
        settings = self.settings
        return DirectAdminClient(
            server,
            clock=self._clock,
            verify=settings.verify_ssl,
            timeout_s=settings.timeout_s,
            max_bytes=settings.max_answer_mb * 2**20,
            ipp=settings.ipp,
        )


def _done(result: Result, healed: Healed) -> Done:
    return Done(
        pulled=result.pulled,
        pulls_refused=result.refused,
        overtaken=result.overtaken,
        quarantined=result.quarantined,
        deleted=result.deleted,
        released=result.released,
        returned=result.returned,
        doubtful=result.doubtful,
        healed=healed.drifted,
        revived=healed.revived,
        extra_deleted=healed.extra_deleted,
        failures=result.failures,
    )
