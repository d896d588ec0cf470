"""One damaged row in the store among 50 good ones: only that zone is not delivered, and it says why everywhere."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import httpx
from bench.load import PASSWORD, USER, delete, dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import Service

from tests.e2e.test_hands import runner
from tests.e2e.test_line import until

SERIAL = 2026112300
NAMES = [f"z{number}.example" for number in range(50)]
NAME = "damaged.example"


def harm(service: Service) -> None:
    """Every kept version of the zone loses its end, as a torn write leaves it."""
    with closing(sqlite3.connect(service.folder / "data/queues/outbox.sqlite", timeout=30)) as store, store:
        assert store.execute(
            "UPDATE version SET body = substr(body, 1, length(body) - 20) WHERE zone = ? AND body IS NOT NULL", (NAME,)
        ).rowcount


def test_one_damaged_zone_stops_nobody_else_and_a_push_heals_it(service, tmp_path):
    dadns = runner(service, tmp_path)
    with (
        httpx.Client(base_url=service.url, auth=(USER, PASSWORD), trust_env=False, timeout=30) as api,
        dns_socket(service.dns_port) as sock,
    ):
        api.post("/api/v1/backends/bind/pause", json={"reason": "all in one batch"})
        for name in [*NAMES[:25], NAME, *NAMES[25:]]:
            push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
        harm(service)
        api.post("/api/v1/backends/bind/resume")

        for name in NAMES:
            wait_served(sock, name, SERIAL)

        def placement() -> dict[str, object]:
            (found,) = api.get(f"/api/v1/zones/{NAME}").json()["placements"]
            return dict(found)

        def says_why() -> None:
            until(lambda: placement()["state"] == "dead")
            reason = str(placement()["reason"])
            assert f"version 1 of {NAME} is damaged in the store" in reason
            assert "push the zone again from DirectAdmin, or roll back" in reason
            assert "data/queues/outbox.sqlite" in reason
            text = api.get(f"/api/v1/zones/{NAME}/text")
            assert (410, "urn:directdnsonly:problem:damaged") == (text.status_code, text.json()["type"])
            assert "push the zone again" in text.json()["detail"]
            rollback = api.post(f"/api/v1/zones/{NAME}/rollback", json={"version": 1})
            assert 410 == rollback.status_code
            (bind,) = api.get("/api/v1/status").json()["backends"]
            assert ("degraded", 1) == (bind["state"], bind["dead"])
            assert "is damaged in the store" in dadns("explain", NAME, code=1).stdout
            dead = json.loads(dadns("outbox", "--dead", "--json").stdout)
            assert NAME in json.dumps(dead)

        says_why()
        assert served_serial(sock, NAME) is None
        log = [json.loads(line) for line in (service.folder / "log").read_text().splitlines() if "{" in line]
        (buried,) = [line for line in log if line["event"] == "delivery.buried"]
        assert (NAME, 1) == (buried["zone"], buried["version"])
        assert "data/queues/outbox.sqlite" in buried["reason"]

        service.stop()
        service.start()
        api.post("/api/v1/outbox/revive", json={"zone": NAME})
        says_why()
        push_blocking(service.port, rawsave("later.example", zone_text("later.example", SERIAL)))
        wait_served(sock, "later.example", SERIAL)

        push_blocking(service.port, rawsave(NAME, zone_text(NAME, SERIAL)))  # the very same again

        wait_served(sock, NAME, SERIAL)
        until(lambda: placement()["state"] == "verified")
        assert 200 == api.get(f"/api/v1/zones/{NAME}/text").status_code
        (bind,) = api.get("/api/v1/status").json()["backends"]
        assert 0 == bind["dead"]

        harm(service)
        push_blocking(service.port, delete(NAME))
        wait_served(sock, NAME, None)
    assert service.exit_code() is None
    assert "Traceback" not in (service.folder / "log").read_text()
