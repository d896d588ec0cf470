"""A lane does all deliveries to one backend; lanes never wait for each other.

An express worker takes what people wait for, bulk workers take everything, a prober asks a dead backend whether it is
back, and a sweeper compares the name server with the store at start and at the end of each outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

import structlog

from directdnsonly.backends.contract import Backend
from directdnsonly.clock import Clock
from directdnsonly.dispatch.batch import BatchLog
from directdnsonly.dispatch.breaker import Breaker, BreakerState
from directdnsonly.dispatch.circuit import Circuit
from directdnsonly.dispatch.delivery import AttemptReport, Delivery
from directdnsonly.dispatch.hand import Hand
from directdnsonly.dispatch.proof import Asked, Proof
from directdnsonly.dispatch.record import DeliveryRecorder, NobodyCounts
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.dispatch.store_trouble import STORE_PAUSE_S, StoreTrouble
from directdnsonly.dispatch.sweep import Sweep, SweepFound
from directdnsonly.dispatch.sweeper import Sweeper
from directdnsonly.dispatch.telling import DeliveryLog, LaneStatus
from directdnsonly.dispatch.wakes import Rest, Wakes
from directdnsonly.dispatch.yielding import Yielding
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.store.work import Work
from directdnsonly.pulse import Pulses, task_name
from directdnsonly.verify.compare import Depth, Expected
from directdnsonly.verify.others import Others
from directdnsonly.verify.verifier import Verifier

HUNG_S = 300.0  # beyond every limit that an attempt has of its own
LONGEST_NAP_S = 30.0  # a lane looks at the store at least this often, whatever it was told


class Lane:
    """Delivers the outbox's work for one backend until cancelled."""

    def __init__(
        self,
        *,
        backend: Backend,
        verifier: Verifier,
        work: Work,
        settings: DispatchSettings,
        clock: Clock,
        depth: Depth = Depth.COUNT,
        gate: Callable[[], str] = lambda: "",
        recorder: DeliveryRecorder | None = None,
        after_start: Callable[[], Awaitable[None]] | None = None,
        on_change: Callable[[], None] = lambda: None,
        others: Others | None = None,
    ) -> None:
        """`gate` returns why a bundled name server is not running; empty if it is, or if there is none.

        `after_start` is awaited once, when the name server has been compared with the store for the first time. It may
        raise BackendUnavailable and OutboxUnavailable: then it is awaited again after the next comparison.
        `on_change` is called when people should look: the circuit, a pause, the store, or a zone that was given up.
        `others`: see Yielding.
        """
        self._on_change = on_change
        self._backend = backend
        self._verifier = verifier
        self._store = work
        self._settings = settings
        self._clock = clock
        self._log = structlog.get_logger()
        self._proof = Proof(backend, verifier, depth=depth, before=partial(work.proven_text, backend.name))
        self._delivery = Delivery(
            backend=backend, proof=self._proof, work=work, settings=settings, clock=clock, gate=gate,
        )  # fmt: skip
        self._circuit = Circuit(
            Breaker(delay_s=settings.probe_delay_s, delay_max_s=settings.probe_delay_max_s, since=clock.now_s()),
            backend=backend.name,
            clock=clock,
            ask=self._delivery.why_not_ready,
            on_closed=self._returned,
            on_change=on_change,
        )
        self._gate = gate
        self._recorder = recorder or NobodyCounts()
        self._paused = ""
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self._wakes = Wakes(max(settings.bulk_workers, backend.capabilities.workers))
        self._rest, self._begun = Rest(), False
        self.pulses = Pulses(clock)
        self._batch = BatchLog(backend=backend.name, clock=clock, log=self._log, recorder=self._recorder)
        self._trouble = StoreTrouble(backend.name, on_change=on_change)
        self._sweeper = Sweeper(
            backend=backend,
            make=lambda beat: Sweep(
                backend=backend,
                proof=self._proof,
                work=work,
                page=settings.sweep_page,
                on_queued=self._wakes.wake_all,
                beat=beat,
            ),
            circuit=self._circuit,
            unpaused=self._unpaused,
            trouble=self._trouble,
            clock=clock,
            pulses=self.pulses,
            after_start=after_start,
        )
        self._told = DeliveryLog(
            backend=backend.name, clock=clock, log=self._log, recorder=self._recorder, batch=self._batch,
            proves=self.proves,
        )  # fmt: skip
        self._batch_limit = backend.capabilities.batch_size
        self._yielding = Yielding(backend.servers, settings.bulk_slows_answers, others)
        self._hand = Hand(work)

    @property
    def name(self) -> str:
        """The backend's configured name."""
        return self._backend.name

    def status(self) -> LaneStatus:
        """The lane's present status."""
        return LaneStatus(
            backend=self.name,
            breaker=self._circuit.breaker.state,
            since=self._circuit.breaker.since,
            reason=self._circuit.breaker.reason,
            paused=self._paused,
            proven=self._batch.proven_total,
            failed=self._batch.failed_total,
            median_proven_s=self._batch.median_proven_s(),
            sweeping=self._sweeper.running,
            batch_zones=self._batch.zones,
            proves=self.proves,
        )

    def wake(self, priority: Priority) -> None:
        """Wake one worker because work was recorded; it wakes the others if it finds more than it can take."""
        self._wakes.wake(priority)

    @property
    def waits(self) -> bool:
        """Whether the express worker is idle and would start at once on a claim handed to it."""
        awake = self._circuit.flowing.is_set() and self._unpaused.is_set()
        return self._wakes.express_naps and awake and self._hand.is_free

    @property
    def lease_s(self) -> float:
        """How long an attempt owns its zones, in seconds."""
        return self._settings.lease_s

    def take(self, claim: Claim) -> None:
        """Start on a claim that was leased to us as it was recorded; it is returned if the express worker is busy by now."""
        if self.waits:
            self._hand.take(claim)
        else:
            self._hand.owe([claim])
        self._wakes.wake(Priority.INTERACTIVE)

    def _returned(self) -> None:
        """The backend is back, perhaps without some of its zones: compare it with the store, and resume deliveries."""
        self._sweeper.want()
        self._wakes.wake_all()

    def pause(self, reason: str) -> None:
        """Start no more attempts until `resume`; those in progress end as usual."""
        self._paused = reason
        self._unpaused.clear()
        self._on_change()

    def resume(self) -> None:
        """Resume deliveries after `pause`."""
        self._paused = ""
        self._unpaused.set()
        self._wakes.wake_all()
        self._on_change()

    async def probe(self) -> str:
        """Probe the backend and its name server now; returns why nothing can be delivered, or ""."""
        reason = await self._delivery.why_not_ready()
        if not reason:
            self._circuit.probe_soon()
        return reason

    async def ask(self, wanted: Expected) -> Asked:
        """What the backend's name servers answer about a zone now, judged as for proof. Never raises for an outage."""
        return await self._proof.ask(wanted, limit_s=self._settings.probe_timeout_s)

    @property
    def proves(self) -> bool:
        """Whether deliveries can be proven: without a name server address, only what is stored is known."""
        return bool(self._backend.servers)

    def name_server_lost(self, reason: str) -> None:
        """Note that the bundled name server has exited: nothing is attempted until it is back."""
        self._circuit.trip(reason)

    def name_server_running(self) -> None:
        """Note that the bundled name server has (re)started: probe it at once, and compare it with the store."""
        self._sweeper.want()
        self._circuit.probe_soon()

    async def run(self) -> None:
        """Deliver until cancelled, waiting whenever the store is unavailable. Anything it raises is a bug and ends the service."""
        if reason := self._gate():
            self._circuit.trip(reason, is_start=True)
        try:
            async with asyncio.TaskGroup() as workers:
                for name, work in self._workers().items():
                    workers.create_task(work(), name=name)
                self._begun = True
        finally:
            self._verifier.close()

    async def drain(self, limit_s: float) -> None:
        """Start no more attempts, for good, and wait until those in progress have ended, for `limit_s` seconds at most."""
        self._unpaused.clear()
        with suppress(TimeoutError, OutboxUnavailable):
            async with asyncio.timeout(limit_s):
                await self._rest.comes()
                await self._hand.give_back()

    def follow(self, settings: DispatchSettings) -> None:
        """Use these settings for attempts that begin from now on; the number of workers stays as it is."""
        self._settings = settings
        self._delivery.follow(settings)
        self._circuit.breaker.follow(delay_s=settings.probe_delay_s, delay_max_s=settings.probe_delay_max_s)
        self._sweeper.follow(page=settings.sweep_page)

    @property
    def actors(self) -> list[str]:
        """The names of the tasks that exist while the lane is alive; none before it began."""
        return list(self._workers()) if self._begun else []

    def _workers(self) -> dict[str, Callable[[], Coroutine[None, None, None]]]:
        here, wakes = f"dispatch:{self.name}", self._wakes
        return {
            **{f"{here}:bulk{n}": partial(self._work, Priority.BULK, wake) for n, wake in enumerate(wakes.bulk)},
            f"{here}:express": partial(self._work, Priority.INTERACTIVE, wakes.express),
            f"{here}:prober": self._circuit.run,
            f"{here}:yielding": self._yielding.run,
            self._sweeper.name: self._sweeper.run,
        }

    async def _work(self, lowest: Priority, wake: asyncio.Event) -> None:
        while True:
            if lowest is Priority.BULK:
                await self._yielding.rest()
            await self._circuit.flowing.wait()
            await self._unpaused.wait()
            wake.clear()
            try:
                with self._rest.disturbed():
                    more = await self._take_turn(lowest, wake)
                if not more:
                    self._batch.idle()
                    await self._nap(wake)
            except OutboxUnavailable as error:
                self._trouble.failed(str(error), task=f"dispatch:{self.name}")
                await asyncio.sleep(STORE_PAUSE_S)

    async def _take_turn(self, lowest: Priority, wake: asyncio.Event) -> bool:
        """One batch, or what was handed over; whether there may be more."""
        await self._hand.give_back()
        handed = self._take_handed() if lowest is not Priority.BULK else None
        if handed is not None:
            await self._attempt([handed])
        # What came or became due before the nap is none of ours.
        more = wake.is_set() if handed is not None else await self.run_once(lowest)
        if handed is not None or more:
            self._trouble.worked()
        return more

    def _take_handed(self) -> Claim | None:
        claim, is_old = self._hand.begin()
        if is_old:
            self._wakes.express.set()
        return claim

    async def _nap(self, wake: asyncio.Event) -> None:
        """Sleep until new work is recorded or waiting work becomes due."""
        due_at = await self._store.next_due_at(self.name)
        seconds = LONGEST_NAP_S if due_at is None else max(due_at - self._clock.now_s(), 0.005)
        await self._wakes.nap(wake, min(seconds, LONGEST_NAP_S))

    async def run_once(self, lowest: Priority = Priority.BULK) -> bool:
        """Deliver one batch of the most urgent class; returns whether there was any work."""
        limit = self._batch_limit if lowest is Priority.BULK else min(self._settings.express_batch, self._batch_limit)
        claims = await self._store.claim(self.name, limit=limit, lease_s=self._settings.lease_s, lowest=lowest)
        if not claims:
            return False
        if len(claims) == limit:
            self._wakes.wake_all()
        async with self._yielding.beside(len(claims) if lowest is Priority.BULK else 0):
            await self._attempt(claims)
        return True

    async def _attempt(self, claims: Sequence[Claim]) -> None:
        self._batch.begin(len(claims))
        report: AttemptReport | None = None
        proven: list[Settlement] = []
        try:
            with self.pulses.at_work(task_name(), self._settings.lease_s + HUNG_S):
                report = await self._delivery.attempt(claims, proven)
        except OutboxUnavailable:
            self._hand.owe(claims)
            raise
        finally:
            ends = report.settlements if report else tuple(proven)
            given_back = sum(end.how is Settle.DEFER for end in ends) if report else len(claims) - len(proven)
            ended = sum(end.how is Settle.VERIFIED for end in ends)
            self._batch.end(
                proven=ended if self.proves else 0, failed=len(claims) - ended - given_back, given_back=given_back
            )
            self._told.tell(report or AttemptReport(settlements=ends))  # also what ended before we were stopped
        self._judge(report)
        if any(end.how is Settle.BURY for end in report.settlements):
            self._on_change()

    def _judge(self, report: AttemptReport) -> None:
        """Update the circuit by what an attempt says about the whole backend."""
        if report.hung:
            self._batch_limit = max(len(report.settlements) // 2, 1)
            return
        if report.unavailable is None:
            self._circuit.breaker.succeeded()
            self._batch_limit = min(self._batch_limit * 2, self._backend.capabilities.batch_size)
            return
        self._circuit.trip(report.unavailable.reason)

    async def look(self) -> None:
        """Check that the backend is there, if the lane is idle; a busy one finds out by itself."""
        if self._batch.busy or self._circuit.breaker.state is not BreakerState.CLOSED:
            return
        reason = await self._delivery.why_not_ready()
        if reason and not self._batch.busy:
            self._circuit.trip(reason)

    async def sweep(self, *, repair: bool = True, gentle: bool = False) -> SweepFound:
        """Compare the name server with the store and, with `repair`, requeue zones that differ. Raises BackendUnavailable."""
        return await self._sweeper.sweep(repair=repair, gentle=gentle)
