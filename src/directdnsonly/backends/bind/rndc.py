"""Control by the program `rndc`, which works wherever it works for the operator, at 21 ms per command.

Run in a thread (a vfork there is cheaper than asyncio's subprocess, shared measurements), at most four at once.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Sequence

from directdnsonly.backends.control import ControlReply, ControlUnavailable

AT_ONCE = 4
# rndc exits 1 for everything. These texts mean that named was not reached; anything else is named's own answer.
UNREACHED = (
    "connect failed",
    "connection to remote host closed",
    "connection refused",
    "timed out",
    "could not load",
    "permission denied",
    "no key definition",
    "neither",
)


class RndcControl:
    """A `NameServerControl` by subprocess."""

    def __init__(self, *, options: Sequence[str], timeout_s: float, program: str = "rndc") -> None:
        self._options = list(options)
        self._timeout_s = timeout_s
        self._program = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def command(self, line: str) -> ControlReply:
        """Send one command line, as after `rndc`. Raises ControlUnavailable. A hanging rndc is killed."""
        async with self._slots:
            return await asyncio.to_thread(self._run, line)

    async def aclose(self) -> None:
        """Nothing to release: no connection is kept."""

    def _run(self, line: str) -> ControlReply:
        if self._program is None:
            raise ControlUnavailable("the program rndc is not installed (Debian: apt-get install bind9-utils)")
        word, _, rest = line.partition(" ")
        arguments = [self._program, *self._options, word, *([rest] if rest else [])]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                arguments, capture_output=True, timeout=self._timeout_s, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise ControlUnavailable(f"rndc gave no answer in {self._timeout_s:g} s and was killed") from None
        except OSError as error:
            raise ControlUnavailable(f"rndc cannot be run: {error.strerror}") from error
        text = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        text = "\n".join(part.removeprefix("rndc: ").removeprefix(f"'{word}' failed: ") for part in text.splitlines())
        if done.returncode and any(sign in text for sign in UNREACHED):
            raise ControlUnavailable(text.splitlines()[0] if text else "rndc failed without a message")
        return ControlReply(ok=done.returncode == 0, text=text)
