"""Whether the service of this configuration is running, and which process holds a port, so that `dadns check` can run beside it.

Read from /proc. Other users' processes are invisible there unless we are root; then we say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
LISTENS: Final = {"tcp": "0A", "udp": "07"}  # states in /proc/net; a UDP socket without a peer is "closed"


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


def holder_of(port: int) -> int | None:
    """A process that listens on this port; None if no such process is visible to us."""
    wanted = {f"socket:[{inode}]" for inode in _sockets(port)}
    for process in _processes():
        with suppress(OSError):
            for file in (PROC / str(process) / "fd").iterdir():
                with suppress(OSError):
                    if str(file.readlink()) in wanted:
                        return process
    return None


def belongs_to(process: int, service: int) -> bool:
    """Whether a process is the service itself or a descendant of it."""
    while process > 1 and process != service:
        process = _parent(process)
    return process == service


def was_left(process: int, home: Path) -> bool:
    """Whether the process is this folder's bundled name server, orphaned by a service that was killed."""
    if f"{home}/" not in _command(process):
        return False
    while process > 1:
        process = _parent(process)
        if "dadns" in Path(_command(process).split("\0")[0]).name or "/dadns\0serve" in _command(process):
            return False
    return True


def name_of(process: int) -> str:
    """The name of the process's program, as /proc has it."""
    with suppress(OSError):
        return (PROC / str(process) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return "?"


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


def _processes() -> Iterator[int]:
    return (int(one.name) for one in PROC.iterdir() if one.name.isdecimal())


def _sockets(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on this port, on any address."""
    for kind, state in LISTENS.items():
        for version in ("", "6"):
            with suppress(OSError):
                for line in (PROC / "net" / f"{kind}{version}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == state and int(fields[1].rsplit(":", 1)[1], 16) == port:
                        yield fields[9]
