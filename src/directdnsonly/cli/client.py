"""The HTTP client with which the commands talk to the running service."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
import typer

from directdnsonly.cli.checks_running import service_of
from directdnsonly.config import load, read_secret
from directdnsonly.door.settings import AppSettings
from directdnsonly.errors import ConfigError, ConfigProblem, DirectDNSOnlyError
from directdnsonly.shapes import LARGEST_PAGE

UNIX = "unix:"
_WHO = "user name or password: check DADNS_USERNAME, DADNS_PASSWORD"
LONGEST_POLL_S = 30.0
ASK_AGAIN_S = 1.0  # after an answer that came early
LONGEST_ANSWER_S = 90.0  # three long polls; a push is answered in milliseconds


class NoService(DirectDNSOnlyError):
    """Nothing answers at the service's address, or it rejects our credentials. Exit code 3."""


class Hangs(NoService):
    """The service accepted the connection but did not answer in time. Exit code 2."""


class NotKnown(NoService):
    """The service answers, but rejects our user name, password or token."""


class Rejected(DirectDNSOnlyError):
    """The service answered with an error. Exit code 1. `faults`: everything that is wrong with a refused zone.

    `status`: the HTTP status; 0 if the answer did not come from DirectDNSOnly. `errors`: every field or key that is wrong.
    """

    def __init__(
        self, reason: str, faults: Sequence[dict[str, Any]] = (), *, status: int = 0, errors: Sequence[Any] = ()
    ) -> None:
        self.faults = list(faults)
        self.errors = list(errors)
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The service's address and our credentials. `socket`: its unix socket; `ca`: the certificate that it presents."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    socket: Path | None = None
    ca: Path | None = None
    store: Path | None = None  # of the service, where the configuration has led to it


def find_target(url: str | None, config: Path | None, environ: Mapping[str, str] = os.environ) -> Target:
    """The target given by --url or DADNS_URL, and DADNS_TOKEN(_FILE) or DADNS_USERNAME and DADNS_PASSWORD(_FILE).

    Whatever is missing is taken from the configuration, preferring its unix socket. Raises ConfigError.
    """
    url = url or environ.get("DADNS_URL")
    token = _secret("DADNS_TOKEN", environ) or ""
    username, password = environ.get("DADNS_USERNAME"), _secret("DADNS_PASSWORD", environ)
    ca: Path | None = None
    store: Path | None = None
    if url is None or not (token or (username is not None and password is not None)):
        settings = load(config, environ=environ)
        app = settings.app
        if url is None:
            url, ca, store = _place_of(app), app.tls_certificate, settings.store_folder
        username = username or app.auth_username
        password = password if password is not None else app.auth_password.get_secret_value()
    if url.startswith(UNIX):
        path = Path(url.removeprefix(UNIX))
        return Target(
            url="http://dadns", username=username or "", password=password or "", token=token, socket=path, store=store
        )
    return Target(
        url=url.rstrip("/"), username=username or "", password=password or "", token=token, ca=ca, store=store
    )


def _place_of(app: AppSettings) -> str:
    """The URL at which the service of this configuration answers on this machine."""
    if app.listen_socket is not None and app.listen_socket.is_socket() and os.access(app.listen_socket, os.W_OK):
        return f"{UNIX}{app.listen_socket}"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(app.listen_host, app.listen_host)  # noqa: S104 - compared
    scheme = "https" if app.tls_certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{app.listen_port}"


def _secret(name: str, environ: Mapping[str, str]) -> str | None:
    file = environ.get(f"{name}_FILE")
    if file is None:
        return environ.get(name)
    problems: list[ConfigProblem] = []
    if name in environ:
        problems.append(ConfigProblem(f"{name}_FILE", f"and {name} are both set: choose one"))
    secret = read_secret(f"{name}_FILE", file, problems)
    if problems:
        raise ConfigError(problems)
    return secret


def segment(text: str, what: str, *, slashes: bool = False) -> str:
    """`text` escaped as one path segment. Raises BadParameter if it is empty, only dots, or has a slash where none may be."""
    if not text.strip(" .") or ("/" in text and not slashes):
        raise typer.BadParameter(f"{text!r} is not a valid {what}" if text else f"the {what} is empty")
    return quote(text, safe="")


def zone_path(zone: str) -> str:
    """The API path of a zone; names may hold a slash (RFC 2317: 0/26.2.0.192.in-addr.arpa). Raises BadParameter."""
    return f"/api/v1/zones/{segment(zone, 'name of a zone', slashes=True)}"


def _is_here(url: str) -> bool:
    """Whether the service is on this machine; if so, proxies set in the environment must not see the password."""
    try:
        host = httpx.URL(url).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (httpx.InvalidURL, ValueError):
        return False


def _nobody_at(target: Target, why: str) -> str:
    """What to do where nobody answers. A service that runs all the same need not be started."""
    pid = service_of(target.store) if target.store else None
    if pid is None:
        return f"no service answers at {target.url} ({why}): start it with `make run` or `dadns serve`"
    return (
        f"the service runs (process {pid}), but does not answer at {target.url} ({why}): it has just been started, or the"
        " configuration gives it another address now, which needs a restart (until then: --url with the old address)"
    )


def _trusting(certificate: Path) -> ssl.SSLContext:
    """TLS settings that trust exactly the service's own certificate, whatever host name it was issued for."""
    context = ssl.create_default_context()
    context.load_verify_locations(certificate)
    context.check_hostname = False
    return context


class Client:
    """Talks to the service's API; use as an async context manager."""

    def __init__(self, target: Target, *, limit_s: float = LONGEST_ANSWER_S) -> None:
        """A client of `target`. `limit_s`: the longest wait for each answer, in seconds."""
        self._target = target
        self._limit_s = limit_s
        self._http = httpx.AsyncClient(
            auth=None if target.token else (target.username, target.password),
            headers={"Authorization": f"Bearer {target.token}"} if target.token else None,
            timeout=httpx.Timeout(min(30.0, limit_s), read=limit_s),
            trust_env=not (target.socket or _is_here(target.url)),
            verify=_trusting(target.ca) if target.ca else True,
            transport=httpx.AsyncHTTPTransport(uds=str(target.socket)) if target.socket else None,
        )

    async def __aenter__(self) -> Client:
        """Open the connection pool."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the connection pool."""
        await self._http.aclose()

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request and return the decoded JSON answer. Raises NoService, Hangs, Rejected."""
        return await self._ask(method, path, **arguments)

    async def text(self, path: str) -> str | None:
        """A zone file; None when there is none. Raises NoService, Rejected."""
        answer = await self._answer("GET", path)
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            return None
        if not answer.is_success:
            raise Rejected(
                f"{self._target.url} answered HTTP {answer.status_code} for {path}", status=answer.status_code
            )
        return answer.text

    async def items(self, path: str, *, most: int | None = None, **query: Any) -> list[Any]:
        """The entries of a list, fetched page by page: `most` of them, or all. Raises as `call`."""
        return (await self.items_and_rest(path, most=most, **query))[0]

    async def items_and_rest(self, path: str, *, most: int | None = None, **query: Any) -> tuple[list[Any], bool]:
        """As `items`, and whether the list has more entries."""
        found: list[Any] = []
        wanted = {key: value for key, value in query.items() if value not in (None, "")}
        while most is None or len(found) < most:
            size = LARGEST_PAGE if most is None else min(most - len(found), LARGEST_PAGE)
            page = await self.call("GET", path, params={**wanted, "limit": size})
            try:
                found, wanted["after"] = found + page["items"], page["next"]
            except (KeyError, TypeError):
                raise Rejected(f"{self._target.url} did not answer as DirectDNSOnly does") from None
            if wanted["after"] is None:
                return found, False
        return found, True

    async def _answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Raises NoService when there is none."""
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await self._http.request(method, self._target.url + path, **arguments)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Hangs(
                f"{self._target.url} gave no answer in {self._limit_s:g} s: the service hangs or is overloaded. Look at its log, retry with"
                " a longer --timeout, or restart it (systemctl restart directdnsonly)"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NoService(_nobody_at(self._target, str(error) or type(error).__name__)) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            what = "token: check DADNS_TOKEN" if self._target.token else _WHO
            raise NotKnown(f"{self._target.url} does not accept the {what}")
        return answer

    async def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = await self._answer(method, path, **arguments)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return {}
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.is_success and isinstance(content, dict):
            return content
        detail = content.get("detail") if isinstance(content, dict) else None
        raise Rejected(
            str(detail or f"{self._target.url} answered HTTP {answer.status_code}, not as DirectDNSOnly does"),
            content.get("faults") or () if isinstance(content, dict) else (),
            status=answer.status_code,
            errors=content.get("errors") or () if isinstance(content, dict) else (),
        )

    async def push(self, zone: str, text: bytes) -> Any:
        """Push a zone file; returns the receipt with its change id."""
        return await self.call("PUT", zone_path(zone), content=text, headers={"Content-Type": "text/dns"})

    async def replay(self, zone: str, text: bytes, *, hostname: str, username: str) -> dict[str, str]:
        """Push as DirectAdmin does, so that the zone keeps its owner; returns the fields of the answer. Raises Rejected."""
        query = {"action": "rawsave", "domain": zone, "hostname": hostname, "username": username}
        try:
            answer = await self._http.post(f"{self._target.url}/CMD_API_DNS_ADMIN", params=query, content=text)
        except httpx.TransportError as error:
            raise NoService(f"{self._target.url} does not answer: {error or type(error).__name__}") from error
        fields = dict(parse_qsl(answer.text))
        if fields.get("error") != "0":
            raise Rejected(fields.get("details") or f"{self._target.url} answered HTTP {answer.status_code}")
        return fields

    async def follow(self, change_id: str, *, timeout_s: float) -> Any:
        """The change once every backend is done with it, or as it stands after `timeout_s`."""
        now = asyncio.get_running_loop().time
        until = now() + timeout_s
        while True:
            asked_at = now()
            wait = max(min(until - asked_at, LONGEST_POLL_S), 0.0)
            change = await self.call(
                "GET", f"/api/v1/changes/{segment(change_id, 'id of a change')}", params={"wait": wait}
            )
            if change["done"] or now() >= until:
                return change
            if now() - asked_at < min(wait, ASK_AGAIN_S):  # it needs the place for somebody else
                await asyncio.sleep(min(ASK_AGAIN_S, max(until - now(), 0.0)))
