"""Our own client of NSD's control channel: a unix socket, or TLS for an NSD on another machine.

One command per connection: send at once, read to the end. NSD serves one connection at a time and blocks in it, so
nothing is left open and nothing waits half-sent. It answers `addzones` line by line while it reads: nsd-control, which
writes all before it reads, locks up near 278 zones; asyncio writes and reads at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from directdnsonly.backends.control import ControlReply, ControlUnavailable

GREETING = "NSDCT1"
END_OF_ITEMS = "\x04\n"
ITEMS_PER_S = 2000  # 20,000 took 0.9 s; what more is allowed for them


class NsdControl(Protocol):
    """A control channel to NSD."""

    async def command(self, line: str, items: Sequence[str] = ()) -> ControlReply:
        """One command; `items` are the lines that addzones and delzones read. Raises ControlUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPlace:
    """NSD's TLS control: where, and the files that `nsd-control-setup` makes."""

    host: str
    port: int
    server_cert: Path
    control_cert: Path
    control_key: Path

    def context(self) -> ssl.SSLContext:
        """A TLS context that expects the configured server certificate and presents ours. Raises OSError (or ssl.SSLError)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the certificate itself is pinned; its name is always "nsd"
        context.load_verify_locations(self.server_cert)
        context.load_cert_chain(self.control_cert, self.control_key)
        return context


class NativeNsdControl:
    """NSD's control channel, spoken by ourselves. `place` is the socket's path or where TLS is."""

    def __init__(self, place: Path | TlsPlace, *, timeout_s: float) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._context: ssl.SSLContext | None = None

    async def command(self, line: str, items: Sequence[str] = ()) -> ControlReply:
        """One command; `items` are the lines that addzones and delzones read. Raises ControlUnavailable."""
        request = f"{GREETING} {line}\n"
        if items:
            request += "".join(f"{item}\n" for item in items) + END_OF_ITEMS
        async with self._lock:
            text = await self._exchange(request.encode("ascii"), self._timeout_s + len(items) / ITEMS_PER_S)
        return ControlReply(ok=not text.startswith("error"), text=text)

    async def _exchange(self, request: bytes, limit_s: float) -> str:
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(limit_s):
                reader, writer = await self._connect()
                writer.write(request)
                octets = await reader.read(-1)
        except TimeoutError:
            raise ControlUnavailable(f"nsd at {self._where} gave no answer in {limit_s:.3g} s") from None
        except ssl.SSLError as error:
            reason = (
                f"TLS with nsd at {self._where} failed: {error.reason or error} (do both have the same certificates?)"
            )
            raise ControlUnavailable(reason) from error
        except OSError as error:
            reason = f"nsd's control channel {self._where} cannot be reached: {error.strerror or error}"
            raise ControlUnavailable(reason) from error
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await writer.wait_closed()
        if not octets:
            raise ControlUnavailable(f"nsd at {self._where} closed the control connection without an answer")
        return octets.decode("utf-8", "replace").strip()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._place, Path):
            return await asyncio.open_unix_connection(self._place)
        if self._context is None:
            self._context = await asyncio.to_thread(self._place.context)
        return await asyncio.open_connection(self._place.host, self._place.port, ssl=self._context)

    @property
    def _where(self) -> str:
        return str(self._place) if isinstance(self._place, Path) else f"{self._place.host}#{self._place.port}"
