"""The line with each other bundled name server: pushed, served, the name server killed, served again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from bench.load import delete, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import DADNS, Service, free_port

from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300


def test_a_second_service_with_the_same_data_dir_leaves_the_firsts_name_server_alone():
    """Another store, other ports, the same folder of name servers: its start ends, and says with whom it collides."""
    require_program("named")
    with Service(log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
        wait_served(sock, "a.example", SERIAL)
        named = service.named_pid()
        config = (service.folder / "app.yml").read_text().replace(str(service.port), str(free_port()))
        second = service.folder / "second.yml"
        second.write_text(f"{config}\nqueue_location: {service.folder}/other-queues\n")

        done = subprocess.run(
            [DADNS, "serve", "--config", second], capture_output=True, text=True, timeout=60, check=False
        )

        assert 1 == done.returncode, done.stdout
        assert f"the data_dir is in use by process {service.pid}" in done.stderr
        assert named == service.named_pid()
        assert Path(f"/proc/{named}").exists()
        wait_served(sock, "a.example", SERIAL)


@pytest.mark.parametrize(("backend", "program"), [("nsd", "nsd"), ("knot", "knotd")])
def test_pushed_served_killed_and_served_again(backend, program):
    """As DirectAdmin pushes; kill -9 of the name server; kill -9 of ourselves; a delete at the end."""
    require_program(program)
    names = [f"z{number}.example" for number in range(20)] + ["0/26.2.0.192.in-addr.arpa"]
    with Service(backend=backend, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        for name in names:
            push_blocking(service.port, rawsave(name.replace("/", "%2F"), zone_text(name, SERIAL)))
        for name in names:
            wait_served(sock, name, SERIAL)
        killed = service.daemon_pid()
        assert program in Path(f"/proc/{killed}/cmdline").read_text()
        if os.geteuid() == 0:
            assert Path(f"/proc/{killed}").stat().st_uid != 0, "it should have dropped to its own user"

        os.kill(killed, signal.SIGKILL)
        until(lambda: '"nameserver.exited"' in (service.folder / "log").read_text())
        push_blocking(service.port, rawsave("z0.example", zone_text("z0.example", SERIAL + 1)))
        until(lambda: service.readyz()["status"] == "ready", 30)
        wait_served(sock, "z0.example", SERIAL + 1)
        for name in names[1:]:
            wait_served(sock, name, SERIAL)
        assert killed != service.daemon_pid()

        service.kill()  # the name server goes on alone, and is adopted at the start
        wait_served(sock, "z1.example", SERIAL)
        service.start()
        for name in names[1:]:
            wait_served(sock, name, SERIAL)
        push_blocking(service.port, delete("z2.example"))
        wait_served(sock, "z2.example", None)
        assert "backend.drifted" not in (service.folder / "log").read_text()
