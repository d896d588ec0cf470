"""What backends that write zone files have in common.

The files are written first, then the daemon is told; no file is left behind that the daemon did not take.
A type of name server adds `_tell`: everything between the written files and the outcomes.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from directdnsonly.backends._control.contract import ControlUnavailable
from directdnsonly.backends._zonefile import ZoneFolder
from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName

PAGE = 1000
APPLIED = Outcome(kind=OutcomeKind.APPLIED)


class FiledBackend(ABC):
    """The part of `Backend` that is about files. See there."""

    def __init__(
        self, name: str, *, capabilities: Capabilities, servers: Sequence[ServerAddress], zones_dir: Path
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self.servers = servers
        self._zones_dir = zones_dir
        self._files = ZoneFolder(zones_dir)

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """See Backend."""
        outcomes: list[Outcome] = []
        try:
            for part in distinct(changes):
                outcomes += await self._apply_distinct(part)
        except ControlUnavailable as error:
            raise BackendUnavailable(str(error), backend=self.name) from error
        except OSError as error:
            reason = f"{error.strerror}: {error.filename or self._zones_dir}"
            raise BackendUnavailable(reason, backend=self.name) from error
        return outcomes

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """See Backend. Reads the last line of each file, a page in a thread at a time."""
        names = await asyncio.to_thread(self._files.all_names)
        for start in range(0, len(names), PAGE):
            for observed in await self.observe(names[start : start + PAGE]):
                if observed is not None:
                    yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """See Backend. The last line of each file tells."""
        return await asyncio.to_thread(self._files.observe_all, names)

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """See Backend."""
        return await asyncio.to_thread(self._files.records, name)

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
            outcomes |= await asyncio.to_thread(self._write_all, todo, written)
            told = [change for change in todo if change.name not in outcomes]
            if told:
                outcomes |= await self._tell(told)
        except BaseException:  # also a cancellation: what was not proven to be taken must not be read at a restart
            for name, content in written.stop().items():
                self._put_back(name, content)
            raise
        await self._settle(todo, outcomes, written.before)
        return [outcomes.get(change.name, APPLIED) for change in changes]

    def _write_all(self, changes: Sequence[ZoneChange], written: Written) -> dict[ZoneName, Outcome]:
        """Write the puts. Outcomes of names that cannot be written."""
        self._zones_dir.mkdir(parents=True, exist_ok=True)
        refused: dict[ZoneName, Outcome] = {}
        for change in changes:
            if change.is_delete:
                continue
            with written.lock:
                if written.stopped:
                    break
                content = self._files.read(change.name)
                try:
                    self._write_one(change)
                except UnwritableName as error:
                    refused[change.name] = Outcome(kind=OutcomeKind.REFUSED, reason=str(error))
                else:
                    written.before[change.name] = content
        return refused

    async def _settle(
        self,
        changes: Sequence[ZoneChange],
        outcomes: dict[ZoneName, Outcome],
        before: dict[ZoneName, bytes | None],
    ) -> None:
        """Remove the files of deleted zones; put the last good ones back where the daemon did not take the new ones."""
        gone = [change.name for change in changes if change.is_delete and change.name not in outcomes]
        undone = [change for change in changes if change.name in before and change.name in outcomes]

        def put_back() -> None:
            for name in gone:
                self._put_back(name, None)
            for change in undone:
                self._put_back(change.name, before[change.name])

        if gone or undone:
            await asyncio.to_thread(put_back)
        if undone:
            await self._undo(undone, before)


class Written:
    """What each file held before a batch wrote it. Shared by the thread that writes and a task that may be cancelled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.before: dict[ZoneName, bytes | None] = {}
        self.stopped = False

    def stop(self) -> dict[ZoneName, bytes | None]:
        """Nothing is written from now on; what was written so far."""
        with self.lock:
            self.stopped = True
            return self.before


class UnwritableName(Exception):
    """This name server cannot have a file for a zone of this name. The text says why."""


def distinct(changes: Sequence[ZoneChange]) -> Iterator[list[ZoneChange]]:
    """The changes in order, in parts that hold no name twice."""
    part: dict[ZoneName, ZoneChange] = {}
    for change in changes:
        if change.name in part:
            yield list(part.values())
            part = {}
        part[change.name] = change
    if part:
        yield list(part.values())
