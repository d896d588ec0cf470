"""The time of an answer is the name server's, not ours."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from directdnsonly.verify.answer_time import AnswerTimer

SLOW_S, BUSY_S = 0.05, 1.0


class _Slow(threading.Thread):
    """Answers each question after a while: what a name server under load looks like."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.is_mute = False

    def run(self) -> None:
        while True:
            try:
                asked, who = self.socket.recvfrom(512)
            except OSError:
                return
            if self.is_mute:
                continue
            time.sleep(SLOW_S)
            self.socket.sendto(asked[:2] + b"\x80\x05" + asked[4:], who)


@pytest.fixture
def server():
    slow = _Slow()
    slow.start()
    yield slow
    slow.socket.close()


async def test_a_loop_that_is_busy_meanwhile_adds_nothing(server):
    timer = AnswerTimer("127.0.0.1", server.port)
    measuring = asyncio.ensure_future(timer.measure_s())
    await asyncio.sleep(0)  # the question is sent

    time.sleep(BUSY_S)  # noqa: ASYNC251 - we are busy: that is the case

    took_s = await measuring
    assert took_s is not None
    assert SLOW_S <= took_s < 0.9 * BUSY_S


async def test_no_answer_and_nobody_there_are_no_measurement(server):
    server.is_mute = True
    timer = AnswerTimer("127.0.0.1", server.port)

    assert await timer.measure_s() is None

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nobody = AnswerTimer("127.0.0.1", port)
    assert await nobody.measure_s() is None
    assert await nobody.measure_s() is None
