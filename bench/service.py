"""The service under test: `dadns serve` in a temporary folder with a bundled name server on free ports."""

from __future__ import annotations

import base64
import itertools
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from bench.load import PASSWORD, USER, answer_to

# The script that `make run` starts: never `python -m`, which no user types and which hid a fault of the scripts.
DADNS = Path(sys.executable).with_name("dadns")
UNCHECKED = ssl.create_default_context()  # certificates of tests are self-signed
UNCHECKED.check_hostname, UNCHECKED.verify_mode = False, ssl.CERT_NONE
CONFIG = """
data_dir: {folder}/data
log_level: {log_level}
log_format: json
app:
  auth_username: {user}
  auth_password: {password}
  listen_host: 127.0.0.1
  listen_port: {port}
dns:
  backends:
{backends}
{extra}
"""
MANAGED = """\
    {backend}:
      type: {backend}
      managed: true
      listen: ["127.0.0.1"]
      port: {dns_port}
"""
START_LIMIT_S = 240.0
LONGEST_STOP_S = 30.0  # ten seconds on a quiet machine; what hangs at its end is killed by systemd after 90
STOPPABLE = (
    MANAGED + "      hang_timeout_s: 0\n"
)  # a test stops it and lets it go on, however long that takes: never started anew
PID_FILES = {"bind": "named.pid", "nsd": "nsd.pid", "knot": "knot.pid"}


# Below the ports that Linux gives to connections going out (from 32,768): nobody takes one before its server is there.
LOWEST_PORT, PORTS = 10_240, 20_000
_turn = itertools.count(os.getpid() * 997)  # processes that test at the same time begin far from each other


def free_port() -> int:
    """A port that is free for TCP and UDP, and is not given again in this process for a long time."""
    while True:
        port = LOWEST_PORT + next(_turn) % PORTS
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Service:
    """Starts on entering, stops on leaving."""

    program: Sequence[str | Path] = (DADNS, "serve")

    def __init__(
        self,
        *,
        extra: str = "",
        log_level: str = "WARNING",
        backend: str = "bind",
        backends: str = MANAGED,
        environ: Mapping[str, str] | None = None,
        scheme: str = "http",
    ) -> None:
        """`extra` comes after the backends, e.g. keys of dispatch; `backends` instead of one bundled name server."""
        self.port, self.dns_port = free_port(), free_port()
        self.backend = backend  # its type, which is also its name
        self._extra, self._log_level, self._backends = extra, log_level, backends
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.environ = {**os.environ, **(environ or {})}
        self._folder = tempfile.TemporaryDirectory(prefix="dadns-bench-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    def __enter__(self) -> Service:
        config = self.folder / "app.yml"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                user=USER,
                password=PASSWORD,
                port=self.port,
                backends=self._backends.format(dns_port=self.dns_port, backend=self.backend),
                extra=self._extra,
                log_level=self._log_level,
            )
        )
        self.folder.chmod(0o755)
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def start(self, *, until: str = "ready") -> float:
        """Start (again) and wait until every backend is there, or `until` "accepting" pushes; seconds until those are accepted.

        Degraded for another reason (zones given up, a certificate that ends soon) does not matter here.
        """
        try:
            return self._start(until)
        except BaseException:
            self._end_by_force()  # nobody is left behind who would disturb those that come after us
            raise

    def _start(self, until: str) -> float:
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.program, "--config", str(self.folder / "app.yml")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environ,
            )
        while True:
            try:
                with answer_to(f"{self.url}/readyz", limit_s=5, context=UNCHECKED) as answer:
                    if answer.status == 200:
                        accepting = time.perf_counter() - began
                        if until == "accepting" or set(json.load(answer)["backends"].values()) <= {"ok"}:
                            return accepting
            except OSError:
                pass
            if self.exit_code() is not None or time.perf_counter() - began > START_LIMIT_S:
                raise RuntimeError((self.folder / "log").read_text()[-3000:])
            time.sleep(0.01)

    def stop(self) -> float:
        """SIGTERM; seconds until the process is gone."""
        assert self._process is not None
        began = time.perf_counter()
        self._process.terminate()
        try:
            self._process.wait(timeout=120)  # named with 100,000 zones takes its time
        except subprocess.TimeoutExpired:
            self._end_by_force()
            raise
        return time.perf_counter() - began

    def stop_all(self) -> None:
        """SIGTERM, and then end the name servers that go on serving without us: as before a move to another machine."""
        self.stop()
        done = subprocess.run(
            [DADNS, "nameservers", "stop", "--config", str(self.folder / "app.yml")],
            capture_output=True, text=True, check=False, timeout=120, env=self.environ,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _end_by_force(self) -> None:
        """Kill what has not ended, and the name servers that it leaves behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for file in self.folder.glob("*/backends/*/run/*.pid"):
            with suppress(OSError, ValueError):
                pid = int(file.read_text())
                if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.killpg(pid, signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Of our process."""
        assert self._process is not None
        return self._process.pid

    def exit_code(self) -> int | None:
        """Of the process; None while it runs. Negative: killed by that signal."""
        assert self._process is not None
        return self._process.poll()

    def kill(self) -> None:
        """kill -9: no chance to write anything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=60)

    def named_pid(self) -> int:
        """The bundled named."""
        return self.daemon_pid()

    def daemon_pid(self) -> int:
        """The bundled name server."""
        return int((self.folder / f"data/backends/{self.backend}/run/{PID_FILES[self.backend]}").read_text())

    def readyz(self) -> dict[str, object]:
        """/readyz, whatever its status."""
        with answer_to(f"http://127.0.0.1:{self.port}/readyz", limit_s=30) as answer:
            return dict(json.load(answer))

    def status(self) -> dict[str, object]:
        """/api/v1/status."""
        return self._ask("status")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While the block runs nothing is delivered: what is measured are the answers alone."""
        self._ask(f"backends/{self.backend}/pause", method="POST")
        try:
            yield
        finally:
            self._ask(f"backends/{self.backend}/resume", method="POST")

    def _ask(self, path: str, *, method: str = "GET") -> dict[str, object]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def rss_mb(self) -> float:
        """Resident memory of our process (not of named), in MiB."""
        assert self._process is not None
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu_s(self) -> float:
        """CPU seconds of our process so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            print((self.folder / "log").read_text()[-3000:], file=sys.stderr)
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self._end_by_force()
        self._folder.cleanup()
