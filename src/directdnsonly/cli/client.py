"""The running service over HTTP, for the commands."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from directdnsonly.config import load, read_secret
from directdnsonly.errors import ConfigError, ConfigProblem, DirectDNSOnlyError

LONGEST_POLL_S = 30.0
LONGEST_ANSWER_S = 90.0  # three long polls; a push is answered in milliseconds


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
    """From --url and DADNS_URL, DADNS_USERNAME, DADNS_PASSWORD(_FILE); what is missing comes from the configuration.

    Raises ConfigError.
    """
    url = url or environ.get("DADNS_URL")
    username, password = environ.get("DADNS_USERNAME"), _password(environ)
    if url is None or username is None or password is None:
        app = load(config, environ=environ).app
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(app.listen_host, app.listen_host)  # noqa: S104 - compared
        url = url or f"http://{f'[{host}]' if ':' in host else host}:{app.listen_port}"
        username = username or app.auth_username
        password = password if password is not None else app.auth_password.get_secret_value()
    return Target(url=url.rstrip("/"), username=username, password=password)


def _password(environ: Mapping[str, str]) -> str | None:
    file = environ.get("DADNS_PASSWORD_FILE")
    if file is None:
        return environ.get("DADNS_PASSWORD")
    problems: list[ConfigProblem] = []
    if "DADNS_PASSWORD" in environ:
        problems.append(ConfigProblem("DADNS_PASSWORD_FILE", "and DADNS_PASSWORD are both set: choose one"))
    password = read_secret("DADNS_PASSWORD_FILE", file, problems)
    if problems:
        raise ConfigError(problems)
    return password


def zone_path(zone: str) -> str:
    """Where the API keeps a zone; names such as 0/26.2.0.192.in-addr.arpa (RFC 2317) hold a slash."""
    return f"/api/v1/zones/{quote(zone, safe='')}"


def _is_here(url: str) -> bool:
    """Whether the service is on this machine: then no proxy of the environment may see the password."""
    try:
        host = httpx.URL(url).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False


class Client:
    """Use as an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._http = httpx.AsyncClient(
            auth=(target.username, target.password),
            timeout=httpx.Timeout(30.0, read=LONGEST_ANSWER_S),
            trust_env=not _is_here(target.url),
        )

    async def __aenter__(self) -> Client:
        """Open."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self._http.aclose()

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON object of an answer. Raises NoService, Rejected."""
        return await self._ask(method, path, dict, **arguments)

    async def call_list(self, path: str) -> Any:
        """The JSON list of an answer. Raises NoService, Rejected."""
        return await self._ask("GET", path, list)

    async def _ask(self, method: str, path: str, expect: type, **arguments: Any) -> Any:
        try:
            answer = await self._http.request(method, self._target.url + path, **arguments)
        except httpx.ReadTimeout as error:
            raise NoService(
                f"{self._target.url} took the request but gave no answer in {LONGEST_ANSWER_S} s"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise NoService(
                f"no service answers at {self._target.url} ({why}): start it with `make run` or `dadns serve`"
            ) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise NoService(
                f"{self._target.url} does not accept the user name or password: look at DADNS_USERNAME, DADNS_PASSWORD"
            )
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.is_success and isinstance(content, expect):
            return content
        detail = content.get("detail") if isinstance(content, dict) else None
        raise Rejected(
            str(detail or f"{self._target.url} answered HTTP {answer.status_code}, not as DirectDNSOnly does")
        )

    async def push(self, zone: str, text: bytes) -> Any:
        """Push a zone; the receipt."""
        return await self.call("PUT", zone_path(zone), content=text, headers={"Content-Type": "text/dns"})

    async def follow(self, change_id: str, *, timeout_s: float) -> Any:
        """The change once it is done, or as it stands after the time."""
        until = asyncio.get_running_loop().time() + timeout_s
        while True:
            left = until - asyncio.get_running_loop().time()
            wait = max(min(left, LONGEST_POLL_S), 0.0)
            change = await self.call("GET", f"/api/v1/changes/{change_id}", params={"wait": wait})
            if change["done"] or left <= LONGEST_POLL_S:
                return change
