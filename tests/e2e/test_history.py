"""Rolling back, pinning and releasing, as a real name server then serves it."""

from __future__ import annotations

import subprocess

import dns.message
import dns.query
from bench.load import dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import DADNS, Service

SERIAL = 2026112300
ZONE = "example.com"


def address(service: Service) -> str:
    answer = dns.query.udp(dns.message.make_query(f"www.{ZONE}", "A"), "127.0.0.1", port=service.dns_port, timeout=30)
    return str(answer.answer[0][0])


def dadns(service: Service, *arguments: str) -> str:
    done = subprocess.run(
        [DADNS, *arguments, "--config", str(service.folder / "app.yml")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def push(service: Service, serial: int, host: str) -> None:
    push_blocking(service.port, rawsave(ZONE, zone_text(ZONE, serial, address=host)))


def test_a_rollback_is_served_with_a_serial_that_moves_forward_and_a_pin_holds_it(service):
    """The commands wait for the proof; DirectAdmin is answered error=0 all the while."""
    with dns_socket(service.dns_port) as sock:
        push(service, SERIAL, "192.0.2.1")
        push(service, SERIAL + 1, "192.0.2.2")
        wait_served(sock, ZONE, SERIAL + 1)

        dadns(service, "rollback", ZONE, "1", "--pin")
        assert ("192.0.2.1", SERIAL + 2) == (address(service), served_serial(sock, ZONE))

        push(service, SERIAL + 2, "192.0.2.3")
        push(service, SERIAL + 9, "192.0.2.4")
        service.stop()
        service.start()
        assert ("192.0.2.1", SERIAL + 2) == (address(service), served_serial(sock, ZONE))
        assert "pinned at version 3" in dadns(service, "history", ZONE)

        dadns(service, "unpin", ZONE)
        assert ("192.0.2.4", SERIAL + 9) == (address(service), served_serial(sock, ZONE))
        assert "192.0.2.4" in dadns(service, "diff", ZONE, "--from", "3")
