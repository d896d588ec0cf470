"""A name server that is taken out of the configuration for good: shown, and forgotten when an operator says so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import DADNS, MANAGED, Service, free_port

from tests.support.programs import require_program

SERIAL = 2026112501
SRC = Path(__file__).parents[2] / "src"
NS2 = """\
    ns2:
      type: powerdns
      api_url: http://127.0.0.1:{port}
      api_key: not-shown
      verify_address: "127.0.0.1#{port}"
"""


class Degraded(Service):
    """One of its backends is down."""

    def start(self, *, until: str = "accepting") -> float:
        return super().start(until=until)


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    """The service, and the part of its configuration that is about ns2."""
    require_program("named")
    ns2 = NS2.replace("{port}", str(free_port()))
    with Degraded(backends=MANAGED + ns2) as running:
        yield running, ns2


def test_a_backend_that_is_gone_for_good_is_forgotten_by_an_operator(service):
    """Refused while it is configured; then its rows go, once; asked again, nothing happens. The audit tells who."""
    running, ns2 = service
    with httpx.Client(base_url=f"{running.url}/api/v1", auth=(USER, PASSWORD), trust_env=False, timeout=30) as api:

        def dadns(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [DADNS, *words], capture_output=True, text=True, check=False, timeout=60,
                env={**os.environ, "DADNS_CONFIG": str(running.folder / "app.yml"), "PYTHONPATH": str(SRC)},
            )  # fmt: skip

        assert api.put("/zones/a.example", content=zone_text("a.example", SERIAL)).is_success
        refused = api.delete("/backends/ns2")
        assert (409, True) == (refused.status_code, "dns.backends.ns2" in refused.json()["detail"])
        assert "still configured" in dadns("backends", "forget", "ns2").stderr
        running.stop()
        config = running.folder / "app.yml"
        config.write_text(config.read_text().replace(ns2, ""))
        running.start()

        told = {each["name"]: each for each in api.get("/backends").json()["items"]}
        assert ("removed", True) == (told["ns2"]["state"], "1 delivery is kept" in told["ns2"]["reason"])
        assert "removed" == api.get("/backends/ns2").json()["state"]
        assert ["bind"] == [each["name"] for each in api.get("/status").json()["backends"]]
        assert 404 == api.post("/backends/ns2/pause").status_code
        assert "backend ns2: no longer configured, 1 delivery is kept" in dadns("check").stdout
        assert "dadns backends forget ns2" in dadns("backends").stdout

        done = dadns("backends", "forget", "ns2")

        assert (0, "ns2: forgotten, along with 1 delivery\n") == (done.returncode, done.stdout)
        assert {"backend": "ns2", "deliveries": 0} == api.delete("/backends/ns2").json()
        assert "ns2: nothing is kept for it\n" == dadns("backends", "forget", "ns2").stdout
        events = [event for event in api.get("/events").json()["items"] if event["event"] == "backend.forgotten"]
        assert [(USER, "ns2: 1 delivery")] == [(event["actor"], event["detail"]) for event in events]
        assert ["bind"] == [each["name"] for each in api.get("/backends").json()["items"]]
        assert 404 == api.get("/backends/ns2").status_code
        assert "ns2" not in dadns("check").stdout
