"""The HTTP client of PowerDNS's API on real sockets: what is kept, what is tried again, where an answer ends."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from directdnsonly.backends.powerdns.backend import build
from directdnsonly.backends.powerdns.http import HttpClient
from directdnsonly.backends.powerdns.settings import PowerDnsSettings
from directdnsonly.errors import BackendUnavailable
from tests.support.programs import require_program

KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Gives its answers one after the other, whatever is asked; where an answer is None it closes the connection."""

    def __init__(self, answers: Sequence[bytes | None]) -> None:
        self._answers = iter(answers)
        self.connections = 0
        self.asked: list[bytes] = []

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while answer := next(self._answers, None):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                self.asked.append(head + await reader.readexactly(length))
                writer.write(answer)
                if b"Content-Length" not in answer or b"close" in answer:
                    break
        except asyncio.IncompleteReadError:
            pass  # the client has closed
        writer.close()


@asynccontextmanager
async def serving(*answers: bytes | None, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Server, str]]:
    told = Server(answers)
    server = await asyncio.start_server(told.speak, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield told, f"{'https' if context else 'http'}://127.0.0.1:{port}"
    server.close()


async def test_a_connection_that_the_server_keeps_is_used_again():
    async with serving(KEPT, KEPT, KEPT) as (server, url):
        client = HttpClient(f"{url}/a b", {"X-API-Key": "k"}, None)

        answers = [await client.request(*words) for words in (("GET", "/x"), ("PATCH", "/x", b"{}"), ("DELETE", "/x"))]

        assert [(200, b"ok")] * 3 == [(answer.status, answer.body) for answer in answers]
        assert 1 == server.connections
        assert server.asked[0].startswith(b"GET /a%20b/x HTTP/1.1\r\nHost: 127.0.0.1:")
        assert server.asked[1].endswith(b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        assert server.asked[2].endswith(b"X-API-Key: k\r\nContent-Length: 0\r\n\r\n")
        client.close()


async def test_a_connection_that_the_server_closes_is_not():
    async with serving(CLOSED, CLOSED) as (server, url):
        client = HttpClient(url, {}, None)

        await client.request("GET", "/")
        await client.request("GET", "/")

        assert 2 == server.connections
        client.close()


async def test_a_kept_connection_that_was_closed_meanwhile_costs_a_second_try():
    """Also where the closing has not been seen yet when the request goes out."""
    async with serving(KEPT, None, KEPT) as (server, url):
        client = HttpClient(url, {}, None)
        await client.request("GET", "/")

        answer = await client.request("GET", "/")

        assert (b"ok", 2) == (answer.body, server.connections)
        client.close()


@pytest.mark.parametrize(
    ("told", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", b"ok!"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil its end", b"until its end"),
    ],
)
async def test_an_answer_ends_where_http_says(told, body):
    async with serving(told) as (_, url):
        client = HttpClient(url, {}, None)
        assert body == (await client.request("GET", "/")).body
        client.close()


@pytest.mark.parametrize(
    "told",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20, close\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
        b"HTTP/1.1 2",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nx",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n" + b"[" * 2000 + b"]" * 2000,
        b"HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n" + b"[" * 2000 + b"]" * 2000,
    ],
)
async def test_an_answer_that_is_cut_or_is_none_is_an_outage_and_no_zones_fault(told, tmp_path):
    async with serving(told, told) as (_, url):
        backend = build("p", PowerDnsSettings(api_url=url, api_key="k"), tmp_path)
        with pytest.raises(BackendUnavailable, match=url):
            await backend.ready()
        await backend.aclose()


@pytest.mark.parametrize(
    "told",
    [
        b'{"daemon_type": "recursor", "id": "localhost", "type": "Server", "version": "4.8.4"}',
        b'{"daemon_type": "dnsdist"}',
        b'{"id": "localhost", "type": "Server"}',
        b'{"daemon_type": null}',
        b"[]",
        b'["authoritative"]',
        b'"authoritative"',
        b"null",
    ],
)
async def test_what_is_no_authoritative_server_is_told_and_never_taken(told, tmp_path):
    """A Recursor has the same API under the same address: zones must not be put into it."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told)
    async with serving(answer) as (_, url):
        backend = build("p", PowerDnsSettings(api_url=url, api_key="k"), tmp_path)
        async with aclosing(backend):
            with pytest.raises(BackendUnavailable, match="is no PowerDNS Authoritative Server"):
                await backend.ready()


async def test_a_key_that_no_header_can_carry_is_told_but_not_shown(tmp_path):
    """A line feed in it would be a header of its own."""
    backend = build("p", PowerDnsSettings(api_url="http://127.0.0.1:1", api_key="s3cret\r\nX: y"), tmp_path)
    with pytest.raises(BackendUnavailable, match="not plain ASCII") as error:
        await backend.ready()
    assert "s3cret" not in str(error.value) + repr(error.value.__context__)
    await backend.aclose()


async def test_https_is_believed_only_with_the_authority_that_is_configured(tmp_path):
    make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key, certificate = Path(tmp_path / "key"), Path(tmp_path / "pem")
    command = [require_program("openssl"), *make, *names, "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    told = b'{"daemon_type": "authoritative"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told)
    async with serving(answer, context=context) as (_, url):
        trusting = build("p", PowerDnsSettings(api_url=url, api_key="k", api_ca=certificate), tmp_path)
        stranger = build("p", PowerDnsSettings(api_url=url, api_key="k"), tmp_path)

        with pytest.raises(BackendUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.ready()
        await trusting.ready()

        await trusting.aclose()
        await stranger.aclose()
