"""What the kernel counts, and that we count our own questions as it does."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from directdnsonly.verify.answer_time import AnswerTimer
from directdnsonly.verify.others import OURS, Ours, datagrams, is_here


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_that_reach_a_program_are_counted(host):
    """Of both families. Others of this machine may add to it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as here, socket.socket(family, socket.SOCK_DGRAM) as there:
        try:
            here.bind((host, 0))
        except OSError:
            pytest.skip("no such family here")
        before = datagrams()
        for _ in range(50):
            there.sendto(b"?", here.getsockname())
            here.recv(1)
        after = datagrams()

    assert before is not None
    assert after is not None
    assert after - before >= 50


def test_an_address_is_of_this_machine_or_it_is_not():
    assert is_here("127.0.0.1")
    assert not is_here("192.0.2.1")  # RFC 5737: documentation, nobody's


def test_of_a_question_to_another_machine_only_its_answer_comes_here():
    """Counted twice it would hide one who asks."""
    ours = Ours()
    for host in ("192.0.2.1", "127.0.0.1"):
        ours.sent(host)

    assert 1 + 2 == ours.datagrams


async def test_a_question_of_ours_brings_what_we_count_for_it():
    """One datagram to the server, one back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            asked, who = server.recvfrom(512)
            server.sendto(asked[:2] + b"\x80\x05" + asked[4:], who)

        thread = threading.Thread(target=answer)
        thread.start()
        before = OURS.datagrams

        assert await AnswerTimer("127.0.0.1", server.getsockname()[1]).measure_s() is not None

        await asyncio.to_thread(thread.join)
        assert 2 == OURS.datagrams - before
