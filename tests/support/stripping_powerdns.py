"""Between us and a PowerDNS: takes one level of backslashes away from what is written, as the API of PowerDNS 5.1 does.

It stands for a version that the machine of a test need not have; what it does was seen at 5.1.5. In front of a 5.1 it is the other
way round: what that one takes away is put there first, when an older one is meant.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from directdnsonly.backends.powerdns.backend import PowerDnsBackend
from tests.support.programs import powerdns_version

_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
STRIPS_ITSELF = (5, 1)


def stripped(content: str) -> str:
    """Without one level of backslashes; the generic form stays, and an odd number of quotes gets one more."""
    if content.startswith("\\#"):
        return content
    octets = _ESCAPE.sub(lambda found: bytes((int(found[1]),)) if len(found[1]) > 1 else found[1], content.encode())
    read = octets.decode("utf-8", "surrogateescape")
    return read + '"' if read.count('"') % 2 else read


def doubled(content: str) -> str:
    """With one more level; a quote by its number, since a lone one is answered with another at the end."""
    return content if content.startswith("\\#") else content.replace('\\"', "\\034").replace("\\", "\\\\")


def unchanged(content: str) -> str:
    """As it is."""
    return content


@dataclass
class Stripping:
    """Where it listens, whether it strips, and what was sent."""

    port: int = 0
    strips: bool = True
    writes: list[Any] = field(default_factory=list)
    read: int = 0  # questions for a zone


@asynccontextmanager
async def stripping(upstream: int, change: Callable[[str], str] = stripped) -> AsyncIterator[Stripping]:
    """A proxy for the API that listens on `upstream`; one request a connection."""
    by_itself = powerdns_version() >= STRIPS_ITSELF
    strips, leaves = (unchanged if change is stripped else change, doubled) if by_itself else (change, unchanged)
    proxy = Stripping()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(found[1])) if found else b""
            method, target, _ = head.split(b" ", 2)
            proxy.read += method == b"GET" and b"/zones/" in target
            if method in {b"PATCH", b"POST"} and body:
                said = json.loads(body)
                proxy.writes.append(said)
                changed = _changed(said, strips if proxy.strips else leaves)
                body = json.dumps(changed, ensure_ascii=False).encode("utf-8", "surrogateescape")
            head = re.sub(rb"(?i)\r\n(content-length|connection):[^\r]*", b"", head).removesuffix(b"\r\n\r\n")
            head += b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            from_server, to_server = await asyncio.open_connection("127.0.0.1", upstream)
            try:
                to_server.write(head + body)
                while octets := await from_server.read(65536):
                    writer.write(octets)
                await writer.drain()
            finally:
                to_server.close()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has closed, or the test is over
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def through(backend: PowerDnsBackend, proxy: Stripping) -> PowerDnsBackend:
    """The same backend, whose API is reached through the proxy."""
    settings = backend._settings.model_copy(update={"api_url": f"http://127.0.0.1:{proxy.port}"})
    return PowerDnsBackend("powerdns", settings)


def api_port(backend: PowerDnsBackend) -> int:
    """Where its API listens."""
    return int(backend._settings.api_url.rsplit(":", 1)[1])


def _changed(said: Any, change: Callable[[str], str]) -> Any:
    for rrset in said.get("rrsets", ()):
        for record in rrset.get("records", ()):
            record["content"] = change(record["content"])
    return said
