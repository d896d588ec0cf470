"""Settings of a PowerDNS backend that writes the database which PowerDNS reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from directdnsonly.backends.powerdns.settings import ApiUrl
from directdnsonly.backends.settings import one_or_many
from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.effect import AtReload


class PowerDnsMysqlSettings(MysqlSettings):
    """A MySQL or MariaDB database with PowerDNS's tables (`launch=gmysql`)."""

    type: AtReload[Literal["powerdns_mysql"]] = Field(
        "powerdns_mysql", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    kind: AtReload[Literal["Native", "Primary"]] = Field(
        "Native", description="Kind of the zones that we create; Primary sends NOTIFY to secondaries."
    )
    create_schema: AtReload[bool] = Field(False, description="Create PowerDNS's tables if they are missing.")
    visible_within_s: AtReload[float] = Field(
        0.0,
        ge=0,
        le=30,
        description="Seconds after which PowerDNS's caches have noticed a change (`cache-ttl`, `query-cache-ttl`, `zone-cache-refresh-interval`); proof waits that much longer.",
    )
    api_urls: AtReload[Annotated[tuple[ApiUrl, ...], BeforeValidator(one_or_many)]] = Field(
        (), description="Where the web servers of the PowerDNS on this database answer: their caches are then flushed."
    )
    api_key: AtReload[SecretStr] = Field(SecretStr(""), description="PowerDNS's `api-key`, with `api_urls`.")
    api_key_file: AtReload[Path | None] = Field(None, description="File that contains the key, instead of `api_key`.")
    api_ca: AtReload[Path | None] = Field(
        None, description="With https: certificates that the server's must be signed by. Default: those of the system."
    )
    server_id: AtReload[str] = Field(
        "localhost", pattern=r"^[\w.-]+$", description="PowerDNS's name of itself in its API."
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        given = bool(self.api_key.get_secret_value()) + (self.api_key_file is not None)
        if given != bool(self.api_urls):
            raise ValueError("api_urls needs one of api_key and api_key_file, and they need api_urls")
        return self
