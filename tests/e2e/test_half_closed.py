"""A client that closes its side once it has said all gets its answer: `shutdown(SHUT_WR)` is no good-bye."""

from __future__ import annotations

import json
import socket

from bench.load import AUTH, HOSTNAME, delete, rawsave, zone_text

from tests.e2e.test_doors import answer, connect

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
