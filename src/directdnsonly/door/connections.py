"""HTTP connections with the limits that uvicorn and httptools lack.

Limits on the header's size and time, on what surrounds a body, and on the time of a whole request; refusals that the client
can read while it is still sending, and answers to clients that have half-closed. Which connection gets a place, and which
is closed to make room, is decided by the crowd (crowd.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from directdnsonly.door.crowd import LEAVE_S, Crowd, Rank
from directdnsonly.door.place import PLACE, Wait

WHOLE: Final = "directdnsonly.whole"  # in the ASGI scope, once the last octet of the body is here
OVER_LIMIT_S: Final = 5.0  # how long a long poll waits when its credential has too many
FRAME: Final = 6  # octets that surround each octet of a body at most: chunks of one octet

_AT_WORK: Final = {Rank.IDLE: Rank.READER, Rank.IDLE_PUSHER: Rank.SENDING}
_AT_REST: Final = {Rank.READER: Rank.IDLE, Rank.SENDING: Rank.IDLE_PUSHER, Rank.PUSHING: Rank.IDLE_PUSHER}


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1 protocol with limits; it is the Place of its requests and a Member of the crowd."""

    def __init__(self, *arguments: Any, crowd: Crowd, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._crowd = crowd
        self._head_bytes = 0
        self._frame_bytes = 0  # around the body: sizes of chunks, their extensions, trailers
        self._in_head = True
        self._body_open = False
        self._exit: _Exit | None = None
        self._deaf = False  # refused or leaving: whatever still comes is thrown away
        self._half_closed = False  # the client has said that nothing more comes, and waits for its answer
        self._greeting: asyncio.Task[None] | None = None
        self._greeted = False
        self._poll: tuple[Wait, Callable[[], object]] | None = None

    # -- coming and going

    def taken(self, address: str, greeting: asyncio.Task[None]) -> None:
        """The connection was accepted; `greeting` ends with `connection_made`."""
        self._greeting = greeting
        self._crowd.enter(self, address, seconds=self._crowd.bounds.header_timeout_s)

    def is_greeted(self) -> bool:
        """The handshake begins; False if the connection was closed to make room already."""
        self._greeted = True
        return not self._deaf

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The connection is ready (called by asyncio); it already has its place."""
        super().connection_made(transport)
        self._exit = _Exit(self, transport)
        if self._greeting is None:
            self._crowd.enter(self, self.client[0] if self.client else "", seconds=self._crowd.bounds.header_timeout_s)
        self._greeting = None
        if self._deaf:
            transport.abort()
        elif self.scheme == "https":
            self._crowd.place(self, Rank.STRANGER, seconds=self._crowd.bounds.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended (called by asyncio), and its place is free."""
        self._crowd.leave(self)
        super().connection_lost(exc)
        self._exit = None
        if self.scope is not None:
            self.scope.pop(PLACE, None)  # type: ignore[typeddict-item]

    def abort(self) -> None:
        """Close the connection at once."""
        self._deaf = True
        if self.transport is not None:
            self.transport.abort()
        elif self._greeting is not None and self._greeted:
            self._greeting.cancel()

    def hurry(self) -> None:
        """End its long poll with an answer now, then close."""
        if self._poll is not None:
            wait, wake = self._poll
            wait.over = True
            wake()
        self.cycle.keep_alive = False

    # -- what its requests tell (see place.Place)

    def came_from(self, address: str) -> None:
        """Note the client address given by a trusted reverse proxy."""
        self._crowd.regroup(self, address)

    def admitted(self, *, pushes: bool) -> None:
        """Note that the request is authenticated."""
        if not self._deaf:
            coming = Rank.SENDING if self._body_open else Rank.PUSHING
            self._crowd.place(self, coming if pushes else Rank.READER)

    def refused(self) -> None:
        """Note that authentication failed and the client is told so."""
        self._crowd.place(self, Rank.REFUSED, seconds=LEAVE_S)

    def answers_at_once(self) -> None:
        """Note that the body of the answer follows its header at once: they leave in one write."""
        if self._exit is not None:
            self._exit.holds = True

    @contextmanager
    def waiting(self, who: str, wake: Callable[[], object]) -> Iterator[Wait]:
        """Register a long poll of this credential; `wake` is called if it must end early."""
        polls = self._crowd.polls
        polls[who] += 1
        wait = Wait(longest_s=OVER_LIMIT_S if polls[who] > self._crowd.bounds.polls_of_one else float("inf"))
        if self._half_closed:  # he has gone more often than not
            wait.longest_s = 0.0
        self._poll, before = (wait, wake), self._crowd.rank_of(self)
        self._crowd.place(self, Rank.POLL)
        try:
            yield wait
        finally:
            self._poll = None
            polls[who] -= 1
            if not polls[who]:
                del polls[who]
            if self._crowd.rank_of(self) is Rank.POLL:
                self._crowd.place(self, before)

    # -- a request

    def data_received(self, data: bytes) -> None:
        """Parse received octets (called by asyncio) within the limits of header and time."""
        if self._deaf:
            return
        if not self._in_head:
            self._frame_bytes += len(data)
            super().data_received(data)
            if self._body_open and self._frame_bytes > self._crowd.bounds.max_header_bytes:
                self.abort()  # it is no body that comes: nothing is lost, and whoever sends it knows what it is
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self._crowd.bounds.max_header_bytes:
            self._refuse_head()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client has closed its side (called by asyncio); a complete request is still answered.

        Not with TLS: up to 1.2 the end of one side must end the other, what waits to be written is thrown away (RFC 5246,
        7.2.1). 1.3 lets the other side go on (RFC 8446, 6.1), but asyncio (3.11, and later ones that we read) ends it all the same.
        """
        at_work = self.cycle is not None and not self.cycle.response_complete
        if self._deaf or not at_work or self._body_open or self.scheme == "https":
            return None
        if not self._half_closed:
            self._half_closed = True
            self.cycle.keep_alive = False
            self._crowd.place(self, self._crowd.rank_of(self), seconds=self._crowd.bounds.half_closed_s)
            if self._poll is not None:
                self.hurry()
        return True

    def on_message_begin(self) -> None:
        """A request begins (called by httptools): the limits of its header apply from now on."""
        self._in_head = True
        self._frame_bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header (called by httptools); trailers after the body are ignored (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The header is complete (called by httptools): the application starts."""
        if self._deaf:
            return
        self._in_head = False
        came, self._head_bytes = self._head_bytes, 0
        # Part of the body may have come, too.
        if came > self._crowd.bounds.max_header_bytes and self._head_is_too_large():
            self._refuse_head()
            return
        rank = self._crowd.rank_of(self)
        self._crowd.place(self, _AT_WORK.get(rank, rank), seconds=self._crowd.bounds.request_timeout_s)
        self.scope[PLACE] = self  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        if not self._deaf:
            self._body_open = True
            # One for the connection: one for each request that knows its cycle would be garbage that refers to itself.
            self.cycle.transport = self._exit  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (called by httptools)."""
        if not self._deaf:
            self._frame_bytes = max(self._frame_bytes - FRAME * len(body), 0)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete (called by httptools); from now on it waits for us."""
        self._body_open = False
        self.scope[WHOLE] = True  # type: ignore[typeddict-unknown-key]
        if not self._deaf:
            if self._crowd.rank_of(self) is Rank.SENDING:
                self._crowd.place(self, Rank.PUSHING)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer has been sent."""
        if self._exit is not None:
            self._exit.flush()  # a header without a body: the answer to HEAD
        if self._deaf:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            return
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._in_head = True
            rank = self._crowd.rank_of(self)
            self._crowd.place(self, _AT_REST.get(rank, rank), seconds=self._crowd.bounds.idle_timeout_s)

    def leave(self) -> None:
        """Close after an answer, reading what the client still sends: closing with unread octets would reset the connection."""
        if not self._body_open or self.transport.is_closing():
            self.transport.close()
            return
        self._linger()

    def _head_is_too_large(self) -> bool:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > self._crowd.bounds.max_header_bytes

    def _linger(self) -> None:
        self._deaf = True
        self._unset_keepalive_if_required()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._crowd.place(self, Rank.REFUSED, seconds=LEAVE_S)

    def _refuse_head(self) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        text = (
            f"error=1&text=Bad request&details=the headers exceed {self._crowd.bounds.max_header_bytes} octets".encode()
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + text)
        self._linger()


class _Exit:
    """The transport for an answer; its `close` lets the client read the answer first.

    While it `holds`, the next write waits for the one after it: uvicorn writes header and body of an answer by two system
    calls, which cost as much as reading a zone of 15 records does.
    """

    __slots__ = ("_head", "_protocol", "_write", "holds", "is_closing")

    def __init__(self, protocol: BoundedHttp, transport: asyncio.Transport) -> None:
        self._write: Callable[[bytes], None] = transport.write
        self.is_closing: Callable[[], bool] = transport.is_closing
        self._protocol = protocol
        self._head = b""
        self.holds = False

    def write(self, octets: bytes) -> None:
        """Write, as asyncio.Transport does, or keep it for the next write."""
        if self.holds:
            self._head, self.holds = octets, False
            return
        if self._head:
            octets, self._head = self._head + octets, b""
        self._write(octets)

    def flush(self) -> None:
        """Write what waits; nothing is held after that."""
        self.holds = False
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close it, as asyncio.Transport does."""
        self.flush()
        self._protocol.leave()
