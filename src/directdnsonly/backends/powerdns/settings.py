"""Settings of a PowerDNS backend that is driven by its HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from directdnsonly.backends.settings import BackendSettings
from directdnsonly.effect import AtReload


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise ValueError("is not like http://127.0.0.1:8081")
    return value.rstrip("/").removesuffix("/api/v1")


ApiUrl = Annotated[str, AfterValidator(_url)]


class PowerDnsSettings(BackendSettings):
    """A PowerDNS Authoritative Server, external, with `api=yes`."""

    type: AtReload[Literal["powerdns"]] = Field(
        "powerdns", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    api_url: AtReload[ApiUrl] = Field("http://127.0.0.1:8081", description="URL of PowerDNS's web server.")
    api_key: AtReload[SecretStr] = Field(SecretStr(""), description="PowerDNS's `api-key`.")
    api_key_file: AtReload[Path | None] = Field(None, description="File that contains the key, instead of `api_key`.")
    api_ca: AtReload[Path | None] = Field(
        None, description="With https: certificates that the server's must be signed by. Default: those of the system."
    )
    server_id: AtReload[str] = Field(
        "localhost", pattern=r"^[\w.-]+$", description="PowerDNS's name of itself in its API."
    )
    kind: AtReload[Literal["Native", "Primary"]] = Field(
        "Native", description="Kind of the zones that we create; Primary sends NOTIFY to secondaries."
    )
    writers: AtReload[int] = Field(
        1,
        ge=1,
        le=32,
        description="Requests at once that write. PowerDNS on SQLite answers 500 to concurrent writers: keep 1 there.",
    )
    command_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Longest time that one request may take, in seconds."
    )
    batch_size: AtReload[int] = Field(50, ge=1, le=1000, description="Zones per batch.")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if bool(self.api_key.get_secret_value()) == (self.api_key_file is not None):
            raise ValueError("one of api_key and api_key_file must be set")
        return self

    def told(self, name: str, data_dir: Path) -> str:
        """One line for `dadns check`: what this backend will talk to."""
        del data_dir
        return f"{name}: PowerDNS API at {self.api_url}"
