"""Connections that cannot hurt: what uvicorn with httptools does not limit by itself.

The header's size and time, the number of connections, the time of a whole request; and a refusal that the client can
read although it is still sending. When there are too many connections, the oldest one of the busiest address that has
not asked anything yet gives way: somebody who only holds connections open never keeps DirectAdmin out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from directdnsonly.receive.failures import group_of

SWEEP_EVERY_S: Final = 1.0
WHOLE: Final = "directdnsonly.whole"  # in the ASGI scope, once the last octet of the body is here
LINGER_S: Final = 5.0  # how long we read and throw away what a client sends after its refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a connection may cost. `header_timeout_s`: from its opening, `idle_timeout_s`: from its last answer."""

    max_connections: int = 1024
    max_header_bytes: int = 32 * 1024
    header_timeout_s: float = 10.0
    idle_timeout_s: float = 30.0
    request_timeout_s: float = 300.0


class Connections:
    """Every open connection by what it is doing."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.open = 0
        self.given_way = 0
        self._waiting: dict[str, dict[BoundedHttp, float]] = {}  # until when, by address, oldest first
        self._members: Counter[str] = Counter()  # open connections by address
        self._until: dict[BoundedHttp, float] = {}  # those that are asked something, or are leaving
        self._sweeper: asyncio.TimerHandle | None = None

    def opened(self, connection: BoundedHttp) -> None:
        """A new one; another gives way when there are too many."""
        self.open += 1
        connection.neighbours = self._waiting.setdefault(connection.group, {})
        self._members[connection.group] += 1
        self.wait(connection, self.bounds.header_timeout_s)
        if self.open > self.bounds.max_connections:
            self.given_way += 1
            busiest = max(self._waiting, key=lambda group: len(self._waiting[group]))
            next(iter(self._waiting[busiest])).abort()
        if self._sweeper is None:
            self._sweeper = connection.loop.call_later(SWEEP_EVERY_S, self._sweep, connection.loop)

    def closed(self, connection: BoundedHttp) -> None:
        """It is gone."""
        self.open -= 1
        self._until.pop(connection, None)
        connection.neighbours.pop(connection, None)
        self._members[connection.group] -= 1
        if not self._members[connection.group]:
            del self._members[connection.group], self._waiting[connection.group]

    def wait(self, connection: BoundedHttp, seconds: float) -> None:
        """It may stay silent for so long."""
        self._until.pop(connection, None)
        connection.neighbours[connection] = connection.loop.time() + seconds

    def work(self, connection: BoundedHttp, seconds: float) -> None:
        """It is being answered, or leaving, for so long at most."""
        connection.neighbours.pop(connection, None)
        self._until[connection] = connection.loop.time() + seconds

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late = [one for group in self._waiting.values() for one, until in group.items() if until <= now]
        late += [one for one, until in self._until.items() if until <= now]
        for connection in late:
            connection.abort()
        self._sweeper = loop.call_later(SWEEP_EVERY_S, self._sweep, loop) if self.open else None


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1 with bounds."""

    def __init__(self, *arguments: Any, connections: Connections, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._all = connections
        self._head_bytes = 0
        self._in_head = True
        self._body_open = False
        self._exit: _Exit | None = None
        self._deaf = False  # refused or leaving: whatever still comes is thrown away
        self.group = ""
        self.neighbours: dict[BoundedHttp, float] = {}  # those of the same address that ask nothing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.group = group_of(self.client[0]) if self.client else ""
        self._exit = _Exit(self, transport)
        self._all.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._all.closed(self)
        super().connection_lost(exc)
        self._exit = None

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._deaf:
            return
        if not self._in_head:
            super().data_received(data)
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self._all.bounds.max_header_bytes:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """See httptools."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._deaf:
            return
        self._in_head = False
        came, self._head_bytes = self._head_bytes, 0
        if came > self._all.bounds.max_header_bytes and self._head_is_too_large():  # part of the body may have come too
            self._refuse_head()
            return
        self._all.work(self, self._all.bounds.request_timeout_s)
        super().on_headers_complete()
        if not self._deaf:
            self._body_open = True
            # One for the connection: one for each request that knows its cycle would be garbage that refers to itself.
            self.cycle.transport = self._exit  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._body_open = False
        self.scope[WHOLE] = True  # type: ignore[typeddict-unknown-key]
        if not self._deaf:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is sent."""
        if self._deaf:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            return
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._in_head = True
            self._all.wait(self, self._all.bounds.idle_timeout_s)

    def leave(self) -> None:
        """Close after an answer. Closing while octets are unread would reset the connection and lose the answer."""
        if not self._body_open or self.transport.is_closing():
            self.transport.close()
            return
        self._linger()

    def abort(self) -> None:
        """Away with it, at once."""
        self._deaf = True
        self.transport.abort()

    def _head_is_too_large(self) -> bool:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > self._all.bounds.max_header_bytes

    def _linger(self) -> None:
        self._deaf = True
        self._unset_keepalive_if_required()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._all.work(self, LINGER_S)

    def _refuse_head(self) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        text = (
            f"error=1&text=Bad request&details=the headers exceed {self._all.bounds.max_header_bytes} octets".encode()
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + text)
        self._linger()


class _Exit:
    """The transport that an answer is written to; its `close` lets the client read the answer first."""

    __slots__ = ("_protocol", "is_closing", "write")

    def __init__(self, protocol: BoundedHttp, transport: asyncio.Transport) -> None:
        self.write: Callable[[bytes], None] = transport.write
        self.is_closing: Callable[[], bool] = transport.is_closing
        self._protocol = protocol

    def close(self) -> None:
        """See asyncio.Transport."""
        self._protocol.leave()
