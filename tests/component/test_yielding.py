"""A bulk rests when those who ask the name server feel it, with all its workers; otherwise it does not."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import asynccontextmanager
from itertools import count

import pytest

from directdnsonly.backends.contract import ServerAddress
from directdnsonly.dispatch.pace import FEWEST
from directdnsonly.dispatch.yielding import MANY, Yielding
from directdnsonly.verify.others import Others, Ours

SLOW_S, NOW_S = 0.2, 0.5
FACTOR = 4.0


class _Server(threading.Thread):
    """Answers at once, or after a while."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = ServerAddress(host="127.0.0.1", port=self.socket.getsockname()[1])
        self.is_slow, self.slow_answers = False, 0

    def run(self) -> None:
        while True:
            try:
                asked, who = self.socket.recvfrom(512)
                if self.is_slow:
                    time.sleep(SLOW_S)
                    self.slow_answers += 1
                self.socket.sendto(asked[:2] + b"\x80\x05" + asked[4:], who)
            except OSError:
                return  # closed

    async def is_felt(self) -> None:
        """Slow from now on, until that has been noticed."""
        self.is_slow = True
        while self.slow_answers <= FEWEST + 1:
            await asyncio.sleep(0.01)


@pytest.fixture
def server():
    made = _Server()
    made.start()
    yield made
    made.socket.close()


@asynccontextmanager
async def at_work(yielding):
    async with asyncio.TaskGroup() as group:
        actor = group.create_task(yielding.run())
        yield
        actor.cancel()


async def rests(yielding) -> bool:
    """Whether a worker that comes now has to wait."""
    try:
        async with asyncio.timeout(NOW_S):
            await yielding.rest()
    except TimeoutError:
        return True
    return False


async def test_after_a_batch_that_was_felt_every_worker_rests_and_then_goes_on(server):
    yielding = Yielding([server.address], FACTOR)
    async with at_work(yielding):
        async with yielding.beside(MANY):
            await server.is_felt()
        server.is_slow = False

        assert [True, True] == [await rests(yielding) for _ in range(2)]
        await yielding.rest()  # it has an end


async def test_while_one_worker_is_felt_no_other_begins(server):
    """Rests of one beside the work of another are none."""
    yielding = Yielding([server.address], FACTOR)
    async with at_work(yielding), yielding.beside(MANY):
        await server.is_felt()

        assert await rests(yielding)


async def test_a_bulk_that_nobody_feels_never_rests(server):
    yielding = Yielding([server.address], 1e6)
    async with at_work(yielding):
        async with yielding.beside(MANY):
            await server.is_felt()
            assert not await rests(yielding)
        assert not await rests(yielding)


@pytest.mark.parametrize(("came", "expected"), [(0, False), (1000, True)])
async def test_where_nobody_asks_nobody_is_spared(server, came, expected):
    """A first fill, or a machine that is only prepared: the bulk goes on."""
    total = count(step=came)
    yielding = Yielding([server.address], FACTOR, Others(lambda: next(total), Ours()))
    async with at_work(yielding), yielding.beside(MANY):
        await server.is_felt()

        assert expected is await rests(yielding)


@pytest.mark.parametrize(("zones", "factor"), [(MANY - 1, FACTOR), (MANY, 0.0)])
async def test_what_is_too_small_or_not_wanted_is_not_measured(server, zones, factor):
    """No question is asked: neither for a batch that nobody feels, nor where the setting is 0."""
    server.is_slow = True
    yielding = Yielding([server.address], factor)
    async with at_work(yielding):
        async with yielding.beside(zones):
            await asyncio.sleep(2 * SLOW_S)
        assert not await rests(yielding)
    assert 0 == server.slow_answers
