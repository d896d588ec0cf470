"""One connection of ours, by its octets: uvicorn with httptools and our protocol, in front of an app that tells what it sees."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from directdnsonly.door.connections import BoundedHttp
from directdnsonly.door.crowd import Bounds, Crowd
from directdnsonly.door.place import place_of
from directdnsonly.door.server import Server, make_server
from directdnsonly.door.settings import AppSettings

HEAD = b"POST /told HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGEST = 4096  # header
ENOUGH = 64 * 2**20  # octets: more than the buffers of both sides


async def told(scope, receive, send) -> None:
    """Answers with the headers as they stand when the whole body is here."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    text = json.dumps({"headers": headers, "octets": len(body)}).encode()
    length = str(len(text)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def served(app) -> AsyncIterator[int]:
    """Where an app listens behind our server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = make_server(app, AppSettings(max_header_bytes=LARGEST))
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listening]))
            yield listening.getsockname()[1]
            server.should_exit = True


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where it listens."""
    async with served(told) as listening:
        yield listening


async def answer_to(port: int, *parts: bytes) -> dict[str, object]:
    """The JSON of the answer to a request that comes in parts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return dict(json.loads(await reader.readexactly(length)))
    finally:
        writer.close()


@pytest.mark.parametrize(
    "trailer", [b"X-Behind: 1", b"Authorization: Basic b3RoZXI6d29yZA==", b"X-Forwarded-For: 192.0.2.1", b"Host: b"]
)
async def test_rfc9110_6_5_1_what_comes_behind_the_body_is_no_header(port, trailer):
    """RFC 9110, section 6.5.1: fields of the trailer section are not merged with those of the header."""
    answer = await answer_to(port, HEAD + b"3\r\nabc\r\n0\r\n" + trailer + b"\r\n\r\n")

    assert {"headers": [["host", "a"], ["transfer-encoding", "chunked"]], "octets": 3} == answer


async def test_a_trailer_that_would_frame_the_body_anew_is_refused(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(HEAD + b"3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\n")

    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_trailers_and_extensions_of_chunks_are_bounded_as_the_header_is(port):
    """What surrounds a body is counted by nobody else, and a field is held in memory until its line ends."""
    for endless in (b"0\r\nX-Endless: ", b"3;"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + endless + b"a" * 1000)
        sent = 0
        while not writer.is_closing() and sent < ENOUGH:
            writer.write(b"a" * 1000)
            sent += 1000
            await asyncio.sleep(0)
        assert sent < ENOUGH
        assert b"" == await _rest(reader)
        writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("answers", [True, False])
async def test_who_has_closed_his_side_is_answered_within_a_time(answers):
    """And no longer: he may as well be gone."""
    asked = asyncio.Event()

    async def app(scope, receive, send) -> None:
        asked.set()
        await (told(scope, receive, send) if answers else asyncio.Event().wait())

    config = uvicorn.Config(app, http=BoundedHttp, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    config.load()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(config, crowd=Crowd(Bounds(half_closed_s=0.2)))
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listening]))
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            writer.write_eof()
            answer = await _rest(reader)
            writer.close()
            server.should_exit = True

    assert asked.is_set()
    assert answers == answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_in_the_smallest_chunks_is_a_body(port):
    answer = await answer_to(port, HEAD, *[b"1\r\nx\r\n" * 100] * 200, b"0\r\n\r\n")

    assert 20_000 == answer["octets"]


DATA_SEGMENTS_IN = 152  # of Linux's struct tcp_info (linux/tcp.h): how many packets with octets in them came


def segments(writer: asyncio.StreamWriter) -> int:
    """How many packets with octets in them a client got."""
    facts = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return int(struct.unpack_from("I", facts, DATA_SEGMENTS_IN)[0])


async def at_once(scope, receive, send) -> None:
    """Answers as the door of DirectAdmin does."""
    place_of(scope).answers_at_once()
    await told(scope, receive, send)


@pytest.mark.parametrize(("app", "packets"), [(told, 2), (at_once, 1)])
async def test_an_answer_that_comes_at_once_leaves_in_one_packet(app, packets):
    """Of the time of a small push, 15 us of 220 went into the second one."""
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in (1, 2, 3):
            writer.write(b"GET /told HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"}")).endswith(b'"octets": 0}')
            assert packets * number == segments(writer)
        writer.close()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_header_that_no_body_follows_leaves_all_the_same(version):
    """The answer to HEAD, on a connection that stays and on one that ends."""
    async with served(at_once) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"HEAD /told HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_an_app_that_fails_behind_its_header_has_sent_it():
    """As it would have without us; nothing of it stays behind for the next answer."""

    async def fails(scope, receive, send) -> None:
        place_of(scope).answers_at_once()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        raise RuntimeError("on purpose")

    async with served(fails) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")
        writer.close()
