"""A peer over HTTPS that is another one, is slow, or answers what no peer answers: a reason comes of it, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from directdnsonly.peers.client import HttpsPeer
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.name import ZoneName
from tests.support.programs import require_program

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1, its own authority."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    return pem, key


class Stranger:
    """A TLS server that says what its script says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.script: Script = said(b'{"format":1}')
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self, pem: Path | None, key: Path | None) -> AsyncIterator[Stranger]:
        context = None
        if pem is not None and key is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem, key)
        answering = self._serve if context else self._listen
        server = await asyncio.start_server(answering, "127.0.0.1", 0, ssl=context)
        self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What comes first, whatever it is."""
        self.asked.append(await reader.read(4096))
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            self.asked.append(head + await reader.readexactly(int(length.split(b":")[1])))
            await self.script(writer)
        with contextlib.suppress(OSError):
            writer.close()


def said(body: bytes, *, status: str = "200 OK", headers: bytes = b"") -> Script:
    async def say(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + headers + b"Connection: close\r\n\r\n"
        writer.write(head + body)
        await writer.drain()

    return say


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def drop_by_drop(writer: asyncio.StreamWriter) -> None:
    """Never silent for long, and never at an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def headers_without_an_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + b"y" * 8000 + b"\r\n")
        await writer.drain()


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"for')
    await writer.drain()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: certificate(folder, name) for name in ("peer", "other")}


@pytest.fixture
async def stranger(certificates) -> AsyncIterator[Stranger]:
    async with Stranger().listening(*certificates["peer"]) as it:
        yield it


def pin_of(pem: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read_text())).hexdigest()


async def test_the_three_questions_go_to_the_peer_with_the_token(stranger, certificates):
    """By a CA file as by a pinned certificate; and packed answers are not asked for."""
    pem = certificates["peer"][0]
    for trusted in ({"ca_file": pem}, {"fingerprint": pin_of(pem)}):
        async with HttpsPeer(stranger.url, token="t0k", **trusted) as peer:
            assert b'{"format":1}' == await peer.summary("aa")
            await peer.marks([3, 5])
            await peer.states([ZoneName.parse("a.example")], texts=True)

    lines = [asked.split(b"\r\n") for asked in stranger.asked if asked]
    assert [
        b"GET /api/v1/peer/buckets?known=aa HTTP/1.1",
        b"POST /api/v1/peer/marks HTTP/1.1",
        b"POST /api/v1/peer/states HTTP/1.1",
    ] * 2 == [one[0] for one in lines]
    assert all(b"Authorization: Bearer t0k" in one and b"Accept-Encoding: identity" in one for one in lines)
    assert b'{"buckets":[3,5]}' == stranger.asked[1].replace(b" ", b"").rpartition(b"\r\n")[2]


@pytest.mark.parametrize("trusted", ["ca", "pin", "system"])
async def test_another_certificate_is_never_told_the_token(stranger, certificates, trusted):
    other = certificates["other"][0]
    how = {"ca": {"ca_file": other}, "pin": {"fingerprint": pin_of(other)}, "system": {}}[trusted]

    async with HttpsPeer(stranger.url, token="t0k", **how) as peer:
        with pytest.raises(NotAPeer, match="certificate.*fingerprint" if trusted != "pin" else "certificate"):
            await peer.summary("")

    assert [] == stranger.asked


async def test_a_ca_file_that_is_not_there_is_told_by_its_name(stranger, tmp_path):
    async with HttpsPeer(stranger.url, token="t", ca_file=tmp_path / "none.pem") as peer:
        with pytest.raises(NotAPeer, match=r"none\.pem cannot be used"):
            await peer.summary("")


async def test_a_server_without_tls_is_told_nothing(certificates):
    async with (
        Stranger().listening(None, None) as plain,
        HttpsPeer(plain.url, token="t0k", ca_file=certificates["peer"][0]) as peer,
    ):
        with pytest.raises(NotAPeer, match="cannot be asked"):
            await peer.summary("")
    assert not any(b"t0k" in one for one in plain.asked)


@pytest.mark.parametrize("how", [{}, {"fingerprint": "00" * 32}], ids=["authority", "pin"])
async def test_a_server_that_answers_without_tls_is_told_as_one(how):
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with HttpsPeer(url, token="t0k", **how) as peer:
            with pytest.raises(NotAPeer, match="no TLS is spoken there"):
                await peer.summary("")


async def test_a_server_with_tls_that_is_asked_without_is_told_as_one(stranger):
    async with HttpsPeer(stranger.url.replace("https:", "http:"), token="t0k") as peer:
        with pytest.raises(NotAPeer, match=r"cannot be asked: .*does it speak TLS there"):
            await peer.summary("")


# What it answers, and a word of the reason.
ANSWERS: dict[str, tuple[Script, str]] = {
    "the credential is unknown": (said(b"", status="401 Unauthorized"), "token, or user name and password, .* network"),
    "the token may not": (said(b"", status="403 Forbidden"), "role peer"),
    "an older program": (said(b"", status="404 Not Found"), "same program"),
    "too many": (said(b"", status="429 Too Many Requests"), "too often"),
    "it fails": (said(b"", status="500 Internal Server Error"), "HTTP 500: see its log"),
    "its store is away": (said(b"", status="503 Service Unavailable"), "HTTP 503: .*too busy.*store"),
    "a proxy without it": (said(b"", status="502 Bad Gateway"), "HTTP 502: .*proxy"),
    "it leads elsewhere": (
        said(b"", status="302 Found", headers=b"Location: https://127.0.0.1:1/\r\n"), "HTTP 302: no redirect is followed",
    ),
    "without an end": (endless, "more than 65536 bytes"),
    "drop by drop": (drop_by_drop, "no whole answer"),
    "headers without an end": (headers_without_an_end, r"cannot be asked|no whole answer"),
    "it breaks off": (cut, "cannot be asked"),
    "no HTTP": (lambda writer: asyncio.sleep(0, writer.write(b"SSH-2.0-x\r\n")), "cannot be asked"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
async def test_what_is_no_answer_of_a_peer_is_a_reason(stranger, certificates, case):
    """In a time and a size of its own."""
    stranger.script, word = ANSWERS[case]
    patience = 1.0 if "drop" in case else 60.0

    async with HttpsPeer(stranger.url, token="t0k", ca_file=certificates["peer"][0], timeout_s=patience) as peer:
        with pytest.raises(NotAPeer, match=word) as told:
            await peer.summary("")

    assert "t0k" not in str(told.value)
    assert 1 == len(stranger.asked)


async def test_an_answer_that_is_packed_all_the_same_is_not_unpacked(stranger, certificates):
    """A few octets may be gigabytes."""
    packed = gzip.compress(b" " * 10_000_000)
    stranger.script = said(packed, headers=b"Content-Encoding: gzip\r\n")

    async with HttpsPeer(stranger.url, token="t", ca_file=certificates["peer"][0]) as peer:
        assert packed == await peer.summary("")


async def test_nobody_there_is_a_reason(certificates):
    async with Stranger().listening(*certificates["peer"]) as gone:
        url = gone.url
    for how in ({"ca_file": certificates["peer"][0]}, {"fingerprint": "00" * 32}):
        async with HttpsPeer(url, token="t", **how) as peer:
            with pytest.raises(NotAPeer, match="cannot be"):
                await peer.summary("")
