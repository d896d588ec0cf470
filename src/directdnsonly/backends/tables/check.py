"""How `dadns check` tests a database: connection, log-in, tables, rights, step by step. Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.errors import BackendError
from directdnsonly.mysql.errors import ConnectionLost, code_of
from directdnsonly.mysql.server import MysqlServer

NO_SERVER: Final = frozenset({2002, 2003, 2005})  # of the client: there is no connection
NO_DATABASE: Final = frozenset({1044, 1049})  # logged in, but there is no such database for this account
NO_TABLE: Final = 1146
# Each is refused to an account that has not the right, before anything is looked for; none finds a row.
TRIED: Final = (
    "SELECT id FROM `{table}` WHERE 1 = 0",
    "INSERT INTO `{table}` SELECT * FROM `{table}` WHERE 1 = 0",
    "UPDATE `{table}` SET id = id WHERE 1 = 0",
    "DELETE FROM `{table}` WHERE 1 = 0",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried. `about`: connection, log-in, tables or rights."""

    good: bool
    about: str
    what: str


async def steps(name: str, settings: MysqlSettings) -> AsyncIterator[Step]:
    """Run the steps in order up to the first that fails, after which the others cannot be tried."""
    server = MysqlServer(name, settings)
    try:
        try:
            await server.query("SELECT 1")
        except BackendError as error:
            for step in _refused(error, settings):
                yield step
            return
        yield Step(True, "connection", f"database server at {_where(settings)} answers")
        yield Step(True, "log-in", f"{settings.username} is let in, to the database {settings.database}")
        async for step in _tables(server, settings):
            yield step
    finally:
        await server.aclose()


def _where(settings: MysqlSettings) -> str:
    return str(settings.unix_socket or f"{settings.host}:{settings.port}")


def _refused(error: BackendError, settings: MysqlSettings) -> list[Step]:
    """Whose fault it is that nobody is let in: told by the server's code, never by its words."""
    code = code_of(error.__cause__)
    if isinstance(error, ConnectionLost) or code in NO_SERVER:
        return [Step(False, "connection", error.reason)]
    if not code:  # a file of ours that cannot be read: the server was not asked
        return [Step(False, "log-in", error.reason)]
    connected = Step(True, "connection", f"database server at {_where(settings)} answers")
    if code in NO_DATABASE:
        logged_in = Step(True, "log-in", f"{settings.username} is let in")
        return [connected, logged_in, Step(False, "tables", error.reason)]
    return [connected, Step(False, "log-in", error.reason)]


async def _tables(server: MysqlServer, settings: MysqlSettings) -> AsyncIterator[Step]:
    tables = settings.tables
    told = " and ".join(tables)
    try:
        for table in tables:
            for sql in TRIED:
                await server.query(sql.format(table=table))
    except BackendError as error:
        if code_of(error.__cause__) != NO_TABLE:
            about = "rights"
            yield Step(True, "tables", f"{told} are there")
        elif getattr(settings, "create_schema", False):
            yield Step(True, "tables", f"{told} are not there yet: they are made when the service starts")
            return
        else:
            about = "tables"
        yield Step(False, about, error.reason)
        return
    yield Step(True, "tables", f"{told} are there")
    yield Step(True, "rights", f"{settings.username} may read and write them")
