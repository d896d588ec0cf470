"""Queries a name server for the SOA of many zones at once, over UDP."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from directdnsonly.verify.others import OURS
from directdnsonly.verify.wire import SOA, Answer, MalformedAnswer, identity_of, question, read_soa
from directdnsonly.zone.name import ZoneName

WINDOW = 64  # questions in flight; more overflow the socket's receive buffer (measured)
ANSWER_S = 0.4  # an answer on a healthy path takes less than a millisecond


class SoaProber(asyncio.DatagramProtocol):
    """Sends SOA queries over one UDP socket to one name server. Create it with `open`.

    Driven by what comes in, without a task or a future for each question: a sweep asks 100,000.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, _Question] = {}  # by identity, in the order of their time limits
        self._lost: list[_Question] = []  # without an answer, to be asked again or given up
        self._timer: asyncio.TimerHandle | None = None  # one for all of them
        self._identities = identities()
        self._is_closed = False

    @classmethod
    async def open(cls, host: str, port: int) -> SoaProber:
        """A prober for this server. Raises OSError if there is no route to the address."""
        loop = asyncio.get_running_loop()
        _, prober = await loop.create_datagram_endpoint(lambda: cls(host), remote_addr=(host, port))
        return prober

    async def ask(self, name: ZoneName, *, tries: int = 2) -> Answer | None:
        """The server's answer for this zone's SOA; None if none came."""
        (answer,) = await self.ask_all((name,), tries=tries)
        return answer

    async def ask_all(self, names: Sequence[ZoneName], *, tries: int = 2) -> list[Answer | None]:
        """The answers in the order of the names, None for those that did not come; WINDOW queries are in flight at a time."""
        if not names:
            return []
        survey = _Survey(names, tries, self._loop.create_future())
        for number in islice(survey.left, WINDOW):
            self._send(survey, number, tries)
        try:
            await survey.done
        except BaseException:  # a cancellation: nobody wants these answers
            self._waiting = {identity: one for identity, one in self._waiting.items() if one.survey is not survey}
            raise
        return survey.answers

    def close(self) -> None:
        """Release the socket; queries in flight get no answer."""
        self._is_closed = True
        if self._transport is not None:
            self._transport.close()
        self._lose_all()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # its base class is missing in CPython 3.11

    def datagram_received(self, data: bytes, _address: object) -> None:
        """Take a datagram as an answer only if its id and question match a query in flight."""
        try:
            identity = identity_of(data)
            one = self._waiting[identity]
            answer = read_soa(data, one.asked)
        except (MalformedAnswer, KeyError):
            return
        del self._waiting[identity]
        self._end(one, answer)

    def error_received(self, _error: Exception) -> None:
        """End all queries in flight, because ICMP says that nobody listens there."""
        self._lose_all()

    def _send(self, survey: _Survey, number: int, tries: int) -> None:
        assert self._transport is not None
        while (identity := next(self._identities)) in self._waiting:
            pass
        until = self._loop.time() + ANSWER_S
        one = _Question(survey, number, tries - 1, question(survey.names[number], SOA, identity), until)
        if self._is_closed:
            self._lose([one])
            return
        self._waiting[identity] = one
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._expire)
        OURS.sent(self._host)
        self._transport.sendto(one.asked)  # which may call error_received

    def _end(self, one: _Question, answer: Answer | None) -> None:
        """End a query; the next one of its survey takes its place."""
        survey = one.survey
        survey.answers[one.number] = answer
        survey.ended += 1
        following = next(survey.left, None)
        if following is not None:
            self._send(survey, following, survey.tries)
        elif survey.ended == len(survey.names) and not survey.done.done():
            survey.done.set_result(None)

    def _expire(self) -> None:
        """End the queries that have timed out, and schedule the next check."""
        self._timer = None
        now = self._loop.time()
        late: list[_Question] = []
        for identity, one in list(self._waiting.items()):
            if one.until > now:
                self._timer = self._loop.call_at(one.until, self._expire)
                break
            del self._waiting[identity]
            late.append(one)
        self._lose(late)

    def _lose_all(self) -> None:
        lost, self._waiting = self._waiting, {}
        self._lose(list(lost.values()))

    def _lose(self, questions: list[_Question]) -> None:
        """Retry or give up these queries, from the loop because sending may call this again at once."""
        if questions and not self._lost:
            self._loop.call_soon(self._ask_again)
        self._lost += questions

    def _ask_again(self) -> None:
        lost, self._lost = self._lost, []
        for one in lost:
            if one.survey.done.done():
                continue  # it was cancelled
            if one.tries and not self._is_closed:
                self._send(one.survey, one.number, one.tries)
            else:
                self._end(one, None)


def identities() -> Iterator[int]:
    """An endless series of unpredictable 16-bit ids, because an answer by UDP can be forged.

    Drawn by the hundred: each call of the system costs, and lets other threads run in between.
    """
    while True:
        yield from struct.unpack("!256H", os.urandom(512))


class _Survey:
    """The queries of one call of `ask_all`, and its answers."""

    __slots__ = ("answers", "done", "ended", "left", "names", "tries")

    def __init__(self, names: Sequence[ZoneName], tries: int, done: asyncio.Future[None]) -> None:
        self.names, self.tries, self.done = names, tries, done
        self.answers: list[Answer | None] = [None] * len(names)
        self.left = iter(range(len(names)))  # numbers of the names that were not asked yet
        self.ended = 0


@dataclass(slots=True)
class _Question:
    """A query in flight. `tries`: how many times it may be sent again."""

    survey: _Survey
    number: int
    tries: int
    asked: bytes
    until: float
