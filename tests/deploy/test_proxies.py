"""DirectAdmin's traffic through the reverse proxies that we document, over TLS, to the real service."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, wait_served
from bench.service import Service

from tests.deploy.proxies import Proxy, running_proxy
from tests.support.programs import require_program
from tests.support.wire import DirectAdmin, rawsave_target, zone_text

SERIAL = 2026112500
TOKEN = '_acme-challenge\t5\tIN\tTXT\t"HOTn-iZPVM"\n'
LIMIT = 16 * 2**20  # app.max_body_bytes


@dataclass(frozen=True)
class Chain:
    """A proxy and the service behind it."""

    proxy: Proxy
    service: Service


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One of each for all tests here."""
    require_program("named")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DADNS_APP_TRUSTED_PROXIES", "127.0.0.1")
        with Service(log_level="INFO") as service:
            folder = tmp_path_factory.mktemp(request.param)
            with running_proxy(request.param, folder, service_port=service.port) as proxy:
                yield Chain(proxy, service)


@pytest.mark.parametrize("version", ["1.0", "1.1"], ids=["HTTP/1.0", "HTTP/1.1"])
def test_the_wire_replay_passes(chain, version):
    """Create, the form's type-ahead, a wildcard certificate's three pushes and its clean-up, delete."""
    domain = f"v{version.replace('.', '-')}.example"
    master = chain.proxy.master(USER, PASSWORD, version=version)
    assert b"error=0&text=Login OK&details=none" == master.login_test().body
    for length in range(1, len(domain) + 1):  # one question per key, while the domain is typed
        assert "0" == master.exists(domain[:length]).fields["exists"]
        assert "0" == master.exists(domain[:length], flag="true").fields["exists"]

    with dns_socket(chain.service.dns_port) as sock:
        assert b"error=0" == master.rawsave(domain, zone_text(domain, serial=SERIAL)).body
        wait_served(sock, domain, SERIAL)
        assert "1" == master.exists(domain).fields["exists"]
        assert "3" == master.exists(f"sub.{domain}", flag="true").fields["exists"]

        for step, extra, reload in ((1, "", False), (2, "", False), (3, TOKEN, True)):
            zone = zone_text(domain, serial=SERIAL + step, extra=extra)
            assert b"error=0" == master.rawsave(domain, zone, reload=reload).body
        wait_served(sock, domain, SERIAL + 3)
        assert ['"HOTn-iZPVM"'] == _texts(chain, f"_acme-challenge.{domain}")

        assert b"error=0" == master.rawsave(domain, zone_text(domain, serial=SERIAL + 4)).body
        wait_served(sock, domain, SERIAL + 4)
        assert [] == _texts(chain, f"_acme-challenge.{domain}")

        assert b"error=0" == master.delete(domain, user="alice").body
        wait_served(sock, domain, None)
        assert "0" == master.exists(domain).fields["exists"]


def test_wrong_credentials_get_our_answer(chain):
    """401 with the challenge and error=1, not a page of the proxy."""
    reply = chain.proxy.master(USER, "wrong").login_test()

    assert (401, "1") == (reply.status, reply.error)
    assert "Basic" in reply.headers["www-authenticate"]


def test_the_status_page_passes_with_its_policy(chain):
    """Page, fragment and script, with the headers that keep a browser in bounds; without a password it is ours that asks."""
    with httpx.Client(verify=False, trust_env=False, timeout=30, auth=(USER, PASSWORD)) as client:
        url = f"https://127.0.0.1:{chain.proxy.port}"
        page = client.get(f"{url}/", follow_redirects=True)
        live = client.get(f"{url}/status/live")
        script = client.get(url + next(part for part in page.text.split('"') if "status.js" in part))
        stranger = client.get(f"{url}/status", auth=None)

    assert [200, 200, 200, 401] == [one.status_code for one in (page, live, script, stranger)]
    assert "/status" == page.url.path
    assert 'id="live"' in page.text
    assert live.text.startswith("<div")
    assert script.headers["content-type"].startswith("text/javascript")
    assert all(
        "frame-ancestors 'none'" in one.headers["content-security-policy"] for one in (page, live, script, stranger)
    )


def test_the_largest_push_passes_and_one_octet_more_is_answered_as_directadmin_reads_it(chain):
    """The proxy's limit is ours, 16 MiB to the octet."""
    master = chain.proxy.master(USER, PASSWORD)
    zone = zone_text("large.example", serial=SERIAL)
    largest = zone + "\n" * (LIMIT - len(zone))

    assert b"error=0" == master.rawsave("large.example", largest).body
    length = f"Content-Length: {LIMIT + 1}\r\n"  # answered at once, before the body comes
    refused = master.ask("POST", rawsave_target("large.example"), headers=length)
    assert (413, "1") == (refused.status, refused.error)


def test_what_a_client_claims_about_its_address_is_not_believed(chain):
    """Through the proxy and past it: only what the trusted proxy has seen."""
    claim = "X-Forwarded-For: 203.0.113.66\r\nX-Real-IP: 203.0.113.66\r\nForwarded: for=203.0.113.66\r\n"
    through = chain.proxy.master(USER, PASSWORD, source="127.0.0.3")
    past = _Past("127.0.0.1", chain.service.port, USER, PASSWORD)

    assert b"error=0" in through.ask("GET", "/CMD_API_LOGIN_TEST", headers=claim).body
    assert "127.0.0.3" == _last_login(chain.service)
    assert b"error=0" in past.ask("GET", "/CMD_API_LOGIN_TEST", headers=claim).body
    assert "127.0.0.2" == _last_login(chain.service)


def test_a_service_that_is_away_is_told_as_directadmin_reads_it(chain):
    """error=1 and 502; after the service is back the next push passes. Last: it restarts the service."""
    master = chain.proxy.master(USER, PASSWORD)
    chain.service.stop()

    away = master.rawsave("back.example", zone_text("back.example", serial=SERIAL))
    chain.service.start()

    assert (502, "1") == (away.status, away.error)
    assert b"error=0" == master.rawsave("back.example", zone_text("back.example", serial=SERIAL)).body


class _Past(DirectAdmin):
    """A client that speaks to the service itself, from 127.0.0.2, which is no trusted proxy."""

    def send(self, octets):
        import socket

        from tests.support.wire import TIMEOUT_S, read_reply

        address = (self.host, self.port)
        with socket.create_connection(address, timeout=TIMEOUT_S, source_address=("127.0.0.2", 0)) as connection:
            connection.sendall(octets)
            return read_reply(connection)


def _texts(chain: Chain, name: str) -> list[str]:
    query = dns.message.make_query(name, "TXT")
    answer = dns.query.udp(query, "127.0.0.1", port=chain.service.dns_port, timeout=30).answer
    return [rdata.to_text() for rrset in answer for rdata in rrset]


def _last_login(service: Service) -> str:
    """The address of the newest login test in the log."""
    log: Path = service.folder / "log"
    until = time.monotonic() + 60
    while True:
        lines = [json.loads(line) for line in log.read_text().splitlines() if '"login.tested"' in line]
        if lines or time.monotonic() > until:
            return str(lines[-1]["address"]) if lines else ""
        time.sleep(0.05)
