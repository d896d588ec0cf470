"""Where the bundled name server listens."""

from __future__ import annotations

from bench.load import dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import Service

from tests.support.programs import require_program


def test_a_bundled_named_that_listens_everywhere_answers(monkeypatch):
    """Symptom: with `listen: [0.0.0.0]` named listened nowhere, since its lists take that for one address."""
    require_program("named")
    monkeypatch.setenv("DADNS_DNS_BACKENDS_BIND_LISTEN", "0.0.0.0,::")

    with Service() as service, dns_socket(service.dns_port) as sock:
        push_blocking(service.port, rawsave("a.example", zone_text("a.example", 1)))

        wait_served(sock, "a.example", 1)
