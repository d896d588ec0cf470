"""What a process of this machine holds and has used, from /proc."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType


def rss_mb(pid: int) -> float:
    """Resident memory in MiB; 0 when the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


def cpu_s(pid: int) -> float:
    """CPU seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Peak:
    """The most resident memory of a process while the block runs, looked at every 20 ms."""

    def __init__(self, pid: int) -> None:
        self.mb = rss_mb(pid)
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.mb = max(self.mb, rss_mb(self._pid))


class Stopwatch:
    """Seconds and CPU of a process since it was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu, self._began = cpu_s(pid), time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Seconds, and the share of one core in percent."""
        seconds = time.perf_counter() - self._began
        return seconds, (cpu_s(self._pid) - self._cpu) / max(seconds, 1e-9) * 100
