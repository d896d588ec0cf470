"""Programs and users on this machine: what a bundled name server is started with. Blocking."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from directdnsonly.errors import ConfigError, ConfigProblem

SBIN = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin"
SOCKET_OCTETS = 108
LOG_BYTES = 10 * 2**20
HANG_S = 30.0  # more than the longest pause of one that works (named's `reconfig` with 100,000 zones)


def find(program: str) -> str | None:
    """The path of a program, also where the PATH of an ordinary user does not look."""
    return shutil.which(program) or shutil.which(program, path=SBIN)


def require(program: str, *, package: str, backend: str) -> str:
    """The path of a program. Raises ConfigError that names the Debian package."""
    path = find(program)
    if path is None:
        what = f"the program {program} is not installed"
        raise ConfigError([ConfigProblem(f"dns.backends.{backend}", what, f"Debian: apt-get install {package}")])
    return path


@functools.cache
def ending_with_us() -> tuple[str, ...]:
    """What is put before a command so that the kernel kills it when we are killed: nobody else ends one that hangs.

    Empty where util-linux has no such thing. Our unit of systemd leaves what runs when we end (name servers shall). Blocking.
    """
    setpriv = find("setpriv")
    if setpriv is None:
        return ()
    words = (setpriv, "--pdeathsig", "KILL", "--")
    tried = subprocess.run([*words, setpriv, "--version"], capture_output=True, check=False)  # noqa: S603 - a fixed program
    return words if tried.returncode == 0 else ()


def version_of(program: str, option: str) -> str:
    """What a program calls its own version, as `9.18.49-1~deb12u1-Debian`; empty when it does not say. Blocking: a process."""
    done = subprocess.run([program, option], capture_output=True, check=False)  # noqa: S603 - a fixed program
    found = re.search(rb"\d+\.\d+[\w.~+-]*", done.stdout + done.stderr)
    return found[0].decode("ascii") if found else ""


def drop_to(run_as: str, candidates: Sequence[str], folder: Path) -> str:
    """The user that the daemon drops to; empty when we are not root, or when there is none.

    `run_as` "auto" takes the first of `candidates` that exists and can reach the folder.
    """
    if os.geteuid() != 0:
        return ""
    if run_as != "auto":
        return run_as
    for user in candidates:
        with contextlib.suppress(KeyError):
            if _can_reach(pwd.getpwnam(user), folder):
                return user
    return ""


def loopback(address: str) -> str:
    """Where we ask a name server that listens on `address`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared, not bound


def give(folder: Path, user: str) -> None:
    """Make a folder and all in it the user's."""
    account = pwd.getpwnam(user)
    for part in (folder, *folder.rglob("*")):
        os.chown(part, account.pw_uid, account.pw_gid)


def let_read(file: Path, user: str) -> None:
    """A secret file of ours that the user's group may read."""
    os.chown(file, os.geteuid(), pwd.getpwnam(user).pw_gid)
    file.chmod(0o640)


def fits_socket(path: Path, *, backend: str) -> None:
    """Raises ConfigError when the path is too long for a unix socket (108 octets with its end, unix(7))."""
    if len(os.fsencode(path)) >= SOCKET_OCTETS:
        what = f"the path of its control socket is too long ({path})"
        raise ConfigError([ConfigProblem(f"dns.backends.{backend}", what, "a shorter data_dir")])


def rotate(log_file: Path) -> None:
    """Keep one old log beside the new one, for programs that cannot turn over their own."""
    with contextlib.suppress(FileNotFoundError):
        if log_file.stat().st_size > LOG_BYTES:
            log_file.replace(log_file.with_name(log_file.name + ".0"))


def check(command: Sequence[str], *, backend: str, what: str) -> None:
    """Run a checker; raises ConfigError with its words when it refuses."""
    done = subprocess.run(list(command), capture_output=True, check=False, timeout=120)  # noqa: S603 - our own files
    if done.returncode:
        text = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        raise ConfigError([ConfigProblem(f"dns.backends.{backend}", f"{what} refuses its configuration: {text}")])


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
