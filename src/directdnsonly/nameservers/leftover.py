"""End name servers that nobody wants any more: of a backend that was taken out, or all of them when an operator says so."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from directdnsonly.nameservers import note as notes
from directdnsonly.nameservers.adoption import is_alike, stray_in
from directdnsonly.nameservers.note import Note
from directdnsonly.nameservers.process import Handle, identity_of

STOP_S: Final = 4.0  # SIGTERM, then SIGKILL: our whole exit stays under ten seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A name server of ours that runs, by the note of its start; or by its pid file, where there is none."""

    backend: str
    kind: str
    note: Note
    note_file: Path


def running_in(data_dir: Path) -> Iterator[Leftover]:
    """Blocking: every one that runs, whether its backend is configured or not, and whoever supervises it."""
    for folder in sorted((data_dir / "backends").resolve().glob("*/")):
        if (note := running_as(folder)) is not None:
            kind = Path(note.stamp.arguments[0]).name
            yield Leftover(backend=folder.name, kind=kind, note=note, note_file=folder / notes.NAME)


def running_as(folder: Path) -> Note | None:
    """Blocking: the one of this folder of a backend, by the note of its start, else by its pid file; None when it has none."""
    note = notes.read(folder / notes.NAME)
    if note is not None and identity_of(note.identity.pid) == note.identity and is_alike(note, folder):
        return note
    return stray_in(folder)


async def stop_all_but(data_dir: Path, wanted: Collection[str]) -> AsyncIterator[Leftover]:
    """Stop those whose backend is not `wanted`, and give each. The caller owns the folder.

    Raises PermissionError when one is not ours to end, OSError where the kernel has no pidfd_open(2).
    """
    for one in await asyncio.to_thread(lambda: list(running_in(data_dir))):
        if one.backend not in wanted and (handle := Handle.of(one.note.identity)) is not None:
            try:
                await stop(handle, one.note_file)
            finally:
                handle.close()
            yield one


async def stop(handle: Handle, note_file: Path) -> None:
    """End it: SIGTERM, and SIGKILL to its session when it takes too long."""
    handle.send(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await handle.ended()
    except TimeoutError:
        handle.kill_session()
        await handle.ended()
    handle.kill_session()  # what it has forked and left
    note_file.unlink(missing_ok=True)
