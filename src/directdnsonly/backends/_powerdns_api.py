"""PowerDNS's HTTP API: requests in, JSON out, failures as BackendUnavailable.

Connections are kept where PowerDNS keeps them; 4.7 closes each one after its answer.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName

TOLD = 400  # characters of PowerDNS's own words
# Answers about a zone; every other one is about the server, the key or the path.
ABOUT_ZONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
NO_ZONE = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody has it
_ESCAPED = re.compile(r"[^A-Za-z0-9.-]")


class ZoneFault(Exception):
    """PowerDNS fails (5xx) at this zone, but not at others. Its text is PowerDNS's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What PowerDNS said about a zone. `error` is its own text, empty when it did as told."""

    status: int
    body: Any = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it did as told."""
        return not self.error


class PowerDnsApi:
    """Requests to one server. At most `at_once` run at a time, in the order in which they come.

    Every method may raise BackendUnavailable; those about a zone also ZoneFault.
    """

    def __init__(
        self, name: str, *, url: str, server_id: str, key: SecretStr, key_file: Path | None, ca: Path | None,
        timeout_s: float, at_once: int,
    ) -> None:  # fmt: skip
        self._name = name
        self._url = f"{url}/api/v1/servers/{server_id}"
        self._key, self._key_file, self._ca = key, key_file, ca
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._client: httpx.AsyncClient | None = None

    async def server(self) -> Any:
        """What the server says of itself."""
        reply = await self._ask("GET", "")
        if not isinstance(reply.body, dict) or reply.body.get("daemon_type") != "authoritative":
            raise BackendUnavailable(f"{self._url} is no PowerDNS Authoritative Server", backend=self._name)
        return reply.body

    async def zones(self) -> Any:
        """All zones, without their records. Without `dnssec=false` it would look up each zone's keys."""
        return (await self._ask("GET", "/zones", params={"dnssec": "false"})).body

    async def zone(self, name: ZoneName, *, rrsets: bool = True) -> Any | None:
        """One zone; None when PowerDNS has none."""
        reply = await self._ask("GET", f"/zones/{zone_id(name)}", params={"rrsets": str(rrsets).lower()})
        return reply.body if reply.ok else None

    async def create(self, body: Any) -> Reply:
        """409 when it exists."""
        return await self._ask("POST", "/zones", params={"rrsets": "false"}, json=body)

    async def change(self, name: ZoneName, rrsets: Any) -> Reply:
        """Replace and delete RRsets, all or none."""
        return await self._ask("PATCH", f"/zones/{zone_id(name)}", json={"rrsets": rrsets})

    async def set_up(self, name: ZoneName, body: Any) -> Reply:
        """Change a zone's own properties."""
        return await self._ask("PUT", f"/zones/{zone_id(name)}", json=body)

    async def delete(self, name: ZoneName) -> Reply:
        """404 when it is not there."""
        return await self._ask("DELETE", f"/zones/{zone_id(name)}")

    async def flush(self, owner: str) -> Reply:
        """Forget cached answers and records of exactly this name."""
        return await self._ask("PUT", "/cache/flush", params={"domain": owner})

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(self, method: str, path: str, **what: Any) -> Reply:
        """5xx may be this zone's fault or the server's: a question about no zone at all tells which."""
        reply = await self._tried(method, path, **what)
        if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return reply
        if path.startswith("/zones/") or method == "POST":
            other = await self._tried("GET", f"/zones/{zone_id(NO_ZONE)}")
            if other.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ZoneFault(f"PowerDNS answers {reply.status} {reply.error[:TOLD]}")
        raise BackendUnavailable(f"{self._url} answers {reply.status} {reply.error[:TOLD]}", backend=self._name)

    async def _tried(self, method: str, path: str, **what: Any) -> Reply:
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return self._judged(await self._request(method, path, **what))
            except (TimeoutError, httpx.TimeoutException) as error:
                raise BackendUnavailable(
                    f"{self._url}: no answer in {self._timeout_s:g} s", backend=self._name
                ) from error
            except httpx.HTTPError as error:
                reason = f"{self._url}: {error or type(error).__name__}"
                raise BackendUnavailable(reason, backend=self._name) from error

    async def _request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """A kept connection may have been closed meanwhile; every request of ours may be repeated."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._make_client)
        try:
            return await self._client.request(method, self._url + path, **what)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await self._client.request(method, self._url + path, **what)

    def _make_client(self) -> httpx.AsyncClient:
        try:
            key = self._key_file.read_text(encoding="ascii").strip() if self._key_file else self._key.get_secret_value()
            context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        except (OSError, UnicodeDecodeError) as error:
            reason = (
                f"{self._key_file or ''} {self._ca or ''} cannot be read: {getattr(error, 'strerror', '') or 'no text'}"
            )
            raise BackendUnavailable(reason.strip(), backend=self._name) from error
        return httpx.AsyncClient(
            headers={"X-API-Key": key, "Accept": "application/json"},
            timeout=None,  # noqa: S113 - _ask limits the whole request
            limits=httpx.Limits(max_connections=self._at_once, max_keepalive_connections=self._at_once),
            verify=context,
            trust_env=False,  # no proxy is meant between us and a name server's control side
        )

    def _judged(self, response: httpx.Response) -> Reply:
        status = response.status_code
        if response.is_success:
            return Reply(status=status, body=response.json() if response.content else None)
        told = _told(response)
        if (status in ABOUT_ZONE and "/zones" in response.request.url.path) or response.is_server_error:
            return Reply(status=status, error=told)
        hint = ": check api_key" if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else ""
        raise BackendUnavailable(f"{self._url} answers {status} {told[:TOLD]}{hint}", backend=self._name)


def zone_id(name: ZoneName) -> str:
    """A zone's name in the paths of the API: `0=2F26.2.0.192.in-addr.arpa.`."""
    return _ESCAPED.sub(lambda found: f"={ord(found[0]):02X}", name.absolute)


def _told(response: httpx.Response) -> str:
    """PowerDNS's own words: in JSON, or as bare text."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    if isinstance(body, dict):
        body = "; ".join([str(body.get("error", "")), *map(str, body.get("errors", []))])
    return str(body).strip("; \n") or HTTPStatus(response.status_code).phrase
