"""Settings that every backend on a MySQL or MariaDB database has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from directdnsonly.backends.settings import BackendSettings
from directdnsonly.effect import AtReload


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_$-]{1,64}", value):
        raise ValueError(f"{value!r} is not a name of a database or table")
    return value


Identifier = Annotated[str, AfterValidator(_identifier)]


class MysqlSettings(BackendSettings):
    """How the database is reached. A backend adds its own keys, and `type: Literal[...]`."""

    host: AtReload[str] = Field("127.0.0.1", min_length=1, description="The database server's name or address.")
    port: AtReload[int] = Field(3306, ge=1, le=65535, description="The database server's port.")
    unix_socket: AtReload[Path | None] = Field(
        None, description="The database server's socket, instead of host and port."
    )
    database: AtReload[Identifier] = Field(description="Name of the database.")
    username: AtReload[str] = Field(description="Account on the database server.")
    password: AtReload[SecretStr] = Field(SecretStr(""), description="Password of that account.")
    password_file: AtReload[Path | None] = Field(
        None, description="File that contains the password, instead of `password`."
    )
    ssl: AtReload[bool] = Field(False, description="Require TLS for connections to the database server.")
    ssl_ca: AtReload[Path | None] = Field(
        None, description="Certificates that the server's must be signed by. Default: those of the system."
    )
    ssl_verify: AtReload[bool] = Field(True, description="Verify the server's certificate and its name.")
    connections: AtReload[int] = Field(2, ge=1, le=32, description="Most connections, and so concurrent transactions.")
    connect_timeout_s: AtReload[float] = Field(
        5.0, gt=0, description="Longest time to connect, log-in included, in seconds."
    )
    command_timeout_s: AtReload[float] = Field(
        10.0,
        gt=0,
        description="Longest time that one database command may take, in seconds; longer than the database's failover.",
    )
    batch_size: AtReload[int] = Field(50, ge=1, le=1000, description="Zones per transaction.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.password_file is not None and self.password.get_secret_value():
            raise ValueError("password and password_file are both set: choose one")
        if not self.ssl and self.ssl_ca is not None:
            raise ValueError("ssl_ca needs ssl: true")
        if self.ssl and self.unix_socket is not None:
            raise ValueError("a unix_socket needs no ssl")
        return self

    @property
    def tables(self) -> tuple[str, str]:
        """Those that zones are written to: of zones, of records."""
        return "domains", "records"

    @property
    def place(self) -> str:
        """Where the database is, for people."""
        return f"{self.unix_socket or f'{self.host}:{self.port}'}/{self.database}"

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        del data_dir
        return f"{name}: database {self.place} as {self.username}{' with TLS' if self.ssl else ''}"
