"""Nobody takes all places: 1,500 connections of others, as they come, beside a client whose every push needs a place."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench.load import push_blocking, rawsave, zone_text
from bench.places import ENVIRON, KINDS, READER, a_change_that_waits, wanting
from bench.service import DADNS, UNCHECKED, Service

from tests.e2e.test_doors import answer, certificate, connect, many
from tests.support.programs import require_program
from tests.support.wire import basic

SERIAL = 2026112300
PUSHES = 200


class FewFiles(Service):
    """As a login shell or an older systemd starts it, and without the right to raise the limit."""

    program: Sequence[str | Path] = ("prlimit", "--nofile=1024:1024", DADNS, "serve")


def push(service: Service, number: int) -> None:
    """By a connection of its own. Raises unless the answer is error=0."""
    push_blocking(service.port, rawsave(f"p{number}.example", zone_text(f"p{number}.example", SERIAL)))


@pytest.fixture(params=[Service, FewFiles], ids=["files enough", "1,024 files"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    for program in ("named", "prlimit"):
        require_program(program)
    with request.param(environ=ENVIRON) as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_no_push_is_lost_beside_1500_who_want_places(service, kind):
    """Refused ones who stay, and long polls of one credential: from the same address as the pushes, so as busy as it can be."""
    with service.paused():
        change = a_change_that_waits(service)
        with wanting(service.port, kind, change) as told:
            for number in range(PUSHES):
                push(service, number)

    assert json.loads(told[0]), "they were refused, answered early or turned out"
    assert PUSHES + 1 == service.status()["zones"]
    assert service.exit_code() is None


def test_silent_handshakes_of_tls_take_no_more_places_than_other_strangers(tmp_path):
    """They are counted from the first moment: the process never runs out of files, and pushes are taken."""
    for program in ("named", "prlimit"):
        require_program(program)
    certificate(tmp_path, "places")
    files = {
        "DADNS_APP_TLS_CERTIFICATE": str(tmp_path / "chain.pem"),
        "DADNS_APP_TLS_KEY": str(tmp_path / "key.pem"),
    }
    with FewFiles(environ=files, scheme="https") as service, many(service, 1500):
        for number in range(20):
            with connect(service) as raw, UNCHECKED.wrap_socket(raw) as sock:
                sock.sendall(rawsave(f"t{number}.example", zone_text(f"t{number}.example", SERIAL)))
                assert answer(sock).endswith(b"error=0")
        assert "system resource" not in (service.folder / "log").read_text()


def poll(who: dict[str, object], change: str, wait: int) -> bytes:
    login = basic(str(who["name"]), str(who["password"]))
    return f"GET /api/v1/changes/{change}?wait={wait} HTTP/1.1\r\nHost: x\r\n{login}\r\n".encode()


def until(sock: socket.socket, end: bytes) -> bytes:
    """What comes until these octets have."""
    octets = b""
    while end not in octets:
        part = sock.recv(65536)
        assert part, octets
        octets += part
    return octets


def test_a_long_poll_gives_way_by_an_early_answer_and_its_connection():
    """With what is known, and `Connection: close`, so that there is a place: nobody is reset who waits as he may."""
    require_program("named")
    readers = [READER | {"name": f"reader{number}"} for number in range(8)]  # two long polls for each
    environ = {"DADNS_APP_CREDENTIALS": json.dumps(readers), "DADNS_APP_MAX_CONNECTIONS": "16"}
    with Service(environ=environ) as service, service.paused(), ExitStack() as stack:
        change = a_change_that_waits(service)
        waiting = []
        for number in range(16):
            waiting.append(stack.enter_context(connect(service)))
            waiting[-1].sendall(poll(readers[number // 2], change, 0))
            until(waiting[-1], b"}]}")
            waiting[-1].sendall(poll(readers[number // 2], change, 60))

        push(service, 0)

        head, _, body = answer(waiting[0]).partition(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0]
        assert b"connection: close" in head.lower()
        assert not json.loads(body)["done"]


def test_somebody_refused_behind_a_proxy_takes_no_place_of_others_behind_it():
    """The proxy's connections are of many people: the address that it forwards counts, and its kept ones stay."""
    require_program("named")
    environ = {"DADNS_APP_TRUSTED_PROXIES": '["127.0.0.1"]', "DADNS_APP_MAX_CONNECTIONS": "64"}
    refused = b"POST /CMD_API_DNS_ADMIN HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9\r\nContent-Length: 1000\r\n\r\n"
    with Service(environ=environ) as service:
        place = ("127.0.0.1", service.port)
        with ExitStack() as stack:
            kept = [stack.enter_context(socket.create_connection(place, timeout=30)) for _ in range(10)]
            for number, sock in enumerate(kept):
                sock.sendall(pushed_through(number, SERIAL))
                until(sock, b"error=0")
            stack.enter_context(many(service, 200, refused))

            for number, sock in enumerate(kept):
                sock.sendall(pushed_through(number, SERIAL + 1))
                until(sock, b"error=0")
            push(service, 100)


def pushed_through(number: int, serial: int) -> bytes:
    """A push on a kept connection of the proxy."""
    name = f"k{number}.example"
    head, _, body = rawsave(name, zone_text(name, serial), keep_alive=True).partition(b"\r\n")
    return head + b"\r\nX-Forwarded-For: 192.0.2.1\r\n" + body
