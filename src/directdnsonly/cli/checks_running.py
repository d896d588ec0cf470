"""Whether the service of this configuration runs already, and what of it holds a port: what our own uses is no mistake.

Read from /proc. Other users' processes are invisible there unless we are root; then we say so.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from directdnsonly.nameservers.leftover import running_as
from directdnsonly.nameservers.process import stat_of

PROC: Final = Path("/proc")


def service_of(store_folder: Path) -> int | None:
    """The process that owns the store in this folder; None when there is none.

    The lock itself is not tried: a service that starts at this moment would find it taken.
    """
    lock = store_folder / "outbox.lock"
    try:
        pid = int(lock.read_text(encoding="ascii"))
        opened = (PROC / str(pid) / "fd").iterdir()
        return pid if any(_is(file, lock) for file in opened) else None
    except PermissionError:
        return pid if "dadns" in _command(pid) else None
    except (OSError, ValueError):
        return None


def belongs_to(process: int, service: int) -> bool:
    """Whether a process is the service itself or a descendant of it."""
    while process > 1 and process != service:
        process = _parent(process)
    return process == service


def serves_for(process: int, home: Path) -> bool:
    """Whether it is, by our note or its pid file, the name server of this folder, whoever started it, or a child that it has forked."""
    note, found = running_as(home), stat_of(process)
    return note is not None and found is not None and found.session == note.identity.pid


def _is(file: Path, lock: Path) -> bool:
    with suppress(OSError):
        return file.samefile(lock)
    return False


def _command(process: int) -> str:
    with suppress(OSError):
        return (PROC / str(process) / "cmdline").read_text(encoding="utf-8", errors="replace")
    return ""


def _parent(process: int) -> int:
    """The parent's process id, 0 if the process is gone. The name in `stat` may hold anything: parse after the last bracket."""
    with suppress(OSError, ValueError, IndexError):
        return int((PROC / str(process) / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1])
    return 0
