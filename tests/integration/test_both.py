"""Many zones at once: jobs are drawn when there is room, and what ends the run is told as itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.verify.both import MUTE, REFUSALS, TRIES, Patience, Server, Transfer, compare_zone, run
from directdnsonly.verify.parity import Compared, Parity, Trust, judged
from directdnsonly.zone.name import ZoneName

QUICK = Patience(answer_s=0.2, stall_s=30.0, pause_s=0.01)
CALM = Patience(answer_s=30.0, pause_s=0.01)


async def test_no_more_jobs_are_drawn_than_have_room():
    """So a list of any length, with its texts, needs no memory."""
    drawn, done = 0, 0
    most = 0

    def jobs() -> Iterator[tuple[ZoneName, str | None]]:
        nonlocal drawn
        for number in range(50):
            drawn += 1
            yield ZoneName.trusted(f"z{number}.example"), None

    async def one(_zone: ZoneName, _text: str | None) -> None:
        nonlocal done, most
        most = max(most, drawn - done)
        await asyncio.sleep(0)
        done += 1

    await run(jobs(), one, at_once=3)

    assert (50, 3) == (done, most)


async def test_the_error_of_a_job_ends_all_and_is_raised_itself():
    """The commands know it by its class."""
    names = [(ZoneName.trusted(f"z{number}.example"), None) for number in range(5)]

    async def one(zone: ZoneName, _text: str | None) -> None:
        if zone == "z1.example":
            raise OutboxUnavailable("gone")
        await asyncio.Event().wait()

    with pytest.raises(OutboxUnavailable, match="gone"):
        await run(names, one, at_once=2)


class Answers(asyncio.DatagramProtocol):
    """A name server of one zone, which changes when its last name is asked for; `serial` 0: it is mute. Counts what it is asked."""

    def __init__(self, serial: int, *, then: int = 0) -> None:
        self.serial, self.then, self.asked = serial, then or serial, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.asked += 1
        if not self.serial:
            return
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        (asked,) = query.question
        if asked.rdtype == dns.rdatatype.SOA:
            self._add(answer, asked, f"ns.host.example. h.host.example. {self.serial} 60 60 60 60")
        elif asked.rdtype == dns.rdatatype.A:
            self._add(answer, asked, f"192.0.2.{self.serial}")
        if "no-such-name" in asked.name.to_text():
            self.serial = self.then
        self.transport.sendto(answer.to_wire(), address)

    @staticmethod
    def _add(answer: dns.message.Message, asked: dns.rrset.RRset, data: str) -> None:
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", dns.rdatatype.to_text(asked.rdtype), data))


@asynccontextmanager
async def asked(protocol: Answers, patience: Patience = CALM) -> AsyncIterator[Server]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: protocol, local_addr=("127.0.0.1", 0))
    try:
        yield Server("127.0.0.1", transport.get_extra_info("sockname")[1], patience)
    finally:
        transport.close()


@pytest.mark.parametrize(("then", "parity"), [(2, Parity.EQUAL), (1, Parity.DIFFERENT)])
async def test_a_zone_whose_push_is_on_its_way_is_looked_at_twice(then, parity):
    """Serial and records differ at the first look; what they do at the second one counts."""
    async with asked(Answers(2)) as old, asked(Answers(1, then=then)) as new:
        seen = await compare_zone(ZoneName.trusted("a.example"), old, new, transfer=Transfer.NEVER)

    assert parity is judged(seen, Trust(old=True, new=True))


async def test_a_server_that_is_mute_for_all_zones_is_asked_no_more():
    """So a list of 100,000 zones ends; each of them is unknown, with the reason."""
    mute = Answers(0)
    seen: list[Compared] = []

    async with asked(Answers(1)) as old, asked(mute, QUICK) as new:

        async def one(zone: ZoneName, _text: str | None) -> None:
            seen.append(await compare_zone(zone, old, new))

        names = ((ZoneName.trusted(f"z{number}.example"), None) for number in range(3 * MUTE))
        await run(names, one, at_once=50)

    assert {Parity.UNKNOWN} == {judged(each, Trust(old=True, new=False)) for each in seen}
    assert 3 * MUTE == len(seen)
    assert mute.asked <= (MUTE + 50) * TRIES * 2  # each question twice, as a datagram may be lost
    assert "not asked any more" in seen[-1].new.reason


async def test_transfers_that_break_off_are_not_asked_for_for_ever():
    """As behind a firewall, where each would cost its time limit."""
    opened = 0

    async def closes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        writer.close()

    async with await asyncio.start_server(closes, "127.0.0.1", 0) as listening:
        server = Server("127.0.0.1", listening.sockets[0].getsockname()[1], QUICK)
        reasons = [await server.transfer(ZoneName.trusted(f"z{number}.example")) for number in range(20)]

    assert REFUSALS == opened
    assert "no transfers are allowed" == reasons[-1]
