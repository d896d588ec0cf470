"""Counting by AXFR at a name server at fault, over real sockets: a count is of the zone that was asked for, or there is none."""

from __future__ import annotations

import asyncio

import dns.message
import dns.rcode
import dns.rrset
import pytest

from directdnsonly.verify.content import read_zone
from directdnsonly.verify.transfer import LARGEST_TRANSFER, TransferCounter, TransferRefused, Uncounted
from directdnsonly.zone.name import ZoneName
from tests.support.faulty import byte_by_byte, tcp_server

NAMES = [ZoneName.parse(f"z{number}.example") for number in range(6)]
COUNTS = [3, 4, 5, 6, 7, 8]  # of records, by number


async def heard(reader) -> dns.message.Message:
    return dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))


def framed(message: dns.message.Message) -> bytes:
    wire = message.to_wire()
    return len(wire).to_bytes(2, "big") + wire


def transfer(asked, *, parts: int = 1) -> list[bytes]:
    """A whole transfer: the zone's number tells its records. Only the first message repeats the question."""
    (question,) = asked.question
    number = int(question.name.labels[0][1:])
    soa = dns.rrset.from_text(question.name, 60, "IN", "SOA", "ns. h. 1 2 3 4 5")
    others = [dns.rrset.from_text(question.name, 60, "IN", "TXT", f'"{one}"') for one in range(number + 2)]
    records = [soa, *others, soa]
    size = -(-len(records) // parts)
    messages = []
    for start in range(0, len(records), size):
        message = dns.message.make_response(asked)
        if start:
            message.question = []
        for rrset in records[start : start + size]:
            message.answer.append(rrset)
        messages.append(framed(message))
    return messages


def said(asked, rcode: str) -> bytes:
    message = dns.message.make_response(asked)
    message.set_rcode(dns.rcode.from_text(rcode))
    return framed(message)


async def counted(counter: TransferCounter, names=NAMES, *, stall_s: float = 60) -> list[int | None]:
    """The numbers; None where there is none, which always has a reason."""
    counts = await counter.count(names, stall_s=stall_s, timeout_s=60)
    assert all(isinstance(number, int) or number.reason for number in counts)
    return [None if isinstance(number, Uncounted) else number for number in counts]


async def count(port: int, names=NAMES, *, stall_s: float = 60) -> list[int | None]:
    counter = TransferCounter("127.0.0.1", port)
    try:
        return await counted(counter, names, stall_s=stall_s)
    finally:
        counter.close()


async def test_messages_may_come_in_any_pieces():
    """In single octets, several messages of a transfer at once, one message in two halves."""

    async def speak(_number, reader, writer):
        while True:
            asked = await heard(reader)
            await byte_by_byte(writer, b"".join(transfer(asked, parts=3)))
            writer.write(b"".join(transfer(await heard(reader), parts=4)))
            whole = b"".join(transfer(await heard(reader)))
            writer.write(whole[:30])
            await asyncio.sleep(0.01)
            writer.write(whole[30:])

    async with tcp_server(speak) as server:
        assert COUNTS == await count(server.port)
    assert 1 == server.connections


@pytest.mark.parametrize("most", [1, 2, 4])
async def test_a_server_that_closes_after_some_transfers_is_asked_on(most):
    """After each, or after so many questions on one connection: every zone has its count."""

    async def speak(_number, reader, writer):
        for _ in range(most):
            writer.write(b"".join(transfer(await heard(reader))))

    async with tcp_server(speak) as server:
        assert COUNTS == await count(server.port)
        assert COUNTS == await count(server.port)


def begins_and_closes(asked):
    return [transfer(asked, parts=2)[0]]


def begins_and_is_silent(asked):
    return [transfer(asked, parts=2)[0], None]


def begins_and_sends_empty_messages(asked):
    """Without end, as a real name server does at a record that does not fit into its messages."""
    empty = dns.message.make_response(asked)
    return [transfer(asked, parts=2)[0], *[framed(empty)] * 100_000]


BROKEN = [begins_and_closes, begins_and_is_silent, begins_and_sends_empty_messages]


def stall_s(broken) -> float:
    """Short only where it is waited for: this machine may be busy."""
    return 2.0 if broken is begins_and_is_silent else 20.0


def breaks_off_at(name: bytes, broken):
    """What to speak: whole transfers of all zones but this one."""

    async def speak(_number, reader, writer):
        while True:
            asked = await heard(reader)
            if asked.question[0].name.labels[0] != name:
                writer.write(b"".join(transfer(asked)))
                continue
            for octets in broken(asked):
                if octets is None:
                    await reader.read()
                    return
                writer.write(octets)
                await writer.drain()
                await asyncio.sleep(0)  # the client runs in this very loop
            return

    return speak


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", [0, 2, 5])
async def test_a_transfer_that_breaks_off_is_that_zones_alone(place, broken):
    """It ends, comes to a stand, or goes on without a record: the zones before and behind it have their counts."""
    async with tcp_server(breaks_off_at(f"z{place}".encode(), broken)) as server:
        expected = [None if number == place else records for number, records in enumerate(COUNTS)]
        assert expected == await count(server.port, stall_s=stall_s(broken))
        assert server.connections <= 3


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_zone_whose_transfer_breaks_off_cannot_be_read_and_the_reason_is_told(broken):
    async with tcp_server(breaks_off_at(b"z2", broken)) as server:
        with pytest.raises((OSError, TimeoutError), match=r"its transfer"):
            await read_zone("127.0.0.1", server.port, NAMES[2], stall_s=stall_s(broken))
        assert 5 == len(await read_zone("127.0.0.1", server.port, NAMES[2 + 1], stall_s=60)) - 1


async def test_a_server_that_only_closes_counts_nothing():
    """One try over a fresh connection, not one for each zone."""

    async def speak(_number, _reader, _writer):
        pass

    async with tcp_server(speak) as server:
        assert [None] * 6 == await count(server.port)
        assert 1 == server.connections


async def test_a_kept_connection_that_the_server_has_closed_is_replaced():
    """It closes when it likes: before the next question, or on it."""
    close = asyncio.Event()

    async def speak(number, reader, writer):
        writer.write(b"".join(transfer(await heard(reader))))
        if number == 0:
            await heard(reader)
        elif number == 1:
            await close.wait()
        else:
            await asyncio.sleep(3600)

    async with tcp_server(speak) as server:
        counter = TransferCounter("127.0.0.1", server.port)
        counts = [await counted(counter, NAMES[:1]), await counted(counter, NAMES[1:2])]
        close.set()
        await asyncio.sleep(0.05)  # it is seen or not: both must do
        counts.append(await counted(counter, NAMES[2:3]))
        counter.close()

    assert [[3], [4], [5]] == counts
    assert 3 == server.connections


def of_another_identity(asked):
    wrong = dns.message.from_wire(asked.to_wire())
    wrong.id ^= 1
    return b"".join(transfer(wrong))


def of_another_zone(asked):
    wrong = dns.message.make_query("z5.example", "AXFR", id=asked.id)
    return b"".join(transfer(wrong))


def of_the_question(asked):
    return framed(asked)


def of_too_few_octets(asked):
    whole = transfer(asked)[0]
    return (len(whole) - 4).to_bytes(2, "big") + whole[2:-2]


def of_no_header(_asked):
    return b"\0\x03abc"


@pytest.mark.parametrize(
    "wrong", [of_another_identity, of_another_zone, of_the_question, of_too_few_octets, of_no_header]
)
async def test_an_answer_to_what_was_not_asked_counts_for_nothing(wrong):
    """Another identity, another zone, no answer at all, a record that reaches out of its message: no count, no error."""

    async def speak(number, reader, writer):
        while True:
            asked = await heard(reader)
            is_bad = number < 2 and asked.question[0].name.labels[0] == b"z1"
            writer.write(wrong(asked) if is_bad else b"".join(transfer(asked)))

    async with tcp_server(speak) as server:
        counter = TransferCounter("127.0.0.1", server.port)
        counts = [await counted(counter, NAMES[:2]), await counted(counter, NAMES[:2])]
        counter.close()

    assert [[3, None], [3, 4]] == counts
    assert 3 == server.connections  # where it went wrong the connection was given up


async def test_two_transfers_mixed_on_one_connection_are_not_added_up():
    """An answer to an earlier question comes between: its connection is given up."""

    async def speak(number, reader, writer):
        first = await heard(reader)
        writer.write(b"".join(transfer(first)))
        second = await heard(reader)
        if number == 0:
            begin, end = transfer(second, parts=2)
            writer.write(begin + transfer(first, parts=2)[1] + end)
        else:
            writer.write(b"".join(transfer(second)))

    async with tcp_server(speak) as server:
        assert COUNTS[:3] == await count(server.port, NAMES[:3])
    assert 2 == server.connections


@pytest.mark.parametrize("rcode", ["REFUSED", "NOTAUTH"])
async def test_a_refusal_is_told(rcode):
    """So that the server is not asked again for every zone."""

    async def speak(_number, reader, writer):
        writer.write(said(await heard(reader), rcode))
        await reader.read()

    async with tcp_server(speak) as server:
        with pytest.raises(TransferRefused, match=r"z0\.example"):
            await count(server.port)


@pytest.mark.parametrize("gone", [b"z2", b"z0"])
async def test_a_zone_that_is_just_gone_stops_no_counting(gone):
    """A server that transfers says NOTAUTH for it; REFUSED is a refusal whatever was before."""
    rcode = "NOTAUTH"

    async def speak(_number, reader, writer):
        while True:
            asked = await heard(reader)
            is_gone = asked.question[0].name.labels[0] == gone
            writer.write(said(asked, rcode) if is_gone else b"".join(transfer(asked)))

    async with tcp_server(speak) as server:
        counter = TransferCounter("127.0.0.1", server.port)
        assert [6] == await counted(counter, NAMES[3:4])
        expected = [
            None if name.startswith(gone.decode()) else number for name, number in zip(NAMES, COUNTS, strict=True)
        ]
        assert expected == await counted(counter)
        rcode = "REFUSED"
        with pytest.raises(TransferRefused):
            await counted(counter)
        counter.close()


async def test_a_servers_error_concerns_one_zone():
    """SERVFAIL for one, the others are counted on the same connection."""

    async def speak(_number, reader, writer):
        while True:
            asked = await heard(reader)
            is_bad = asked.question[0].name.labels[0] == b"z2"
            writer.write(said(asked, "SERVFAIL") if is_bad else b"".join(transfer(asked)))

    async with tcp_server(speak) as server:
        assert [3, 4, None, 6, 7, 8] == await count(server.port)
    assert 1 == server.connections


async def test_a_transfer_without_end_is_given_up():
    """64 MiB of it are enough."""
    sent = 0

    async def speak(_number, reader, writer):
        nonlocal sent
        asked = await heard(reader)
        message = dns.message.make_response(asked)
        message.answer.append(
            dns.rrset.from_text(asked.question[0].name, 60, "IN", "NULL", r"\# 60000 " + "00" * 60000)
        )
        octets = framed(message)
        while True:
            writer.write(octets)
            await writer.drain()
            sent += len(octets)

    async with tcp_server(speak) as server:
        assert [None] == await count(server.port, NAMES[:1])
    assert 0.9 * LARGEST_TRANSFER < sent < 1.5 * LARGEST_TRANSFER


async def test_the_late_answer_of_a_cancelled_count_is_nobodys():
    """Its connection is closed at once; a count beside it goes on over its own."""
    asked, closed = asyncio.Event(), asyncio.Event()

    async def speak(number, reader, writer):
        late = b"".join(transfer(await heard(reader)))
        if not number:
            asked.set()
            assert b"" == await reader.read()
            closed.set()
        writer.write(late)
        while True:
            writer.write(b"".join(transfer(await heard(reader))))

    async with tcp_server(speak) as server:
        counter = TransferCounter("127.0.0.1", server.port)
        first = asyncio.create_task(counter.count(NAMES[:1], stall_s=60))
        await asked.wait()
        beside = await counted(counter, NAMES[1:])
        first.cancel()
        async with asyncio.timeout(60):
            await closed.wait()
        after = await counted(counter)
        counter.close()

    assert first.cancelled()
    assert (COUNTS[1:], COUNTS) == (beside, after)


async def test_a_mute_server_costs_the_time_limit():
    """One for all zones; and an unreachable one is OSError."""

    async def speak(_number, reader, _writer):
        await reader.read()

    async with tcp_server(speak) as server:
        counter = TransferCounter("127.0.0.1", server.port)
        assert [None] * 6 == await counted(counter, stall_s=0.5)
        assert 1 == server.connections
    with pytest.raises(OSError, match=r"[Cc]onnect"):
        await counted(counter)
