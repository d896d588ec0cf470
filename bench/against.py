"""Faults at any receiver that speaks DirectAdmin's protocol: python -m bench --against http://user:password@host:port [--dns ADDRESS[:PORT]]

Only at one that is there to be tried: it is sent bad zones, bad names, slow and silent connections and wrong passwords. All zones have
names of this run's own under `.example`, and are deleted at the end. Each fault is told with what came back and, with --dns, what the
name server behind it answers then; `held` says whether it stood up to it: yes, no, or - where that cannot be told without --dns.

What it is held to: an answer of error=0 means that the zone is served; one that cannot be served is refused (error=1, or HTTP 4xx),
and what was served before stays; a deleted zone goes; and nobody without a password keeps a push waiting.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from bench.load import zone_text

SERIAL = 2026010100
HOSTNAME, OTHER = "da1.host.example", "da2.host.example"
LIMIT_S = 60.0  # for one answer
SLOW_S = 5.0  # a push that takes longer is held up
ASK_S = 2.0
Row = dict[str, object]


@dataclass(frozen=True)
class Answer:
    """What came back: HTTP status (0: nothing), the fields of a body in DirectAdmin's form, and after how long."""

    status: int
    fields: dict[str, str]
    seconds: float

    @property
    def accepted(self) -> bool:
        return self.status == 200 and self.fields.get("error") == "0"

    @property
    def refused(self) -> bool:
        return self.status >= 400 or self.fields.get("error", "0") != "0"

    def __str__(self) -> str:
        if not self.status:
            return "no answer"
        shown = {key: value for key, value in self.fields.items() if key in ("error", "exists")}
        return " ".join([f"HTTP {self.status}", *(f"{key}={value}" for key, value in shown.items())])


@dataclass(frozen=True)
class Receiver:
    """Where pushes go, and as whom."""

    host: str
    port: int
    user: str
    password: str
    tls: bool = False

    @classmethod
    def of(cls, url: str) -> Receiver:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        if not parts.hostname or parts.username is None:
            raise SystemExit(f"{url!r}: give http://user:password@host:port")
        return cls(parts.hostname, parts.port or 2222, unquote(parts.username), unquote(parts.password or ""), tls)

    def connect(self) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout=LIMIT_S)
        if not self.tls:
            return sock
        context = ssl.create_default_context()  # DirectAdmin verifies none either
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(sock, server_hostname=self.host)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        user: str | None = None,
        password: str = "",
        head: str = "",
    ) -> Answer:
        """One request as DirectAdmin sends it: HTTP/1.0, a connection each. `user` empty: without a password."""
        name, word = (self.user, self.password) if user is None else (user, password)
        known = f"Authorization: Basic {base64.b64encode(f'{name}:{word}'.encode()).decode()}\r\n" if name else ""
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        request = f"{method} {target} HTTP/1.0\r\nHost: {self.host}\r\n{known}{head}{length}\r\n".encode() + body
        began = time.perf_counter()
        octets = b""
        with suppress(OSError), self.connect() as sock:
            with suppress(OSError):  # refused while we send: the answer may be there all the same
                sock.sendall(request)
            while part := sock.recv(65536):
                octets += part
        first, _, rest = octets.partition(b"\r\n")
        words = first.split()
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        text = rest.partition(b"\r\n\r\n")[2].decode(errors="replace").strip()
        return Answer(status, dict(parse_qsl(text)), time.perf_counter() - began)


@dataclass(frozen=True)
class NameServer:
    """Where to ask what is served."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> NameServer:
        host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "53")
        return cls(host, int(port))

    def serial(self, zone: str) -> int | None:
        """None: it does not serve the zone, or does not answer."""
        query = dns.message.make_query(f"{zone}.", dns.rdatatype.SOA)
        try:
            answer = dns.query.udp(query, self.host, port=self.port, timeout=ASK_S)
        except (OSError, dns.exception.DNSException):
            return None
        if answer.rcode() or not answer.flags & dns.flags.AA or not answer.answer:
            return None
        return int(answer.answer[0][0].serial)


@dataclass(frozen=True)
class Seen:
    """What came of one fault. `held`: None where it cannot be told."""

    answer: str
    held: bool | None
    served: str = ""


@dataclass
class Trial:
    """One run: the receiver, the name server behind it (None: not asked), and the zones made."""

    receiver: Receiver
    names: NameServer | None
    patience_s: float = 20.0
    tag: str = field(default_factory=lambda: secrets.token_hex(3))
    made: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def zone(self, word: str) -> str:
        """A name that nobody has."""
        name = f"{word}{next(self._numbers)}-{self.tag}.example"
        self.made.add(name)
        return name

    def push(self, zone: str, body: bytes | None = None, *, serial: int = SERIAL, host: str = HOSTNAME) -> Answer:
        """`body` None: a good zone."""
        text = zone_text(zone, serial) if body is None else body
        query = f"action=rawsave&domain={quote(zone, safe='')}&username=bench&hostname={host}"
        return self.receiver.ask("POST", f"/CMD_API_DNS_ADMIN?{query}", text)

    def delete(self, zone: str, *, host: str = HOSTNAME) -> Answer:
        """As on the wire: no query, no Content-Type."""
        body = f"action=delete&cluster=yes&hostname={host}&select0={quote(zone, safe='')}&username=bench"
        return self.receiver.ask("POST", "/CMD_API_DNS_ADMIN", body.encode())

    def exists(self, zone: str) -> Answer:
        return self.receiver.ask("GET", f"/CMD_API_DNS_ADMIN?action=exists&domain={quote(zone, safe='')}")

    def until_served(self, zone: str, serial: int | None) -> bool | None:
        """Whether it comes to that (None: is gone) in time; None without a name server."""
        if self.names is None:
            return None
        return self.until(lambda names: names.serial(zone) == serial)

    def until(self, condition: Callable[[NameServer], bool]) -> bool:
        end = time.monotonic() + self.patience_s
        while self.names is not None and time.monotonic() < end:
            if condition(self.names):
                return True
            time.sleep(0.1)
        return False

    def served(self, zone: str) -> str:
        if self.names is None:
            return ""
        serial = self.names.serial(zone)
        return "not served" if serial is None else f"serial {serial}"

    @contextmanager
    def held_open(self, count: int, octets: bytes = b"") -> Iterator[list[socket.socket]]:
        """So many connections that have sent only this."""
        opened: list[socket.socket] = []
        try:
            for _ in range(count):
                with suppress(OSError):
                    opened.append(socket.create_connection((self.receiver.host, self.receiver.port), timeout=LIMIT_S))
                    opened[-1].sendall(octets)
            yield opened
        finally:
            for sock in opened:
                sock.close()


Fault = tuple[str, str, Callable[[Trial], Seen]]
FAULTS: list[Fault] = []


def fault(number: str, what: str) -> Callable[[Callable[[Trial], Seen]], Callable[[Trial], Seen]]:
    """Adds one to the list."""

    def added(run: Callable[[Trial], Seen]) -> Callable[[Trial], Seen]:
        FAULTS.append((number, what, run))
        return run

    return added


def against(url: str, address: str, *, patience_s: float = 20.0) -> dict[str, object]:
    """Run them all; what was seen, with the date and where."""
    from bench import against_faults  # noqa: F401, PLC0415 - fills the list, and needs what is above

    trial = Trial(Receiver.of(url), NameServer.of(address) if address else None, patience_s)
    probe = trial.push(trial.zone("probe"))
    if not probe.accepted:
        raise SystemExit(f"a good zone is not taken ({probe}): nothing can be tried")
    rows: list[Row] = []
    for number, what, run in FAULTS:
        began = time.perf_counter()
        seen = run(trial)
        held = "-" if seen.held is None else "yes" if seen.held else "NO"
        seconds = round(time.perf_counter() - began, 1)
        rows.append({"fault": number, "what is done": what, **asdict(seen), "held": held, "seconds": seconds})
    left = [zone for zone in sorted(trial.made) if not trial.delete(zone).accepted]
    place = f"{trial.receiver.host}:{trial.receiver.port}"
    return {
        "receiver": place, "dns": address, "date": datetime.now(UTC).date().isoformat(), "rows": rows, "left": left,
    }  # fmt: skip


def told(found: dict[str, object], table: Callable[[str, list[Row]], str], file: Path | None) -> int:
    """Print it and write it to `file`. 1 when something did not hold."""
    rows: list[Row] = found["rows"]  # type: ignore[assignment]
    asked = f", asked at {found['dns']}" if found["dns"] else ", what is served was not asked (--dns)"
    print(table(f"{found['receiver']} on {found['date']}{asked}", rows))
    counts = {word: sum(row["held"] == word for row in rows) for word in ("yes", "NO", "-")}
    print(f"\nheld {counts['yes']}, did not hold {counts['NO']}, cannot be told {counts['-']}")
    if found["left"]:
        print(f"its deletes were refused, these zones are left there: {' '.join(found['left'])}")  # type: ignore[arg-type]
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if counts["NO"] else 0
