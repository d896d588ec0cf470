"""One attempt: apply a batch of claims to one backend, ask its name server for proof, and settle each claim."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from directdnsonly.backends.contract import Backend, Outcome, OutcomeKind, ZoneChange
from directdnsonly.clock import Clock
from directdnsonly.dispatch.proof import Proof
from directdnsonly.dispatch.retry import RetryPolicy
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.deliveries import Claim, Settle, Settlement
from directdnsonly.outbox.store.work import Work
from directdnsonly.verify.compare import Finding, Verdict

_NOT_ITS_DOING = frozenset({Finding.SILENT, Finding.UNREAD})  # to apply it once more would not help
QUICK_S = 0.25  # a healthy name server proves a zone within milliseconds; only then the wait is written down


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """The outcome of an attempt: settlements as written, and the backend's failure, if any.

    `hung`: the backend lives, but this batch got no answer. `apply_s` and `verify_s` are the parts of the time that the batch took.
    """

    settlements: tuple[Settlement, ...]
    unavailable: BackendUnavailable | None = None
    hung: bool = False
    apply_s: float = 0.0
    verify_s: float = 0.0


class Delivery:
    """Makes attempts on one backend; keeps no state between them."""

    def __init__(
        self,
        *,
        backend: Backend,
        proof: Proof,
        work: Work,
        settings: DispatchSettings,
        clock: Clock,
        gate: Callable[[], str] = lambda: "",
    ) -> None:
        self._backend = backend
        self._proof = proof
        self._work = work
        self._clock = clock
        self._gate = gate
        self._slots = asyncio.Semaphore(backend.capabilities.concurrency)
        self.follow(settings)

    def follow(self, settings: DispatchSettings) -> None:
        """The limits and the retries of attempts that begin from now on."""
        self._policy = RetryPolicy(
            delays_s=settings.retry_delays_s, jitter=settings.retry_jitter, max_attempts=settings.max_attempts
        )
        self._apply_timeout_s = settings.apply_timeout_s
        self._patience_s = settings.verify_patience_s + self._backend.capabilities.visible_s
        self._probe_timeout_s = settings.probe_timeout_s

    async def attempt(self, claims: Sequence[Claim], proven: list[Settlement]) -> AttemptReport:
        """Apply, verify and settle a batch. Raises only for bugs and a lost store; if cancelled, its leases expire by themselves.

        What the store cannot read is buried; the other zones of the batch are delivered. `proven` is filled as proofs are
        committed, so that they can be told when the attempt does not come to its end.
        """
        damaged = [self.failed(claim, claim.damaged, final=True) for claim in claims if claim.damaged]
        if not damaged:
            return await self._attempt(claims, proven)
        await self._work.settle(damaged)
        whole = [claim for claim in claims if not claim.damaged]
        report = await self._attempt(whole, proven) if whole else AttemptReport(settlements=())
        return replace(report, settlements=(*damaged, *report.settlements))

    async def _attempt(self, claims: Sequence[Claim], proven: list[Settlement]) -> AttemptReport:
        started = time.perf_counter()
        try:
            outcomes = await self._apply([_change(claim) for claim in claims])
        except BackendUnavailable as error:
            return await self._given_back(claims, error)
        except TimeoutError:
            return await self._hung(claims)
        applied_at = time.perf_counter()
        ends = [
            self._not_applied(claim, outcome)
            for claim, outcome in zip(claims, outcomes, strict=True)
            if outcome.kind is not OutcomeKind.APPLIED
        ]
        await self._work.settle([end for end in ends if end.how is Settle.VERIFIED])
        taken = [claim for claim, outcome in zip(claims, outcomes, strict=True) if outcome.kind is OutcomeKind.APPLIED]
        failed, silent = await self._prove(taken, proven)
        ends += [*proven, *failed]
        await self._work.settle(_timed([end for end in ends if end.how is not Settle.VERIFIED], started))
        return AttemptReport(
            settlements=tuple(ends),
            unavailable=silent,
            apply_s=applied_at - started,
            verify_s=time.perf_counter() - applied_at,
        )

    def _not_applied(self, claim: Claim, outcome: Outcome) -> Settlement:
        """Settlements for changes that the backend did not apply: retry, dead, or nothing to do (the operator's own zone stays)."""
        if outcome.kind is OutcomeKind.HELD and claim.kind is Kind.DELETE:
            return Settlement(claim=claim, how=Settle.VERIFIED, reason=outcome.reason)
        return self.failed(claim, outcome.reason, final=outcome.kind is not OutcomeKind.RETRY)

    async def _apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        async with self._slots, asyncio.timeout(self._apply_timeout_s):
            return await _ONCE_MORE_WHEN_DROPPED.copy()(self._backend.apply, changes)

    async def _given_back(self, claims: Sequence[Claim], error: BackendUnavailable) -> AttemptReport:
        """Settlements for an outage of the backend: the claims go back and no attempt is counted."""
        ends = [Settlement(claim=claim, how=Settle.DEFER, reason=error.reason) for claim in claims]
        await self._work.settle(ends)
        return AttemptReport(settlements=tuple(ends), unavailable=error)

    async def _hung(self, claims: Sequence[Claim]) -> AttemptReport:
        """Settlements for a backend that did not answer in time; if it answers a probe, a zone of the batch makes it hang.

        The lane then tries with half as many, until the one that hangs is alone: then it is that zone's failure.
        """
        error = BackendUnavailable(f"no answer in {self._apply_timeout_s:g} s", backend=self._backend.name)
        if await self.why_not_ready():
            return await self._given_back(claims, error)
        if len(claims) == 1:
            ends = [replace(self.failed(claims[0], error.reason), elapsed_s=self._apply_timeout_s)]
        else:
            ends = [Settlement(claim=claim, how=Settle.DEFER, reason=error.reason) for claim in claims]
        await self._work.settle(ends)
        return AttemptReport(settlements=tuple(ends), hung=True)

    async def why_not_ready(self) -> str:
        """Why nothing can be delivered now, as the backend and its name server answer a probe; empty if it can."""
        if reason := self._gate():
            return reason
        try:
            async with asyncio.timeout(self._probe_timeout_s):
                await self._backend.ready()
                return await self._proof.why_silent()
        except BackendUnavailable as error:
            return error.reason
        except TimeoutError:
            return f"no answer in {self._probe_timeout_s:g} s"

    async def _prove(
        self, claims: Sequence[Claim], proven: list[Settlement]
    ) -> tuple[list[Settlement], BackendUnavailable | None]:
        """Ask for proof, at first briefly; then apply again what is not served, and ask more patiently.

        What is proven is settled here at once, so that a slow zone in the batch delays nobody's news. The ends of the rest.
        """
        ends: list[Settlement] = []
        waiting = await self._ask(claims, QUICK_S, proven, first=True)
        if not waiting:
            return ends, None
        await self._work.settle(
            [Settlement(claim=claim, how=Settle.APPLIED, reason=verdict.reason) for claim, verdict in waiting]
        )
        refused = await self._again([claim for claim, verdict in waiting if verdict.finding not in _NOT_ITS_DOING])
        ends += refused
        over = {end.claim.name for end in refused}
        waiting = await self._ask([c for c, _ in waiting if c.name not in over], self._patience_s, proven)
        silent = [claim for claim, verdict in waiting if verdict.finding is Finding.SILENT]
        # All of a batch, perhaps one zone alone: only where nothing else is answered either is it the server that is away.
        if silent and len(silent) == len(claims) and (reason := await self.why_not_ready()):
            error = BackendUnavailable(reason, backend=self._backend.name)
            ends += [Settlement(claim=claim, how=Settle.DEFER, reason=error.reason) for claim in silent]
            return ends, error
        ends += [self.failed(claim, verdict.reason, final=False) for claim, verdict in waiting]
        return ends, None

    async def _again(self, claims: Sequence[Claim]) -> list[Settlement]:
        """Apply again what is not served as applied; returns settlements for what the backend refuses now."""
        if not claims:
            return []
        try:
            outcomes = await self._apply([_change(claim, unsure=True) for claim in claims])
        except (BackendUnavailable, TimeoutError):
            return []  # the next verdict tells what is served, which is all that counts
        return [
            self.failed(claim, outcome.reason, final=True)
            for claim, outcome in zip(claims, outcomes, strict=True)
            if outcome.kind is OutcomeKind.REFUSED
        ]

    async def _ask(
        self, claims: Sequence[Claim], patience_s: float, proven: list[Settlement], *, first: bool = False
    ) -> list[tuple[Claim, Verdict]]:
        """Verify; settle and note what is proven; the rest with its verdict."""
        if not claims:
            return []
        verdicts = await self._proof.verify(claims, patience_s=patience_s, first=first)
        pairs = list(zip(claims, verdicts, strict=True))
        served = [
            Settlement(claim=claim, how=Settle.VERIFIED, served_serial=verdict.serial, reason=verdict.reason)
            for claim, verdict in pairs
            if verdict.finding is Finding.PROVEN
        ]
        if served:
            await self._work.settle(served)
            proven += served
        return [(claim, verdict) for claim, verdict in pairs if verdict.finding is not Finding.PROVEN]

    def failed(self, claim: Claim, reason: str, *, final: bool = False) -> Settlement:
        """This zone failed on this backend: due again by the policy, or dead."""
        delay_s = None if final else self._policy.delay_s(claim.attempts + 1)
        if delay_s is None:
            return Settlement(claim=claim, how=Settle.BURY, reason=reason)
        return Settlement(claim=claim, how=Settle.RETRY, reason=reason, due_at=self._clock.now_s() + delay_s)


def _timed(ends: Sequence[Settlement], started: float) -> list[Settlement]:
    """With the seconds since `started` (of the performance counter): how long the attempt took that they end."""
    elapsed_s = time.perf_counter() - started
    return [replace(end, elapsed_s=elapsed_s) for end in ends]


def was_dropped(error: BaseException) -> bool:
    """Whether a connection that had stood was closed under the call: the server lives or is just being restarted.

    One that is refused or does not answer is an outage, and the breaker's business.
    """
    cause: BaseException | None = error if isinstance(error, BackendUnavailable) else None
    while cause is not None:
        if isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError | EOFError):
            return True
        cause = cause.__cause__
    return False


# An apply may be repeated without harm; only this short fault is retried here, everything longer is in the store.
# Copied for each call: tenacity keeps the state of a call in the object.
_ONCE_MORE_WHEN_DROPPED = AsyncRetrying(
    retry=retry_if_exception(was_dropped), stop=stop_after_attempt(2), wait=wait_random(0.02, 0.1), reraise=True
)


def _change(claim: Claim, *, unsure: bool = False) -> ZoneChange:
    return ZoneChange(
        name=claim.name,
        version=claim.version,
        text=claim.text,
        serial=claim.serial,
        records=claim.records,
        known=claim.known,
        unsure=unsure or claim.same_serial,
    )
