"""A real nginx or Caddy with the configuration that we ship, on free ports of loopback, with a certificate of its own."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.service import free_port

from tests.support.programs import end, require_program
from tests.support.wire import TIMEOUT_S, DirectAdmin, Reply, read_reply

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 120.0
NGINX = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/directdnsonly.conf;
}}
"""


@dataclass(frozen=True)
class Master(DirectAdmin):
    """A DirectAdmin server that speaks TLS, to the bare address and without SNI, from an address of its own."""

    certificate: Path = Path()
    source: str = "127.0.0.1"

    def send(self, octets: bytes) -> Reply:
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # DirectAdmin is given an IP address
        plain = socket.create_connection((self.host, self.port), timeout=TIMEOUT_S, source_address=(self.source, 0))
        with plain, context.wrap_socket(plain) as connection:
            connection.sendall(octets)
            return read_reply(connection)


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    port: int
    certificate: Path

    def master(self, user: str, password: str, *, version: str = "1.0", source: str = "127.0.0.1") -> Master:
        return Master("127.0.0.1", self.port, user, password, version, certificate=self.certificate, source=source)


@contextmanager
def running_proxy(kind: str, folder: Path, *, service_port: int) -> Iterator[Proxy]:
    """nginx or caddy with deploy/'s configuration; only ports and paths are replaced."""
    program = require_program(kind)
    certificate, key, port = folder / "fullchain.pem", folder / "privkey.pem", free_port()
    _make_certificate(certificate, key)
    places = {
        "127.0.0.1:2280": f"127.0.0.1:{service_port}",
        "/etc/ssl/directdnsonly/fullchain.pem": str(certificate),
        "/etc/ssl/directdnsonly/privkey.pem": str(key),
    }
    if kind == "nginx":
        listen = {"listen 2222 ": f"listen 127.0.0.1:{port} ", "    listen [::]:2222 ssl default_server;\n": ""}
        shipped = _put_in((ROOT / "deploy/nginx/directdnsonly.conf").read_text(), places | listen)
        (folder / "directdnsonly.conf").write_text(shipped)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    else:
        shipped = _put_in((ROOT / "deploy/caddy/Caddyfile").read_text(), places | {"\n:2222 {": f"\n:{port} {{"})
        (folder / "Caddyfile").write_text(shipped)
        command = [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)
    try:
        _wait_listening(port, process, folder / "proxy.log")
        yield Proxy(port, certificate)
    finally:
        end(process)


def _put_in(text: str, places: Mapping[str, str]) -> str:
    for shipped, here in places.items():
        assert shipped in text, f"the shipped configuration has no {shipped!r} any more"
        text = text.replace(shipped, here)
    return text


def _make_certificate(certificate: Path, key: Path) -> None:
    """Self-signed, as most extra DNS servers have."""
    subject = ["-subj", "/CN=ns1.example.com", "-addext", "subjectAltName=DNS:ns1.example.com,IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = [require_program("openssl"), "req", "-x509", *curve, *subject, *files]
    subprocess.run(command, check=True, capture_output=True)


def _wait_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        else:
            return
