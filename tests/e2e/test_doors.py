"""Faults E3, E5, E8, E9: silent, slow, large and many; and TLS. Pushes are acknowledged all the while."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from bench.load import AUTH, PASSWORD, USER, push_blocking, rawsave, zone_text
from bench.service import Service

from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    quick = {"DADNS_APP_HEADER_TIMEOUT_S": "3", "DADNS_APP_BODY_TIMEOUT_S": "60", "DADNS_APP_IDLE_TIMEOUT_S": "3"}
    with Service(environ=quick) as running:
        yield running


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=30)


def answer(sock: socket.socket) -> bytes:
    """Everything until the other side closes."""
    octets = b""
    while part := sock.recv(65536):
        octets += part
    return octets


def receive(sock: socket.socket, count: int) -> None:
    """So many answers of /livez."""
    octets = b""
    while octets.count(b'{"status":"alive"}') < count:
        part = sock.recv(65536)
        assert part, octets
        octets += part


def push(service: Service, number: int) -> None:
    """Raises unless the answer is error=0."""
    push_blocking(service.port, rawsave("busy.example", zone_text("busy.example", SERIAL + number)))


@contextmanager
def many(service: Service, count: int, octets: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(service)) for _ in range(count)]
        for sock in opened:
            sock.sendall(octets)
        yield opened


def test_a_thousand_silent_connections_and_fifty_slow_bodies_keep_nobody_out(service):
    """Pushes go on at once, the memory does not grow by more than 40 MB, and the silent ones are gone in the end."""
    push(service, 0)
    before = service.rss_mb()
    slow = (
        f"POST /CMD_API_DNS_ADMIN?action=rawsave&domain=slow.example HTTP/1.1\r\nAuthorization: Basic {AUTH}\r\n"
        "Content-Length: 100000\r\n\r\n$TTL"
    ).encode()
    with many(service, 950) as silent, many(service, 50, slow) as bodies, many(service, 50, b"GET / HT") as halves:
        for number in range(1, 31):
            push(service, number)
            bodies[number].sendall(b";")
            with suppress(OSError):  # its time for a header may be over already
                halves[number].sendall(b"T")

        assert service.rss_mb() - before < 40
        silent[0].settimeout(60)
        assert b"" == silent[0].recv(1)
        assert b"" == silent[-1].recv(1)
        assert b"" == halves[-1].recv(1)
        push(service, 31)


def test_more_connections_than_there_may_be_give_way_to_a_push():
    """The oldest silent one of the busiest address goes; the push is answered, and who holds few is left alone."""
    require_program("named")
    environ = {"DADNS_APP_MAX_CONNECTIONS": "50", "DADNS_APP_HEADER_TIMEOUT_S": "90"}
    with Service(environ=environ) as service, ExitStack() as stack:
        place = ("127.0.0.1", service.port)
        few = [socket.create_connection(place, timeout=30, source_address=("127.0.0.2", 0)) for _ in range(5)]
        for sock in few:
            stack.enter_context(sock)
        silent = stack.enter_context(many(service, 200))
        push(service, 1)
        silent[0].settimeout(60)
        with _closed():
            assert b"" == silent[0].recv(1)
        for sock in few:
            sock.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            receive(sock, 1)


@contextmanager
def _closed() -> Iterator[None]:
    """A connection that was closed, politely or not."""
    try:
        yield
    except ConnectionResetError:
        pass


def test_slow_strangers_are_answered_before_their_body_comes(service):
    """Faults E9: no password, a byte every so often; the answer is 401 without waiting for it."""
    head = b"POST /CMD_API_DNS_ADMIN HTTP/1.1\r\nContent-Length: 100000\r\n\r\na"
    with many(service, 10, head) as dripping:
        for sock in dripping:
            assert b" 401 " in answer(sock).split(b"\r\n")[0]
        push(service, 40)


# The largest body is 16 MiB; what holds it may be there twice for a moment, when it has to grow elsewhere.
TWO_BODIES_MB = 40


@pytest.mark.parametrize(
    "path", ["/CMD_API_DNS_ADMIN?action=rawsave&domain=huge.example", "/api/v1/zones/huge.example"]
)
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("knows_us", [False, True])
def test_a_hundred_megabytes_cost_little_and_get_a_clear_answer(service, path, chunked, knows_us):
    """Faults E8: also a client that sends everything before it listens reads why it was refused."""
    push(service, 50)
    before, total = service.rss_mb(), 100 * 2**20
    method = "POST" if path.startswith("/CMD") else "PUT"
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {total}"
    who = f"Authorization: Basic {AUTH}\r\n" if knows_us else ""
    part = b"x" * 2**20
    block = b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
    peak = before
    with connect(service) as sock:
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{who}{framing}\r\n\r\n".encode())
        for number in range(100):
            sock.sendall(block)
            if number % 5 == 0:
                peak = max(peak, service.rss_mb())
        if chunked:
            sock.sendall(b"0\r\n\r\n")
        head, _, body = answer(sock).partition(b"\r\n\r\n")

    assert (b"413" if knows_us else b"401") == head.split(b" ")[1]
    assert (b"16777216" if knows_us else b"user name") in body
    assert peak - before < TWO_BODIES_MB
    push(service, 51)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /livez HTTP/1.1\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nX-Endless: " + b"a" * 100_000,
    ],
)
def test_oversized_headers_are_refused(service, octets):
    with connect(service) as sock:
        sock.sendall(octets)
        head = answer(sock).split(b"\r\n")[0]

    assert b" 431 " in head


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"GET /readyz HTTP/1.0", b"200"),
        (b"HEAD /readyz HTTP/1.0", b"200"),
        (b"GET /livez HTTP/1.0", b"200"),
        (b"OPTIONS / HTTP/1.0", b"401"),  # what HAProxy asks when it is not told what to ask
        (b"OPTIONS /readyz HTTP/1.0", b"401"),
    ],
)
def test_a_balancer_learns_our_health_without_a_password(service, asked, status):
    """In HTTP/1.0 and without a Host, as balancers ask; with another method it is a stranger."""
    with connect(service) as sock:
        sock.sendall(asked + b"\r\n\r\n")

        assert status == answer(sock).split(b" ", 2)[1]


def test_kept_connections_are_closed_when_they_are_silent(service):
    with connect(service) as sock:
        sock.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        receive(sock, 1)
        sock.settimeout(60)
        assert b"" == sock.recv(1)


def test_a_kept_connection_answers_many_requests(service):
    """The limits are of one request, not of the connection."""
    one = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Pad: " + b"a" * 2000 + b"\r\n\r\n"
    with connect(service) as sock:
        for _ in range(50):
            sock.sendall(one)
            receive(sock, 1)
        sock.sendall(one * 10)
        receive(sock, 10)


# -- TLS


def certificate(folder: Path, name: str) -> None:
    """A new self-signed pair over the old one, as a renewal does."""
    require_program("openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-keyout", folder / "key.new", "-out", folder / "chain.new"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "key.new").replace(folder / "key.pem")
    (folder / "chain.new").replace(folder / "chain.pem")


def served(service: Service, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> bytes:
    """The certificate that a new connection is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = newest
    with connect(service) as raw, context.wrap_socket(raw) as sock:
        return sock.getpeercert(binary_form=True) or b""


def test_tls_renews_its_certificate_without_dropping_a_push(tmp_path):
    """Faults E3 as well: a silent TLS connection hinders nobody. 1.1 is refused."""
    require_program("named")
    certificate(tmp_path, "first")
    files = {
        "DADNS_APP_TLS_CERTIFICATE": str(tmp_path / "chain.pem"),
        "DADNS_APP_TLS_KEY": str(tmp_path / "key.pem"),
    }
    with Service(environ=files, scheme="https") as service, many(service, 20):
        first = served(service)
        with pytest.raises((ssl.SSLError, ConnectionResetError)), _no_warnings():
            served(service, newest=ssl.TLSVersion.TLSv1_1)
        with httpx.Client(verify=False, trust_env=False, auth=(USER, PASSWORD), timeout=30) as kept:
            url = f"https://127.0.0.1:{service.port}/CMD_API_DNS_ADMIN"
            (tmp_path / "chain.pem").write_text("half written")
            pushed = 0

            def push_on(number: int) -> None:
                query = {"action": "rawsave", "domain": "tls.example"}
                text = zone_text("tls.example", SERIAL + number)
                assert "error=0" == kept.post(url, params=query, content=text).text

            end = time.monotonic() + 120
            while time.monotonic() < end:
                pushed += 1
                push_on(pushed)
                if pushed == 5:
                    certificate(tmp_path, "second")
                if served(service) != first:
                    break
                time.sleep(0.1)
            push_on(pushed + 1)

        assert first != served(service)


@contextmanager
def _no_warnings() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_a_unix_socket_serves_our_own_user(tmp_path):
    """Beside the port; the file is ours alone and is replaced after a kill."""
    require_program("named")
    path = tmp_path / "dadns.sock"
    with Service(environ={"DADNS_APP_LISTEN_SOCKET": str(path)}) as service:
        assert 0o600 == path.stat().st_mode & 0o777
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, base_url="http://dadns", auth=(USER, PASSWORD), timeout=60) as client:
            assert 200 == client.get("/api/v1/status").status_code
            assert 401 == client.get("/api/v1/status", auth=None).status_code
            service.kill()
            service.start()
            until(path.is_socket)
            assert 200 == client.get("/api/v1/status").status_code
        push(service, 1)
    assert not path.exists()
