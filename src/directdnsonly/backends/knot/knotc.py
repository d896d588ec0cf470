"""Control by the `knotc` program: works wherever it works for the operator. 7 ms a command."""

from __future__ import annotations

import asyncio
import math
import re
import shutil
import subprocess
from collections.abc import Sequence

from directdnsonly.backends.control import ControlReply, ControlUnavailable
from directdnsonly.backends.knot.control import KnotCommand

# knotc exits 1 for everything. These texts mean that knotd was not reached.
UNREACHED = ("failed to connect", "failed to control", "connection timeout", "connection reset")
_VALUE = re.compile(r'zone\[[^\]]*\]\.\w+ = "?(.*?)"?$', re.MULTILINE)
_ERROR = re.compile(r"\(([^()]+)\)")


class KnotcControl:
    """A `KnotControl` by subprocess, one per command; the transaction lives in knotd."""

    def __init__(self, *, options: Sequence[str], timeout_s: float, program: str = "knotc") -> None:
        self._options = list(options)
        self._timeout_s = timeout_s
        self._program = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
        self._lock = asyncio.Lock()

    async def run(self, commands: Sequence[KnotCommand]) -> list[ControlReply]:
        """All of them in order, one reply each; whatever was opened is closed again. Raises ControlUnavailable.

        A hanging knotc is killed.
        """
        async with self._lock:
            return [await asyncio.to_thread(self._run, command) for command in commands]

    def _run(self, command: KnotCommand) -> ControlReply:
        if self._program is None:
            raise ControlUnavailable("the program knotc is not installed (Debian: apt-get install knot)")
        limit = ["-t", str(math.ceil(self._timeout_s) + 1)]  # ours comes first
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                [self._program, *self._options, *limit, *_arguments(command)],
                capture_output=True,
                timeout=self._timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise ControlUnavailable(f"knotc gave no answer in {self._timeout_s:g} s and was killed") from None
        except OSError as error:
            raise ControlUnavailable(f"knotc cannot be run: {error.strerror}") from error
        if not done.returncode:
            found = _VALUE.match(done.stdout.decode("utf-8", "replace")) if command.command == "conf-read" else None
            return ControlReply(ok=True, text=found[1] if found else "")
        text = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
        if any(sign in text for sign in UNREACHED):
            raise ControlUnavailable(text.splitlines()[0].removeprefix("error: "))
        found = _ERROR.search(text)
        return ControlReply(ok=False, text=found[1] if found else text or "failed without a message")


def _arguments(command: KnotCommand) -> list[str]:
    flags = [f"-{flag.lower()}" for flag in command.flags]
    if command.zone:
        return [*flags, command.command, command.zone]
    if not command.section:
        return [*flags, command.command]
    place = command.section + (f"[{command.identity}]" if command.identity else "")
    place += f".{command.item}" if command.item else ""
    return [*flags, command.command, place, *([command.value] if command.value else [])]
