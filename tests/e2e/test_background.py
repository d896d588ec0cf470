"""Started as `nohup dadns serve &` does it: Ctrl-C and the end of the terminal are ignored, SIGTERM is not."""

from __future__ import annotations

from pathlib import Path

from bench.load import dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import DADNS, LONGEST_STOP_S, Service

from tests.support.programs import require_program

SERIAL = 2026112300


class InBackground(Service):
    """As a shell without job control starts what ends in `&`."""

    program = ("sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh", DADNS, "serve", "--stop-name-servers")


def test_a_service_in_the_background_stops_when_it_is_told_to() -> None:
    """With its name server and its parser process, whatever signals they have inherited."""
    require_program("named")
    with InBackground(log_level="INFO") as service:
        push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
        push_blocking(service.port, rawsave("large.example", zone_text("large.example", SERIAL, records=3000)))
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, "a.example", SERIAL)
            wait_served(sock, "large.example", SERIAL)
        children = _children_of(service.pid)
        assert len(children) >= 2

        assert service.stop() < LONGEST_STOP_S

        assert 0 == service.exit_code()
        assert [] == [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert '"service.stopped"' in (service.folder / "log").read_text()


def _children_of(pid: int) -> list[int]:
    """Processes that it has started, from any of its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
