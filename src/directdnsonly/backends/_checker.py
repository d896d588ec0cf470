"""A name server's own zone checker (nsd-checkzone, kzonecheck): why it refuses a zone, in its own words."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from directdnsonly.zone.name import ZoneName

AT_ONCE = 4
_NOISE = re.compile(r"^(\[[\d: .-]+\] )?(nsd-checkzone\[\d+\]: )?(error: )?(\S+/[^:/ ]+:(?=\d))?")


class ZoneChecker:
    """Runs the checker. A machine that has none is fine: then nothing is known before the name server has loaded."""

    def __init__(self, program: str, arguments: Callable[[ZoneName, Path], Sequence[str]], *, timeout_s: float) -> None:
        self._program = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
        self._arguments = arguments
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def there(self) -> bool:
        """Whether the program is installed."""
        return self._program is not None

    async def why_refused(self, name: ZoneName, text: str) -> str:
        """Its words about this text; empty when it takes it, or when nobody knows."""
        if self._program is None:
            return ""
        async with self._slots:
            return await asyncio.to_thread(self._run, name, text)

    def _run(self, name: ZoneName, text: str) -> str:
        assert self._program is not None
        with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="dadns-check-") as file:
            file.write(text)
            file.flush()
            try:
                done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                    [self._program, *self._arguments(name, Path(file.name))],
                    capture_output=True,
                    timeout=self._timeout_s,
                    check=False,
                    stdin=subprocess.DEVNULL,
                )
            except (subprocess.TimeoutExpired, OSError):
                return ""
        if not done.returncode:
            return ""
        lines = (done.stderr + done.stdout).decode("utf-8", "replace").splitlines()
        words = [_NOISE.sub("", line).strip() for line in lines if file.name not in line or ": error:" in line]
        return "; ".join(word for word in words if word)[:400] or "the checker refuses it without a word"
