"""The bundled BIND: its configuration, and a supervisor that keeps it running.

Everything lies in one folder that we own; `named` runs in the foreground as our child, in a session of its own. When
we are killed hard, it goes on serving what it has; the next start of ours stops it and starts a fresh one.
(Debian's AppArmor profile, where it is active, lets named read only its own folders: add this one to
/etc/apparmor.d/local/usr.sbin.named.)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from directdnsonly.clock import Clock
from directdnsonly.errors import ConfigError, ConfigProblem
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus

RESTART_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STABLE_S = 30.0  # a run of this length starts the pauses anew
STOP_S = 4.0  # SIGTERM, then SIGKILL: our whole exit stays under ten seconds
START_S = 120.0  # 100,000 zones take named 27 s
SBIN = "/usr/sbin:/sbin:/usr/local/sbin"


class NamedLayout(Protocol):
    """Where everything is (made by the backend's settings)."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def zones_dir(self) -> Path: ...  # noqa: D102
    @property
    def control_port(self) -> int: ...  # noqa: D102
    @property
    def listen(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def run_as(self) -> str: ...  # noqa: D102


class ManagedNamed:
    """Writes named.conf and the key, starts named, starts it again when it ends."""

    def __init__(
        self,
        *,
        name: str,
        layout: NamedLayout,
        clock: Clock,
        notify: bool,
        allow_transfer: Sequence[str],
        on_phase: Callable[[DaemonStatus], None],
    ) -> None:
        self._name = name
        self._layout = layout
        self._clock = clock
        self._notify = notify
        self._allow_transfer = allow_transfer
        self._on_phase = on_phase
        self._log = structlog.get_logger()
        self._program = shutil.which("named") or shutil.which("named", path=SBIN)
        self._status = DaemonStatus(phase=DaemonPhase.STARTING, since=clock.now_s(), reason="named was not started yet")

    @property
    def status(self) -> DaemonStatus:
        """See NameServer."""
        return self._status

    async def run(self) -> None:
        """See NameServer."""
        await asyncio.to_thread(self._prepare)
        failures = 0
        while True:
            began = self._clock.now_s()
            reason = await self._run_once()
            failures = 1 if self._clock.now_s() - began > STABLE_S else failures + 1
            pause_s = RESTART_PAUSES_S[min(failures, len(RESTART_PAUSES_S)) - 1]
            self._enter(DaemonPhase.RESTARTING, reason, restarts=self._status.restarts + 1)
            self._log.error("nameserver.exited", backend=self._name, reason=reason, again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> str:
        """Start it and wait until it ends; why it ended. Stops it when cancelled."""
        log_file = self._layout.folder / "run" / "named.log"
        read_from = log_file.stat().st_size if log_file.exists() else 0
        assert self._program is not None
        process = await asyncio.create_subprocess_exec(
            self._program,
            *("-f", "-n", "2", "-c", str(self._layout.folder / "named.conf")),
            *(("-u", user) if (user := self._user()) else ()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        ended = asyncio.ensure_future(process.wait())
        try:
            if await self._has_started(log_file, read_from, ended):
                self._enter(DaemonPhase.RUNNING, "", restarts=self._status.restarts)
                self._log.info("nameserver.started", backend=self._name, pid=process.pid, port=self._layout.port)
            code = await ended
        finally:
            ended.cancel()
            if process.returncode is None:
                await self._stop(process)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"named {how}{self._last_words(log_file, read_from)}"

    async def _has_started(self, log_file: Path, read_from: int, ended: asyncio.Future[int]) -> bool:
        """Wait for named's own word that every zone is loaded; False when it ended before."""
        until = self._clock.now_s() + START_S
        while not ended.done() and self._clock.now_s() < until:
            if b": running\n" in _read_from(log_file, read_from):
                return True
            await asyncio.sleep(0.02)
        return not ended.done()

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._enter(DaemonPhase.STOPPED, "the service stopped", restarts=self._status.restarts)
        self._log.info("nameserver.stopped", backend=self._name)

    def _enter(self, phase: DaemonPhase, reason: str, *, restarts: int) -> None:
        self._status = DaemonStatus(phase=phase, since=self._clock.now_s(), reason=reason, restarts=restarts)
        self._on_phase(self._status)

    def _last_words(self, log_file: Path, read_from: int) -> str:
        """What named logged as its reason, for the operator."""
        lines = _read_from(log_file, read_from).decode("utf-8", "replace").splitlines()
        telling = [line for line in lines if re.search(r"(error|critical|fatal)|exiting \(due", line)]
        return f": {telling[-1][-300:]}" if telling else f" (its log: {log_file})"

    # -- files

    def _user(self) -> str:
        """The user that named drops to; empty when we are not root, or when there is none."""
        if os.geteuid() != 0:
            return ""
        if self._layout.run_as != "auto":
            return self._layout.run_as
        for user in ("bind", "named"):
            with contextlib.suppress(KeyError):
                if _can_reach(pwd.getpwnam(user), self._layout.folder):
                    return user
        return ""

    def _prepare(self) -> None:
        """Folders, key and named.conf; a named of an earlier life is stopped."""
        if self._program is None:
            problem = ConfigProblem(
                f"dns.backends.{self._name}", "the program named is not installed", "Debian: apt-get install bind9"
            )
            raise ConfigError([problem])
        folder = self._layout.folder
        for part in (folder, folder / "run", folder / "nzd", self._layout.zones_dir):
            part.mkdir(parents=True, exist_ok=True)
        self._stop_stale()
        key = self._key()
        conf = folder / "named.conf"
        conf.write_text(self._configuration(key), encoding="utf-8")
        conf.chmod(0o640)
        user = self._user()
        if user:
            account = pwd.getpwnam(user)
            for path in (folder / "run", folder / "nzd"):
                for part in (path, *path.rglob("*")):
                    os.chown(part, account.pw_uid, account.pw_gid)
            for path in (conf, folder / "rndc.key"):
                os.chown(path, os.geteuid(), account.pw_gid)
                path.chmod(0o640)
            self._layout.zones_dir.chmod(0o755)
        checker = shutil.which("named-checkconf") or shutil.which("named-checkconf", path=SBIN + ":/usr/bin")
        if checker:
            done = subprocess.run([checker, str(conf)], capture_output=True, check=False)  # noqa: S603 - ours
            if done.returncode:
                text = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
                raise ConfigError(
                    [ConfigProblem(f"dns.backends.{self._name}", f"named refuses its configuration: {text}")]
                )

    def _key(self) -> str:
        """The secret of the control channel, made once."""
        file = self._layout.folder / "rndc.key"
        with contextlib.suppress(OSError):
            found = re.search(r'secret "([A-Za-z0-9+/=]+)"', file.read_text(encoding="ascii"))
            if found:
                return found[1]
        secret = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f'key "directdnsonly" {{ algorithm hmac-sha256; secret "{secret}"; }};\n')
        return secret

    def _version(self) -> tuple[int, int]:
        assert self._program is not None
        done = subprocess.run([self._program, "-v"], capture_output=True, check=False)  # noqa: S603 - a fixed program
        found = re.search(rb"BIND (\d+)\.(\d+)", done.stdout)
        return (int(found[1]), int(found[2])) if found else (9, 18)

    def _configuration(self, secret: str) -> str:
        folder, port = self._layout.folder, self._layout.port
        v4 = " ".join(f"{address};" for address in self._layout.listen if ":" not in address) or "none;"
        v6 = " ".join(f"{address};" for address in self._layout.listen if ":" in address) or "none;"
        transfer = " ".join(
            f"{address};" for address in ("127.0.0.1", "::1", *self._layout.listen, *self._allow_transfer)
        )
        lock_file = "  lock-file none;\n" if self._version() < (9, 20) else ""
        return f"""// Written by directdnsonly at each start; changes here are lost.
key "directdnsonly" {{ algorithm hmac-sha256; secret "{secret}"; }};
controls {{ inet 127.0.0.1 port {self._layout.control_port} allow {{ 127.0.0.1; }} keys {{ "directdnsonly"; }}; }};
options {{
  directory "{folder}/run";
  pid-file "{folder}/run/named.pid";
  session-keyfile none;
  managed-keys-directory "{folder}/run";
{lock_file}  listen-on port {port} {{ {v4} }};
  listen-on-v6 port {port} {{ {v6} }};
  recursion no;
  allow-query {{ any; }};
  allow-query-cache {{ none; }};
  allow-transfer {{ {transfer} }};
  notify {"yes" if self._notify else "no"};
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses yes;
  check-names primary ignore;  // DirectAdmin's users have underscores in host names
  version none;
  hostname none;
  server-id none;
  allow-new-zones yes;
  new-zones-directory "{folder}/nzd";
  tcp-clients 500;
}};
logging {{
  channel main {{ file "{folder}/run/named.log" versions 3 size 10m; severity info; print-time iso8601; print-category yes; print-severity yes; }};
  category default {{ main; }};
  category lame-servers {{ null; }};
}};
"""

    def _stop_stale(self) -> None:
        """A named that an earlier, killed process of ours left behind holds the port: stop it."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._layout.folder / "run" / "named.pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(self._layout.folder / "named.conf").encode() not in command:
                return
            self._log.warning("nameserver.stale_stopped", backend=self._name, pid=pid)
            os.kill(pid, signal.SIGTERM)
            _wait_gone(pid, STOP_S)


def build(
    *,
    name: str,
    layout: NamedLayout,
    clock: Clock,
    notify: bool,
    allow_transfer: Sequence[str],
    on_phase: Callable[[DaemonStatus], None],
) -> ManagedNamed:
    """A supervisor for this layout."""
    return ManagedNamed(
        name=name, layout=layout, clock=clock, notify=notify, allow_transfer=allow_transfer, on_phase=on_phase
    )


def _wait_gone(pid: int, limit_s: float) -> None:
    """Blocking: until the process is gone; SIGKILL after the limit."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)


def _can_reach(account: pwd.struct_passwd, folder: Path) -> bool:
    """Whether the user may walk down to `folder`: each parent lets others (or the user) through."""
    for part in (folder, *folder.parents):
        status = part.stat()
        if status.st_uid == account.pw_uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.pw_gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


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
