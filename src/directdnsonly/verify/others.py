"""Whether anybody but us asks on this machine: the datagrams that the kernel counts, less those of our own questions.

A bulk need not rest where nobody feels it. The count is that of our network namespace, for any program in it, so that it
may find askers where there are none, and never none where there are some; those who ask by TCP alone are not seen.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

FEW: Final = 5.0  # datagrams a second: a resolver of this machine, a clock
EVERY_S: Final = 0.5  # a shorter time tells little
_V4, _V6 = Path("/proc/net/snmp"), Path("/proc/net/snmp6")


class Ours:
    """Datagrams that our own questions bring: the answer, and the question itself where the name server is here."""

    def __init__(self) -> None:
        self.datagrams = 0

    def sent(self, host: str) -> None:
        """One more question to this address."""
        self.datagrams += 2 if is_here(host) else 1


OURS: Final = Ours()


class Others:
    """Looked at now and then. Times are seconds."""

    def __init__(self, came: Callable[[], int | None] | None = None, ours: Ours = OURS) -> None:
        """`came`: the datagrams that reached a program of this machine so far; None when nobody can tell."""
        self._came = came or datagrams
        self._ours = ours
        self._last: tuple[float, int, int] | None = None
        self._a_second = float("inf")  # until it is known

    @property
    def ask(self) -> bool:
        """Whether more came of late than a few."""
        return self._a_second > FEW

    def look(self, now_s: float) -> None:
        """Count again, when it is time."""
        if self._last is not None and now_s - self._last[0] < EVERY_S:
            return
        came, ours = self._came(), self._ours.datagrams
        if came is None:
            self._last, self._a_second = None, float("inf")
            return
        if self._last is not None:
            before_s, before, ours_before = self._last
            self._a_second = ((came - before) - (ours - ours_before)) / (now_s - before_s)
        self._last = (now_s, came, ours)


@cache
def is_here(host: str) -> bool:
    """Whether an address is one of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as here:
            here.bind((host, 0))
    except OSError:
        return False
    return True


def datagrams() -> int | None:
    """Of IPv4 and IPv6, since the start of this network namespace; None when the kernel does not tell (`snmp` in proc(5))."""
    try:
        names, values = (line.split() for line in _V4.read_text().splitlines() if line.startswith("Udp:"))
        count = int(values[names.index("InDatagrams")])
    except (OSError, ValueError, IndexError):
        return None
    with contextlib.suppress(OSError, StopIteration, ValueError):  # no IPv6
        lines = (line.split() for line in _V6.read_text().splitlines())
        count += next(int(value) for name, value in lines if name == "Udp6InDatagrams")
    return count
