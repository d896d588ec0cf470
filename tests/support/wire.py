"""DirectAdmin's side of the wire, byte for byte, over a raw socket; and the fixtures of what it sends."""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass
from urllib.parse import unquote

TIMEOUT_S = 60.0  # of a machine that is busy with other things
LOGIN_TEST = "/CMD_API_LOGIN_TEST"
DNS_ADMIN = "/CMD_API_DNS_ADMIN"

SOA_HEAD = "@       IN      SOA     ns1.host.example.      hostmaster.example.com. (\n"
ZONE = (
    "\n" * 13
    + "$TTL 3600\n"
    + SOA_HEAD
    + (" " * 48 + "2026010100\n")
    + (" " * 48 + "3600\n") * 2
    + (" " * 48 + "1209600\n")
    + (" " * 48 + "86400 )\n\n")
    + "example.com.\t3600\tIN\tNS\tns1.host.example.\nexample.com.\t3600\tIN\tNS\tns2.host.example.\n\n"
    + "example.com.\t3600\tIN\tA\t192.0.2.10\nftp\t3600\tIN\tA\t192.0.2.10\nmail\t3600\tIN\tA\t192.0.2.10\n"
    + "pop\t3600\tIN\tA\t192.0.2.10\nsmtp\t3600\tIN\tA\t192.0.2.10\nwww\t3600\tIN\tA\t192.0.2.10\n\n"
    + "example.com.\t3600\tIN\tMX\t10 mail\n\n\n\n"
    + 'example.com.\t3600\tIN\tTXT\t"v=spf1 a mx ip4:192.0.2.10 ~all"\n'
    + "\n" * 7
)
DELETE_BODY = b"action=delete&cluster=yes&hostname=s1.host.example&select0=example.com&username=alice"


def zone_text(domain: str = "example.com", *, serial: int = 2026010100, extra: str = "") -> str:
    """The usual zone as DirectAdmin renders it for `domain`; `extra` lines come behind the others."""
    text = ZONE.replace("example.com.", f"{domain}.").replace("2026010100", str(serial))
    return text.rstrip("\n") + "\n" + extra + "\n" * 7 if extra else text


@dataclass(frozen=True)
class Reply:
    """One answer as it came: status, headers (names in lower case), body."""

    status: int
    headers: dict[str, str]
    body: bytes
    version: str

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def fields(self) -> dict[str, str]:
        return parse_reply(self.body)

    @property
    def error(self) -> str:
        return self.fields.get("error", "")


def parse_reply(body: bytes) -> dict[str, str]:
    """DirectAdmin's urlencoded text as fields; blanks may stand as they are."""
    pairs = (part.partition("=") for part in body.decode().split("&") if part)
    return {key: unquote(value) for key, _, value in pairs}


def basic(user: str, password: str) -> str:
    """The header line of a credential, with its end."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Authorization: Basic {token}\r\n"


def request(
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    version: str = "1.0",
    authorization: str = "",
    headers: str = "",
    host: str | None = "slave.example",
) -> bytes:
    """A request as DirectAdmin sends it: nothing beside Authorization, Host and Content-Length unless asked for."""
    head = f"{method} {target} HTTP/{version}\r\n{authorization}"
    if host is not None:
        head += f"Host: {host}\r\n"
    if body is not None:
        head += f"Content-Length: {len(body)}\r\n"
    return (head + headers + "\r\n").encode("latin-1") + (body or b"")


def rawsave_target(domain: str, *, user: str = "", reload: bool = False, hostname: str = "s1.host.example") -> str:
    """The push's target, its parameters in the order of the wire."""
    return (
        f"{DNS_ADMIN}?action=rawsave&domain={domain}"
        + ("&named_reload=yes" if reload else "")
        + (f"&username={user}" if user else "")
        + (f"&hostname={hostname}" if hostname else "")
    )


def chunked(body: bytes, size: int = 100) -> bytes:
    """A body in the chunks of HTTP/1.1 (RFC 9112, section 7.1)."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@dataclass(frozen=True)
class DirectAdmin:
    """A DirectAdmin master: one connection per request, the credential sent before being asked for."""

    host: str
    port: int
    user: str
    password: str
    version: str = "1.0"
    hostname: str = "s1.host.example"

    @property
    def authorization(self) -> str:
        return basic(self.user, self.password)

    def send(self, octets: bytes) -> Reply:
        """Octets to the service on a new connection; the first answer."""
        with socket.create_connection((self.host, self.port), timeout=TIMEOUT_S) as connection:
            connection.sendall(octets)
            return read_reply(connection)

    def ask(self, method: str, target: str, body: bytes | None = None, headers: str = "") -> Reply:
        """One request with this master's credential."""
        octets = request(method, target, body, version=self.version, authorization=self.authorization, headers=headers)
        return self.send(octets)

    def login_test(self) -> Reply:
        return self.ask("GET", LOGIN_TEST)

    def exists(self, domain: str, flag: str = "") -> Reply:
        suffix = f"&check_for_parent_domain={flag}" if flag else ""
        return self.ask("GET", f"{DNS_ADMIN}?action=exists&domain={domain}{suffix}")

    def rawsave(self, domain: str, zone: str | bytes, *, user: str = "alice", reload: bool = False) -> Reply:
        body = zone.encode() if isinstance(zone, str) else zone
        return self.ask("POST", rawsave_target(domain, user=user, reload=reload, hostname=self.hostname), body)

    def delete(self, *domains: str, user: str = "") -> Reply:
        """As on the wire: everything in the body, keys in alphabetical order, no Content-Type."""
        selected = "".join(f"&select{number}={domain}" for number, domain in enumerate(domains))
        hostname = f"&hostname={self.hostname}" if self.hostname else ""
        body = f"action=delete&cluster=yes{hostname}{selected}" + (f"&username={user}" if user else "")
        return self.ask("POST", DNS_ADMIN, body.encode())


def read_reply(connection: socket.socket) -> Reply:
    """One answer with its body, read to its Content-Length, or to the end of the connection."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(f"the connection ended in the middle of the answer: {octets!r}")
        octets += part
    head, _, body = octets.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = status_line.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        part = connection.recv(65536)
        if not part:
            break
        body += part
    return Reply(status=int(status), headers=headers, body=body, version=version.removeprefix("HTTP/"))


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed, within half a minute."""
    connection.settimeout(30.0)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
