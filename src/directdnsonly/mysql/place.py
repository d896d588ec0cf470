"""Where a database is and how it is reached; the settings of backends (and of a store on a database) are this."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr


class Place(Protocol):
    """Read-only; times in seconds."""

    @property
    def host(self) -> str:
        """Name or address; counts where there is no `unix_socket`."""

    @property
    def port(self) -> int:
        """Of `host`."""

    @property
    def unix_socket(self) -> Path | None:
        """Instead of host and port."""

    @property
    def database(self) -> str:
        """Its name on the server."""

    @property
    def username(self) -> str:
        """Account on the server."""

    @property
    def password(self) -> SecretStr:
        """Of the account; counts where there is no `password_file`."""

    @property
    def password_file(self) -> Path | None:
        """Read at each log-in, so that a password can be changed without a restart."""

    @property
    def ssl(self) -> bool:
        """TLS, and nothing else."""

    @property
    def ssl_ca(self) -> Path | None:
        """PEM; None: those that the system trusts."""

    @property
    def ssl_verify(self) -> bool:
        """Whether certificate and name are checked."""

    @property
    def connections(self) -> int:
        """At most, and so many transactions at once."""

    @property
    def connect_timeout_s(self) -> float:
        """Until a connection stands, log-in included."""

    @property
    def command_timeout_s(self) -> float:
        """For one command."""

    @property
    def place(self) -> str:
        """The same for people: host:port/database."""
