"""Settings of the door."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_HOST_NAME = re.compile(r"(?!\d+(\.\d+)*$)[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


class AppSettings(BaseModel):
    """Where we listen, who may push, and what one push may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    auth_username: str = Field(
        "directdnsonly",
        min_length=1,
        max_length=255,
        pattern="^[^:]+$",
        description="User name that DirectAdmin gives.",
    )
    auth_password: SecretStr = Field(
        SecretStr("changeme"), description="Its password. The default and an empty one are accepted on loopback only."
    )
    listen_host: str = Field("0.0.0.0", description="Address on which pushes are accepted.")  # noqa: S104 - DA comes from outside
    listen_port: int = Field(2222, ge=1, le=65535, description="Port on which pushes are accepted.")
    max_body_bytes: int = Field(
        16 * 2**20, ge=1024, le=2**30, description="Largest push in bytes; a larger one is answered 413."
    )
    request_timeout_s: float = Field(20.0, gt=0, description="Seconds that one push may take until it is recorded.")
    body_timeout_s: float = Field(20.0, gt=0, description="Seconds in which the body of a push must have come.")
    check_subdomain_owner_in_cluster_domainowners: bool = Field(
        True,
        description="Answer a domain check of a subdomain with its parent's owner (exists=3) rather than exists=2.",
    )
    takeover: Literal["transfer", "hold", "reject"] = Field(
        "transfer",
        description="When one DirectAdmin server pushes a zone of another: record it, hold it while that lists it, or refuse.",
    )
    hold_losses: bool = Field(
        False, description="Hold a push that loses most of a zone, its apex NS or its MX, until somebody approves it."
    )
    trusted_proxies: tuple[str, ...] = Field(
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
