"""Many bodies of the largest size at the same moment, at both doors: some are refused, clearly, and memory is bounded."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from bench.load import AUTH, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import Service

from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300
MIB = 2**20
LARGEST = 16 * MIB  # app.max_body_bytes
ROOM = 4  # of such bodies
CLIENTS = 12
HEADS = (
    "POST /CMD_API_DNS_ADMIN?action=rawsave&domain=big{number}.example HTTP/1.1",
    "PUT /api/v1/zones/big{number}.example HTTP/1.1",
)


@pytest.fixture
def service() -> Iterator[Service]:
    require_program("named")
    with Service(environ={"DADNS_APP_BODY_TIMEOUT_S": "120"}) as running:
        push_blocking(running.port, rawsave("first.example", zone_text("first.example", SERIAL)))
        push_blocking(running.port, rawsave("large.example", zone_text("large.example", SERIAL, records=3000)))
        yield running  # its parser process runs: it is for zones above 64 KiB


def highest_mb(service: Service) -> float:
    """The most resident memory that our process ever had."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def send(sock: socket.socket, octets: int) -> bool:
    """So much of a body; False when the answer is there before it is sent."""
    part = (b";" * 1023 + b"\n") * 64
    sock.setblocking(False)
    try:
        while octets > 0:
            try:
                octets -= sock.send(part[:octets])
            except BlockingIOError:
                if is_answered(sock):
                    return False
                time.sleep(0.001)
            except OSError:
                return False
    finally:
        sock.setblocking(True)
    return True


def is_answered(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False


def those_that_wait(sent: list[socket.socket]) -> list[socket.socket]:
    """Those without an answer, once no more are left than there is room for."""
    until(lambda: sum(not is_answered(sock) for sock in sent) <= ROOM)
    waiting = [sock for sock in sent if not is_answered(sock)]
    assert waiting
    return waiting


def answer(sock: socket.socket) -> tuple[int, str]:
    """Status and text."""
    octets = b""
    while part := sock.recv(65536):
        octets += part
    head, _, text = octets.partition(b"\r\n\r\n")
    return int(head.split()[1]), text.decode()


@contextmanager
def clients(service: Service) -> Iterator[list[socket.socket]]:
    """At both doors in turn; their headers are sent."""
    with ExitStack() as stack:
        opened = []
        for number in range(CLIENTS):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=120))
            head = HEADS[number % 2].format(number=number)
            sock.sendall(
                f"{head}\r\nHost: x\r\nAuthorization: Basic {AUTH}\r\nConnection: close\r\n"
                f"Content-Length: {LARGEST}\r\n\r\n".encode()
            )
            opened.append(sock)
        yield opened


def says_come_again(status: int, text: str) -> bool:
    return status == 503 and "too many large zones are being sent at once" in text


def goes_on(service: Service, number: int) -> None:
    """A push of everyday's size is taken and served."""
    push_blocking(service.port, rawsave("usual.example", zone_text("usual.example", SERIAL + number)))
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "usual.example", SERIAL + number)


def test_twelve_bodies_of_the_largest_size_on_their_way_are_held_to_four(service):
    """All but their last octets: what does not fit is refused at once, the others are heard to the end."""
    before = highest_mb(service)
    with clients(service) as opened:
        held = [sock for sock in opened if send(sock, LARGEST - MIB)]
        goes_on(service, 1)
        waiting = those_that_wait(held)
        refused = [answer(sock) for sock in opened if sock not in waiting]
        assert all(says_come_again(*each) for each in refused), refused
        for sock in waiting:
            assert send(sock, MIB)
        ends = [answer(sock) for sock in waiting]
        assert not any(says_come_again(*each) for each in ends), ends
    assert highest_mb(service) - before < 3 * ROOM * LARGEST / MIB
    goes_on(service, 2)
    assert service.exit_code() is None


def test_bodies_that_have_come_and_wait_to_be_read_count_as_well(service):
    """The parser process stands still, so that nothing of what has come whole is answered."""
    before = highest_mb(service)
    parser = descendants(service.pid)
    assert 1 == len(parser)
    with clients(service) as opened:
        for pid in parser:
            os.kill(pid, signal.SIGSTOP)
        try:
            sent = [sock for sock in opened if send(sock, LARGEST)]
            goes_on(service, 1)
            waiting = those_that_wait(sent)
            refused = [answer(sock) for sock in opened if sock not in waiting]
            assert all(says_come_again(*each) for each in refused), refused
        finally:
            for pid in parser:
                os.kill(pid, signal.SIGCONT)
        assert not any(says_come_again(*answer(sock)) for sock in waiting)
    assert highest_mb(service) - before < 3 * ROOM * LARGEST / MIB
    goes_on(service, 2)


def descendants(pid: int) -> list[int]:
    """The parser process below ours; named is another."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")  # each thread has its own
    children = [int(each) for task in tasks for each in task.read_text().split()]
    ours = [each for each in children if b"parser_process" in Path(f"/proc/{each}/cmdline").read_bytes()]
    return ours + [each for child in ours for each in descendants(child)]
