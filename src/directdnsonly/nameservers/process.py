"""Processes that are ours whoever their parent is: known by number and start time, held by a handle, seen to end.

A number alone is nobody's: the kernel gives it again. Number and start time (proc(5), `stat`, field 22) name one process of
this boot, and a handle (pidfd_open(2)) goes on meaning that one, so that no signal ever reaches another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POLL_S: Final = 0.05  # where the kernel has no pidfd
PROC: Final = Path("/proc")
_TICKS_A_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One process of this boot. `ticks`: when it began, in clock ticks after the boot."""

    pid: int
    ticks: int

    @property
    def up_since(self) -> float:
        """Epoch seconds at which it began."""
        booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return booted_at + self.ticks / _TICKS_A_S


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat tells that we want to know. `cpu_ticks`: its own and those of children that have ended."""

    identity: Identity
    state: str
    session: int
    cpu_ticks: int

    @property
    def lives(self) -> bool:
        """Not ended: neither waited for by its parent, nor gone."""
        return self.state not in {"Z", "X"}


def stat_of(pid: int) -> Stat | None:
    """None when there is no such process, or none that we may see."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
        fields = text.rsplit(")", 1)[1].split()  # the name before the bracket may hold anything
        cpu = sum(int(field) for field in fields[11:15])
        return Stat(Identity(pid=pid, ticks=int(fields[19])), fields[0], int(fields[3]), cpu)
    except (OSError, ValueError, IndexError):
        return None


def identity_of(pid: int) -> Identity | None:
    """Who lives under this number now; None for nobody."""
    found = stat_of(pid)
    return found.identity if found is not None and found.lives else None


def arguments_of(pid: int) -> tuple[str, ...]:
    """Its command line; empty when it cannot be read."""
    with contextlib.suppress(OSError):
        whole = (PROC / str(pid) / "cmdline").read_bytes()
        return tuple(os.fsdecode(part) for part in whole.removesuffix(b"\0").split(b"\0")) if whole else ()
    return ()


def session_of(leader: int) -> Iterator[Stat]:
    """Every process of the session that it leads, itself included."""
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (found := stat_of(int(folder.name))) is not None and found.session == leader:
            yield found


class Handle:
    """A process of ours, as a child or adopted. Use within one event loop; `close` it."""

    def __init__(self, identity: Identity, pidfd: int | None, child: subprocess.Popen[bytes] | None = None) -> None:
        self.identity = identity
        self._pidfd = pidfd
        self._child = child

    @classmethod
    def of_child(cls, child: subprocess.Popen[bytes]) -> Handle:
        """Of one that we have just started: its number cannot be given again before we have waited for it."""
        pidfd = None
        with contextlib.suppress(OSError):  # a kernel without them
            pidfd = os.pidfd_open(child.pid)
        stat = stat_of(child.pid)
        return cls(stat.identity if stat else Identity(pid=child.pid, ticks=0), pidfd, child)

    @classmethod
    def of(cls, identity: Identity) -> Handle | None:
        """Of any process; None when it lives no more. Raises OSError where the kernel has no handles (before 5.3)."""
        try:
            pidfd = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return None
        if identity_of(identity.pid) == identity:  # looked up after the handle was there: it is the handle's
            return cls(identity, pidfd)
        os.close(pidfd)
        return None

    @property
    def pid(self) -> int:
        """Its number."""
        return self.identity.pid

    @property
    def can_be_adopted(self) -> bool:
        """Whether this kernel lets a later life of ours hold it."""
        return self._pidfd is not None

    async def ended(self) -> None:
        """Wait until it has ended."""
        if self._pidfd is None:
            while not self._is_over():
                await asyncio.sleep(POLL_S)
            return
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def exit_code(self) -> int | None:
        """Of a child that has ended, negative: killed by that signal. None of one that is not our child: only its parent is told."""
        return None if self._child is None else self._child.poll()

    def send(self, number: int) -> None:
        """A signal (0: none, only whether we may) to this process and to no other. Raises PermissionError."""
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            elif self._child is not None:
                self._child.send_signal(number)

    def kill_session(self) -> None:
        """SIGKILL to it and to what it forked: it leads a session of its own. Children that outlive it hold its port."""
        self.send(signal.SIGKILL)
        leader = stat_of(self.pid)
        if leader is not None and leader.identity != self.identity:
            return  # the number is another's already, so that nothing of ours is left in the session
        for one in session_of(self.pid):
            if one.identity != self.identity and (other := Handle.of(one.identity)) is not None:
                other.send(signal.SIGKILL)
                other.close()

    def close(self) -> None:
        """Let go of it; it lives on."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if self._child is not None and self._child.poll() is None:
            self._child.returncode = 0  # no warning that a child is left alone: that is meant

    def _is_over(self) -> bool:
        return self._child is None or self._child.poll() is not None


def how_ended(code: int | None) -> str:
    """How a process ended, in words. `code`: as of subprocess.Popen; None: only its parent is told."""
    if code is None:
        return "ended"
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
