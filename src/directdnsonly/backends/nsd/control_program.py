"""Control by the `nsd-control` program: works wherever it works for the operator. 4.5 ms a command."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Sequence

from directdnsonly.backends.control import ControlReply, ControlUnavailable

ITEMS_AT_ONCE = 200  # it locks up near 278: it writes all before it reads, and nsd answers each line
# It exits 1 for everything but "nsd is stopped" (3). These texts mean that nsd was not reached.
UNREACHED = ("error: connect", "could not", "is stopped", "error setting up", "error in ssl", "cannot open", "ssl_")


class NsdControlProgram:
    """An `NsdControl` by subprocess."""

    def __init__(self, *, options: Sequence[str], timeout_s: float, program: str = "nsd-control") -> None:
        self._options = list(options)
        self._timeout_s = timeout_s
        self._program = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
        self._lock = asyncio.Lock()

    async def command(self, line: str, items: Sequence[str] = ()) -> ControlReply:
        """One command; `items` are the lines that addzones and delzones read. Raises ControlUnavailable.

        A hanging program is killed.
        """
        async with self._lock:
            if not items:
                return await asyncio.to_thread(self._run, line, "")
            texts: list[str] = []
            ok = True
            for start in range(0, len(items), ITEMS_AT_ONCE):
                part = "".join(f"{item}\n" for item in items[start : start + ITEMS_AT_ONCE])
                reply = await asyncio.to_thread(self._run, line, part)
                texts.append(reply.text)
                ok = ok and reply.ok
            return ControlReply(ok=ok, text="\n".join(texts))

    def _run(self, line: str, given: str) -> ControlReply:
        if self._program is None:
            raise ControlUnavailable("the program nsd-control is not installed (Debian: apt-get install nsd)")
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                [self._program, *self._options, *line.split()],
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
                input=given.encode("ascii"),
            )
        except subprocess.TimeoutExpired:
            raise ControlUnavailable(f"nsd-control gave no answer in {self._timeout_s:g} s and was killed") from None
        except OSError as error:
            raise ControlUnavailable(f"nsd-control cannot be run: {error.strerror}") from error
        text = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        if done.returncode and any(sign in text.lower() for sign in UNREACHED):
            raise ControlUnavailable(text.splitlines()[0])
        return ControlReply(ok=done.returncode == 0, text=text)
