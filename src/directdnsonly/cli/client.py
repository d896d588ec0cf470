"""The running service over HTTP, for the commands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from directdnsonly.config import load
from directdnsonly.errors import ConfigError, DirectDNSOnlyError

LONGEST_POLL_S = 30.0


class NoService(DirectDNSOnlyError):
    """Nothing answers where the service should be, or it does not know us. Exit code 3."""


class Rejected(DirectDNSOnlyError):
    """The service answered with a problem. Exit code 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the service is and who we are."""

    url: str
    username: str
    password: str = field(repr=False)


def find_target(url: str | None, config: Path | None, environ: Mapping[str, str] = os.environ) -> Target:
    """From --url and DADNS_URL, DADNS_USERNAME, DADNS_PASSWORD(_FILE); what is missing comes from the configuration."""
    url = url or environ.get("DADNS_URL")
    username, password = environ.get("DADNS_USERNAME"), environ.get("DADNS_PASSWORD")
    if password is None and environ.get("DADNS_PASSWORD_FILE"):
        password = Path(environ["DADNS_PASSWORD_FILE"]).read_text(encoding="utf-8").removesuffix("\n")
    if url is None or username is None or password is None:
        try:
            app = load(config, environ=environ).app
        except ConfigError as error:
            raise NoService(
                f"where is the service? Give --url and DADNS_USERNAME, DADNS_PASSWORD; or mend:\n{error}"
            ) from error
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(app.listen_host, app.listen_host)  # noqa: S104 - compared
        url = url or f"http://{f'[{host}]' if ':' in host else host}:{app.listen_port}"
        username = username or app.auth_username
        password = password if password is not None else app.auth_password.get_secret_value()
    return Target(url=url.rstrip("/"), username=username, password=password)


class Client:
    """Use as an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = httpx.AsyncClient(
            base_url=target.url, auth=(target.username, target.password), timeout=httpx.Timeout(30.0, read=90.0)
        )

    async def __aenter__(self) -> Client:
        """Open."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self._http.aclose()

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON of an answer. Raises NoService, Rejected."""
        try:
            answer = await self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise NoService(
                f"no service answers at {self._target.url} ({why}): start it with `make run` or `dadns serve`"
            ) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise NoService(
                f"{self._target.url} does not accept the user name or password: look at DADNS_USERNAME, DADNS_PASSWORD"
            )
        if answer.is_error:
            try:
                detail = answer.json()["detail"]
            except (ValueError, KeyError):
                detail = answer.text[:300]
            raise Rejected(detail or f"HTTP {answer.status_code}")
        return answer.json()

    async def push(self, zone: str, text: bytes) -> Any:
        """Push a zone; the receipt."""
        return await self.call(
            "PUT", f"/api/v1/zones/{quote(zone, safe='')}", content=text, headers={"Content-Type": "text/dns"}
        )

    async def follow(self, change_id: str, *, timeout_s: float) -> Any:
        """The change once it is done, or as it stands after the time."""
        until = asyncio.get_running_loop().time() + timeout_s
        while True:
            left = until - asyncio.get_running_loop().time()
            wait = max(min(left, LONGEST_POLL_S), 0.0)
            change = await self.call("GET", f"/api/v1/changes/{change_id}", params={"wait": wait})
            if change["done"] or left <= LONGEST_POLL_S:
                return change
