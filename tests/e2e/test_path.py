"""One zone's file that cannot be written stops nobody else, seen from the API of the running service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import Service

from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300
QUICK = "dispatch:\n  retry_delays_s: [0.2]\n  max_attempts: 1000\n"


@pytest.fixture(params=["bind", "nsd", "knot"])
def service(request) -> Iterator[Service]:
    require_program({"bind": "named", "nsd": "nsd", "knot": "knotd"}[request.param])
    with Service(backend=request.param, extra=QUICK, log_level="INFO") as running:
        yield running


def test_a_directory_at_one_zones_path_opens_no_breaker(service):
    """Twenty zones beside it are served, the one is told with path and cause, and heals when the directory is gone."""
    names = ["bad.example", *(f"z{number}.example" for number in range(20))]
    obstacle = service.folder / f"data/backends/{service.backend}/zones/bad.example.db"

    with (
        httpx.Client(base_url=f"{service.url}/api/v1", auth=(USER, PASSWORD), timeout=60, trust_env=False) as api,
        dns_socket(service.dns_port) as sock,
    ):

        def placement(zone: str) -> dict:
            return api.get(f"/zones/{zone}").raise_for_status().json()["placements"][0]

        def backend() -> dict:
            (found,) = api.get("/backends").raise_for_status().json()["items"]
            return found

        for name in names:
            push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
        for name in names:
            wait_served(sock, name, SERIAL)
        obstacle.unlink()
        obstacle.mkdir()
        for name in names:
            push_blocking(service.port, rawsave(name, zone_text(name, SERIAL + 1)))
        for name in names[1:]:
            wait_served(sock, name, SERIAL + 1)
        until(lambda: placement("bad.example")["attempts"] >= 3)

        told = placement("bad.example")
        assert (
            f"{obstacle}: Is a directory: there is a directory in its place: move the directory away" in told["reason"]
        )
        until(lambda: {"verified"} == {placement(name)["state"] for name in names[1:]})
        assert ("closed", 1, 0) == (backend()["breaker"], backend()["pending"] + backend()["leased"], backend()["dead"])
        assert SERIAL == served_serial(sock, "bad.example")
        log = (service.folder / "log").read_text()
        retried = [line for line in log.splitlines() if '"delivery.retried"' in line and '"bad.example"' in line]
        assert any(f"{obstacle}: Is a directory" in line for line in retried)
        assert "breaker.opened" not in log

        obstacle.rmdir()
        wait_served(sock, "bad.example", SERIAL + 1)
        until(lambda: "verified" == placement("bad.example")["state"])
