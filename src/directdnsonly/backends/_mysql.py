"""A MySQL or MariaDB server, as the backends on a database use it.

The API:


    server = MysqlServer(name, settings)             # no I/O yet; settings: a MysqlSettings
    rows = await server.query(sql, args)             # one SELECT, outside of a transaction: a list of tuples
    result = await server.transaction(work)          # `await work(session)` between BEGIN and COMMIT
        await session.rows(sql, args)                # SELECT inside the transaction: a list of tuples
        await session.execute(sql, args)             # UPDATE, DELETE, one INSERT: the number of rows changed
        await session.insert(table, columns, rows)   # any number of rows, in as few packets as possible
        session.last_id                              # AUTO_INCREMENT of the last statement (of its first row)
    await server.ready()                             # returns when statements can be run now
    await server.aclose()

`work` may run several times: after a deadlock (at most TRIES times in LOCK_WAIT_S), and once more when
an idle connection turns out to be dead. So it must read what it decides on inside the session, and touch nothing else.

Every session is READ COMMITTED (with REPEATABLE READ's gap locks, eight writers of new zones deadlocked 4,300 times
in 800 zones), strict (a value is never cut silently; a server that will not be strict is refused), without SQL notes,
and waits at most LOCK_WAIT_S for a lock. Every statement has the time limit `command_timeout_s`, since aiomysql knows
none; a connection that was cancelled or failed under a statement is thrown away, never used again.

Raised, and nothing else: BackendUnavailable (the server, the account or the tables: no zone's fault), DataRefused (a
value does not fit: `row` of `insert` and `column` are named), TransactionLost (others were in the way, every time).
A COMMIT whose answer was lost may have been carried out: transactions must be such that they can be repeated.
`deliver` in `_mysql_batch` turns these into the outcomes of a batch.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiomysql
import pymysql.err
from pymysql.constants import CLIENT
from pymysql.converters import escape_string
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_random

from directdnsonly.backends._mysql_errors import (
    CONNECT_FAILURES,
    FAILURES,
    ConnectionLost,
    DataRefused,
    TransactionLost,
    classified,
)
from directdnsonly.backends.mysql_settings import MysqlSettings
from directdnsonly.errors import BackendUnavailable

__all__ = ["DataRefused", "MysqlServer", "Session", "TransactionLost"]

TRIES = 6
LOCK_WAIT_S = 3
LARGEST_PACKET = 4 * 2**20  # of ours, where the server allows it; a batch of 50 zones has 100 KiB
CLEAR = "mysql_clear_password"
_ESCAPED = re.compile(r"[\0\\\n\r\x1a\"']")

T = TypeVar("T")
Work = Callable[["Session"], Awaitable[T]]


class Session:
    """One connection inside one transaction. See the module."""

    def __init__(self, connection: _Connection, settings: MysqlSettings, backend: str) -> None:
        self._connection = connection
        self._settings = settings
        self._backend = backend
        self.last_id = 0

    async def rows(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a SELECT."""
        return (await self._run(sql, args))[1]

    async def execute(self, sql: str, args: Sequence[Any] = ()) -> int:
        """The number of rows that the statement changed."""
        return (await self._run(sql, args))[0]

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows. `last_id` is then the id of the first row of the last packet.

        We join the rows ourselves: the driver's executemany sends one packet a row unless the statement is spelt just so,
        and its escaping costs twice ours.
        """
        names = ", ".join(f"`{column}`" for column in columns)
        head = f"INSERT INTO `{table}` ({names}) VALUES "
        for part, values in _parts(rows, min(self._connection.max_packet, LARGEST_PACKET)):
            await self._run(head + values, (), rows=part)

    async def _run(
        self, sql: str, args: Sequence[Any], *, rows: Sequence[Sequence[Any]] = ()
    ) -> tuple[int, list[tuple[Any, ...]]]:
        limit_s = self._settings.command_timeout_s
        try:
            async with asyncio.timeout(limit_s), self._connection.cursor(_Cursor) as cursor:
                changed = await cursor.execute(sql, tuple(args) or None)
                self.last_id = cursor.lastrowid or 0
                return changed, list(await cursor.fetchall()) if cursor.description else []
        except FAILURES as error:
            raise classified(
                error, backend=self._backend, place=self._settings.place, rows=rows, limit_s=limit_s
            ) from error


class MysqlServer:
    """The connections of one backend to its database server. See the module."""

    def __init__(self, name: str, settings: MysqlSettings) -> None:
        self._name = name
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[_Connection] = []

    async def query(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one SELECT."""
        return await self._with_session(lambda session: session.rows(sql, args))

    async def transaction(self, work: Work[T], *, tries: int = TRIES) -> T:
        """What `work` returns, committed. It may be called several times; see the module."""

        async def once(session: Session) -> T:
            await session.execute("BEGIN")
            try:
                result = await work(session)
                await session.execute("COMMIT")
            except (DataRefused, TransactionLost):
                await session.execute("ROLLBACK")  # 1205 rolls back its statement only
                raise
            return result

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(TransactionLost),
            stop=stop_after_attempt(tries) | stop_after_delay(LOCK_WAIT_S),
            wait=wait_random(0.005, 0.05),
            reraise=True,
        ):
            with attempt:
                return await self._with_session(once)
        raise AssertionError  # tenacity returns or raises

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

    async def _use(self, connection: _Connection, work: Work[T]) -> T:
        async with self._kept(connection):
            return await work(Session(connection, self._settings, self._name))

    @asynccontextmanager
    async def _kept(self, connection: _Connection) -> AsyncIterator[None]:
        """Keep the connection for the next one, unless it ended in the middle of something."""
        try:
            yield
        except (DataRefused, TransactionLost):
            self._idle.append(connection)  # rolled back
            raise
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def _connect(self) -> _Connection:
        settings = self._settings
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                connection = _Connection(
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
                await connection.open()
        except CONNECT_FAILURES as error:
            if connection is not None:
                connection.close()
            raise classified(
                error, backend=self._name, place=settings.place, limit_s=settings.connect_timeout_s
            ) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection

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


class _Cursor(aiomysql.Cursor):  # type: ignore[misc]
    """Without the question for warnings: where data is at stake they are errors (strict), the rest we see ourselves."""

    async def _show_warnings(self, conn: object) -> None:
        del conn


class _Connection(aiomysql.Connection):  # type: ignore[misc]
    """aiomysql's connection, which never falls back to plain text, and whose session is as we need it."""

    max_packet = 2**20

    async def open(self) -> None:
        """Connect, log in, and set up the session."""
        await self._connect()
        async with self.cursor() as cursor:
            await cursor.execute(
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_notes = 0,"
                f" innodb_lock_wait_timeout = {LOCK_WAIT_S}, group_concat_max_len = {2**20}"
            )
            await cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            await cursor.execute("SELECT @@sql_mode, @@max_allowed_packet")
            mode, self.max_packet = await cursor.fetchone()
        if "STRICT_ALL_TABLES" not in mode or "NO_BACKSLASH_ESCAPES" in mode:
            raise pymysql.err.OperationalError(1231, "the server does not let us have our sql_mode")

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it while it was idle."""
        reader = self._reader
        return self._writer is None or reader.at_eof() or reader.eof_received or reader.exception() is not None

    async def _request_authentication(self) -> None:
        """Aiomysql would send the log-in in plain text when the server (or somebody between) says it has no TLS."""
        if self._ssl_context is not None and not self.server_capabilities & CLIENT.SSL:
            raise pymysql.err.OperationalError(2026, "the server has no TLS, and ssl: true forbids to go without")
        if self._ssl_context is None and self._unix_socket is None and self._server_auth_plugin == CLEAR:
            raise pymysql.err.OperationalError(2059, "the server wants the password in plain text: set ssl: true")
        await super()._request_authentication()

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        if plugin_name == CLEAR.encode() and self._ssl_context is None and self._unix_socket is None:
            raise pymysql.err.OperationalError(2059, "the server wants the password in plain text: set ssl: true")
        return await super()._process_auth(plugin_name, auth_packet)


def _parts(rows: Sequence[Sequence[Any]], limit: int) -> Iterator[tuple[Sequence[Sequence[Any]], str]]:
    """The rows, and the same in SQL, in as few parts as stay below half the limit in octets."""
    start = size = 0
    texts: list[str] = []
    for number, row in enumerate(rows):
        text = f"({','.join(map(_literal, row))})"
        octets = len(text) if text.isascii() else 4 * len(text)
        if number > start and size + octets > limit // 2:
            yield rows[start:number], ",".join(texts)
            start, size, texts = number, 0, []
        size += octets + 1
        texts.append(text)
    if rows:
        yield rows[start:], ",".join(texts)


def _literal(value: str | int | None) -> str:
    """In SQL. The escapes are those of our sessions: NO_BACKSLASH_ESCAPES is not set."""
    if type(value) is str:
        return f"'{escape_string(value) if _ESCAPED.search(value) else value}'"
    return "NULL" if value is None else str(int(value))
