"""What is done with a zone of 100,000 records holds up nobody else's answers."""

from __future__ import annotations

import concurrent.futures
import json

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, large_zone, wait_served, zone_text

from tests.support.wire import DirectAdmin

SERIAL = 2026112300
RECORDS = 100_000
MANY = 30  # answers that others get meanwhile (136 and more; 8 when the loop is held up)


def large(serial: int, last: int) -> bytes:
    hosts = "".join(
        f"h{number}\t300\tIN\tA\t10.{number >> 16}.{number >> 8 & 255}.{(number + last) & 255}\n"
        for number in range(RECORDS)
    )
    return zone_text("large.example", serial) + hosts.encode()


@pytest.fixture
def api(service):
    with httpx.Client(base_url=f"{service.url}/api/v1", auth=(USER, PASSWORD), timeout=120, trust_env=False) as client:
        yield client


def answers_meanwhile(service, work) -> tuple[httpx.Response, int]:
    """The answer to `work`, and how many domain checks were answered before it."""
    with (
        concurrent.futures.ThreadPoolExecutor() as pool,
        httpx.Client(base_url=service.url, auth=(USER, PASSWORD), timeout=120, trust_env=False) as other,
    ):
        running = pool.submit(work)
        answered = 0
        while not running.done():
            other.get("/CMD_API_DNS_ADMIN", params={"action": "exists", "domain": "x.example"}).raise_for_status()
            answered += 1
        return running.result(), answered


@pytest.mark.parametrize("octets", [90_000, 800_000])
def test_a_large_zone_is_served(service, octets):
    """Started by the script of `make run`. Above 64 KiB another process parses, which must not become a second service."""
    master = DirectAdmin("127.0.0.1", service.port, USER, PASSWORD)
    reply = master.rawsave("large.example", large_zone("large.example", SERIAL, octets))

    assert b"error=0" == reply.body
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "large.example", SERIAL)


def test_the_difference_of_two_large_versions_holds_up_nobody_and_is_bounded(service, api):
    for number in (0, 1):
        put = api.put(
            "/zones/large.example", content=large(SERIAL + number, number), headers={"Content-Type": "text/dns"}
        )
        assert 200 == put.status_code, put.text

    told, answered = answers_meanwhile(service, lambda: api.get("/zones/large.example/diff", params={"limit": 3}))

    assert {"added": 0, "removed": 0, "changed": RECORDS + 1} == told.json()["counts"]
    assert ["h0.large.example.", "h1.large.example.", "h10.large.example."] == [
        pair["before"]["owner"] for pair in told.json()["changed"]
    ]
    assert answered >= MANY


def test_a_large_zone_as_json_is_refused_with_what_to_send_instead(service, api):
    """Reading it would take the loop; a zone file is read beside it."""
    sets = [{"owner": f"h{number}", "type": "A", "ttl": 300, "rdata": ["192.0.2.1"]} for number in range(RECORDS)]

    refused = api.put(
        "/zones/large.example", content=json.dumps({"rrsets": sets}), headers={"Content-Type": "application/json"}
    )

    assert 413 == refused.status_code
    assert "text/dns" in refused.json()["detail"]
