"""Asking for SOAs over UDP at a name server at fault: lost, late, doubled and forged answers, and nobody there."""

from __future__ import annotations

import asyncio

import dns.message
import dns.rrset
from bench.service import free_port

from directdnsonly.verify.query import WINDOW, SoaProber
from directdnsonly.zone.name import ZoneName
from tests.support.faulty import udp_server

NAMES = [ZoneName.parse(f"z{number}.example") for number in range(300)]


def answer(asked: bytes, *, serial: int | None = None) -> bytes:
    """The zone's number is its serial."""
    message = dns.message.from_wire(asked)
    name = message.question[0].name
    found = dns.message.make_response(message)
    number = int(name.labels[0][1:]) if serial is None else serial
    found.answer.append(dns.rrset.from_text(name, 60, "IN", "SOA", f"ns.{name} h.{name} {number} 2 3 4 5"))
    return found.to_wire()


async def serials(port: int, names=NAMES, *, tries: int = 2) -> list[int | None]:
    prober = await SoaProber.open("127.0.0.1", port)
    try:
        return [found and found.serial for found in await prober.ask_all(names, tries=tries)]
    finally:
        prober.close()


async def test_each_question_gets_its_own_answer_in_whatever_order():
    """Answers come backwards, each window of questions at once, and each of them twice."""
    held: dict[bytes, bytes] = {}
    told: set[bytes] = set()

    def say(asked: bytes) -> list[bytes]:
        held[asked[12:]] = answer(asked)
        if len(held) < min(WINDOW, len(NAMES) - len(told)):
            return []
        told.update(held)
        said = [message for message in reversed(held.values()) for _ in range(2)]
        held.clear()
        return said

    async with udp_server(say) as port:
        assert list(range(300)) == await serials(port, tries=9)


async def test_no_more_questions_than_the_window_are_in_flight():
    """More would overflow the socket's buffer: they wait until others have ended."""
    asked: set[bytes] = set()

    async with udp_server(lambda question: asked.add(question[12:]) or []) as port:
        prober = await SoaProber.open("127.0.0.1", port)
        running = asyncio.create_task(prober.ask_all(NAMES, tries=1))
        async with asyncio.timeout(120):
            while len(asked) < WINDOW:
                await asyncio.sleep(0.001)
        assert WINDOW == len(prober._waiting)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        prober.close()


async def test_a_lost_question_is_asked_again_and_a_mute_zone_has_no_answer():
    """Of each zone the first question is lost; of every seventh both are. The second one has another identity."""
    seen: dict[bytes, list[bytes]] = {}

    def say(asked: bytes) -> list[bytes]:
        seen.setdefault(asked[12:], []).append(asked[:2])
        is_mute = int(dns.message.from_wire(asked).question[0].name.labels[0][1:]) % 7 == 0
        return [] if is_mute or len(seen[asked[12:]]) == 1 else [answer(asked)]

    async with udp_server(say) as port:
        found = await serials(port, NAMES[:64])

    assert [None if number % 7 == 0 else number for number in range(64)] == found
    assert {2} == {len(identities) for identities in seen.values()}
    assert 60 < sum(first != second for first, second in seen.values())


async def test_each_question_has_a_time_limit_of_its_own():
    """Two that are asked one after the other, both without an answer: there is one timer for all."""
    async with udp_server(lambda _asked: []) as port:
        prober = await SoaProber.open("127.0.0.1", port)
        first = asyncio.create_task(prober.ask(NAMES[0], tries=1))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(120):
            assert await prober.ask(NAMES[1], tries=1) is None
        assert first.done()
        prober.close()


async def test_what_is_no_answer_to_the_question_is_passed_over():
    """Another identity, another zone, a question, rubbish: the true answer behind them counts."""

    def say(asked: bytes) -> list[bytes]:
        forged = answer(asked, serial=666)
        other = dns.message.make_query("another.example", "SOA", id=int.from_bytes(asked[:2], "big")).to_wire()
        return [
            bytes((forged[0] ^ 1,)) + forged[1:], answer(other, serial=666), asked, b"", b"x", forged[:40],
            answer(asked), answer(asked, serial=667),
        ]  # fmt: skip

    async with udp_server(say) as port:
        assert list(range(10)) == await serials(port, NAMES[:10], tries=9)


async def test_a_closed_port_ends_all_questions():
    """ICMP tells it, thousands of times: no answer for each, and no recursion."""
    many = [ZoneName.parse(f"z{number}.example") for number in range(5000)]

    assert [None] * 5000 == await serials(free_port(), many)


async def test_a_cancelled_survey_leaves_nothing_behind():
    """Its late answers are nobody's, and one beside it is not disturbed."""
    held: list[bytes] = []
    open_ = False

    def say(asked: bytes) -> list[bytes]:
        if open_:
            return [answer(asked)]
        held.append(answer(asked))
        return []

    async with udp_server(say) as port:
        prober = await SoaProber.open("127.0.0.1", port)
        first = asyncio.create_task(prober.ask_all(NAMES[:20]))
        second = asyncio.create_task(prober.ask_all(NAMES[20:40]))
        async with asyncio.timeout(120):
            while len(held) < 40:
                await asyncio.sleep(0.001)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert 20 == len(prober._waiting)
        open_ = True
        found = [one and one.serial for one in await second]
        prober.close()

    assert first.cancelled()
    assert list(range(20, 40)) == found


async def test_a_prober_that_is_closed_answers_none():
    """Those that wait are told at once; so are those that ask afterwards."""

    async with udp_server(lambda _asked: []) as port:
        prober = await SoaProber.open("127.0.0.1", port)
        waiting = asyncio.create_task(prober.ask_all(NAMES, tries=1000))
        await asyncio.sleep(0)
        prober.close()
        for _ in range(50):  # turns of the loop
            await asyncio.sleep(0)

        assert waiting.done()
        assert [None] * 300 == waiting.result()
        assert await prober.ask(NAMES[0]) is None
