"""The load: DirectAdmin's pushes over raw sockets, and DNS questions, with as little overhead as Python allows."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from http.client import HTTPResponse

USER, PASSWORD = "bench", "bench-password"
AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HOSTNAME = "da1.host.example"


def zone_text(name: str, serial: int, *, address: str = "192.0.2.10", records: int = 15) -> bytes:
    """A default zone as DirectAdmin renders it; 15 records, or more hosts."""
    hosts = ["ftp", "mail", "pop", "smtp", "webmail", "www"]
    hosts += [f"host{number}" for number in range(max(records - 15, 0))]
    text = (
        "\n" * 13 + "$TTL 3600\n"
        "@       IN      SOA     ns1.host.example.      hostmaster.host.example. (\n"
        + " " * 48
        + f"{serial}\n"
        + " " * 48
        + "3600\n"
        + " " * 48
        + "3600\n"
        + " " * 48
        + "1209600\n"
        + " " * 48
        + "86400 )\n\n"
        f"{name}.\t3600\tIN\tNS\tns1.host.example.\n{name}.\t3600\tIN\tNS\tns2.host.example.\n\n"
        f"{name}.\t3600\tIN\tA\t{address}\n"
        + "".join(f"{host}\t3600\tIN\tA\t{address}\n" for host in hosts)
        + f"\n{name}.\t3600\tIN\tMX\t10 mail\n\n\n\n"
        f'{name}.\t3600\tIN\tTXT\t"v=spf1 a mx ip4:{address} ~all"\n'
        f'_dmarc\t3600\tIN\tTXT\t"v=DMARC1; p=none; rua=mailto:postmaster@{name}"\n'
        f'x._domainkey\t3600\tIN\tTXT\t"v=DKIM1; k=rsa; p={"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 6}"\n'
        f"autoconfig\t3600\tIN\tCNAME\t{name}.\n" + "\n" * 7
    )
    return text.encode()


def large_zone(name: str, serial: int, octets: int) -> bytes:
    """A zone of at least that many octets: above 64 KiB it is parsed in a process of its own."""
    text = zone_text(name, serial)
    line = "h{}\t300\tIN\tA\t192.0.2.{}\n"
    lines = (line.format(number, number % 250 + 1) for number in range((octets - len(text)) // len(line) + 1))
    return text + "".join(lines).encode()


def rawsave(name: str, body: bytes, *, keep_alive: bool = False, reload: bool = False) -> bytes:
    """The push as it stands on the wire (HTTP/1.0, no Content-Type); HTTP/1.1 for keep-alive."""
    version = "1.1" if keep_alive else "1.0"
    urgent = "&named_reload=yes" if reload else ""
    return (
        f"POST /CMD_API_DNS_ADMIN?action=rawsave&domain={name}{urgent}&username=alice&hostname={HOSTNAME} HTTP/{version}\r\n"
        f"Authorization: Basic {AUTH}\r\nHost: slave.example\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def delete(name: str) -> bytes:
    """The delete as it stands on the wire."""
    body = f"action=delete&cluster=yes&hostname={HOSTNAME}&select0={name}&username=alice".encode()
    return (
        f"POST /CMD_API_DNS_ADMIN HTTP/1.0\r\nAuthorization: Basic {AUTH}\r\nHost: slave.example\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Client(asyncio.Protocol):
    """One connection; `send` returns the body of the answer."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or self._answer is None or self._answer.done():
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        end = lower.find(b"\r\n", start)
        length = int(lower[start : end if end > 0 else len(lower)])
        if len(body) >= length:
            self._data = b""
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"closed: {error}"))

    async def send(self, request: bytes) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def drive(port: int, requests: Iterable[bytes], *, clients: int, keep_alive: bool) -> tuple[list[float], float]:
    """Send all requests by `clients` connections (closed loop); seconds of each, and of the whole. All must say error=0."""
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    times: list[float] = []

    async def one_client() -> None:
        client: Client | None = None
        for request in waiting:
            start = time.perf_counter()
            if client is None:
                _, client = await loop.create_connection(Client, "127.0.0.1", port)
            answer = await client.send(request)
            times.append(time.perf_counter() - start)
            if not answer.startswith(b"error=0"):
                raise RuntimeError(f"refused: {answer[:300]!r}")
            if not keep_alive:
                client.close()
                client = None
        if client is not None:
            client.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(one_client())
    return times, time.perf_counter() - began


def soa_query(name: str) -> bytes:
    """A SOA question with identity 1."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 6, 1)


def served_serial(sock: socket.socket, name: str) -> int | None:
    """The serial that the name server answers now with authority; None when it does not serve the zone."""
    sock.send(soa_query(name))
    try:
        answer = sock.recv(4096)
    except (TimeoutError, ConnectionRefusedError):
        return None
    flags, _, answers = struct.unpack("!HHH", answer[2:8])
    if flags & 0x0F or not flags & 0x0400 or not answers:
        return None
    # question, then the answer's owner as a pointer (2) and type, class, ttl, length (10), mname and rname, then the serial
    position = 12
    while answer[position]:
        position += 1 + answer[position]
    position += 5 + 2 + 10
    for _ in range(2):
        while answer[position] and answer[position] < 0xC0:
            position += 1 + answer[position]
        position += 2 if answer[position] >= 0xC0 else 1
    return int(struct.unpack("!I", answer[position : position + 4])[0])


def dns_socket(port: int) -> socket.socket:
    """A connected UDP socket with a short patience."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(0.5)
    return sock


def wait_served(sock: socket.socket, name: str, serial: int | None, *, limit_s: float = 120.0) -> float:
    """Ask until the name server answers `serial` (None: until it serves the zone no more); when, by perf_counter."""
    until = time.perf_counter() + limit_s
    while served_serial(sock, name) != serial:
        if time.perf_counter() > until:
            raise RuntimeError(f"{name}: serial {serial} was not served within {limit_s} s")
        time.sleep(0.0003)
    return time.perf_counter()


def push_blocking(port: int, request: bytes) -> float:
    """One request on a new connection, blocking; seconds until the answer."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
            if b"\r\n\r\nerror=" in answer:
                break
    if b"\r\n\r\nerror=0" not in answer:
        raise RuntimeError(f"refused: {answer[-300:]!r}")
    return time.perf_counter() - start


def answer_to(
    asked: str | urllib.request.Request, *, limit_s: float, context: ssl.SSLContext | None = None
) -> HTTPResponse | urllib.error.HTTPError:
    """The answer, whatever its status; for a `with`, which closes an error, too. OSError: there is none."""
    try:
        answer: HTTPResponse = urllib.request.urlopen(asked, timeout=limit_s, context=context)
    except urllib.error.HTTPError as error:
        return error
    return answer


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
