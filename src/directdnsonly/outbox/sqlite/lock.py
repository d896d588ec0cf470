"""Locks that let only one process own a store, or a folder of bundled name servers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from directdnsonly.errors import OutboxUnavailable

FOLDER_CURE = "give the folder to the user that the service runs as, or choose another one (queue_location)"


def own(path: Path, *, what: str = "the store", cure: str = FOLDER_CURE) -> int:
    """Lock `what` by this file; raises OutboxUnavailable, which names the owner, if it is taken. The lock ends with the process."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxUnavailable(f"cannot write {path}: {error.strerror}: {cure}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise OutboxUnavailable(f"{what} is in use by process {holder or '?'} ({path}): stop that one first") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle
