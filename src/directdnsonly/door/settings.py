"""The settings under `app`: listening, credentials, limits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from directdnsonly.access.credentials import Principal, Role, Secret
from directdnsonly.effect import AtReload, AtReloadOnceSet, AtRestart

_HOST_NAME = re.compile(r"(?!\d+(\.\d+)*$)[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


class CredentialSettings(BaseModel):
    """A further user name: how it authenticates, what it may do, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=255, pattern="^[^:]+$", description="User name.")
    password: SecretStr | None = Field(None, description="Its password; or use one of the next two.")
    password_hash: SecretStr | None = Field(
        None, description="Argon2 hash of its password, as printed by `dadns hash-password`."
    )
    password_file: Path | None = Field(None, description="File that contains its password.")
    roles: tuple[Role, ...] = Field(
        (Role.PUSH,),
        min_length=1,
        description="What it may do: `push` zones, `read` everything, `operate`; `peer`: another instance.",
    )
    hostname: str = Field("", description="The only DirectAdmin server for which it may push; empty: any.")
    networks: tuple[IPvAnyNetwork, ...] = Field((), description="Networks from which it may be used; empty: any.")
    max_zones: int = Field(0, ge=0, description="How many zones it may hold; 0: any number.")

    @model_validator(mode="before")
    @classmethod
    def _read_the_file(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("password_file"):
            return values
        if values.get("password") is not None:
            raise ValueError("password and password_file are both set: choose one")
        try:
            password = Path(values["password_file"]).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError, TypeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ValueError(f"the file {values['password_file']} cannot be read: {why}") from None
        return {**values, "password": password}

    @field_validator("password_hash")
    @classmethod
    def _a_hash(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                extract_parameters(value.get_secret_value())
            except InvalidHashError:
                raise ValueError("is no argon2 hash: make one with dadns hash-password") from None
        return value

    @field_validator("hostname")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.rstrip(".").lower()

    @model_validator(mode="after")
    def _one_proof(self) -> CredentialSettings:
        if (self.password is None) == (self.password_hash is None):
            raise ValueError("needs one of password, password_hash, password_file")
        return self


class AppSettings(BaseModel):
    """Where we listen, who may push, and what one push may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    auth_username: AtReload[str] = Field(
        "directdnsonly",
        min_length=1,
        max_length=255,
        pattern="^[^:]+$",
        description="User name that DirectAdmin sends.",
    )
    auth_password: AtReload[SecretStr] = Field(
        SecretStr("changeme"), description="Its password. The default and an empty one are accepted on loopback only."
    )
    credentials: AtReload[tuple[CredentialSettings, ...]] = Field(
        (), description="More user names, each with its own roles; see docs/security.md."
    )
    metrics_networks: AtReload[tuple[IPvAnyNetwork, ...]] = Field(
        (), description="Networks that may read `/metrics` without a password; others need the role `read`."
    )
    listen_host: AtRestart[str] = Field("0.0.0.0", description="Address on which pushes are accepted.")  # noqa: S104 - DA comes from outside
    listen_port: AtRestart[int] = Field(2222, ge=1, le=65535, description="Port on which pushes are accepted.")
    listen_socket: AtRestart[Path | None] = Field(
        None, description="A unix socket for `dadns` on this machine, beside the port; only our own user may open it."
    )
    tls_certificate: AtReloadOnceSet[Path | None] = Field(
        None, description="Certificate chain (PEM); enables TLS 1.2 and newer on the port. Reloaded when it changes."
    )
    tls_key: AtReloadOnceSet[Path | None] = Field(None, description="Its private key (PEM).")
    max_connections: AtReload[int] = Field(
        1024,
        ge=16,
        le=100_000,
        description="Most open connections; above that, others are closed in favour of pushes: docs/security.md.",
    )
    max_header_bytes: AtReload[int] = Field(
        32 * 1024, ge=4096, le=2**20, description="Largest header of a request in bytes; a larger one is answered 431."
    )
    header_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Seconds within which the first request's header must be complete."
    )
    idle_timeout_s: AtReload[float] = Field(
        30.0, gt=0, description="Seconds for which a persistent connection may stay idle."
    )
    max_body_bytes: AtReload[int] = Field(
        16 * 2**20, ge=1024, le=2**30, description="Largest push in bytes; a larger one is answered 413."
    )
    request_timeout_s: AtReload[float] = Field(
        20.0,
        gt=0,
        description="Seconds within which a push must be recorded; the time to parse a large zone is not counted.",
    )
    body_timeout_s: AtReload[float] = Field(
        20.0, gt=0, description="Seconds within which the body of a push must be complete."
    )
    check_subdomain_owner_in_cluster_domainowners: AtReload[bool] = Field(
        True,
        description="Answer a domain check of a subdomain with its parent's owner (exists=3) rather than exists=2.",
    )
    takeover: AtReload[Literal["transfer", "hold", "reject"]] = Field(
        "transfer",
        description="When one DirectAdmin server pushes a zone of another, or one above or below: record, hold or refuse it (docs/ownership.md).",
    )
    hold_losses: AtReload[bool] = Field(
        False, description="Hold a push that loses most of a zone, its apex NS or its MX, until somebody approves it."
    )
    trusted_proxies: AtReload[tuple[str, ...]] = Field(
        (),
        description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed; nobody's by default.",
    )

    @field_validator("listen_host")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            if not _HOST_NAME.fullmatch(value):
                raise ValueError("is neither an IP address nor a host name") from None
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                network = ipaddress.ip_network(value, strict=False)
            except ValueError:
                raise ValueError(f"{value!r} is neither an IP address nor a network") from None
            if not network.prefixlen:
                raise ValueError(f"{value!r} is everybody: name the proxies")
        return values


def known_secrets(app: AppSettings) -> list[Secret]:
    """All principals: the original's one user, with every role, and those of `credentials`."""
    first = Secret(principal=Principal(name=app.auth_username), password=app.auth_password.get_secret_value())
    return [first, *(_secret(one) for one in app.credentials)]


def _secret(one: CredentialSettings) -> Secret:
    principal = Principal(
        name=one.name,
        roles=frozenset(one.roles),
        hostname=one.hostname,
        networks=as_networks(one.networks),
        max_zones=one.max_zones,
    )
    return Secret(
        principal=principal,
        password=one.password.get_secret_value() if one.password else None,
        password_hash=one.password_hash.get_secret_value() if one.password_hash else None,
    )


def as_networks(
    networks: Iterable[IPvAnyNetwork],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Pydantic's networks converted to those of the standard library."""
    return tuple(ipaddress.ip_network(str(network)) for network in networks)
