"""Keep one bundled name server running: adopt or start it, watch it, start it again; at our end leave it serving, or stop it.

The daemon runs in the foreground in a session of its own, all its descriptors on /dev/null and a log file of its own, so
that it misses nothing when we are gone. Our next start adopts it, whether we were stopped or killed: nothing of what
resolvers ask is lost meanwhile. Where it must be replaced, because its configuration or its program is another one now, that
is said before, and happens to one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from directdnsonly.clock import Clock
from directdnsonly.nameservers import note as notes
from directdnsonly.nameservers.account import HANG_S
from directdnsonly.nameservers.adoption import Act, Left, Seen, decide, look
from directdnsonly.nameservers.contract import DaemonPhase, DaemonProcess, DaemonStatus, Origin
from directdnsonly.nameservers.daemon_log import last_words, read_from_log
from directdnsonly.nameservers.holder import holder_of, is_taken, name_of
from directdnsonly.nameservers.leftover import stop
from directdnsonly.nameservers.note import Note, Stamp
from directdnsonly.nameservers.process import Handle, how_ended, identity_of
from directdnsonly.nameservers.program import Program
from directdnsonly.nameservers.watch import Watch, answers

RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STABLE_S = 30.0  # a run of this length starts the pauses anew
START_S = 120.0  # 100,000 zones take named 27 s; one that is silent for longer is told, and watched
LONGEST_HANG_S = 3600.0  # one that has never answered us, e.g. behind a packet filter, is not started anew all the time
REFUSED_PAUSE_S = 2.0
WELL_S = 2.0  # our whole exit stays under ten seconds
TURN_S = 150.0  # somebody else's replacement takes no longer, or is told as slow


class ManagedDaemon:
    """Supervises one bundled name server. See NameServer."""

    def __init__(
        self,
        *,
        name: str,
        program: Program,
        clock: Clock,
        on_phase: Callable[[DaemonStatus], None],
        before_start: Callable[[], Awaitable[object]] | None = None,
        command: Callable[[], Awaitable[object]] | None = None,
        start_s: float = START_S,
        outlives: Callable[[], bool] = lambda: False,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """`before_start` is awaited once, while no name server of ours runs in the folder.

        `command` asks its control channel something. One that lives and answers nobody is killed and started anew, also
        one that has not said for `start_s` seconds that it runs. `outlives`: asked when we end, whether it goes on serving.
        `turn`: shared by all of a service, so that they are replaced one after the other.
        """
        self._command = command
        self._start_s = start_s
        self._unheard = 0  # runs in a row that hung without one answer
        self._before_start = before_start
        self._outlives = outlives
        self._turn, self._has_turn = turn or asyncio.Lock(), False
        self._name = name
        self._program = program
        self._clock = clock
        self._on_phase = on_phase
        self._log = structlog.get_logger()
        self._process: DaemonProcess | None = None
        reason = f"{program.kind} was not started yet"
        self._status = DaemonStatus(phase=DaemonPhase.STARTING, since=clock.now_s(), reason=reason)

    @property
    def kind(self) -> str:
        """What people call it."""
        return self._program.kind

    @property
    def status(self) -> DaemonStatus:
        """A picture of now."""
        return self._status

    async def run(self) -> None:
        """Keep it running until cancelled; then leave it serving, or stop it."""
        try:
            adopted = await self._inherit()
            is_ready, failures = False, 0
            while True:
                began = self._clock.now_s()
                if adopted is None:
                    await self._until_free()
                    is_ready = is_ready or await self._make_ready()
                reason = await self._live(adopted)
                adopted = None
                failures = 1 if self._clock.now_s() - began > STABLE_S else failures + 1
                pause_s = RESTART_PAUSES_S[min(failures, len(RESTART_PAUSES_S)) - 1]
                self._enter(DaemonPhase.RESTARTING, reason, restarts=self._status.restarts + 1)
                self._log.error("nameserver.exited", backend=self._name, reason=reason, again_in_s=pause_s)
                await asyncio.sleep(pause_s)
        finally:
            self._end_turn()

    async def _inherit(self) -> Handle | None:
        """What an earlier life has left, to be adopted; None when one is to be started."""
        told = ""
        while (left := await asyncio.to_thread(self._look)).handle is not None:
            decision = decide(left.seen, await asyncio.to_thread(self._stamp), kind=self._program.kind)
            if decision.act is Act.ADOPT:
                return left.handle
            if decision.act is Act.REPLACE:
                await self._replace(left.handle, left.seen, decision.reason)
                return None
            left.handle.close()
            told = await self._refused(decision.reason, told)
        return None

    def _look(self) -> Left:
        program = self._program
        return look(program.note_file, program.pid_file, kind=program.kind, marker=program.marker)

    def _stamp(self) -> Stamp:
        program = self._program
        return Stamp.of(program.command(), program.configuration(), program.version())

    async def _replace(self, handle: Handle, seen: Seen, reason: str) -> None:
        """End the one that runs, in our turn, and say before how long nobody will answer."""
        note = seen.note if seen.lives else None
        self._process = self._told(handle, note.stamp.version if note else "", Origin.ADOPTED, is_current=False)
        self._enter(DaemonPhase.STARTING, f"{reason}: it is being replaced", restarts=0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
                self._has_turn = True
        gap_s = note.start_s if note else None
        self._log.warning("nameserver.replacing", backend=self._name, pid=handle.pid, reason=reason, last_start_s=gap_s)
        await stop(handle, self._program.note_file)
        handle.close()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._turn.release()
            self._has_turn = False

    async def _refused(self, reason: str, told: str) -> str:
        """Somebody is in our way whom we do not touch: said once for each reason, and looked at again after a pause."""
        if reason != told:
            self._enter(DaemonPhase.STARTING, reason, restarts=self._status.restarts)
            self._log.error("nameserver.refused", backend=self._name, reason=reason)
        await asyncio.sleep(REFUSED_PAUSE_S)
        return reason

    async def _until_free(self) -> None:
        """Wait until nobody else answers on our port: a named of the same user would share it with ours, unnoticed."""
        told = ""
        while await is_taken(self._program.host, self._program.port):
            told = await self._refused(await asyncio.to_thread(self._who_holds_our_port), told)

    def _who_holds_our_port(self) -> str:
        place = f"{self._program.host}#{self._program.port}"
        holder = holder_of(self._program.port)
        who = f"process {holder} ({name_of(holder)})" if holder else "a process that we may not see"
        return (
            f"{place} is held by {who}, which is not ours:"
            f" stop it, or choose another port (dns.backends.{self._name}.port)"
        )

    async def _make_ready(self) -> bool:
        """True, when all is there that a start needs."""
        if self._before_start is not None:
            await self._before_start()
        await asyncio.to_thread(self._program.prepare)
        return True

    async def _start(self) -> tuple[Handle, Note]:
        """A new process, noted as ours."""
        # One that was killed leaves it: knotd does not start while that number is anybody's, also one that has just ended.
        await asyncio.to_thread(self._program.pid_file.unlink, missing_ok=True)
        stamp = await asyncio.to_thread(self._stamp)
        handle = Handle.of_child(
            subprocess.Popen(  # noqa: ASYNC220, S603 - returns when the program is there; asyncio's would be killed with our loop
                stamp.arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={key: value for key, value in os.environ.items() if not key.startswith("DADNS_")},
            )
        )
        note = Note(identity=handle.identity, stamp=stamp)
        self._keep(note)
        return handle, note

    def _keep(self, note: Note) -> None:
        try:
            notes.write(self._program.note_file, note)
        except OSError as error:  # a full disk: it serves all the same, and is replaced at our next start
            reason = f"{self._program.note_file}: {error.strerror}"
            self._log.warning("nameserver.not_noted", backend=self._name, pid=note.identity.pid, reason=reason)

    def _told(self, handle: Handle, version: str, origin: Origin, *, is_current: bool = True) -> DaemonProcess:
        up_since = handle.identity.up_since
        return DaemonProcess(pid=handle.pid, up_since=up_since, version=version, origin=origin, is_current=is_current)

    async def _live(self, adopted: Handle | None) -> str:
        """Start it, or take the adopted one, and wait until it ends; why it ended. Leaves or stops it when cancelled."""
        log_file = self._program.log_file
        read_from = log_file.stat().st_size if log_file.exists() else 0
        began = self._clock.now_s()
        note = notes.read(self._program.note_file) if adopted else None
        handle, note = (adopted, note) if adopted and note else await self._start()
        self._process = self._told(handle, note.stamp.version, Origin.ADOPTED if adopted else Origin.STARTED)
        ended = asyncio.ensure_future(handle.ended())
        try:
            if adopted:
                hung = await self._until_adopted(ended, handle)
            else:
                hung = await self._until_started(log_file, read_from, ended, handle.pid)
            if not hung and not ended.done():
                self._runs(handle, note, self._clock.now_s() - began, is_adopted=bool(adopted))
                hung = await self._until_hung(handle.pid, ended)
            if hung:
                self._log.error("nameserver.hung", backend=self._name, pid=handle.pid, reason=hung)
                handle.kill_session()
            await ended
            handle.kill_session()
        finally:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)
            async with asyncio.TaskGroup() as group:  # in ours, if cancelled, no time limit ends in 3.11.2 (gh-102780)
                group.create_task(self._let_go(handle), name=f"nameserver:{self._name}:end")
        if hung:
            return f"{self._program.kind} {hung}; it was killed"
        return f"{self._program.kind} {how_ended(handle.exit_code())}{last_words(log_file, read_from)}"

    def _runs(self, handle: Handle, note: Note, took_s: float, *, is_adopted: bool) -> None:
        self._enter(DaemonPhase.RUNNING, "", restarts=self._status.restarts)
        facts = {"backend": self._name, "pid": handle.pid, "port": self._program.port}
        if is_adopted:
            up_s = round(self._clock.now_s() - handle.identity.up_since, 1)
            self._log.info("nameserver.adopted", **facts, version=note.stamp.version, up_s=up_s)
        else:
            self._log.info("nameserver.started", **facts)
            self._keep(notes.took(note, took_s))
        self._end_turn()

    async def _let_go(self, handle: Handle) -> None:
        """At our end: it goes on serving, or is stopped with us. Nothing to do when it has ended."""
        self._process = None
        if identity_of(handle.pid) == handle.identity:
            if self._outlives() and handle.can_be_adopted and await self._is_well():
                self._log.info("nameserver.kept", backend=self._name, pid=handle.pid)
            else:
                await stop(handle, self._program.note_file)
                self._enter(DaemonPhase.STOPPED, "the service stopped", restarts=self._status.restarts)
                self._log.info("nameserver.stopped", backend=self._name)
        handle.close()

    async def _is_well(self) -> bool:
        """Whether it is worth keeping: it answers, or is still loading. One that hangs is better started anew."""
        if self._status.phase is DaemonPhase.STARTING:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WELL_S):
                return await answers(self._program.host, self._program.port)
        return False

    async def _until_adopted(self, ended: asyncio.Future[None], handle: Handle) -> str:
        """Wait until it answers queries, and commands by our key; why it must be believed to hang, empty otherwise."""
        watch = self._watch(handle.pid, self._program.hang_s or HANG_S)  # nothing is known of it yet
        reason = f"{self._program.kind} (process {handle.pid}) of an earlier start does not answer yet"
        self._status = replace(self._status, reason=reason, process=self._process)  # rung below, when it proves true
        is_told = False
        while not ended.done():
            if hung := await watch.ask():
                return hung
            if watch.has_answered and watch.takes_commands:
                return ""
            if not is_told:
                self._enter(DaemonPhase.STARTING, reason, restarts=self._status.restarts)
            is_told = True
            await asyncio.sleep(0.1)
        return ""

    async def _until_started(self, log_file: Path, read_from: int, ended: asyncio.Future[None], pid: int) -> str:
        """Wait for its own word that it answers, for an answer when it keeps silent too long, or for its end.

        Why it must be believed to hang, empty otherwise.
        """
        until, watch = self._clock.now_s() + self._start_s, None
        reason = f"{self._program.kind} (process {pid}) was started and does not answer yet"
        if self._status.phase is DaemonPhase.RESTARTING:  # why the last one ended is worth more
            reason = self._status.reason
        self._status = replace(
            self._status, reason=reason, process=self._process
        )  # not rung: usually true for a moment
        while not ended.done() and not self._program.says_started(read_from_log(log_file, read_from)):
            if self._clock.now_s() >= until:
                watch = watch or self._tell_slow(pid)
                if hung := await watch.ask():
                    return hung
                if watch.has_answered:
                    break  # whatever words its version has for that
            await asyncio.sleep(0.02)
        return ""

    def _tell_slow(self, pid: int) -> Watch:
        reason = f"{self._program.kind} was started {self._start_s:g} s ago and does not answer yet"
        self._enter(DaemonPhase.STARTING, reason, restarts=self._status.restarts)
        self._log.warning("nameserver.slow", backend=self._name, pid=pid, reason=reason)
        return self._watch(pid, self._program.hang_s)

    async def _until_hung(self, pid: int, ended: asyncio.Future[None]) -> str:
        """Wait until it ends (empty), or must be believed to hang (why)."""
        watch = self._watch(pid, self._program.hang_s)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.why_hung(), name=f"nameserver:{self._name}:watch")
            waited: tuple[asyncio.Future[Any], ...] = (ended, watching)
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            hung = watching.result() if watching.done() and not ended.done() else ""
            watching.cancel()
        self._unheard = self._unheard + 1 if hung and not watch.has_answered else 0
        return hung

    def _watch(self, pid: int, hang_s: float) -> Watch:
        limit_s = min(hang_s * 2**self._unheard, LONGEST_HANG_S) if hang_s else math.inf
        return Watch(
            host=self._program.host,
            port=self._program.port,
            limit_s=limit_s,
            clock=self._clock,
            leader=pid,
            command=self._command,
        )

    def _enter(self, phase: DaemonPhase, reason: str, *, restarts: int) -> None:
        self._status = DaemonStatus(
            phase=phase, since=self._clock.now_s(), reason=reason, restarts=restarts, process=self._process
        )
        self._on_phase(self._status)
