"""What becomes of the name server that an earlier life of ours has left: adopted, replaced, or refused. `decide` is pure.

Ours is what a note of ours names by number and start time; never a command line alone. Adopted, it must answer queries and
commands by our key before it counts as running (supervisor), and is watched as one that we have started.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from directdnsonly.nameservers import note as notes
from directdnsonly.nameservers.holder import name_of
from directdnsonly.nameservers.note import Note, Stamp
from directdnsonly.nameservers.process import Handle, Identity, arguments_of, identity_of


class Act(StrEnum):
    """What to do at the start."""

    START = "start"  # nothing of ours runs
    ADOPT = "adopt"
    REPLACE = "replace"  # ours, but of another configuration or program
    REFUSE = "refuse"  # it stands in our way and is not ours to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found. `lives`: the noted process, by number and start time; `looks_alike`: nothing that can be read of it tells that it is another program.

    `may_end`: we may send it signals. `stray`: a process without a note, by its pid file, with the very command line of
    ours: of a version that wrote none, or killed between start and note.
    """

    note: Note | None = None
    lives: bool = False
    looks_alike: bool = True
    may_end: bool = True
    stray: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`reason`: for people; empty when there is nothing to tell."""

    act: Act
    reason: str = ""


def decide(seen: Seen, wanted: Stamp, *, kind: str) -> Decision:
    """`wanted`: what a start would run now."""
    note = seen.note
    if note is not None and seen.lives and seen.looks_alike:
        if not seen.may_end:
            reason = f"{kind} (process {note.identity.pid}) was started by us as another user, and we may not control it: start us as that user"
            return Decision(act=Act.REFUSE, reason=reason)
        if note.stamp.digest == wanted.digest:
            return Decision(act=Act.ADOPT)
        return Decision(act=Act.REPLACE, reason=_what_changed(note.stamp, wanted, kind))
    if seen.stray is not None:
        return Decision(act=Act.REPLACE, reason=f"{kind} (process {seen.stray}) was left without a note of ours")
    return Decision(act=Act.START)


def _what_changed(runs: Stamp, wanted: Stamp, kind: str) -> str:
    runs_now, shall_run = Path(runs.arguments[0]).name, Path(wanted.arguments[0]).name
    if runs_now != shall_run:
        return f"{runs_now} runs where {shall_run} is wanted"
    if runs.version != wanted.version:
        return f"{kind} {runs.version} runs, {wanted.version} is installed"
    if runs.arguments != wanted.arguments:
        return f"{kind} is started by another command now"
    return f"the configuration of {kind}, or its program, has changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What there is, with a handle on it; `handle` is None when nothing of ours runs."""

    seen: Seen
    handle: Handle | None


def look(note_file: Path, pid_file: Path, *, kind: str, marker: str) -> Left:
    """Blocking. `marker`: a path in our folder that stands in the command line of our own process of it."""
    note = notes.read(note_file)
    handle = _handle(note.identity) if note else None
    if note is not None and handle is not None:
        if is_alike(note, note_file.parent):
            return Left(seen=Seen(note=note, lives=True, may_end=_may_end(handle)), handle=handle)
        handle.close()
        note = None
    stray = _stray(pid_file, kind=kind, marker=marker)
    handle = _handle(stray) if stray else None
    pid = handle.pid if handle is not None and _may_end(handle) else None
    return Left(seen=Seen(note=note, stray=pid), handle=handle if pid else None)


def is_alike(note: Note, folder: Path) -> bool:
    """Nothing that can be read of the noted process tells that it is another program: a number and a time may come again after a boot.

    `folder`: where the note lies; its path stands in the command line of ours, of whatever type the backend was then.
    """
    pid = note.identity.pid
    arguments = arguments_of(pid)
    if not arguments or arguments == note.stamp.arguments or any(f"{folder}/" in one for one in arguments):
        return True
    return name_of(pid).partition(":")[0] == Path(note.stamp.arguments[0]).name  # NSD calls itself "nsd: xfrd"


def stray_in(folder: Path) -> Note | None:
    """Blocking: a name server of this folder without a note, by its pid file and the paths in its command line, as a note of it.

    So it is where the note could not be written, or was lost.
    """
    for file in sorted((folder / "run").glob("*.pid")):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text(encoding="ascii"))
            arguments, identity = arguments_of(pid), identity_of(pid)
            is_program = bool(arguments) and Path(arguments[0]).name.startswith(file.stem)  # knotd writes knot.pid
            if is_program and identity and any(_is_in(folder, one) for one in arguments[1:]):
                return Note(identity=identity, stamp=Stamp(arguments=arguments, version="", digest=""))
    return None


def _is_in(folder: Path, argument: str) -> bool:
    return argument.startswith("/") and Path(argument).resolve().is_relative_to(folder.resolve())


def _stray(pid_file: Path, *, kind: str, marker: str) -> Identity | None:
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text(encoding="ascii"))
        if _is_command(arguments_of(pid), kind=kind, marker=marker):
            return identity_of(pid)
    return None


def _is_command(arguments: Sequence[str], *, kind: str, marker: str) -> bool:
    return bool(arguments) and Path(arguments[0]).name == kind and marker in arguments


def _handle(identity: Identity) -> Handle | None:
    try:
        return Handle.of(identity)
    except OSError:  # a kernel without handles: nothing can be adopted
        return None


def _may_end(handle: Handle) -> bool:
    try:
        handle.send(0)
    except PermissionError:
        return False
    return True
