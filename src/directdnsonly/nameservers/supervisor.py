"""Keep one bundled name server running: prepare, start, watch, start again, stop with us.

The daemon runs in the foreground as our child, in a session of its own. When we are killed hard it goes on serving
what it has; our next start stops it and starts a fresh one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog

from directdnsonly.clock import Clock
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus
from directdnsonly.nameservers.watch import Watch

RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STABLE_S = 30.0  # a run of this length starts the pauses anew
STOP_S = 4.0  # SIGTERM, then SIGKILL: our whole exit stays under ten seconds
START_S = 120.0  # 100,000 zones take named 27 s; one that is silent for longer is told, and watched
LONGEST_HANG_S = 3600.0  # one that has never answered us, e.g. behind a packet filter, is not started anew all the time


class Program(Protocol):
    """One kind of bundled name server. Made by `nameservers.registry`; holds no process."""

    @property
    def kind(self) -> str:
        """What people call it: named, nsd, knotd."""
        ...

    @property
    def log_file(self) -> Path:
        """Where it logs."""
        ...

    @property
    def pid_file(self) -> Path:
        """Where it notes its process."""
        ...

    @property
    def marker(self) -> str:
        """What stands in the command line of our own process of it and of no other: a path in our folder."""
        ...

    @property
    def host(self) -> str:
        """The first address that it listens on."""
        ...

    @property
    def port(self) -> int:
        """Where it answers."""
        ...

    @property
    def hang_s(self) -> float:
        """Seconds without an answer to any query after which it is believed to hang; 0: never."""
        ...

    def prepare(self) -> None:
        """Blocking: folders, keys, configuration. Raises ConfigError when it cannot run."""
        ...

    def command(self) -> Sequence[str]:
        """Program and arguments; it must stay in the foreground."""
        ...

    def says_started(self, log: bytes) -> bool:
        """Whether these lines of its log tell that it answers."""
        ...


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
    ) -> None:
        """`before_start` is awaited once, while no name server of ours runs in the folder.

        `command` asks its control channel something. One that lives and answers nobody is killed and started anew, also
        one that has not said for `start_s` seconds that it runs.
        """
        self._command = command
        self._start_s = start_s
        self._unheard = 0  # runs in a row that hung without one answer
        self._before_start = before_start
        self._name = name
        self._program = program
        self._clock = clock
        self._on_phase = on_phase
        self._log = structlog.get_logger()
        reason = f"{program.kind} was not started yet"
        self._status = DaemonStatus(phase=DaemonPhase.STARTING, since=clock.now_s(), reason=reason)

    @property
    def status(self) -> DaemonStatus:
        """A picture of now."""
        return self._status

    async def run(self) -> None:
        """Keep it running until cancelled, then stop it."""
        await asyncio.to_thread(self._stop_former)
        if self._before_start is not None:
            await self._before_start()
        await asyncio.to_thread(self._program.prepare)
        failures = 0
        while True:
            began = self._clock.now_s()
            reason = await self._run_once()
            failures = 1 if self._clock.now_s() - began > STABLE_S else failures + 1
            pause_s = RESTART_PAUSES_S[min(failures, len(RESTART_PAUSES_S)) - 1]
            self._enter(DaemonPhase.RESTARTING, reason, restarts=self._status.restarts + 1)
            self._log.error("nameserver.exited", backend=self._name, reason=reason, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    def _stop_former(self) -> None:
        """A name server of an earlier life is stopped, since it holds the port and the files."""
        pid = _stop_stale(self._program.pid_file, self._program.marker)
        if pid is not None:
            self._log.warning("nameserver.stale_stopped", backend=self._name, pid=pid)

    async def _run_once(self) -> str:
        """Start it and wait until it ends; why it ended. Stops it when cancelled."""
        log_file = self._program.log_file
        read_from = log_file.stat().st_size if log_file.exists() else 0
        process = await asyncio.create_subprocess_exec(
            *self._program.command(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        ended = asyncio.ensure_future(process.wait())
        try:
            hung = await self._until_started(log_file, read_from, ended, process.pid)
            if not hung and not ended.done():
                self._enter(DaemonPhase.RUNNING, "", restarts=self._status.restarts)
                self._log.info("nameserver.started", backend=self._name, pid=process.pid, port=self._program.port)
                hung = await self._until_hung(process.pid, ended)
            if hung:
                self._log.error("nameserver.hung", backend=self._name, pid=process.pid, reason=hung)
                _kill_session(process.pid)
            code = await ended
            _kill_session(process.pid)  # children that outlive a killed parent hold its port
        finally:
            ended.cancel()
            if process.returncode is None:
                await self._stop(process)
        if hung:
            return f"{self._program.kind} {hung}; it was killed"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{self._program.kind} {how}{self._last_words(log_file, read_from)}"

    async def _until_started(self, log_file: Path, read_from: int, ended: asyncio.Future[int], pid: int) -> str:
        """Wait for its own word that it answers, for an answer when it keeps silent too long, or for its end.

        Why it must be believed to hang, empty otherwise.
        """
        until, watch = self._clock.now_s() + self._start_s, None
        while not ended.done() and not self._program.says_started(_read_from(log_file, read_from)):
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
        return self._watch(pid)

    async def _until_hung(self, pid: int, ended: asyncio.Future[int]) -> str:
        """Wait until it ends (empty), or must be believed to hang (why)."""
        watch = self._watch(pid)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.why_hung(), name=f"nameserver:{self._name}:watch")
            waited: tuple[asyncio.Future[Any], ...] = (ended, watching)
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            hung = watching.result() if watching.done() and not ended.done() else ""
            watching.cancel()
        self._unheard = self._unheard + 1 if hung and not watch.has_answered else 0
        return hung

    def _watch(self, pid: int) -> Watch:
        hang_s = self._program.hang_s
        limit_s = min(hang_s * 2**self._unheard, LONGEST_HANG_S) if hang_s else math.inf
        return Watch(
            host=self._program.host,
            port=self._program.port,
            limit_s=limit_s,
            clock=self._clock,
            leader=pid,
            command=self._command,
        )

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                _kill_session(process.pid)
                await process.wait()
        self._enter(DaemonPhase.STOPPED, "the service stopped", restarts=self._status.restarts)
        self._log.info("nameserver.stopped", backend=self._name)

    def _enter(self, phase: DaemonPhase, reason: str, *, restarts: int) -> None:
        self._status = DaemonStatus(phase=phase, since=self._clock.now_s(), reason=reason, restarts=restarts)
        self._on_phase(self._status)

    def _last_words(self, log_file: Path, read_from: int) -> str:
        """What it logged as its reason, for the operator."""
        lines = _read_from(log_file, read_from).decode("utf-8", "replace").splitlines()
        telling = [line for line in lines if re.search(r"(error|critical|fatal)|exiting \(due", line)]
        return f": {telling[-1][-300:]}" if telling else f" (its log: {log_file})"


def _kill_session(pid: int) -> None:
    """SIGKILL to the daemon and to the children that it forked: it leads a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _stop_stale(pid_file: Path, marker: str) -> int | None:
    """Blocking: stop the name server that an earlier, killed process of ours left behind; its process id."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text(encoding="ascii"))
        if marker.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_S
        while time.monotonic() < until:
            if not Path(f"/proc/{pid}").exists():
                return pid
            time.sleep(0.02)
        _kill_session(pid)
        time.sleep(0.1)
        return pid
    return None


def _read_from(path: Path, position: int) -> bytes:
    """The file from a position on; from its start when it was rotated; empty when absent."""
    try:
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < position:
                position = 0
            file.seek(position)
            return file.read()
    except OSError:
        return b""
