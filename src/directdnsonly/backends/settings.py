"""Settings that every type of backend has."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.effect import AtReload
from directdnsonly.networks import is_loopback


def parse_server(text: str) -> ServerAddress:
    """`address` or `address#port`. Raises ValueError."""
    host, _, port = text.partition("#")
    ipaddress.ip_address(host)
    if port and not (port.isdigit() and 0 < int(port) < 65536):  # noqa: PLR2004 - ports
        raise ValueError(f"{port!r} is not a port")
    return ServerAddress(host=host, port=int(port) if port else 53)


def reachable(address: str) -> str:
    """Where to ask a server that listens on `address`; the any-addresses are asked on loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared, not bound


def one_or_many(value: object) -> object:
    """A list that may be written as one text with commas."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _servers(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        parse_server(value)
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ValueError(f"{value!r} is not an IP address") from None
    return values


def _user(value: str | None) -> str | None:
    if value and not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", value):
        raise ValueError(f"{value!r} is not a user name")
    return value


Servers = Annotated[tuple[str, ...], BeforeValidator(one_or_many), AfterValidator(_servers)]
Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]
UserName = Annotated[str | None, AfterValidator(_user)]


class BackendSettings(BaseModel):
    """Keys that every backend has. A type adds its own, and `type: Literal[...]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: AtReload[bool] = Field(
        True,
        description="Whether zones are delivered to this backend. One that is taken out for good: `dadns backends forget`.",
    )
    verify: AtReload[Literal["serial", "count", "content"]] = Field(
        "count",
        description="Proof that is asked for: the SOA's serial; also the number of records; also every record.",
    )
    verify_address: AtReload[Servers] = Field(
        (),
        description="Where the name servers are asked for proof, each as `address` or `address#port`; all must prove it.",
    )

    @property
    def is_managed(self) -> bool:
        """Whether we run this backend's name server."""
        return False

    @property
    def listening(self) -> tuple[tuple[str, int], ...]:
        """The addresses and ports on which a name server that we run answers."""
        listen: tuple[str, ...] = getattr(self, "listen", ()) if self.is_managed else ()
        return tuple((address, getattr(self, "port", 53)) for address in listen)

    @property
    def heard_here_only(self) -> str:
        """Where our own name server answers if only this machine can reach it there; otherwise empty.

        `verify_address` elsewhere means that something stands in front of it, which the world asks and we, too.
        """
        asked = [parse_server(text).host for text in self.verify_address]
        places = self.listening
        if places and all(is_loopback(host) for host in (*(address for address, _ in places), *asked)):
            return f"{places[0][0]}:{places[0][1]}"
        return ""

    def servers(self, *otherwise: ServerAddress) -> tuple[ServerAddress, ...]:
        """The name servers that must prove each zone."""
        return tuple(parse_server(text) for text in self.verify_address) or otherwise

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        del data_dir
        return f"{name}: external"
