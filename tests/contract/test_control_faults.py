"""Our client of named's control channel against a named at fault: no reply is taken for another's, nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from directdnsonly.backends.bind.isccc import LARGEST_COMMAND, ControlKey, NativeControl
from directdnsonly.backends.bind.isccc_wire import SigningKey, decode, encode
from directdnsonly.backends.control import ControlUnavailable
from tests.support.faulty import byte_by_byte, tcp_server

SECRET = b"s" * 32
KEY = SigningKey("hmac-sha256", SECRET)


def control_at(port: int, *, timeout_s: float = 20.0) -> NativeControl:
    key = ControlKey(algorithm="hmac-sha256", secret=SECRET)
    return NativeControl(host="127.0.0.1", port=port, key=key, timeout_s=timeout_s)


async def heard(reader) -> dict:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return decode(await reader.readexactly(length), KEY)


def reply(request, *, key: SigningKey = KEY, **control) -> bytes:
    """What named says: the command as text, so that a test sees whose reply it got."""
    said = {"_ctrl": {"_ser": request["_ctrl"]["_ser"], "_rpl": "1", "_nonce": "5", **control}}
    said["_data"] = {"type": request["_data"]["type"], "result": "0", "text": f"did {request['_data']['type']}"}
    return encode(said, key)


async def greet(reader, writer) -> None:
    """The first exchange of a connection, which brings the nonce."""
    request = await heard(reader)
    assert "null" == request["_data"]["type"]
    writer.write(reply(request))


async def serve(reader, writer) -> None:
    """As a good named, for ever."""
    while True:
        writer.write(reply(await heard(reader)))


async def test_a_reply_in_single_octets_is_put_together():
    """And the next one on the same connection, which carries the nonce."""

    async def speak(_number, reader, writer):
        await greet(reader, writer)
        while True:
            request = await heard(reader)
            assert "5" == request["_ctrl"]["_nonce"]
            await byte_by_byte(writer, reply(request))

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        said = [await control.command("status"), await control.command("reload a")]
        await control.aclose()

    assert ["did status", "did reload a"] == [one.text for one in said]
    assert 1 == named.connections


@pytest.mark.parametrize("part", [0, 3, 4, 60, -1])
async def test_an_end_in_the_middle_of_a_reply_is_a_closed_connection(part):
    """Told as such, with the cause by which dispatch knows that once more at once may help."""

    async def speak(_number, reader, writer):
        await greet(reader, writer)
        writer.write(reply(await heard(reader))[:part])

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        with pytest.raises(ControlUnavailable, match="closed the control connection") as caught:
            await control.command("status")

    assert isinstance(caught.value.__cause__, EOFError | ConnectionError)
    assert 1 == named.connections


async def test_a_connection_that_named_closes_after_each_reply_is_opened_again():
    """Each command is answered; none fails because the one before closed."""

    async def speak(_number, reader, writer):
        await greet(reader, writer)
        writer.write(reply(await heard(reader)))

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        said = [(await control.command(f"reload {number}")).text for number in range(5)]

    assert [f"did reload {number}" for number in range(5)] == said
    assert 5 == named.connections


async def test_a_connection_that_is_closed_under_the_command_is_opened_again_once():
    """named closes a kept connection without an answer, as at a restart; then it answers, or closes the second one too."""

    async def speak(number, reader, writer):
        await greet(reader, writer)
        writer.write(reply(await heard(reader)))
        await heard(reader)
        if number == 2:
            writer.write(b"\0\0")

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        said = [(await control.command(f"reload {number}")).text for number in range(3)]

        assert ["did reload 0", "did reload 1", "did reload 2"] == said
        assert 3 == named.connections


async def test_the_late_reply_of_a_command_that_took_too_long_is_nobodys():
    """Half a reply within the time limit, the rest afterwards: the next command has a connection of its own."""
    let_go = asyncio.Event()

    async def speak(number, reader, writer):
        await greet(reader, writer)
        if number:
            await serve(reader, writer)
        late = reply(await heard(reader))
        writer.write(late[:50])
        await let_go.wait()
        writer.write(late[50:])
        await serve(reader, writer)

    async with tcp_server(speak) as named:
        control = control_at(named.port, timeout_s=0.3)
        with pytest.raises(ControlUnavailable, match=r"no answer in 0\.3 s"):
            await control.command("reload a")
        let_go.set()
        control._timeout_s = 20.0
        said = await control.command("reload b")
        await control.aclose()

    assert "did reload b" == said.text
    assert 2 == named.connections


async def test_the_late_reply_of_a_cancelled_command_is_nobodys():
    """Dispatch cancels a batch that takes too long; the commands after it get their own replies."""
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def speak(number, reader, writer):
        await greet(reader, writer)
        if not number:
            late = reply(await heard(reader))
            asked.set()
            await let_go.wait()
            writer.write(late)
        await serve(reader, writer)

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        first = asyncio.create_task(control.command("reload a"))
        await asked.wait()
        second = asyncio.create_task(control.command("reload b"))  # waits behind the first
        first.cancel()
        let_go.set()
        said = await second
        await control.aclose()

    assert first.cancelled()
    assert "did reload b" == said.text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda request: reply(request) + reply(request), "more than one reply"),
        (lambda request: reply(request) + b"\0", "more than one reply"),
        (lambda request: reply(request, _ser="1"), "a reply to another command"),
        (lambda request: reply(request, key=SigningKey("hmac-sha256", b"another")), "the signature is wrong"),
        (lambda _request: (64 * 2**20 + 1).to_bytes(4, "big"), "a frame of 67108865 octets"),
        (lambda _request: b"\0\0\0\0", "not a frame of version 1"),
    ],
)
async def test_what_is_no_reply_is_refused_and_its_connection_closed(wrong, reason):
    """Two frames at once, another's reply, a wrong signature, a monstrous frame, an empty one."""

    async def speak(number, reader, writer):
        await greet(reader, writer)
        if not number:
            writer.write(wrong(await heard(reader)))
        await serve(reader, writer)

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        with pytest.raises(ControlUnavailable, match=reason):
            await control.command("reload a")
        said = await control.command("reload b")
        await control.aclose()

    assert "did reload b" == said.text
    assert 2 == named.connections


async def test_what_comes_unasked_is_not_the_next_commands_reply():
    """A second reply, some time after the first: the connection is closed before anybody uses it again."""
    answered, given_up = asyncio.Event(), asyncio.Event()

    async def speak(number, reader, writer):
        await greet(reader, writer)
        request = await heard(reader)
        writer.write(reply(request))
        if not number:
            await answered.wait()
            writer.write(reply(request))
            assert b"" == await reader.read()
            given_up.set()
        await serve(reader, writer)

    async with tcp_server(speak) as named:
        control = control_at(named.port)
        first = await control.command("reload a")
        answered.set()
        await given_up.wait()
        second = await control.command("reload b")
        await control.aclose()

    assert ["did reload a", "did reload b"] == [first.text, second.text]


async def test_a_time_limit_is_that_of_its_own_command():
    """The timer of a connection is set once: what is left of it from the command before must not cut off the next one."""

    async def speak(_number, reader, writer):
        await greet(reader, writer)
        writer.write(reply(await heard(reader)))
        late = reply(await heard(reader))
        await asyncio.sleep(1.6)
        writer.write(late)
        await heard(reader)  # and no answer
        await asyncio.sleep(3600)

    async with tcp_server(speak) as named:
        control = control_at(named.port, timeout_s=3.0)
        await control.command("reload a")
        await asyncio.sleep(2.0)  # the timer of the first has a second left, the answer takes longer
        said = await control.command("reload b")
        with pytest.raises(ControlUnavailable, match=r"no answer in 3 s"):
            await control.command("reload c")

    assert "did reload b" == said.text
    assert 1 == named.connections


async def test_one_time_limit_covers_connection_greeting_and_command():
    """named takes the connection and needs most of the limit for each of the two answers."""

    async def speak(_number, reader, writer):
        for _ in range(2):
            request = await heard(reader)
            await asyncio.sleep(0.4)
            writer.write(reply(request))

    async with tcp_server(speak) as named:
        control = control_at(named.port, timeout_s=0.6)
        with pytest.raises(ControlUnavailable, match=r"no answer in 0\.6 s"):
            await control.command("status")


async def test_a_command_that_named_would_not_take_is_not_sent():
    """named closes on requests above 32 KiB: other commands on the connection would suffer."""
    control = control_at(1)

    with pytest.raises(ControlUnavailable, match="but named accepts at most 32 KiB"):
        await control.command("x" * (LARGEST_COMMAND + 1))
