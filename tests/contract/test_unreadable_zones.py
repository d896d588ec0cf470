"""A zone whose transfer cannot be read: it is that zone's own trouble, and no proof.

The name server answers the SOA of every zone. The transfer of one ends in the middle, comes to a stand, or goes on for ever
without a record. Its RRsets are asked instead; its neighbours have their counts, and the lane works on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rrset
import pytest

from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.lifecycle import State
from directdnsonly.verify.compare import Depth, Expected, Finding
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of
from tests.support.fake_backend import FakeBackend
from tests.support.faulty import tcp_server
from tests.support.lanes import running_lanes
from tests.support.made import a_push

FAULTS = ["ends", "stands", "sends nothing but headers", "is answered SERVFAIL"]
BAD = "bad.example"


class Transferring(FakeBackend):
    """Also transfers its zones, by TCP; of `bad` each transfer does what `fault` says, and `mute`: its RRsets have no answer."""

    def __init__(self) -> None:
        super().__init__("one")
        self.capabilities = replace(self.capabilities, allows_transfer=True)
        self.fault = ""
        self.mute: set[str] = set()
        self.refuses = False

    async def __aenter__(self) -> Transferring:
        self._stack = AsyncExitStack()
        faulty = await self._stack.enter_async_context(tcp_server(self._speak))
        await self.listen(faulty.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        await self._stack.aclose()

    def answer(self, owner: str, kind: str) -> bool:
        """Whether this question is answered."""
        return kind == "SOA" or not any(owner.endswith(name) for name in self.mute)

    async def _speak(self, _number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
            name = asked.question[0].name.to_text().rstrip(".")
            records = list(records_of(self.zones[ZoneName.parse(name)].text))
            is_bad = bool(self.fault) and name == BAD
            if self.refuses or (is_bad and self.fault == "is answered SERVFAIL"):
                refusal = dns.message.make_response(asked)
                refusal.set_rcode(5 if self.refuses else 2)
                writer.write(framed(refusal))
                continue
            if not is_bad:
                writer.write(framed(message(asked, [*records, records[0]])))
                continue
            writer.write(framed(message(asked, records[:2])))
            if self.fault == "ends":
                return
            if self.fault == "stands":
                await reader.read()
                return
            while True:
                writer.write(framed(message(asked, [])))
                await writer.drain()
                await asyncio.sleep(0)


def message(asked: dns.message.Message, records) -> dns.message.Message:
    made = dns.message.make_response(asked)
    made.answer += [dns.rrset.from_text(one.owner, one.ttl, "IN", one.type, one.rdata) for one in records]
    return made


def framed(made: dns.message.Message) -> bytes:
    wire = made.to_wire()
    return len(wire).to_bytes(2, "big") + wire


@pytest.fixture
async def backend() -> AsyncIterator[Transferring]:
    return Transferring()


@pytest.mark.parametrize("depth", [Depth.COUNT, Depth.CONTENT])
@pytest.mark.parametrize("fault", FAULTS)
async def test_neighbours_are_proven_and_the_zone_by_its_rrsets(tmp_path: Path, backend, fault, depth):
    """All in one batch. No attempt of anybody fails, and the breaker stays closed."""
    backend.fault = fault
    names = [BAD, *(f"z{number}.example" for number in range(6))]
    async with running_lanes(tmp_path, backend, depth=depth) as rig:
        await rig.push(*(a_push(name, priority=Priority.BULK) for name in names))
        for name in names:
            await rig.until(name, State.VERIFIED, limit_s=30)

        assert BreakerState.CLOSED is rig.lanes["one"].status().breaker
        assert [[]] * len(names) == [await rig.store.looking.attempts(ZoneName.parse(name)) for name in names]
    assert (f"www.{BAD}", "TXT") in backend.asked


@pytest.mark.parametrize("depth", [Depth.COUNT, Depth.CONTENT])
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_can_be_read_in_no_way_is_not_proven_and_says_why(tmp_path: Path, backend, fault, depth):
    """Neither by transfer nor by its RRsets: retried, then dead with the reason; never proven, and no outage."""
    backend.fault, backend.mute = fault, {BAD}
    async with running_lanes(tmp_path, backend, depth=depth) as rig:
        await rig.push(a_push(BAD), a_push("good.example"))
        await rig.until("good.example", State.VERIFIED, limit_s=30)

        dead = await rig.until(BAD, State.DEAD, limit_s=90)

        assert BreakerState.CLOSED is rig.lanes["one"].status().breaker
        assert 0 == dead.verified_version
        assert "not proven" in dead.reason
        assert "no answer in" in dead.reason
        backend.fault, backend.mute = "", set()
        await rig.store.operators.revive(name=ZoneName.parse(BAD))
        rig.wake(Priority.BULK)
        await rig.until(BAD, State.VERIFIED, limit_s=30)


@pytest.mark.parametrize("fault", ["ends", "refuses"])
async def test_a_count_that_could_not_be_read_does_not_hide_other_content(tmp_path: Path, backend, fault):
    """The serial is right, the content is not: its RRsets tell, also of a server that transfers nothing at all."""
    backend.fault, backend.refuses = fault, fault == "refuses"
    async with backend:
        wanted, other = a_push(BAD, content="wanted").zone, a_push(BAD, content="other").zone
        backend.serve(other)
        verifier = Verifier(backend.servers, allows_transfer=True)
        expected = Expected(name=wanted.name, serial=1, records=wanted.records, text=wanted.text)

        (verdict,) = await verifier.verify([expected], patience_s=0.1)

        verifier.close()
    assert (Finding.ALTERED, True) == (verdict.finding, f"lacks www.{BAD}. 3600 TXT" in verdict.reason)
