"""A name server that takes packets and connections and never answers, in the middle of our looking at all its zones."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import STOPPABLE, Service
from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300
NAMES = [
    f"z{number}.example" for number in range(130)
]  # more than are asked at once: a mute server is waited for twice
QUICK = "      command_timeout_s: 1\n      verify: serial\n      verify_address: 127.0.0.1#{asked}\n"


class Relay:
    """DNS over UDP to a name server; `mute`, it still takes every question. `mute_at`: from a question with these octets on."""

    def __init__(self, to: int) -> None:
        self.mute = False
        self.mute_at = b""
        self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._front.bind(("127.0.0.1", 0))
        self._back.connect(("127.0.0.1", to))
        self.port = int(self._front.getsockname()[1])
        self._clients: dict[bytes, tuple[str, int]] = {}  # by the question's identity
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready, self._front, self._back:
            for each in (self._front, self._back):
                ready.register(each, selectors.EVENT_READ)
            while not self._ends.is_set():
                for key, _ in ready.select(0.1):
                    try:
                        self._pass_on(to_server=key.fileobj is self._front)
                    except ConnectionRefusedError:
                        continue  # the name server is not there (yet)

    def _pass_on(self, *, to_server: bool) -> None:
        if not to_server:
            octets = self._back.recv(65535)
            self._front.sendto(octets, self._clients.pop(octets[:2]))
            return
        octets, client = self._front.recvfrom(65535)
        self.mute |= bool(self.mute_at) and self.mute_at in octets
        if self.mute:
            return
        self._clients[octets[:2]] = client
        self._back.send(octets)

    def close(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.fixture
def line() -> Iterator[tuple[Service, Relay]]:
    """The service with its bundled named, asked for proof through the relay; every zone is proven."""
    require_program("named")
    service = Service(log_level="INFO", extra="dispatch: {probe_timeout_s: 1, probe_delay_max_s: 1}\n")
    relay = Relay(service.dns_port)
    service._backends = STOPPABLE + QUICK.replace("{asked}", str(relay.port))
    try:
        with service, dns_socket(service.dns_port) as sock:
            for name in NAMES:
                push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
            for name in NAMES:
                wait_served(sock, name, SERIAL)
            until(lambda: "ok" == dict(service.readyz()["backends"])["bind"])
            yield service, relay
    finally:
        relay.close()


@contextmanager
def mute(service: Service, relay: Relay, what: str) -> Iterator[None]:
    """named stands still as a whole, or takes our commands and answers no DNS."""
    pid = service.named_pid()
    if what == "named":
        os.kill(pid, signal.SIGSTOP)
    relay.mute = True
    try:
        yield
    finally:
        relay.mute = False
        if what == "named":
            os.kill(pid, signal.SIGCONT)


def looks_well(api: httpx.Client) -> dict[str, object]:
    """/readyz with everything: we can do our work, whatever the name server does."""
    answer = api.get("/readyz", params={"verbose": "true"})
    assert 200 == answer.status_code, answer.text
    found = dict(answer.json())
    assert ("ok", "ok", []) == (found["store"], found["actors"], found["lost_actors"])
    return found


def is_told(api: httpx.Client) -> Callable[[], bool]:
    """Whether /readyz says that the name server is away, and why."""

    def told() -> bool:
        found = looks_well(api)
        (bind,) = found["details"]["backends"]  # type: ignore[index]
        return ("degraded", {"bind": "down"}) == (found["status"], found["backends"]) and "answer" in bind["reason"]

    return told


def push(service: Service, number: int) -> None:
    """Raises unless the answer is error=0."""
    push_blocking(service.port, rawsave("goes-on.example", zone_text("goes-on.example", SERIAL + number)))


@pytest.mark.parametrize("what", ["named", "its DNS"])
def test_a_pass_over_a_mute_name_server_ends_and_readyz_tells_the_truth_all_the_while(line, what):
    """Pushes are acknowledged during the pass, it ends by itself and says why, no zone is called missing for it, and all
    is served when answers come again."""
    service, relay = line
    with httpx.Client(base_url=service.url, auth=(USER, PASSWORD), trust_env=False, timeout=30) as api:

        def finished() -> bool:
            looks_well(api)
            return bool(api.get(f"/api/v1/reconcile/jobs/{job}").json()["result"])

        with mute(service, relay, what):
            job = api.post("/api/v1/reconcile/run").json()["id"]
            until(lambda: "" != api.get("/api/v1/reconcile").json()["running"])
            looks_well(api)
            for number in range(20):
                push(service, number)
            until(finished, limit_s=120)
            result = api.get(f"/api/v1/reconcile/jobs/{job}").json()["result"]
            assert "answer" in result["plan"]["unreachable"]["bind"], result
            assert 0 == result["done"]["healed"] == result["plan"]["counts"]["missing"], result
            until(is_told(api), limit_s=120)
            push(service, 20)
        until(lambda: "ready" == looks_well(api)["status"], limit_s=120)
    with dns_socket(service.dns_port) as sock:
        for name in NAMES:
            wait_served(sock, name, SERIAL)
        wait_served(sock, "goes-on.example", SERIAL + 20)
    assert service.exit_code() is None


def test_a_name_server_that_falls_mute_in_the_comparison_at_start_is_compared_when_it_answers(line):
    """named has lost a zone while we were away; the first question about a zone is the last that it takes. Degraded, not
    unready, until it answers again; then the zone is found and served."""
    service, relay = line
    service.stop()
    (service.folder / "data/backends/bind/zones" / f"{NAMES[7]}.db").unlink()
    relay.mute_at = b"\x07example\x00"
    service.start(until="accepting")
    with (
        httpx.Client(base_url=service.url, auth=(USER, PASSWORD), trust_env=False, timeout=30) as api,
        dns_socket(service.dns_port) as sock,
    ):
        until(lambda: relay.mute)
        looks_well(api)
        push(service, 1)
        until(is_told(api), limit_s=120)

        relay.mute_at, relay.mute = b"", False

        until(lambda: "ready" == looks_well(api)["status"], limit_s=120)
        for name in NAMES:
            wait_served(sock, name, SERIAL)
        wait_served(sock, "goes-on.example", SERIAL + 1)
