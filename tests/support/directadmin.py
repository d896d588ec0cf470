"""A DirectAdmin server to try the whole product without a licence: a real HTTP server that answers and pushes like one.

It serves the commands that we call (zone list in pages and in the old form, owners, one zone as text and as records,
login test, Multi Server Setup), logs in as the Evolution skin does, and can be told to fail as real ones do.

    python -m tests.support.directadmin --zones 1500 --port 2223 --push-to 127.0.0.1:2222 --as directdnsonly:secret
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.support.wire import DirectAdmin, Reply, zone_text

LOGIN_PAGE = "<html><head><title>DirectAdmin Login</title></head><body><form action=/CMD_LOGIN></form></body></html>"
SERIAL = 2026112500


class Fault(StrEnum):
    """How a list can go wrong."""

    ERROR_500 = "500"
    HTML = "html"  # the login page with HTTP 200
    EMPTY = "empty"  # a list of no zones
    HALF_PAGE = "half-page"  # the answer breaks off in the middle
    SECOND_PAGE = "second-page"  # every page but the first fails
    SLOW = "slow"
    TOTAL = "total"  # fewer rows than stated
    SHORT = "short"  # a third of the zones, consistent in itself
    OTHER_SERVER = "other-server"  # a whole list, but of somebody else's zones
    REDIRECT = "redirect"  # to another host
    ERROR_TEXT = "error-text"  # error=1 with HTTP 200


@dataclass
class Hosted:
    """One zone as this server holds it; `extra` lines come behind the usual records."""

    serial: int = SERIAL
    user: str = "alice"
    extra: str = ""


@dataclass
class StandIn:
    """Use as a context manager; `url` is where it listens. Change `zones` and `fault` while it runs."""

    hostname: str = "s1.host.example"
    user: str = "admin"
    password: str = "da-password"
    zones: dict[str, Hosted] = field(default_factory=dict)
    denies_all: bool = False  # says that it has no zone, whichever is asked for, and lists them all the same
    hidden: set[str] = field(default_factory=set)  # zones that the list lacks though they are there
    fault: Fault | None = None
    fault_after: int = 0  # lists that still go well before the fault
    evolution: bool = False  # Basic does not open CMD_ pages, a session does
    csrf: bool = False  # POSTs of a session need its token
    legacy: bool = False  # knows no json=yes
    raw: bool = True  # CMD_API_DNS_CONTROL answers the zone file; else only records
    shown: Callable[[str], str] = str  # how the list writes a name
    slow_s: float = 30.0
    address: str = "127.0.0.1"
    port: int = 0
    certificate: tuple[Path, Path] | None = None
    cluster_on: str = "no"
    servers: dict[str, dict[str, str]] = field(default_factory=dict)  # Multi Server Setup
    said: dict[str, str] = field(default_factory=dict)  # answers of commands, whatever was asked
    asked: list[str] = field(default_factory=list)  # commands, in order
    sessions: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> StandIn:
        stand_in = self

        class Handler(_Handler):
            da = stand_in

        self._http = ThreadingHTTPServer((self.address, self.port), Handler)
        self._http.daemon_threads = True
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.address}:{self.port}"

    def host(self, names: Iterable[str], *, serial: int = SERIAL, user: str = "alice") -> None:
        """Make zones, without pushing them."""
        self.zones.update((name, Hosted(serial=serial, user=user)) for name in names)

    def text(self, name: str) -> str:
        """The zone file."""
        hosted = self.zones[name]
        return zone_text(name, serial=hosted.serial, extra=hosted.extra)

    def master(self, to: str, credential: str) -> DirectAdmin:
        """The pushing side, towards `host:port` with `user:password`."""
        host, _, port = to.rpartition(":")
        name, _, password = credential.partition(":")
        return DirectAdmin(host, int(port), name, password, "1.0", self.hostname)

    def push(self, name: str, to: str, credential: str) -> Reply:
        """Push a zone as the wire does."""
        return self.master(to, credential).rawsave(name, self.text(name), user=self.zones[name].user)

    def remove(self, name: str, to: str, credential: str) -> Reply:
        """Delete a zone here, and push the delete as the wire does."""
        hosted = self.zones.pop(name, Hosted())
        return self.master(to, credential).delete(name, user=hosted.user)


class _Handler(BaseHTTPRequestHandler):
    da: StandIn
    server_version, sys_version = "DirectAdmin", ""

    def log_message(self, *_arguments: object) -> None:
        return

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            super().handle()

    def do_GET(self) -> None:
        self._do({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        self._do(dict(parse_qsl(body, keep_blank_values=True)))

    def _do(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        fields = dict(parse_qsl(parts.query, keep_blank_values=True)) | form
        command = parts.path.strip("/")
        self.da.asked.append(command)
        if command == "CMD_LOGIN":
            self._log_in(fields)
        elif not self._known(command):
            return
        elif command.lower() in self.da.said:
            self._text(self.da.said[command.lower()])
        else:
            answer = getattr(self, f"_{command.lower()}", None)
            if answer is None:
                self._text("error=1&text=Unknown command&details=", 404)
            else:
                answer(fields)

    # -- who is it

    def _known(self, command: str) -> bool:
        """Whether the request may go on; answers when it may not."""
        cookies = dict(part.strip().partition("=")[::2] for part in self.headers.get("cookie", "").split(";"))
        token = self.da.sessions.get(cookies.get("session", ""))
        if token is not None:
            if self.command == "POST" and self.da.csrf and self.headers.get("x-csrftoken") != token:
                self._text("error=1&text=CSRF token missing&details=", 403)
                return False
            return True
        expected = base64.b64encode(f"{self.da.user}:{self.da.password}".encode()).decode()
        if self.headers.get("authorization") != f"Basic {expected}":
            self._send(200 if self.da.evolution else 401, LOGIN_PAGE, "text/html", {"X-DirectAdmin": "unauthorized"})
            return False
        if self.da.evolution and not command.startswith("CMD_API_"):
            self._send(302, "", "text/html", {"Location": "/evo/login"})
            return False
        return True

    def _log_in(self, fields: dict[str, str]) -> None:
        if (fields.get("username"), fields.get("password")) != (self.da.user, self.da.password):
            self._send(200, LOGIN_PAGE, "text/html")
            return
        session, token = secrets.token_hex(16), secrets.token_hex(16)
        self.da.sessions[session] = token
        self.send_response(302)
        self.send_header("Location", fields.get("referer", "/"))
        self.send_header("Set-Cookie", f"session={session}; path=/; HttpOnly")
        self.send_header("Set-Cookie", f"csrftoken={token}; path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    # -- commands

    def _cmd_api_login_test(self, _fields: dict[str, str]) -> None:
        self._text("error=0&text=Login OK&details=none")

    def _cmd_dns_admin(self, fields: dict[str, str]) -> None:
        if self.da.legacy:
            self._cmd_api_dns_admin(fields)
            return
        page, size = int(fields.get("page", "1")), int(fields.get("ipp", "50"))
        fault = self.da.fault
        if fault is not None and page == 1 and self.da.fault_after:
            self.da.fault_after -= 1
            fault = None
        if fault is not None and self._fail(fault, page):
            return
        names = self._names(fault)
        rows = names[(page - 1) * size : page * size]
        if fault is Fault.TOTAL:
            rows = rows[: max(len(rows) - 1, 0)]
        answer: dict[str, Any] = {str(number): {"domain": name} for number, name in enumerate(rows)}
        pages = max(-(-len(names) // size), 1)
        answer["info"] = {
            "rows": str(len(names)),
            "total_pages": str(pages),
            "current_page": str(page),
            "ipp": str(size),
        }
        body = json.dumps(answer)
        self._send(200, body[: len(body) // 2] if fault is Fault.HALF_PAGE else body, "application/json")

    def _fail(self, fault: Fault, page: int) -> bool:
        """Faults that need no rows; whether it was answered."""
        if fault is Fault.ERROR_500 or (fault is Fault.SECOND_PAGE and page > 1):
            self._send(500, "<html>Internal Server Error</html>", "text/html")
        elif fault is Fault.HTML:
            self._send(200, LOGIN_PAGE, "text/html")
        elif fault is Fault.ERROR_TEXT:
            self._text("error=1&text=Access denied&details=try again")
        elif fault is Fault.REDIRECT:
            self._send(302, "", "text/html", {"Location": "http://192.0.2.1/CMD_DNS_ADMIN"})
        elif fault is Fault.SLOW:
            self.da._stopping.wait(self.da.slow_s)
            self._send(503, "", "text/html")
        else:
            return False
        return True

    def _names(self, fault: Fault | None) -> list[str]:
        names = [self.da.shown(name) for name in list(self.da.zones) if name not in self.da.hidden]
        if fault is Fault.EMPTY:
            return []
        if fault is Fault.SHORT:
            return names[: len(names) // 3]
        if fault is Fault.OTHER_SERVER:
            return [f"other-{number}.example" for number in range(len(names))]
        return names

    def _cmd_api_dns_admin(self, fields: dict[str, str]) -> None:
        if "domain" in fields:
            self._cmd_api_dns_control(fields)
            return
        if self.da.fault is not None and self._fail(self.da.fault, 1):
            return
        self._text("&".join(f"list[]={quote(name)}" for name in self._names(self.da.fault)))

    def _cmd_api_domain_owners(self, fields: dict[str, str]) -> None:
        if name := fields.get("domain"):
            hosted = self.da.zones.get(name)
            self._text(f"{name}={hosted.user}" if hosted else "error=1&text=Cannot find that domain&details=")
            return
        self._text("&".join(f"{name}={zone.user}" for name, zone in list(self.da.zones.items()) if zone.user))

    def _cmd_api_dns_control(self, fields: dict[str, str]) -> None:
        name = fields.get("domain", "").lower().removesuffix(".")
        if name not in self.da.zones or self.da.denies_all:
            self._text("error=1&text=Cannot find that domain&details=")
        elif fields.get("json") == "yes":
            self._send(200, json.dumps({"records": self._records(name), "default_ttl": "3600"}), "application/json")
        elif self.da.raw:
            self._text(self.da.text(name))
        else:
            self._text("A=192.0.2.10&MX=mail")

    def _records(self, name: str) -> list[dict[str, str]]:
        serial = self.da.zones[name].serial
        rows = [
            ("SOA", "@", f"ns1.host.example. hostmaster.example.com. {serial} 3600 3600 1209600 86400"),
            ("NS", f"{name}.", "ns1.host.example."),
            ("NS", f"{name}.", "ns2.host.example."),
            ("A", f"{name}.", "192.0.2.10"),
            *(("A", host, "192.0.2.10") for host in ("ftp", "mail", "pop", "smtp", "www")),
            ("MX", f"{name}.", "10 mail"),
            ("TXT", f"{name}.", '"v=spf1 a mx ip4:192.0.2.10 ~all"'),
        ]
        return [{"type": kind, "name": owner, "value": value, "ttl": "3600"} for kind, owner, value in rows]

    def _cmd_multi_server(self, fields: dict[str, str]) -> None:
        action, servers = fields.get("action"), self.da.servers
        answer: dict[str, Any] = {"result": "", "success": ""}
        if action is None:
            answer = {"CLUSTER_ON": self.da.cluster_on, "servers": servers}
        elif action == "onoff":
            self.da.cluster_on = "yes"
            answer["success"] = "Saved"
        elif action == "add" and fields["ip"] in servers:
            answer["result"] = "Server already exists"
        elif action == "add":
            servers[fields["ip"]] = {"dns": "no", "domain_check": "no"} | {
                key: fields[key] for key in ("port", "user", "ssl")
            }
            answer["success"] = "Connection Added"
        elif action == "multiple" and fields.get("save"):
            ip = fields["select0"]
            servers[ip] |= {
                key.removesuffix(f"-{ip}"): value for key, value in fields.items() if key.endswith(f"-{ip}")
            }
            answer["success"] = "Connections Saved"
        self._send(200, json.dumps(answer), "application/json")

    # -- answers

    def _text(self, body: str, status: int = 200) -> None:
        self._send(status, body, "text/plain")

    def _send(self, status: int, body: str, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


def main() -> None:
    """Serve, and push what is there, until Ctrl-C."""
    options = argparse.ArgumentParser(description="A DirectAdmin server for trying things out.")
    options.add_argument("--zones", type=int, default=10)
    options.add_argument("--port", type=int, default=2223)
    options.add_argument("--hostname", default="s1.host.example")
    options.add_argument("--fault", choices=[str(fault) for fault in Fault])
    options.add_argument("--evolution", action="store_true")
    options.add_argument("--push-to", metavar="HOST:PORT", help="push every zone to this service once")
    options.add_argument("--as", dest="credential", default="directdnsonly:changeme", metavar="USER:PASSWORD")
    options.add_argument("--skip", type=int, default=0, help="push all but this many: the missed ones")
    options.add_argument("--once", action="store_true", help="end after pushing; exit code 1 when a push was refused")
    given = options.parse_args()
    fault = Fault(given.fault) if given.fault else None
    with StandIn(hostname=given.hostname, port=given.port, fault=fault, evolution=given.evolution) as da:
        da.host(f"zone-{number}.example" for number in range(given.zones))
        print(
            f"DirectAdmin stand-in: {da.url}, user {da.user}, password {da.password}, {len(da.zones)} zones", flush=True
        )
        if given.push_to:
            login = da.master(given.push_to, given.credential).login_test()
            print(f"login test: {login.body.decode(errors='replace')}", flush=True)
            names = list(da.zones)[given.skip :]
            bad = [name for name in names if da.push(name, given.push_to, given.credential).error != "0"]
            print(f"pushed {len(names) - len(bad)} zones to {given.push_to}, {len(bad)} were refused", flush=True)
            if given.once:
                raise SystemExit(bool(bad))
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
