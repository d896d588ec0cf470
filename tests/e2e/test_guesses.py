"""What a wrong password costs the one who guesses, and that nobody else waits for it. Times are lower bounds only."""

from __future__ import annotations

import base64
import json
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from bench.load import PASSWORD, USER
from bench.service import Service

from directdnsonly.access.credentials import hash_of
from tests.support.programs import require_program

CREDENTIALS = [
    {"name": "hashed", "password_hash": hash_of("only-tests-know-this"), "roles": ["push", "read"]},
    {"name": "new", "password": "never-used-before", "roles": ["push", "read"]},
]
DOORS = ("/CMD_API_LOGIN_TEST", "/api/v1/zones")
AT_LEAST_S = 0.3
LIMITED_AT_LEAST_S = 2.1  # about 3 s: a third more or less by chance
GUESSERS = 12


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service(environ={"DADNS_APP_CREDENTIALS": json.dumps(CREDENTIALS)}) as running:
        yield running


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sent(service: Service, path: str, authorization: str, address: str = "127.0.0.1") -> socket.socket:
    """A request on its way, from an address of the loopback network."""
    sock = socket.create_connection(("127.0.0.1", service.port), timeout=60, source_address=(address, 0))
    sock.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode())
    return sock


def status(sock: socket.socket) -> int:
    """Of its answer, once that is there."""
    with sock, sock.makefile("rb") as answer:
        return int(answer.readline().split()[1])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "authorization",
    [basic(USER, "x"), basic("nobody", "x"), basic("hashed", "x"), "Bearer dadns_x"],
    ids=["wrong password", "unknown name", "wrong password of a hash", "unknown token"],
)
def test_a_failure_is_answered_after_at_least_a_third_of_a_second(service, door, authorization):
    """Whatever was wrong: the time does not tell which names exist."""
    address = f"127.0.1.{DOORS.index(door) + 1}"  # with a bucket of its own
    began = time.monotonic()

    answered = status(sent(service, door, authorization, address))

    assert AT_LEAST_S <= time.monotonic() - began
    assert 401 == answered


@pytest.mark.parametrize(
    ("door", "known"),
    [(DOORS[0], True), (DOORS[1], False)],
    ids=["a client that is known", "one that comes first now"],
)
def test_a_good_client_is_answered_before_the_guesses_of_its_own_address(service, door, known):
    """Twelve guesses that are over the limit wait for their 429; a good log-in is asked after them and answered first."""
    address = f"127.0.2.{DOORS.index(door) + 1}"
    good = basic(USER, PASSWORD) if known else basic("new", "never-used-before")
    if known:
        assert 200 == status(sent(service, door, good, address))
    guesses = [sent(service, door, basic(USER, f"{number}"), address) for number in range(10)]
    assert [401] * 10 == [status(guess) for guess in guesses]
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        began = time.monotonic()
        guesses = [stack.enter_context(sent(service, door, basic(USER, "x"), address)) for _ in range(GUESSERS)]
        client = stack.enter_context(sent(service, door, good, address))
        for sock in (*guesses, client):
            ready.register(sock, selectors.EVENT_READ)

        first = ready.select(60)

        assert [client] == [key.fileobj for key, _ in first]
        ready.unregister(client)
        assert 200 == status(client)
        assert ready.select(60)
        assert LIMITED_AT_LEAST_S <= time.monotonic() - began  # the first of them
        assert [429] * GUESSERS == [status(guess) for guess in guesses]
