"""A client that closes its side once it has said all gets its answer: `shutdown(SHUT_WR)` is no good-bye."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest
from bench.load import AUTH, HOSTNAME, delete, rawsave, zone_text
from bench.service import UNCHECKED, Service

from tests.e2e.test_doors import answer, certificate, connect
from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300
EXISTS = (
    f"GET /CMD_API_DNS_ADMIN?action=exists&domain=half.example HTTP/1.0\r\nAuthorization: Basic {AUTH}\r\n\r\n".encode()
)
LARGE = zone_text("half.example", SERIAL + 1, records=4000)  # more than fits into one read, and is parsed beside us


def api(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} /api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {AUTH}\r\nContent-Type: text/dns\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def half_closed(sock: socket.socket, request: bytes) -> bytes:
    """The whole answer to a request whose client sends nothing after it."""
    sock.sendall(request)
    sock.shutdown(socket.SHUT_WR)
    return answer(sock)


def test_whoever_closes_his_side_after_the_request_is_answered(service):
    """Push, question and delete at DirectAdmin's door; put, get and delete by the API."""

    def ask(request: bytes) -> bytes:
        with connect(service) as sock:
            return half_closed(sock, request)

    for request in (rawsave("half.example", zone_text("half.example", SERIAL)), rawsave("half.example", LARGE)):
        assert ask(request).endswith(b"\r\n\r\nerror=0")
    assert ask(EXISTS).endswith(f"exists on {HOSTNAME}".encode()) or b"exists=1" in ask(EXISTS)
    assert ask(delete("half.example")).endswith(b"\r\n\r\nerror=0")
    head, _, body = ask(api("PUT", "zones/half.example", zone_text("half.example", SERIAL + 2))).partition(b"\r\n\r\n")
    assert b" 200 " in head
    assert b" 200 " in ask(api("GET", f"changes/{json.loads(body)['change_id']}?wait=20")).split(b"\r\n")[0]
    assert b" 200 " in ask(api("GET", "zones/half.example/text")).split(b"\r\n")[0]
    assert b" 200 " in ask(api("DELETE", "zones/half.example")).split(b"\r\n")[0]


def test_a_long_poll_whose_client_has_closed_his_side_is_answered_with_what_is_known(service):
    """He may as well be gone, and his place is wanted."""
    with service.paused():
        with connect(service) as sock:
            put = api("PUT", "zones/waits.example", zone_text("waits.example", SERIAL))
            change = json.loads(half_closed(sock, put).partition(b"\r\n\r\n")[2])["change_id"]
        with connect(service) as sock:
            known = json.loads(half_closed(sock, api("GET", f"changes/{change}?wait=60")).partition(b"\r\n\r\n")[2])

    assert not known["done"]


def test_half_a_request_of_a_client_that_has_closed_its_side_changes_nothing(service):
    with connect(service) as sock:
        whole = rawsave("cut.example", zone_text("cut.example", SERIAL))
        assert b"" == half_closed(sock, whole[:-10])
    with connect(service) as sock:
        assert b" 404 " in half_closed(sock, api("GET", "zones/cut.example")).split(b"\r\n")[0]


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory) -> Iterator[Service]:
    """A service with TLS at its own door."""
    require_program("named")
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "half")
    files = {"DADNS_APP_TLS_CERTIFICATE": str(folder / "chain.pem"), "DADNS_APP_TLS_KEY": str(folder / "key.pem")}
    with Service(environ=files, scheme="https") as running:
        yield running


class Encrypted:
    """TLS by hand, so that the request and the end of the client's side leave in one segment."""

    def __init__(self, sock: socket.socket, version: ssl.TLSVersion) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self._sock, self._came, self._goes = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes)
        while not self._is_greeted():
            sock.sendall(self._goes.read())
            self._came.write(sock.recv(65536))

    def _is_greeted(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def half_closed(self, octets: bytes, *, told: bool) -> bytes:
        """What can be read after a request and the end: of TLS (close_notify), or untold, of the connection only."""
        self._tls.write(octets)
        if told:
            with pytest.raises(ssl.SSLWantReadError):
                self._tls.unwrap()  # it waits for the other side's
        self._sock.sendall(self._goes.read())
        if not told:
            self._sock.shutdown(socket.SHUT_WR)
        self._came.write(answer(self._sock))
        self._came.write_eof()
        try:
            return self._tls.read(65536)
        except ssl.SSLError:
            return b""


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_tls_the_end_of_the_clients_side_is_the_end(encrypted, version, told):
    """Recorded and not answered, and nobody hangs. RFC 5246, 7.2.1 demands it; RFC 8446, 6.1 would let us answer, asyncio does not."""
    name = f"end-{version.name.lower().replace('_', '-')}-{'told' if told else 'cut'}.example"

    with connect(encrypted) as sock:
        came = Encrypted(sock, version).half_closed(rawsave(name, zone_text(name, SERIAL)), told=told)

    def status() -> bytes:
        with connect(encrypted) as plain, UNCHECKED.wrap_socket(plain) as sock:
            sock.sendall(api("GET", f"zones/{name}").replace(b"Host: x", b"Host: x\r\nConnection: close"))
            return answer(sock).split(b"\r\n")[0]

    assert b"" == came
    until(lambda: b" 200 " in status())
    assert "eof_received" not in (encrypted.folder / "log").read_text()  # asyncio's complaint of who wants to answer
