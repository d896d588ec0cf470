"""End name servers that nobody wants any more: of a backend that was taken out, or all of them when an operator says so."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from directdnsonly.nameservers import note as notes
from directdnsonly.nameservers.adoption import is_alike
from directdnsonly.nameservers.note import Note
from directdnsonly.nameservers.process import Handle, identity_of

STOP_S: Final = 4.0  # SIGTERM, then SIGKILL: our whole exit stays under ten seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A name server of ours that runs, by the note of its start."""

    backend: str
    kind: str
    note: Note
    note_file: Path


def running_in(data_dir: Path) -> Iterator[Leftover]:
    """Blocking: every one that runs, whether its backend is configured or not, and whoever supervises it."""
    for file in sorted((data_dir / "backends").resolve().glob(f"*/{notes.NAME}")):
        note = notes.read(file)
        if note is None or identity_of(note.identity.pid) != note.identity:
            continue
        if is_alike(note, file.parent):
            kind = Path(note.stamp.arguments[0]).name
            yield Leftover(backend=file.parent.name, kind=kind, note=note, note_file=file)


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
