"""Parse zones without blocking the event loop: small ones directly, large ones in a separate process.

A 15-record zone is parsed in less time than it takes to hand it over; a 10 MB zone would stop every answer for
seconds. The process is started when the first big zone comes, ends when it has been idle, and is replaced when it dies
or takes too long; only the push that did it is refused. Too long is counted in the processor time of that zone: on a
busy machine a good zone takes longer, and DirectAdmin would not push it again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from directdnsonly.errors import PushRefused
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

Parse = Callable[[bytes, ZoneName], Zone]

SAME_AGAIN: Final = 1024  # small zones that are not parsed again when the same octets come again, as DirectAdmin has it
SMALL_OCTETS: Final = 4096  # so that all of these stay below 10 MiB, usually 3
IDLE_S: Final = 60.0  # a parser process holds some 40 MB; big zones are rare
NICENESS: Final = 5  # answers go first where there are few cores
PATIENCE: Final = 8  # times the time limit by the clock: a process that is stopped or gets no processor at all


class ParserFailed(PushRefused):
    """The parser failed on this zone: it crashed, ran out of time, or raised an unexpected error. Nothing is recorded."""

    def __init__(self, reason: str, *, rule: str = "parser") -> None:
        super().__init__(reason, rule=rule)


class ZoneParser:
    """Parses zone texts. `parse` must be a module-level function, because another process imports it.

    Use within one event loop. A zone may take `time_limit_s` seconds of processor time, and `patience` times as many by the clock.
    """

    def __init__(
        self,
        parse: Parse,
        *,
        inline_limit_bytes: int = 64 * 1024,
        time_limit_s: float = 15.0,
        patience: int = PATIENCE,
        idle_s: float = IDLE_S,
    ) -> None:
        self._parse = parse
        self._parse_small = lru_cache(SAME_AGAIN)(parse)  # by name and octets; what is refused is not kept
        self._inline_limit_bytes = inline_limit_bytes
        self._time_limit_s = time_limit_s
        self._patience = patience
        self._idle_s = idle_s
        self._one_at_a_time = asyncio.Lock()
        self._worker: _Worker | None = None
        self._retirement: asyncio.TimerHandle | None = None

    async def parse(self, body: bytes, name: ZoneName, deadline: asyncio.Timeout | None = None) -> Zone:
        """Parse a zone text. Raises PushRefused, as the `parse` function does, and ParserFailed.

        The caller's `deadline` is suspended while a large zone is parsed, because that has limits of its own.
        """
        if len(body) <= self._inline_limit_bytes:
            parse = self._parse_small if len(body) <= SMALL_OCTETS else self._parse
            return _zone_of(_attempt(parse, body, name))
        now_s = asyncio.get_running_loop().time
        started_at = now_s()
        ends_at = None if deadline is None else deadline.when()
        if deadline is not None:
            deadline.reschedule(None)
        async with self._one_at_a_time:
            outcome = await self._ask(body, name)
        if deadline is not None and ends_at is not None:
            deadline.reschedule(ends_at + now_s() - started_at)
        return _zone_of(outcome)

    async def aclose(self) -> None:
        """Stop the parser process, if it runs."""
        self._retire()

    async def _ask(self, body: bytes, name: ZoneName) -> _Outcome:
        answered = False
        worker = None
        try:
            async with asyncio.timeout(self._patience * self._time_limit_s):
                # Threads, because starting a process and its pipe block; at most one runs at a time.
                worker = await self._hired()
                outcome = await asyncio.to_thread(worker.ask, body, name)
            answered = True
        except TimeoutError:
            raise self._too_slow(f"{self._patience * self._time_limit_s:g} s") from None
        except (EOFError, OSError):
            if worker is not None and await asyncio.to_thread(worker.ran_out_of_time):
                raise self._too_slow(f"{self._time_limit_s:g} s of processor time") from None
            raise ParserFailed("the parser process ended while it parsed this zone") from None
        finally:
            if answered:
                self._retirement = asyncio.get_running_loop().call_later(self._idle_s, self._retire)
            else:  # also when we are cancelled: its thread still holds the pipe, so it cannot be used again
                self._retire()
        return outcome

    @staticmethod
    def _too_slow(time: str) -> ParserFailed:
        return ParserFailed(f"the zone could not be parsed within {time}", rule="parser-time")

    async def _hired(self) -> _Worker:
        if self._retirement is not None:
            self._retirement.cancel()
        if self._worker is None or not self._worker.is_alive():
            self._retire()
            self._worker = _Worker(self._parse, self._time_limit_s)
            await asyncio.to_thread(self._worker.start)
        return self._worker

    def _retire(self) -> None:
        if self._retirement is not None:
            self._retirement.cancel()
        if self._worker is not None:
            self._worker.kill()
        self._worker = self._retirement = None


@dataclass(frozen=True, slots=True)
class _Refused:
    """A PushRefused in a form that can be pickled; errors with keyword arguments cannot."""

    kind: type[PushRefused]
    text: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, error: PushRefused) -> _Refused:
        return cls(type(error), str(error), dict(vars(error)))

    def error(self) -> PushRefused:
        error = self.kind.__new__(self.kind, self.text)
        error.__dict__.update(self.facts)
        return error


_Outcome = Zone | _Refused


def _attempt(parse: Parse, body: bytes, name: ZoneName) -> _Outcome:
    """Parse and return a refusal as a value, so that a parser bug refuses one zone instead of ending the service."""
    try:
        return parse(body, name)
    except PushRefused as error:
        return _Refused.of(error)
    except Exception as error:  # noqa: BLE001 - foreign text through a foreign parser; kept and shown as a refusal
        return _Refused.of(
            ParserFailed(
                f"the parser failed ({_place_of(error)}): this is a bug in DirectDNSOnly, please report it with the zone"
            )
        )


def _place_of(error: Exception) -> str:
    """Where in our code an error was raised; its text may be a library's and say nothing to an operator."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    ours = [frame for frame in frames if "directdnsonly" in frame.filename] or frames
    return f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else "at once"


def _zone_of(outcome: _Outcome) -> Zone:
    if isinstance(outcome, _Refused):
        raise outcome.error()
    return outcome


class _Worker:
    """The parser process and our end of its pipe. `start` and `ask` block and run in a thread; `kill` may be called meanwhile.

    The last user of a killed process's pipe closes it: otherwise a thread that still reads could find the descriptor
    reused by something else.
    """

    def __init__(self, parse: Parse, time_limit_s: float) -> None:
        self._parse, self._time_limit_s = parse, time_limit_s
        self._pipe, self._their_pipe = multiprocessing.Pipe()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()  # of the two below
        self._users = 0
        self._killed = False

    def start(self) -> None:
        with self._using_the_pipe():
            # A program of its own, not multiprocessing's: that imports our main script again in the child, and a script
            # that calls `main` at its end becomes a second service there instead of a parser.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "directdnsonly.accept.parser_process", str(self._their_pipe.fileno())],
                pass_fds=[self._their_pipe.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
            self._their_pipe.close()  # so that a dead process is the end of the pipe
            with suppress(BrokenPipeError):  # it ended at once: `ask` finds the end of the pipe
                self._pipe.send((self._parse, self._time_limit_s))
        if self._killed:
            self.kill()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask(self, body: bytes, name: ZoneName) -> _Outcome:
        with self._using_the_pipe():
            self._pipe.send((body, name))
            outcome: _Outcome = self._pipe.recv()
        return outcome

    def ran_out_of_time(self) -> bool:
        """Whether the process was ended by its own CPU limit. Blocks for at most one second."""
        return self._process is not None and _wait(self._process) == -signal.SIGPROF

    def kill(self) -> None:
        with self._guard:
            self._killed = True
        if self._process is not None:
            self._process.kill()
            _wait(self._process)
        self._close_when_unused()

    @contextmanager
    def _using_the_pipe(self) -> Iterator[None]:
        """Keep the pipe open while it is used. Raises EOFError if the process was killed before."""
        with self._guard:
            if self._killed:
                raise EOFError
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1
            self._close_when_unused()

    def _close_when_unused(self) -> None:
        with self._guard:
            if self._killed and not self._users:
                self._pipe.close()
                self._their_pipe.close()


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(1.0)
    return None


def _environment() -> dict[str, str]:
    """The parser process's environment: our module path, and none of our secrets."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DADNS_")}
    return {**ours, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def serve(pipe: Connection, parse: Parse, time_limit_s: float) -> None:
    """Run the parser process until our end of the pipe is closed, however we ended.

    SIGPROF ends it at the CPU limit, even inside a C call that never returns.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at a terminal reaches us too; our parent decides
    with suppress(PermissionError):  # a wish only: a system call filter, as that of our systemd unit, does not grant it
        os.nice(NICENESS)
    with suppress(EOFError, OSError):
        while True:
            body, name = pipe.recv()
            signal.setitimer(signal.ITIMER_PROF, time_limit_s)
            outcome = _attempt(parse, body, name)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.send(outcome)
