"""Group commit: waiting writes share one transaction and one fsync.

Each write is a function of the connection. All that wait when the disk is free run in one BEGIN IMMEDIATE .. COMMIT;
their callers are told after the COMMIT. What comes meanwhile is the next group, which the connection's thread takes by
itself. When one of them fails, the transaction is rolled back and each is run again
alone under a savepoint, so that a bad one fails alone. When the COMMIT fails, all of them fail: exactly those
concerned, and the next group starts afresh.

A group in which no write has to outlive a power loss (claims and proofs: what is lost is done again) is committed without
its own fsync; the next durable group syncs it too, since the log is written in order. A kill -9 loses neither.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.sqlite.bodies import file_of
from directdnsonly.outbox.sqlite.connection import Connection, unavailable

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], Any]


class Waiting(NamedTuple):
    """A write that has not begun. `then` is called with its result once it is committed, even if nobody waits any more."""

    write: Write
    durable: bool
    future: asyncio.Future[Any]
    then: Callable[[Any], None] | None


class GroupCommit:
    """The only writer. `run` is an actor: it ends only by `close` (or by a bug, which ends the process)."""

    def __init__(self, connection: Connection, *, largest_group: int) -> None:
        self._connection = connection
        self.largest_group = largest_group
        self._waiting: deque[Waiting] = deque()
        self._durable: bool | None = None
        self._outstanding = 0  # submitted, and their callers not told
        self._wake = asyncio.Event()
        self._closing = False
        self.commits = 0
        self.writes = 0

    @property
    def waiting(self) -> int:
        """Writes that have not begun."""
        return len(self._waiting)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being committed and nothing is waiting."""
        return not self._outstanding

    async def submit(
        self,
        write: Callable[[sqlite3.Connection], T],
        *,
        durable: bool = True,
        then: Callable[[T], None] | None = None,
    ) -> T:
        """Run `write` in the next transaction; returns its result once it is on disk (`durable`) or with the operating system.

        Raises OutboxUnavailable when the store cannot take it. A caller that is cancelled before its write began
        leaves no trace; after that the write may be committed all the same, and `then` is told of it.
        """
        if self._closing:
            raise OutboxUnavailable("the store is closing")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._outstanding += 1
        self._waiting.append(Waiting(write, durable, future, then))
        self._wake.set()
        return await future

    async def run(self) -> None:
        """Commit until closed and empty."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self.run_once()
            if self._closing:
                return

    async def run_once(self) -> None:
        """Commit the waiting writes, group by group, including those that arrive meanwhile."""
        await self._connection.call(partial(self._drain, asyncio.get_running_loop()))

    def _drain(self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection) -> None:
        """On the connection's thread, which waits for nobody between two groups: the loop may be busy with requests."""
        while self._waiting:
            taken = self._take()
            group = [one for one in taken if not one.future.done()]
            results: list[Any] = []
            if group:
                try:
                    results = self._commit(connection, group)
                except sqlite3.Error as error:
                    results = [unavailable(error, self._connection.file)] * len(group)
                self.commits += 1
                self.writes += len(group)
            loop.call_soon_threadsafe(self._tell, group, results, len(taken))

    def _tell(self, group: list[Waiting], results: list[Any], taken: int) -> None:
        """On the loop: every caller its result."""
        self._outstanding -= taken
        for one, result in zip(group, results, strict=True):
            failed = isinstance(result, BaseException)
            if not one.future.done():
                if failed:
                    one.future.set_exception(result)
                else:
                    one.future.set_result(result)
            if one.then is not None and not failed:
                one.then(result)  # after the answer: that is what somebody waits for

    def _take(self) -> list[Waiting]:
        """The next group. The loop may append meanwhile."""
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.largest_group))]

    def close(self) -> None:
        """Accept no more writes; `run` returns once the waiting ones are committed."""
        self._closing = True
        self._wake.set()

    def _commit(self, connection: sqlite3.Connection, group: list[Waiting]) -> list[Any]:
        """The whole group in one transaction, or each for itself when one of them fails."""
        durable = any(one.durable for one in group)
        writes = [one.write for one in group]
        if durable is not self._durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [write(connection) for write in writes]
            connection.execute("COMMIT")
        except BaseException as error:
            _roll_back(connection)
            if isinstance(error, sqlite3.OperationalError) or not isinstance(error, Exception):
                raise  # the store's fault (disk, lock): everybody's
            return _commit_singly(connection, writes)
        return results


def _commit_singly(connection: sqlite3.Connection, writes: list[Write]) -> list[Any]:
    """The slow way: still one transaction and one fsync, but a failing write is undone alone."""
    results: list[Any] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for write in writes:
            connection.execute("SAVEPOINT one")
            try:
                results.append(write(connection))
            except sqlite3.OperationalError:
                raise
            except Exception as error:  # noqa: BLE001 - handed to the caller whose write it was
                connection.execute("ROLLBACK TO one")
                results.append(unavailable(error, file_of(connection)) if isinstance(error, sqlite3.Error) else error)
            connection.execute("RELEASE one")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise
    return results


def _roll_back(connection: sqlite3.Connection) -> None:
    """Leave no transaction behind; SQLite has already rolled back after some errors (disk full)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
