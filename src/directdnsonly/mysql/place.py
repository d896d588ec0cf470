"""`Place`: where a database is and how to reach it, implemented by the settings of backends."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr


class Place(Protocol):
    """The address, account and limits of a database. Read-only; times in seconds."""

    @property
    def host(self) -> str:
        """Host name or address; used if there is no `unix_socket`."""

    @property
    def port(self) -> int:
        """The TCP port on `host`."""

    @property
    def unix_socket(self) -> Path | None:
        """The unix socket to use instead of host and port."""

    @property
    def database(self) -> str:
        """The name of the database on the server."""

    @property
    def username(self) -> str:
        """The account on the server."""

    @property
    def password(self) -> SecretStr:
        """The account's password; used if there is no `password_file`."""

    @property
    def password_file(self) -> Path | None:
        """Read at each log-in, so that a password can be changed without a restart."""

    @property
    def ssl(self) -> bool:
        """Whether to require TLS."""

    @property
    def ssl_ca(self) -> Path | None:
        """The CA file in PEM; None for those that the system trusts."""

    @property
    def ssl_verify(self) -> bool:
        """Whether the server's certificate and name are checked."""

    @property
    def connections(self) -> int:
        """The most connections, and so concurrent transactions."""

    @property
    def connect_timeout_s(self) -> float:
        """The longest time to connect, log-in included."""

    @property
    def command_timeout_s(self) -> float:
        """The longest time for one command."""

    @property
    def place(self) -> str:
        """The place for people: host:port/database."""
