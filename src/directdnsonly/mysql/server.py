"""The connections and transactions of a MySQL or MariaDB server, as backends use them.

The API:


    server = MysqlServer(name, settings)             # no I/O yet; settings: a `place.Place`
    rows = await server.query(sql, args)             # one SELECT, outside of a transaction: a list of tuples
    result = await server.transaction(work)          # `await work(session)` between BEGIN and COMMIT
        await session.rows(sql, args)                # SELECT inside the transaction: a list of tuples
        await session.selects((sql, args), ...)      # several, each sees what is committed by then: a list of lists
        session.write(sql, args)                     # UPDATE, DELETE
        session.insert(table, columns, rows)         # any number of rows, in as few statements as possible
        await session.execute(sql, args)             # as `write`, at once: the number of rows changed
    await server.ready()                             # returns when statements can be run now
    await server.aclose()

What `write` and `insert` are given waits until something must be answered: the next SELECT, or the COMMIT. All that is
sent by then is one command (BEGIN with the first SELECTs; the writes with COMMIT), so that a transaction costs two ways
to the server and back. The server stops at the first statement that fails, so the COMMIT behind it is not carried out.
Where several statements in one command are not taken, `backend.limited` is logged once and each is sent alone; so it is
on a member of a cluster, see `wire`.

`work` may run several times: after a deadlock (at most TRIES times in LOCK_WAIT_S), and once more when an idle
connection turns out to be dead. So it must read what it decides on inside the session, and touch nothing else.

Every session is READ COMMITTED (with REPEATABLE READ's gap locks, eight writers of new zones deadlocked 4,300 times
in 800 zones), strict (a value is never cut silently; a server that will not be strict is refused), without SQL notes,
and waits at most LOCK_WAIT_S for a lock. Every command has the time limit `command_timeout_s`; a connection that was
cancelled or failed under a command is thrown away, never used again.

Raised, and nothing else: BackendUnavailable (the server, the account or the tables: no zone's fault), DataRefused (a
value does not fit: `row` of `insert` and `column` are named), TransactionLost (others were in the way, every time).
A COMMIT whose answer was lost may have been carried out: transactions must be such that they can be repeated.
`deliver` in `backends.tables.batch` turns these into the outcomes of a batch.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pymysql.err
import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random

from directdnsonly.errors import BackendUnavailable
from directdnsonly.mysql.errors import (
    CONNECT_FAILURES,
    FAILURES,
    NOT_TAKEN,
    ConnectionLost,
    DataRefused,
    TransactionLost,
    classified,
    code_of,
)
from directdnsonly.mysql.place import Place
from directdnsonly.mysql.text import KEEP_ID, Statement, Value, filled, inserts, joined
from directdnsonly.mysql.wire import LOCK_WAIT_S, Connection, Result, Rows

__all__ = ["DataRefused", "MysqlServer", "Session", "TransactionLost"]

TRIES = 6
LARGEST_PACKET = 4 * 2**20  # of ours, where the server allows it; a batch of 100 zones has 200 KiB
ONE_OF_SEVERAL = "of several statements in a command not all were carried out"
PAUSE_S = (0.005, 0.05)  # before a transaction that was in another's way is tried again
BEGIN, COMMIT, ROLLBACK = (Statement(sql=word) for word in ("BEGIN", "COMMIT", "ROLLBACK"))

T = TypeVar("T")
Work = Callable[["Session"], Awaitable[T]]


class Session:
    """One connection inside one transaction. See the module."""

    def __init__(self, connection: Connection, settings: Place, backend: str) -> None:
        self._connection = connection
        self._settings = settings
        self._backend = backend
        self._most_octets = min(connection.max_packet, LARGEST_PACKET) // 2
        self._waiting: list[Statement] = []
        self._is_open = False
        self._is_told = False  # that a transaction is open

    async def rows(self, sql: str, args: Sequence[Value] = ()) -> Rows:
        """All rows of a SELECT."""
        return (await self.selects((sql, args)))[0]

    async def selects(self, *asked: tuple[str, Sequence[Value]]) -> list[Rows]:
        """The rows of several SELECTs, one after the other, asked in one command."""
        self._waiting += [Statement(sql=filled(sql, args)) for sql, args in asked]
        return [result.rows for result in (await self._send())[-len(asked) :]]

    def write(self, sql: str, args: Sequence[Value] = ()) -> None:
        """Send a statement whose result is not needed."""
        self._waiting.append(Statement(sql=filled(sql, args)))

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]], *, over: bool = False
    ) -> None:
        """Insert the rows; with `over` they replace rows with the same keys."""
        self._waiting += inserts(table, columns, rows, most_octets=self._most_octets, over=over)

    def keep_id(self) -> None:
        """Let `Made.ID` stand for the id of the row inserted last, from here on."""
        self._waiting.append(KEEP_ID)

    async def execute(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Run a statement; returns the number of rows that it changed."""
        self.write(sql, args)
        return (await self._send())[-1].changed

    def begin(self) -> None:
        """Start a transaction with the first statement."""
        self._waiting = [BEGIN]

    async def commit(self) -> None:
        """Send the waiting statements, followed by COMMIT."""
        if self._is_open or self._waiting != [BEGIN]:
            self._waiting.append(COMMIT)
            await self._send()

    async def rollback(self) -> None:
        """Roll back what was sent, and drop what is waiting."""
        self._waiting.clear()
        if self._is_open:
            await self._run([ROLLBACK])

    async def _send(self) -> list[Result]:
        statements, self._waiting = self._waiting, []
        results: list[Result] = []
        self._is_open = True
        limit = self._most_octets if self._connection.joins else 0
        for command in joined(statements, most_octets=limit):
            results += (answered := await self._run(command))
            self._check(command, answered)
        return results

    def _check(self, command: Sequence[Statement], results: Sequence[Result]) -> None:
        """A transaction that somebody ended under us is lost: what came behind its end stands alone. It is done again."""
        for statement, result in zip(command, results, strict=True):
            if statement is BEGIN:
                self._is_told = result.in_transaction  # a proxy may leave that out
            elif self._is_told and statement is not COMMIT and not result.in_transaction:
                raise TransactionLost("the server ended the transaction by itself", backend=self._backend)

    async def _run(self, command: Sequence[Statement]) -> list[Result]:
        limit_s = self._settings.command_timeout_s
        rows: Sequence[Sequence[Value]] = ()
        try:
            async with asyncio.timeout(limit_s):
                results, error = await self._connection.run(";".join([statement.sql for statement in command]))
            if error is not None:
                rows = command[len(results)].rows
                raise error
            if len(results) != len(command):
                raise pymysql.err.NotSupportedError(1235, ONE_OF_SEVERAL)
        except FAILURES as error:
            raise classified(
                error, backend=self._backend, place=self._settings.place, rows=rows, limit_s=limit_s
            ) from error
        return results


class MysqlServer:
    """The connections of one backend to its database server. See the module."""

    def __init__(self, name: str, settings: Place) -> None:
        self._name = name
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[Connection] = []
        self._joins = True

    async def query(self, sql: str, args: Sequence[Value] = ()) -> Rows:
        """All rows of one SELECT."""
        return await self._with_session(lambda session: session.rows(sql, args))

    async def transaction(self, work: Work[T], *, tries: int = TRIES) -> T:
        """Run `work` in a transaction and commit; returns its result. It may be called several times; see the module."""
        again = AsyncRetrying(
            retry=retry_if_exception_type(TransactionLost),
            stop=stop_after_attempt(tries) | stop_after_delay(LOCK_WAIT_S),
            wait=wait_random(*PAUSE_S),
            reraise=True,
        )
        return await again(self._with_session, lambda session: _once(session, work))

    async def ready(self) -> None:
        """Return when statements can be run; raises BackendUnavailable."""
        await self.query("SELECT 1")

    async def aclose(self) -> None:
        """Close the idle connections, as the protocol wants it."""
        while self._idle:
            connection = self._idle.pop()
            try:
                async with asyncio.timeout(1):
                    await connection.ensure_closed()
            except FAILURES:
                connection.close()

    async def _with_session(self, work: Work[T]) -> T:
        """Once more on a new connection when an idle one was dead: a server that was restarted is no failure."""
        async with self._slots:
            while self._idle:
                connection = self._idle.pop()
                if connection.is_dead:
                    connection.close()
                    continue
                try:
                    return await self._use(connection, work)
                except ConnectionLost as error:
                    self._drop_idle()
                    if isinstance(error.__cause__, TimeoutError):
                        raise  # it hangs: a second wait would cost as much again
            return await self._use(await self._connect(), work)

    async def _use(self, connection: Connection, work: Work[T]) -> T:
        """Keep the connection for the next one, unless it ended in the middle of something."""
        try:
            result = await work(Session(connection, self._settings, self._name))
        except (DataRefused, TransactionLost):
            self._idle.append(connection)  # rolled back
            raise
        except BaseException as error:
            connection.close()
            if not connection.joins or code_of(error.__cause__) not in NOT_TAKEN:
                raise
            refused = error
        else:
            self._idle.append(connection)
            return result
        result = await self._use(await self._connect(joins=False), work)
        self._limit(str(refused))
        return result

    def _limit(self, reason: str) -> None:
        """Send each statement alone from now on."""
        for connection in [each for each in self._idle if each.joins]:
            self._idle.remove(connection)
            connection.close()
        if self._joins:
            self._joins = False
            structlog.get_logger().warning("backend.limited", backend=self._name, reason=reason)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _connect(self, *, joins: bool | None = None) -> Connection:
        """A new connection. One that breaks at the proof of `joins` is given a second chance without it."""
        wanted = self._joins if joins is None else joins
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                connection = await self._made(joins=wanted)
                await connection.open()
        except BaseException as error:
            if connection is not None:
                connection.close()
            if not isinstance(error, CONNECT_FAILURES):
                raise
            lost = classified(
                error, backend=self._name, place=self._settings.place, limit_s=self._settings.connect_timeout_s
            )
            if connection is None or not connection.proving or isinstance(error, TimeoutError):
                raise lost from error
        else:
            if wanted and not connection.joins and not connection.is_member:
                self._limit(ONE_OF_SEVERAL)
            return connection
        connection = await self._connect(joins=False)
        self._limit(str(lost))
        return connection

    async def _made(self, *, joins: bool) -> Connection:
        settings = self._settings
        return Connection(
            joins=joins,
            host=settings.host,
            port=settings.port,
            unix_socket=str(settings.unix_socket) if settings.unix_socket else None,
            user=settings.username,
            password=await asyncio.to_thread(self._password),
            db=settings.database,
            charset="utf8mb4",
            autocommit=True,
            ssl=await asyncio.to_thread(self._context) if settings.ssl else None,
            program_name="directdnsonly",
        )

    def _password(self) -> str:
        """Read anew for each connection, so that a changed file needs no restart."""
        settings = self._settings
        if settings.password_file is None:
            return settings.password.get_secret_value()
        try:
            return settings.password_file.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is not text in UTF-8"
            raise BackendUnavailable(
                f"the file {settings.password_file} cannot be read: {reason}", backend=self._name
            ) from error

    def _context(self) -> ssl.SSLContext:
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=str(settings.ssl_ca) if settings.ssl_ca else None)
        except OSError as error:
            raise BackendUnavailable(f"ssl_ca {settings.ssl_ca} cannot be used: {error}", backend=self._name) from error
        if not settings.ssl_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


async def _once(session: Session, work: Work[T]) -> T:
    session.begin()
    try:
        result = await work(session)
        await session.commit()
    except (DataRefused, TransactionLost):
        await session.rollback()  # 1205 rolls back its statement only
        raise
    return result
