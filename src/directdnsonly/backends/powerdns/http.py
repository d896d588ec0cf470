"""A small HTTP/1.1 client for one server, with persistent connections if the server keeps them.

PowerDNS 4.7 closes each connection after its answer. With httpx a request then costs four times the CPU (ten times where the
connection is kept), so that asyncio and httptools (uvicorn's parser) do it here (docs/adr/0008).
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import httptools

CHUNK = 2**16
PORTS = {"http": 80, "https": 443}
# Of a connection. EOFError: closed before the answer's end; HttpParserUpgrade: it wants to speak something else (101).
FAILURES = (OSError, EOFError, httptools.HttpParserError, httptools.HttpParserUpgrade)
_PATH_SAFE = "/%:@!$&'()*+,;=~"
# May be sent a second time when a kept connection turns out closed: RFC 9110, section 9.2.2; a PATCH of ours names whole
# RRsets. A POST creates: it goes over a connection of its own, where "closed" is its own answer.
REPEATABLE = frozenset({"GET", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status and body of one answer."""

    status: int
    body: bytes


class HttpClient:
    """Requests to one server. Any number may run at once, each on a connection of its own.

    A kept connection that turns out closed costs a second try of what may be repeated (REPEATABLE), and no more than one.
    Raises one of FAILURES; when it is the second try's, a note on it tells how the first ended. No redirects, no proxies,
    no time limits.
    """

    def __init__(self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None) -> None:
        """`url`: scheme, host, port, and the path before every target. Raises UnicodeError for what no header can say."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self._path = quote(parts.path, safe=_PATH_SAFE)
        self._context = context if parts.scheme == "https" else None
        lines = {"Host": parts.netloc.encode("idna").decode(), **headers}
        if not all(value.isascii() and value.isprintable() for value in lines.values()):
            raise UnicodeError("a header is plain ASCII")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._idle: list[_Connection] = []

    async def request(self, method: str, target: str, body: bytes = b"") -> Answer:
        """Send a request. `target`: the path relative to the URL, and the query, already escaped."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        if not body and method != "GET":
            length = "Content-Length: 0\r\n"
        message = f"{method} {self._path}{target} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + body
        kept = self._kept() if method in REPEATABLE else None
        first: Exception | None = None
        if kept is not None:
            try:
                return await self._exchange(kept, message)
            except FAILURES as error:
                first = error  # it was closed meanwhile
        try:
            return await self._exchange(await self._connect(), message)
        except FAILURES as error:
            if first is not None:  # a note and not a cause: whether a connection broke is told by the last one
                error.add_note(f"a kept connection before it: {why(first)}")
            raise

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> _Connection | None:
        """One that is idle, and open as far as we know."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_dead:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        return _Connection(*await asyncio.open_connection(self._host, self._port, ssl=self._context))

    async def _exchange(self, connection: _Connection, message: bytes) -> Answer:
        kept = False
        try:
            answer, kept = await connection.exchange(message)
        finally:
            if kept:
                self._idle.append(connection)
            else:
                connection.close()
        return answer


class _Connection:
    """One connection, used for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it while it was idle."""
        return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()

    def close(self) -> None:
        """Close without waiting for the server."""
        self._writer.close()

    async def exchange(self, message: bytes) -> tuple[Answer, bool]:
        """The answer, and whether the connection can be used again."""
        self._writer.write(message)
        reading = _Reading()
        while not reading.is_complete:
            octets = await self._reader.read(CHUNK)
            if not octets:
                reading.ended()
                return reading.answer(), False
            reading.feed(octets)
        return reading.answer(), reading.keeps


class _Reading:
    """One answer as it comes in; the methods named `on_` are called by the parser."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._has_head = self._has_length = False
        self.is_complete = False
        self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        del value
        self._has_length |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True
        self.keeps = self._parser.should_keep_alive()

    def feed(self, octets: bytes) -> None:
        """Raises HttpParserError, HttpParserUpgrade."""
        self._parser.feed_data(octets)

    def ended(self) -> None:
        """The server closed: the end of an answer without a length (RFC 9112, section 6.3), otherwise a failure."""
        if not self._has_head or self._has_length:
            raise EOFError("the server closed the connection before its answer was complete")

    def answer(self) -> Answer:
        """The answer that was received."""
        return Answer(status=self._parser.get_status_code(), body=b"".join(self._parts))


def why(error: Exception) -> str:
    """An error's text for people, with its notes, without the number and address that asyncio puts first."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and (error.errno or 0) in errno.errorcode:
        told = os.strerror(error.errno or 0)
    else:
        told = str(error) or type(error).__name__
    return "; ".join([told, *getattr(error, "__notes__", ())])
