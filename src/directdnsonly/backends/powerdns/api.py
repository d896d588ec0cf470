"""PowerDNS's HTTP API: requests in, JSON out, failures as BackendUnavailable."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from directdnsonly.backends.powerdns.http import FAILURES, Answer, HttpClient, why
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.name import ZoneName

TOLD = 400  # characters of PowerDNS's own words
# Answers about a zone; every other one is about the server, the key or the path.
ABOUT_ZONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
READERS = 4  # requests at once that write nothing: each costs PowerDNS a connection to its database
NO_ZONE = ZoneName.trusted("directdnsonly.invalid")  # RFC 6761: nobody has it
_ESCAPED = re.compile(r"[^A-Za-z0-9.-]")


class ZoneFault(Exception):
    """PowerDNS fails (5xx) at this zone, but not at others. Its text is PowerDNS's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """PowerDNS's reply about a zone. `error`: its own text, empty if it succeeded."""

    status: int
    body: Any = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return not self.error


class PowerDnsApi:
    """Requests to one server. At most `writers` that write run at a time, in the order in which they come.

    Questions do not wait behind them: on SQLite, too, PowerDNS reads while it writes.

    Every method may raise BackendUnavailable; those about a zone also ZoneFault.
    """

    def __init__(
        self, name: str, *, url: str, server_id: str, key: SecretStr, key_file: Path | None, ca: Path | None,
        timeout_s: float, writers: int,
    ) -> None:  # fmt: skip
        self._name = name
        self._url = f"{url}/api/v1/servers/{quote(server_id)}"
        self._key, self._key_file, self._ca = key, key_file, ca
        self._timeout_s = timeout_s
        self._writing, self._reading = asyncio.Semaphore(writers), asyncio.Semaphore(READERS)
        self._client: HttpClient | None = None

    async def server(self) -> Any:
        """The server's description of itself."""
        reply = await self._ask("GET", "")
        if not isinstance(reply.body, dict) or reply.body.get("daemon_type") != "authoritative":
            raise BackendUnavailable(f"{self._url} is no PowerDNS Authoritative Server", backend=self._name)
        return reply.body

    async def zones(self) -> Any:
        """All zones, without their records. Without `dnssec=false` it would look up each zone's keys."""
        return (await self._ask("GET", "/zones?dnssec=false")).body

    async def zone(self, name: ZoneName, *, rrsets: bool = True) -> Any | None:
        """One zone; None if PowerDNS does not have it."""
        reply = await self._ask("GET", f"/zones/{zone_id(name)}?rrsets={str(rrsets).lower()}")
        return reply.body if reply.ok else None

    async def create(self, body: Any) -> Reply:
        """Create a zone; the reply is 409 if it exists."""
        return await self._ask("POST", "/zones?rrsets=false", body)

    async def change(self, name: ZoneName, rrsets: Any) -> Reply:
        """Replace and delete RRsets, all or nothing."""
        return await self._ask("PATCH", f"/zones/{zone_id(name)}", {"rrsets": rrsets})

    async def set_up(self, name: ZoneName, body: Any) -> Reply:
        """Change a zone's own properties."""
        return await self._ask("PUT", f"/zones/{zone_id(name)}", body)

    async def delete(self, name: ZoneName) -> Reply:
        """Delete a zone; the reply is 404 if it does not exist."""
        return await self._ask("DELETE", f"/zones/{zone_id(name)}")

    async def flush(self, owner: str) -> Reply:
        """Forget cached answers and records of exactly this name."""
        return await self._ask("PUT", f"/cache/flush?{urlencode({'domain': owner})}")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _ask(self, method: str, target: str, body: Any = None) -> Reply:
        """5xx may be this zone's fault or the server's: a question about no zone at all tells which."""
        reply = await self._tried(method, target, body)
        if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return reply
        if target.startswith("/zones/") or method == "POST":
            other = await self._tried("GET", f"/zones/{zone_id(NO_ZONE)}")
            if other.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ZoneFault(f"PowerDNS answers {reply.status} {reply.error[:TOLD]}")
        raise BackendUnavailable(f"{self._url} answers {reply.status} {reply.error[:TOLD]}", backend=self._name)

    async def _tried(self, method: str, target: str, body: Any = None) -> Reply:
        writes = method != "GET" and target.startswith("/zones")
        async with self._writing if writes else self._reading:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return self._judged(target, await self._request(method, target, body))
            except TimeoutError as error:
                raise BackendUnavailable(
                    f"{self._url}: no answer in {self._timeout_s:g} s", backend=self._name
                ) from error
            except FAILURES as error:
                reason = f"{self._url}: {why(error)}"
                raise BackendUnavailable(reason, backend=self._name) from error

    async def _request(self, method: str, target: str, body: Any) -> Answer:
        if self._client is None:
            made = await asyncio.to_thread(self._make_client)
            self._client = self._client or made  # another request may have been quicker: its connections must be closed
        octets = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        return await self._client.request(method, target, octets)

    def _make_client(self) -> HttpClient:
        try:
            key = self._key_file.read_text(encoding="ascii").strip() if self._key_file else self._key.get_secret_value()
            context = ssl.create_default_context(cafile=str(self._ca) if self._ca else None)
        except (OSError, UnicodeDecodeError) as error:
            reason = (
                f"{self._key_file or ''} {self._ca or ''} cannot be read: {getattr(error, 'strerror', '') or 'no text'}"
            )
            raise BackendUnavailable(reason.strip(), backend=self._name) from error
        try:
            return HttpClient(self._url, {"X-API-Key": key, "Accept": "application/json"}, context)
        except UnicodeError:  # not chained: its text may hold the key
            reason = f"{self._url}: the key is not plain ASCII, or the address is none"
            raise BackendUnavailable(reason, backend=self._name) from None

    def _judged(self, target: str, answer: Answer) -> Reply:
        status = answer.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Reply(status=status, body=self._read(answer) if answer.body else None)
        told = _told(answer)
        if (status in ABOUT_ZONE and target.startswith("/zones")) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Reply(status=status, error=told)
        hint = ": check api_key" if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else ""
        raise BackendUnavailable(f"{self._url} answers {status} {told[:TOLD]}{hint}", backend=self._name)

    def _read(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise BackendUnavailable(f"{self._url} answers with what is no JSON", backend=self._name) from error


def zone_id(name: ZoneName) -> str:
    """A zone's name in the paths of the API: `0=2F26.2.0.192.in-addr.arpa.`."""
    return _ESCAPED.sub(lambda found: f"={ord(found[0]):02X}", name.absolute)


def _told(answer: Answer) -> str:
    """PowerDNS's own words: in JSON, or as bare text."""
    text = answer.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text
    if isinstance(body, dict):
        body = "; ".join([str(body.get("error", "")), *map(str, body.get("errors", []))])
    return str(body).strip("; \n") or http.client.responses.get(answer.status, "without a word")
