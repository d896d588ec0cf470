"""The line end to end: bytes as DirectAdmin sends them in, answers of a real named out."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import dns.message
import dns.query
import dns.rcode
import pytest
from bench.load import delete, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import DADNS, LONGEST_STOP_S, Service

from directdnsonly.outbox.sqlite.triggers import STORM_PAUSE_S

SERIAL = 2026112300


def ask(service: Service, name: str, kind: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, kind), "127.0.0.1", port=service.dns_port, timeout=30)


def texts(service: Service, name: str) -> list[str]:
    return [rdata.to_text() for rrset in ask(service, name, "TXT").answer for rdata in rrset]


def until(condition, limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_create_acme_and_delete_as_on_the_wire(service):
    """Every answer and the served state."""
    zone = zone_text("example.com", SERIAL)
    token = b'_acme-challenge\t5\tIN\tTXT\t"HOTn-iZPVM"\n'
    with dns_socket(service.dns_port) as sock:
        push_blocking(service.port, rawsave("example.com", zone))
        wait_served(sock, "example.com", SERIAL)
        assert ["192.0.2.10"] == [rdata.to_text() for rdata in ask(service, "www.example.com", "A").answer[0]]

        push_blocking(service.port, rawsave("example.com", zone_text("example.com", SERIAL + 1)))
        push_blocking(service.port, rawsave("example.com", zone_text("example.com", SERIAL + 2) + token, reload=True))
        wait_served(sock, "example.com", SERIAL + 2)
        assert ['"HOTn-iZPVM"'] == texts(service, "_acme-challenge.example.com")
        assert 5 == ask(service, "_acme-challenge.example.com", "TXT").answer[0].ttl

        push_blocking(service.port, rawsave("example.com", zone_text("example.com", SERIAL + 3)))
        wait_served(sock, "example.com", SERIAL + 3)
        assert [] == texts(service, "_acme-challenge.example.com")

        push_blocking(service.port, delete("example.com"))
        wait_served(sock, "example.com", None)
        assert dns.rcode.REFUSED == ask(service, "example.com", "SOA").rcode()


def test_a_storm_on_one_zone_ends_with_the_last_version_after_few_reloads(service):
    """132 pushes in a burst: one delivery for each pause between two of a zone, at most."""
    began = time.monotonic()
    with dns_socket(service.dns_port) as sock:
        for number in range(132):
            push_blocking(service.port, rawsave("storm.example", zone_text("storm.example", SERIAL + number)))
        wait_served(sock, "storm.example", SERIAL + 131)

    (backend,) = service.status()["backends"]
    assert backend["proven"] <= 2 + (time.monotonic() - began) / STORM_PAUSE_S


def test_poison_zones_leave_the_good_ones_served_also_after_a_restart_of_named(service):
    """Faults B1, B2, B3, B4, B5, B7 against 100 good zones."""
    good = [f"good{number}.example" for number in range(100)]
    for name in good:
        push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
    plain = zone_text("good0.example", SERIAL + 1)
    poison = [
        (good[0], b"@ 1 IN NS ns1.host.example.\n"),
        (good[0], plain.replace(b"\tNS\t", b"\tA\t192.0.2.1\n; \t")),
        (good[0], plain + b"@ 1 IN NS nowhere\n"),
        (good[0], plain + b"www 1 IN CNAME a.\nwww 1 IN CNAME b.\n"),
        (good[0], plain + b"@ 1 IN SOA a. b. 9 1 1 1 1\n"),
        (good[0], plain + b"$GENERATE 1-1000000 h$ A 192.0.2.1\n"),
        (good[0], plain + b'x 1 IN TXT ( "a"\n$INCLUDE /etc/passwd\n)\n$INCLUDE /etc/passwd\n'),
        ('a"b.test'.replace('"', "%22"), plain),
        ("x.test%22%20%7B%20type%20primary%3B%20%7D%3B%20include%20%22/etc/evil.conf%22%3B%20%23", plain),
        ("/etc/cron.d/evil", plain),
        ("..%2F..%2Fx", plain),
        ("a%0Ab.test", plain),
    ]
    for name, body in poison:
        with pytest.raises(RuntimeError, match="error=1"):
            push_blocking(service.port, rawsave(name, body))

    with dns_socket(service.dns_port) as sock:
        for name in good:
            wait_served(sock, name, SERIAL)
        os.kill(service.named_pid(), signal.SIGTERM)
        time.sleep(0.2)
        until(lambda: service.readyz()["status"] == "ready")
        for name in good:
            wait_served(sock, name, SERIAL)


def test_a_killed_named_is_started_again_and_readyz_tells_the_truth_meanwhile(service):
    """kill -9 of named: degraded, then everything is served again."""
    push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "a.example", SERIAL)
        os.kill(service.named_pid(), signal.SIGSTOP)  # so that the truth can be seen at leisure
        os.kill(service.named_pid(), signal.SIGKILL)
        until(lambda: service.readyz()["status"] == "degraded")
        push_blocking(service.port, rawsave("b.example", zone_text("b.example", SERIAL)))  # still safe with us
        until(lambda: service.readyz()["status"] == "ready")
        wait_served(sock, "a.example", SERIAL)
        wait_served(sock, "b.example", SERIAL)


def test_a_damaged_zone_file_is_repaired_at_start(service):
    """Files can always be rendered again from the store (promise 9)."""
    names = [f"z{number}.example" for number in range(20)]
    with dns_socket(service.dns_port) as sock:
        for name in names:
            push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
        for name in names:
            wait_served(sock, name, SERIAL)
        service.stop()
        zones = service.folder / "data/backends/bind/zones"
        (zones / "z0.example.db").unlink()
        (zones / "z1.example.db").write_text("")
        torn = (zones / "z2.example.db").read_text()
        (zones / "z2.example.db").write_text(torn[: len(torn) // 2])

        service.start()

        for name in names:
            wait_served(sock, name, SERIAL)


def test_sigterm_ends_in_time_and_loses_nothing(service):
    """Stop accepting, give leases back, close."""
    for number in range(50):
        push_blocking(service.port, rawsave(f"z{number}.example", zone_text(f"z{number}.example", SERIAL)))

    assert service.stop() < LONGEST_STOP_S
    assert 0 == service.exit_code()
    log = (service.folder / "log").read_text()
    assert -1 < log.find('"service.stopping"') < log.find('"service.stopped"')

    service.start()
    with dns_socket(service.dns_port) as sock:
        for number in range(50):
            wait_served(sock, f"z{number}.example", SERIAL)


def test_no_secret_and_no_zone_content_stands_in_the_log(service):
    """Promise 11."""
    push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "a.example", SERIAL)
    until(lambda: "delivery.verified" in (service.folder / "log").read_text())

    text = (service.folder / "log").read_text()

    assert "bench-password" not in text
    assert "v=spf1" not in text
    change = (
        next(line for line in text.splitlines() if "push.accepted" in line).split('"change_id": "')[1].split('"')[0]
    )
    assert any("delivery.verified" in line and change in line for line in text.splitlines())


def test_the_command_line_pushes_and_shows(service):
    """As the README says it."""

    def dadns(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DADNS, *arguments, "--config", str(service.folder / "app.yml")],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    pushed = dadns("push", "docs/examples/example.com.zone")

    assert 0 == pushed.returncode, pushed.stderr
    assert "proven by every name server" in pushed.stdout
    assert ["192.0.2.10"] == [rdata.to_text() for rdata in ask(service, "www.example.com", "A").answer[0]]
    assert "example.com" in dadns("zones").stdout
    assert "bind" in dadns("status").stdout
    assert "verified" in dadns("show", "example.com").stdout
    assert 1 == dadns("push", "README.md", "--zone", "example.com").returncode


def test_a_torn_write_ahead_log_is_recovered_and_a_foreign_file_is_refused(service):
    """Faults A6: SQLite recovers its own; what is no store of ours ends the start with a reason."""
    push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
    service.kill()
    store = service.folder / "data/queues/outbox.sqlite"
    wal = store.with_name("outbox.sqlite-wal")
    with wal.open("ab") as file:
        file.write(b"\xff" * 3000)

    service.start()
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "a.example", SERIAL)
    service.stop()

    for part in store.parent.glob("outbox.sqlite*"):
        part.unlink()
    store.write_bytes(b"not a database" * 1000)
    with pytest.raises(RuntimeError, match="not a store of ours"):
        service.start()
    assert 1 == service.exit_code()
