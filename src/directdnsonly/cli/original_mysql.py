"""Import from the original directdnsonly's datastore in MySQL or MariaDB. Read-only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.cli.original import COLUMNS, NO_TABLE, Row, row_of
from directdnsonly.cli.sources import NothingToImport
from directdnsonly.config import read_secret
from directdnsonly.errors import BackendError, ConfigProblem
from directdnsonly.mysql.server import MysqlServer

SCHEME: Final = "mysql://"
FORM: Final = f"{SCHEME}USER@HOST:PORT/DATABASE"
PASSWORD: Final = "DADNS_DATASTORE_PASS"  # noqa: S105 - the name of a variable, the original's own
LONGEST: Final = 65_535  # octets of a TEXT: a longer zone was cut, unless the server was strict
ANSWER_S: Final = 60.0  # of a table of 100,000 zones


def rows_of(url: str, environ: Mapping[str, str] = os.environ) -> list[Row]:
    """Every row of its table `domains`. The password comes from the original's variable. Raises NothingToImport."""
    settings = _settings(url, environ)
    try:
        return asyncio.run(_read(settings))
    except BackendError as error:
        raise NothingToImport(f"{settings.place} cannot be read: {error.reason}") from error


def _settings(url: str, environ: Mapping[str, str]) -> MysqlSettings:
    try:
        parts = urlsplit(url)
        if parts.password is not None:
            raise NothingToImport(
                f"a password in the address is visible to every user of this machine: put it into {PASSWORD}"
            )
        told: dict[str, Any] = {
            "host": parts.hostname,
            "port": parts.port or 3306,
            "database": unquote(parts.path.strip("/")),
            "username": unquote(parts.username or ""),
            "password": _password(environ),
            "command_timeout_s": ANSWER_S,
        }
        if not all(told[key] for key in ("host", "database", "username")):
            raise ValueError
        return MysqlSettings(**told)
    except (ValueError, ValidationError):
        raise NothingToImport(f"{url} is not {FORM}") from None


def _password(environ: Mapping[str, str]) -> str:
    file = environ.get(f"{PASSWORD}_FILE")
    if file is None:
        return environ.get(PASSWORD, "")
    problems: list[ConfigProblem] = []
    secret = read_secret(f"{PASSWORD}_FILE", file, problems)
    if secret is None:
        raise NothingToImport("; ".join(map(str, problems)))
    return secret


async def _read(settings: MysqlSettings) -> list[Row]:
    server = MysqlServer("the original's datastore", settings)
    try:
        there = "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'domains'"
        columns = {str(name).lower() for (name,) in await server.query(there)}
        if "domain" not in columns:
            raise NothingToImport(f"{settings.place} {NO_TABLE}")
        asked = ", ".join(key if key in columns else "NULL" for key in COLUMNS)
        return [row_of(*found) for found in await server.query(f"SELECT {asked} FROM domains ORDER BY domain")]
    finally:
        await server.aclose()
