"""The settings under `reconciliation`; the original's keys keep their names and defaults."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from directdnsonly.effect import AtReload
from directdnsonly.trust import as_fingerprint

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
DNS_PORT = 53


class DirectAdminServer(BaseModel):
    """One DirectAdmin server whose zones we serve, and how its API is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    hostname: str = Field(description="Host name or address at which its API answers.")
    port: int = Field(2222, ge=1, le=65535, description="Port of its API.")
    username: str = Field("admin", min_length=1, pattern="^[^:]+$", description="An administrator.")
    password: SecretStr = Field(description="Password or, better, a login key.")
    ssl: bool = Field(True, description="Use HTTPS.")
    pushed_as: tuple[str, ...] = Field(
        (), description="Host names under which it pushes, if they differ from `hostname`."
    )
    verify_ssl: bool | None = Field(None, description="Verify its certificate; default: `reconciliation.verify_ssl`.")
    ca_file: Path | None = Field(None, description="CA certificates by which its certificate is verified.")
    fingerprint: str = Field(
        "", description="SHA-256 fingerprint of its certificate, in hex: only this one is accepted."
    )
    dns_address: str = Field("", description="Address of its own name server, as host#port; default: hostname#53.")

    @field_validator("hostname")
    @classmethod
    def _a_host(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            if not _HOST.fullmatch(value):
                raise ValueError("is neither an IP address nor a host name") from None
        return value.lower()

    @field_validator("pushed_as")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower().removesuffix(".") for name in value)

    @field_validator("fingerprint")
    @classmethod
    def _hex(cls, value: str) -> str:
        return as_fingerprint(value)

    @property
    def names(self) -> frozenset[str]:
        """Every host name that its pushes may carry."""
        return frozenset({self.hostname, *self.pushed_as})

    @property
    def origin(self) -> str:
        """Scheme, host and port, for URLs."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{'https' if self.ssl else 'http'}://{host}:{self.port}"

    @property
    def name_server(self) -> tuple[str, int]:
        """Host and port of its own name server."""
        host, _, port = (self.dns_address or self.hostname).partition("#")
        return host, int(port) if port.isdigit() else DNS_PORT


class ReconciliationSettings(BaseModel):
    """How drift is found and repaired."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    enabled: AtReload[bool] = Field(
        False, description="Compare with DirectAdmin and with the name servers periodically."
    )
    dry_run: AtReload[bool] = Field(False, description="Only plan: nothing is pulled, deleted or repaired.")
    interval_minutes: AtReload[float] = Field(60.0, gt=0, description="Minutes from one pass to the next.")
    initial_delay_minutes: AtReload[float] = Field(0.0, ge=0, description="Minutes from start to the first pass.")
    verify_ssl: AtReload[bool] = Field(True, description="Verify the certificates of DirectAdmin servers.")
    ipp: AtReload[int] = Field(
        1000, ge=10, le=10_000, description="Zones per page when a DirectAdmin server's list is fetched."
    )
    directadmin_servers: AtReload[list[DirectAdminServer]] = Field(
        default_factory=list,
        description="The servers: hostname, port, username, password, ssl; see docs/reconcile.md for the other keys.",
    )

    @field_validator("directadmin_servers")
    @classmethod
    def _apart(cls, value: list[DirectAdminServer]) -> list[DirectAdminServer]:
        names = [name for server in value for name in sorted(server.names)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice[0]} stands for two servers")
        return value

    timeout_s: AtReload[float] = Field(
        30.0, gt=0, description="Longest time that one answer of a DirectAdmin server may take, in seconds."
    )
    max_answer_mb: AtReload[int] = Field(
        32, ge=1, le=1024, description="Largest answer of a DirectAdmin server in MiB."
    )
    least_share: AtReload[float] = Field(
        0.5,
        ge=0,
        le=1,
        description="A list shorter than this fraction of the last complete one, or of what we hold, is rejected.",
    )
    absences: AtReload[int] = Field(
        3,
        ge=2,
        le=100,
        description="Consecutive complete lists from which a zone must be absent before it is an orphan.",
    )
    absent_minutes: AtReload[float] = Field(
        180.0, ge=0, description="Least time between the first and the last of these lists, in minutes."
    )
    grace_minutes: AtReload[float] = Field(
        1440.0, ge=0, description="Minutes for which an orphan is still served in quarantine before it is deleted."
    )
    max_orphans: AtReload[int] = Field(
        50,
        ge=0,
        description="Most orphans of one server that may be on their way to deletion; above that, nothing is deleted without approval.",
    )
    max_orphan_share: AtReload[float] = Field(
        0.02, ge=0, le=1, description="The same cap as a fraction of the server's zones (at least 3)."
    )
    stale_after_s: AtReload[float] = Field(
        60.0,
        ge=0,
        description="Seconds for which DirectAdmin's serial must be newer than ours before we pull the zone.",
    )
    serials: AtReload[bool] = Field(
        True, description="Query each DirectAdmin server's own name server for the serials of its zones."
    )
    serials_per_s: AtReload[int] = Field(500, ge=1, le=100_000, description="Such queries per second.")
    pulls_at_once: AtReload[int] = Field(4, ge=1, le=64, description="Zones fetched in parallel from one server.")
    missed_alarm: AtReload[int] = Field(
        10, ge=1, description="Missed pushes of one server in one pass that raise an alarm: its entry for us is broken."
    )
    heal: AtReload[bool] = Field(True, description="Compare each name server with the store in every pass.")
    extra_zones: AtReload[Literal["list", "delete"]] = Field(
        "list",
        description="What to do with zones in a backend's folder or table that we do not hold: only list them, or delete them.",
    )
    keep_passes: AtReload[int] = Field(200, ge=1, le=100_000, description="Passes whose plan and result are kept.")
