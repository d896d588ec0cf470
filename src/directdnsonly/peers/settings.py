"""The settings `peers` and `peering`: which other instances are compared with, and how often."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from directdnsonly import trust
from directdnsonly.effect import AtReload
from directdnsonly.networks import is_loopback


class PeerSettings(BaseModel):
    """Another instance, which is asked for what it holds. Nothing that it answers leads anywhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        description="How it is called here, in the log, and in what is taken.",
    )
    url: str = Field(description="Where it answers, as https://host:port; http:// only on this machine.")
    token: SecretStr | None = Field(None, description="A token of that instance with the role `peer`.")
    token_file: Path | None = Field(None, description="File that holds the token.")
    username: str = Field(
        "", description="Instead of a token: one of that instance's credentials with the role `peer`."
    )
    password: SecretStr | None = Field(None, description="Its password.")
    ca_file: Path | None = Field(None, description="CA certificates by which its certificate is verified.")
    fingerprint: str = Field(
        "", description="SHA-256 fingerprint of its certificate, in hex: only this one is accepted."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_the_file(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("token_file"):
            return values
        if values.get("token") is not None:
            raise ValueError("token and token_file are both set: choose one")
        try:
            token = Path(values["token_file"]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ValueError(f"the file {values['token_file']} cannot be read: {why}") from None
        return {**values, "token": token}

    @field_validator("url")
    @classmethod
    def _its_own_address(cls, value: str) -> str:
        problem = _why_no_address(value)
        if problem:
            raise ValueError(problem)
        return value.removesuffix("/")

    @field_validator("token")
    @classmethod
    def _a_token(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else "t"
        if not text or not all("!" <= letter <= "~" for letter in text):
            raise ValueError("is no token: make one there with dadns token create NAME --role peer")
        return value

    @field_validator("fingerprint")
    @classmethod
    def _hex(cls, value: str) -> str:
        return trust.as_fingerprint(value)

    @field_validator("ca_file")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        try:
            trust.by_authority(value)
        except trust.NotTrusted as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _one_proof_each(self) -> PeerSettings:
        if (self.token is None) is not bool(self.username):
            raise ValueError("needs one of token_file, token, or username and password")
        if bool(self.username) is (self.password is None) or ":" in self.username:
            raise ValueError("username and password are only valid together, and a user name has no colon")
        if self.ca_file is not None and self.fingerprint:
            raise ValueError("ca_file and fingerprint are both set: choose one")
        if self.url.startswith("http:") and (self.ca_file is not None or self.fingerprint):
            raise ValueError("ca_file and fingerprint are of https://")
        return self

    @property
    def authorization(self) -> str:
        """The header by which it knows us. A secret."""
        if self.token is not None:
            return f"Bearer {self.token.get_secret_value()}"
        assert self.password is not None
        pair = f"{self.username}:{self.password.get_secret_value()}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _why_no_address(value: str) -> str:
    """Why a URL is not that of a peer; empty when it is. It is never repeated: a password may stand in it."""
    try:
        url = urlsplit(value)
        host, port = url.hostname or "", url.port
    except ValueError:
        return "is no URL: https://host:port"
    if url.scheme not in {"https", "http"} or not host or port == 0 or not value.isprintable() or " " in value:
        return "must be https://host:port"
    if (
        url.username is not None
        or url.password is not None
        or url.path not in {"", "/"}
        or "?" in value
        or "#" in value
    ):
        return "must be https://host:port and nothing else: no user, no path, no question"
    if not _is_askable(value):
        return "names a host that cannot be asked: it is not the name of one (IDNA 2008)"
    if url.scheme == "http" and not is_loopback(host):
        return "must be https:// where it leaves this machine: what is asked carries a secret"
    return ""


def _is_askable(value: str) -> bool:
    """Whether the client that asks peers reads the host of this URL."""
    try:
        return bool(httpx.URL(value).host)
    except (httpx.InvalidURL, UnicodeError):
        return False


class PeeringSettings(BaseModel):
    """How peers are asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    interval_s: AtReload[float] = Field(
        30.0, ge=1, le=86_400, description="Seconds from one exchange with a peer to the next, a tenth more or less."
    )
    max_deletes: AtReload[int] = Field(
        1000,
        ge=0,
        description="Most zones that one exchange may take away; if a peer has deleted more, none goes without approval.",
    )
    max_delete_share: AtReload[float] = Field(
        0.1, ge=0, le=1, description="The same cap as a fraction of our zones (at least 10)."
    )
    timeout_s: AtReload[float] = Field(
        30.0, ge=1, le=600, description="Longest time that one answer of a peer may take as a whole, in seconds."
    )


def apart(peers: list[PeerSettings]) -> list[PeerSettings]:
    """The same. Raises ValueError where two have one name or one address."""
    for what, values in (("name", [one.name for one in peers]), ("url", [one.url.lower() for one in peers])):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"the {what} {twice[0]} occurs twice")
    return peers
