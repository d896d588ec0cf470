"""The note that a start leaves of a bundled name server: by it the next life of ours knows its own process again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from directdnsonly.nameservers.process import Identity

NAME: Final = "process.json"  # in our folder, never in one of the daemon's user: what stands in it is sent signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a start would run now: the command, the version of the program, and a digest of those and the configuration."""

    arguments: tuple[str, ...]
    version: str
    digest: str

    @classmethod
    def of(cls, arguments: Sequence[str], configuration: str, version: str) -> Stamp:
        """Blocking. The program's file counts, too: a security update of Debian need not change the version that it tells."""
        file = Path(arguments[0]).stat()
        program = (file.st_size, file.st_mtime_ns)
        whole = json.dumps([list(arguments), configuration, version, program])
        digest = hashlib.sha256(whole.encode()).hexdigest()
        return cls(arguments=tuple(arguments), version=version, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A process, what it was started with, and how long it took until it answered (None: it has not yet)."""

    identity: Identity
    stamp: Stamp
    start_s: float | None = None


def read(file: Path) -> Note | None:
    """Blocking; None when there is none, or when it cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Note(
            identity=Identity(pid=int(found["pid"]), ticks=int(found["ticks"])),
            stamp=Stamp(
                arguments=tuple(map(str, found["arguments"])),
                version=str(found["version"]),
                digest=str(found["digest"]),
            ),
            start_s=found["start_s"],
        )
    return None


def write(file: Path, note: Note) -> None:
    """Blocking; whole or not at all. Not synced to the disk: the process does not outlive the machine, either."""
    told = {
        "pid": note.identity.pid,
        "ticks": note.identity.ticks,
        "arguments": note.stamp.arguments,
        "version": note.stamp.version,
        "digest": note.stamp.digest,
        "start_s": note.start_s,
    }
    fresh = file.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(told, out)
    fresh.replace(file)


def took(note: Note, seconds: float) -> Note:
    """The same, with how long it took until it answered."""
    return replace(note, start_s=round(seconds, 3))
