"""Instances started by the shipped command, each with a BIND of its own: what one misses its name server serves soon after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dns.message
import dns.query
import dns.rdatatype
import httpx
import pytest
from bench.load import PASSWORD, USER, delete, push_blocking, rawsave, zone_text
from bench.service import Service

from tests.support.programs import require_program

SERIAL = 2026112300
WORD = "only-peers-know-this"
LONGEST_S = 240.0  # of a machine that is busy with other things
NAMES = ("ns1", "ns2", "ns3")
ZONES = [f"z{number}.example" for number in range(330)]


class Instances:
    """Each the peer of all others; `ns3` is there from the beginning in the configuration, and comes last."""

    def __init__(self) -> None:
        self.all = {name: self._made() for name in NAMES}
        for name, one in self.all.items():
            peers = [
                {"name": other, "url": self.all[other].url, "username": "peersync", "password": WORD}
                for other in NAMES
                if other != name
            ]
            one.environ |= {"DADNS_PEERS": json.dumps(peers), "DADNS_PEERING_INTERVAL_S": "2"}

    @staticmethod
    def _made() -> Service:
        credential = {"name": "peersync", "password": WORD, "roles": ["peer"]}
        return Service(log_level="INFO", environ={"DADNS_APP_CREDENTIALS": json.dumps([credential])})

    def push(self, zone: str, serial: int, *names: str) -> None:
        for name in names:
            push_blocking(self.all[name].port, rawsave(zone, zone_text(zone, serial)))

    def delete(self, zone: str, *names: str) -> None:
        for name in names:
            push_blocking(self.all[name].port, delete(zone))

    def served(self, name: str, zone: str) -> int | None:
        """The serial that its BIND answers; None: it knows nothing of the zone."""
        question = dns.message.make_query(zone, dns.rdatatype.SOA)
        answer = dns.query.udp(question, "127.0.0.1", port=self.all[name].dns_port, timeout=20)
        return answer.answer[0][0].serial if answer.answer else None

    def peers(self, name: str) -> dict[str, str]:
        found = httpx.get(f"{self.all[name].url}/api/v1/peers", auth=(USER, PASSWORD), trust_env=False, timeout=60)
        return {one["name"]: one["state"] for one in found.json()["items"]}

    def outstanding(self, name: str) -> int:
        found = httpx.get(f"{self.all[name].url}/api/v1/backends", auth=(USER, PASSWORD), trust_env=False, timeout=60)
        return sum(one["pending"] + one["leased"] for one in found.json()["items"])


def until(condition: Callable[[], bool]) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + LONGEST_S, "it did not come to that in time"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def three() -> Iterator[tuple[Instances, ExitStack]]:
    require_program("named")
    with ExitStack() as stack:
        yield Instances(), stack


@pytest.mark.slow
def test_an_instance_that_was_down_and_one_that_is_new_serve_what_the_others_serve(three, record_property):
    """300 pushes and 30 deletes are missed; then a third one joins with nothing. Every zone is asked for at each BIND."""
    it, stack = three
    ns1, ns2, ns3 = (it.all[name] for name in NAMES)
    stack.enter_context(ns1)
    stack.enter_context(ns2)
    for zone in ZONES[:60]:
        it.push(zone, SERIAL, "ns1", "ns2")
    until(lambda: it.peers("ns1")["ns2"] == "equal")
    ns2.stop()
    for zone in ZONES[30:]:
        it.push(zone, SERIAL + 1, "ns1")
    for zone in ZONES[:30]:
        it.delete(zone, "ns1")

    ns2.start()

    wanted = dict.fromkeys(ZONES[:30]) | dict.fromkeys(ZONES[30:], SERIAL + 1)

    def serves_all(name: str) -> bool:
        return all(it.served(name, zone) == serial for zone, serial in wanted.items())

    took = until(lambda: it.peers("ns2")["ns1"] == "equal" and it.outstanding("ns2") == 0)
    record_property("seconds to equality", round(took, 1))
    assert serves_all("ns1")
    assert serves_all("ns2")
    until(lambda: it.peers("ns1")["ns2"] == "equal")

    stack.enter_context(ns3)

    joined = until(lambda: set(it.peers("ns3").values()) == {"equal"} and it.outstanding("ns3") == 0)
    record_property("seconds until the third one serves all", round(joined, 1))
    assert serves_all("ns3")
    for zone in ZONES[100:110]:
        it.push(zone, SERIAL + 2, "ns3")
    until(lambda: all(it.served(name, ZONES[109]) == SERIAL + 2 for name in NAMES))
    print(f"equal {took:.1f} s after its start; the third one serves 300 zones {joined:.1f} s after its start")
