"""Who holds a port of this machine. Read from /proc; what another user's processes hold is told to root only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
LISTENS: Final = {"tcp": "0A", "udp": "07"}  # states in /proc/net; a UDP socket without a peer is "closed"
CONNECT_S: Final = 2.0


async def is_taken(host: str, port: int) -> bool:
    """Whether somebody takes connections there. No socket of ours is bound for it: named shares its port with a named of the same user."""
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def holder_of(port: int) -> int | None:
    """A process that listens on this port; None when that cannot be seen."""
    wanted = {f"socket:[{inode}]" for inode in _sockets(port)}
    for process in _processes():
        with suppress(OSError):
            for file in (PROC / str(process) / "fd").iterdir():
                with suppress(OSError):
                    if str(file.readlink()) in wanted:
                        return process
    return None


def name_of(process: int) -> str:
    """What it is called."""
    with suppress(OSError):
        return (PROC / str(process) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return "?"


def _processes() -> Iterator[int]:
    return (int(one.name) for one in PROC.iterdir() if one.name.isdecimal())


def _sockets(port: int) -> Iterator[str]:
    """Inodes of what listens there, on whatever address."""
    for kind, state in LISTENS.items():
        for version in ("", "6"):
            with suppress(OSError):
                for line in (PROC / "net" / f"{kind}{version}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == state and int(fields[1].rsplit(":", 1)[1], 16) == port:
                        yield fields[9]
