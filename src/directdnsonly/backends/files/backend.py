"""The base of backends that write zone files.

The files are written first, then the daemon is told; no file is left behind that the daemon did not take.
A path that cannot be read, written or removed is its zone's failure; a folder or a disk that cannot is the backend's.
A type of name server adds `_tell`: everything between the written files and the outcomes.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.backends.control import ControlUnavailable
from directdnsonly.backends.files.faults import cannot_be, cause_and_cure, concerns_one_path
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.errors import BackendUnavailable
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName

PAGE = 1000
APPLIED = Outcome(kind=OutcomeKind.APPLIED)


class FiledBackend(ABC):
    """Implements the file-related part of `Backend`."""

    def __init__(
        self, name: str, *, capabilities: Capabilities, servers: Sequence[ServerAddress], zones_dir: Path
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.servers = servers
        self._zones_dir = zones_dir
        self._files = ZoneFolder(zones_dir)

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each."""
        outcomes: list[Outcome] = []
        try:
            for part in distinct(changes):
                outcomes += await self._apply_distinct(part)
        except ControlUnavailable as error:
            raise BackendUnavailable(_with_notes(str(error), error), backend=self.name) from error
        except OSError as error:
            raise self._unavailable(error) from error
        return outcomes

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable.

        Reads the last line of each file, a page in a thread at a time.
        """
        try:
            names = await asyncio.to_thread(self._files.all_names)
        except OSError as error:
            raise self._unavailable(error) from error
        for start in range(0, len(names), PAGE):
            for observed in await self.observe(names[start : start + PAGE]):
                if observed is not None:
                    yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable.

        The last line of each file tells; what is no readable file of ours is not whole.
        """
        try:
            return await asyncio.to_thread(self._files.observe_all, names)
        except OSError as error:
            raise self._unavailable(error) from error

    async def is_bare(self) -> bool:
        """Whether it holds no zone at all. Raises BackendUnavailable."""
        try:
            return await asyncio.to_thread(self._files.is_bare)
        except OSError as error:
            raise self._unavailable(error) from error

    async def lay(self, changes: Sequence[ZoneChange]) -> int:
        """Write the files of these zones while the name server is not running; returns how many. Raises BackendUnavailable."""
        written = Written()
        try:
            await asyncio.to_thread(self._write_all, changes, written)
        except OSError as error:
            raise self._unavailable(error) from error
        return len(written.before)

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None when absent. Raises BackendUnavailable."""
        try:
            return await asyncio.to_thread(self._files.records, name)
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> BackendUnavailable:
        reason = f"{error.strerror or error}: {error.filename or self._zones_dir}"
        return BackendUnavailable(_with_notes(reason, error), backend=self.name)

    # -- for the types

    async def _before_writing(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Zones that are refused before anything is written."""
        del changes
        return {}

    @abstractmethod
    async def _tell(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Make the daemon read the files of these; outcomes of those that it did not take. Raises ControlUnavailable."""

    @abstractmethod
    async def _undo(self, changes: Sequence[ZoneChange], before: dict[ZoneName, bytes | None]) -> None:
        """These were not taken, their last good files are back (or gone, where `before` is None): tell the daemon."""

    def _write_one(self, change: ZoneChange) -> None:
        """Write the file of a put. Blocking."""
        assert change.text is not None
        self._files.write(
            change.name, change.text, version=change.version, serial=change.serial, records=change.records
        )

    def _put_back(self, name: ZoneName, content: bytes | None) -> None:
        """Undo a write, or remove a deleted zone's file (None). Blocking."""
        self._files.put_back(name, content)

    # --

    async def _apply_distinct(self, changes: Sequence[ZoneChange]) -> list[Outcome]:
        outcomes = await self._before_writing(changes)
        todo = [change for change in changes if change.name not in outcomes]
        written = Written()
        try:
            if any(not change.is_delete for change in todo):
                outcomes |= await asyncio.to_thread(self._write_all, todo, written)
            told = [change for change in todo if change.name not in outcomes]
            if told:
                outcomes |= await self._tell(told)
        except BaseException as error:  # also a cancellation: what was not proven taken must not be read at a restart
            left = self._put_back_all(written.stop())
            if left:
                name, first = next(iter(left.items()))
                error.add_note(
                    f"files not restored: {len(left)}, the first {cause_and_cure(first, self._files.path(name))}"
                )
            raise
        await self._settle(todo, outcomes, written.before)
        return [outcomes.get(change.name, APPLIED) for change in changes]

    def _write_all(self, changes: Sequence[ZoneChange], written: Written) -> dict[ZoneName, Outcome]:
        """Write the puts. Outcomes of those that cannot be written."""
        self._zones_dir.mkdir(parents=True, exist_ok=True)
        outcomes: dict[ZoneName, Outcome] = {}
        for change in changes:
            if change.is_delete:
                continue
            with written.lock:
                if written.stopped:
                    break
                try:
                    content = self._files.read(change.name)
                    self._write_one(change)
                except UnwritableName as error:
                    outcomes[change.name] = Outcome(kind=OutcomeKind.REFUSED, reason=str(error))
                except OSError as error:
                    if not concerns_one_path(error, self._zones_dir):
                        raise
                    reason = cannot_be(error, self._files.path(change.name), removed=False)
                    outcomes[change.name] = Outcome(kind=OutcomeKind.RETRY, reason=reason)
                else:
                    written.before[change.name] = content
        return outcomes

    async def _settle(
        self,
        changes: Sequence[ZoneChange],
        outcomes: dict[ZoneName, Outcome],
        before: dict[ZoneName, bytes | None],
    ) -> None:
        """Remove the files of deleted zones; put the last good ones back where the daemon did not take the new ones."""
        gone: dict[ZoneName, bytes | None] = {
            change.name: None for change in changes if change.is_delete and change.name not in outcomes
        }
        undone = [change for change in changes if change.name in before and change.name in outcomes]
        if not gone and not undone:
            return
        contents = gone | {change.name: before[change.name] for change in undone}
        left = await asyncio.to_thread(self._put_back_all, contents)
        for name, error in left.items():
            outcomes[name] = self._left(name, error, outcomes.get(name))
        ours = [change for change in undone if outcomes[change.name].kind is not OutcomeKind.HELD]
        if ours:
            await self._undo(ours, before)
        for error in left.values():
            if not concerns_one_path(error, self._zones_dir):
                raise error

    def _put_back_all(self, contents: Mapping[ZoneName, bytes | None]) -> dict[ZoneName, OSError]:
        """Put back each, whatever becomes of the others; those that could not be. Blocking."""
        left: dict[ZoneName, OSError] = {}
        for name, content in contents.items():
            try:
                self._put_back(name, content)
            except OSError as error:
                left[name] = error
        return left

    def _left(self, name: ZoneName, error: OSError, outcome: Outcome | None) -> Outcome:
        """The outcome of a zone whose file could not be removed, or put back after `outcome`."""
        path = self._files.path(name)
        if outcome is None:
            return Outcome(kind=OutcomeKind.RETRY, reason=cannot_be(error, path, removed=True))
        what = f"its last good file cannot be restored: {cause_and_cure(error, path)}"
        return Outcome(kind=outcome.kind, reason=f"{outcome.reason}; {what}")


def held_by_operator(where: str) -> Outcome:
    """The outcome for a zone of that name that we did not create. `where`: how the name server has it."""
    return Outcome(kind=OutcomeKind.HELD, reason=f"{HELD_BY_OPERATOR}: {where}; it stays as it is")


class Written:
    """The former content of the files that a batch writes, shared by the writing thread and a task that may be cancelled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.before: dict[ZoneName, bytes | None] = {}
        self.stopped = False

    def stop(self) -> dict[ZoneName, bytes | None]:
        """Stop writing; returns what was written so far."""
        with self.lock:
            self.stopped = True
            return self.before


class UnwritableName(Exception):
    """This name server cannot have a file for a zone of this name. The text says why."""


def distinct(changes: Sequence[ZoneChange]) -> Iterator[list[ZoneChange]]:
    """The changes in order, split into parts in which no name occurs twice."""
    part: dict[ZoneName, ZoneChange] = {}
    for change in changes:
        if change.name in part:
            yield list(part.values())
            part = {}
        part[change.name] = change
    if part:
        yield list(part.values())


def _with_notes(reason: str, error: BaseException) -> str:
    """The reason, with what was left undone after the error."""
    return "; ".join([reason, *getattr(error, "__notes__", ())])
