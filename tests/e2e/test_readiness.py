"""/readyz tells the truth about the actors: one that has ended makes the service unready at once, by name."""

from __future__ import annotations

import os
import signal

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import STOPPABLE

from tests.e2e.test_line import until
from tests.faults.child import BUG
from tests.faults.conftest import FaultService
from tests.support.programs import require_program

AUTH = (USER, PASSWORD)


@pytest.fixture
def service():
    require_program("named")
    with FaultService(backends=STOPPABLE) as running:
        yield running


def test_a_lane_that_died_makes_the_service_unready_until_it_ends(service):
    """A bug in the backend kills the lane; named hangs, so that the rest takes seconds to stop. Pushes are still
    answered then, but nobody is told any more that all is well, and the process ends with an error."""
    with httpx.Client(base_url=service.url, auth=AUTH, trust_env=False, timeout=30) as api:
        well = api.get("/readyz", params={"verbose": "true"}).json()
        assert ("ready", "ok", []) == (well["status"], well["actors"], well["lost_actors"])
        assert "directdnsonly_lost_actors 0.0" in api.get("/metrics").text
        api.post("/api/v1/backends/bind/pause", json={"reason": "test"})
        put = api.put("/api/v1/zones/unlucky.example", content=zone_text("unlucky.example", 2026112300))
        assert 200 == put.status_code
        service.arm(BUG)
        named = service.named_pid()
        os.kill(named, signal.SIGSTOP)
        try:
            api.post("/api/v1/backends/bind/resume")
            seen: list[httpx.Response] = []

            def is_unready() -> bool:
                try:
                    seen.append(api.get("/readyz", params={"verbose": "true"}))
                except httpx.TransportError:
                    return True  # it has ended
                return 503 == seen[-1].status_code

            until(is_unready, limit_s=120)
        finally:
            os.kill(named, signal.SIGCONT)
    assert (503, "lost") == (seen[-1].status_code, seen[-1].json()["actors"])
    assert any(name.startswith("dispatch:bind:") for name in seen[-1].json()["lost_actors"]), seen[-1].json()
    assert "dispatch:bind:" in seen[-1].json()["reason"]
    until(lambda: service.exit_code() is not None, limit_s=120)
    assert 1 == service.exit_code()
