"""A secondary that is configured by hand beside the bundled named: what topology D has today."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.query
import pytest
from bench.load import dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import MANAGED, Service, free_port

from tests.support.programs import end, no_lock_file, require_program

SERIAL = 2026112300
NAME = "a.example"
ALLOWED, OTHER = "127.0.0.2", "127.0.0.3"  # addresses of the loopback network; from 127.0.0.1 we ask ourselves


@contextmanager
def _secondary(folder: Path, primary_port: int, *, port: int, asks: bool) -> Iterator[Path]:
    """A named that transfers the zone from the address that may, and `asks` for its serial each second; its log."""
    asking = "max-refresh-time 1; min-refresh-time 1;" if asks else ""
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile none; {no_lock_file()} recursion no;\n'
        f"listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no;\n"
        f"transfer-source {ALLOWED}; {asking} }}; controls {{ }};\n"
        f'zone "{NAME}" {{ type secondary; primaries {{ 127.0.0.1 port {primary_port}; }}; file "a.db"; }};\n'
    )
    log = folder / "named.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen([require_program("named"), "-g", "-c", str(folder / "named.conf")], stderr=stderr)
    try:
        yield log
    finally:
        end(process)


def test_a_secondary_that_may_transfer_follows_and_nobody_else_may(tmp_path):
    """A new zone and its next version arrive there; an address that is not in `allow_transfer` is refused."""
    require_program("named")
    with Service(backends=f'{MANAGED}      allow_transfer: ["{ALLOWED}"]\n      notify: true\n') as service:
        push_blocking(service.port, rawsave(NAME, zone_text(NAME, SERIAL)))
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, NAME, SERIAL)

        port = free_port()
        with _secondary(tmp_path, service.dns_port, port=port, asks=True), dns_socket(port) as sock:
            wait_served(sock, NAME, SERIAL)
            push_blocking(service.port, rawsave(NAME, zone_text(NAME, SERIAL + 1)))
            wait_served(sock, NAME, SERIAL + 1)

        # named 9.18 tries another source address when its own is refused; we do not.
        assert list(dns.query.xfr("127.0.0.1", NAME, port=service.dns_port, source=ALLOWED, lifetime=60))
        with pytest.raises(dns.query.TransferError, match="REFUSED"):
            list(dns.query.xfr("127.0.0.1", NAME, port=service.dns_port, source=OTHER, lifetime=60))


def _may_listen() -> bool:
    """Whether port 53 of 127.0.0.1 can be had."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind(("127.0.0.1", 53))
            udp.bind(("127.0.0.1", 53))
        except OSError:
            return False
        return True


def test_notify_tells_the_hosts_in_the_ns_records_at_port_53(tmp_path):
    """The secondary never asks by itself (the zone's refresh is an hour): it follows because it is told."""
    require_program("named")
    if not _may_listen():
        pytest.skip("port 53 of 127.0.0.1 cannot be had: it is taken, or needs root")
    within = f"{NAME}.\t3600\tIN\tNS\tns3.{NAME}.\nns3\t3600\tIN\tA\t127.0.0.1\n".encode()
    with Service(backends=f'{MANAGED}      allow_transfer: ["{ALLOWED}"]\n      notify: true\n') as service:
        push_blocking(service.port, rawsave(NAME, zone_text(NAME, SERIAL) + within))
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, NAME, SERIAL)

        with _secondary(tmp_path, service.dns_port, port=53, asks=False) as log, dns_socket(53) as sock:
            wait_served(sock, NAME, SERIAL)
            push_blocking(service.port, rawsave(NAME, zone_text(NAME, SERIAL + 1) + within))

            wait_served(sock, NAME, SERIAL + 1, limit_s=120)

            assert f"received notify for zone '{NAME}'" in log.read_text()
