"""Every await of the pools and the lanes is cancelled once: nothing leaks, nothing is half done, and the next use works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.backends.bind.backend import BindBackend
from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.record import DeliveryRecorder, NobodyCounts
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session
from directdnsonly.outbox.deliveries import Settle
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.verify.compare import Expected, Finding
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from tests.support.cutting import PATIENCE_S, cut_everywhere, descriptors, until_open_files_are
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import QUICK
from tests.support.made import a_push, a_zone
from tests.support.mariadb import MariaDb
from tests.support.named import bind_under_test
from tests.support.parsers import obedient

PASSWORD = "s3cret-of-the-test"
CONNECTIONS = 3


@pytest.fixture
async def mariadb(tmp_path: Path) -> AsyncIterator[MariaDb]:
    server = MariaDb(tmp_path)
    await server.start()
    server.account("u", PASSWORD, "d")
    for table in ("one", "two"):
        server.sql(f"CREATE TABLE d.{table} (n INT PRIMARY KEY) ENGINE=InnoDB")
    yield server
    server.kill()


async def write(session: Session, number: int) -> None:
    """A look, and a row in each of two tables."""
    await session.rows("SELECT n FROM one WHERE n = %s FOR UPDATE", (number,))
    session.insert("one", ["n"], [(number,)], over=True)
    await session.execute("DELETE FROM two WHERE n = %s", (number,))
    session.insert("two", ["n"], [(number,)])


@pytest.mark.parametrize("kept", [True, False], ids=["on a kept connection", "on a new one"])
async def test_a_transaction_is_cut_at_each_await_and_is_whole_or_nothing(mariadb, kept):
    """Each connection that was cut is closed, no slot is lost, and no lock is left: the same row is written next."""
    given = {"host": "127.0.0.1", "port": mariadb.port, "database": "d", "username": "u", "password": PASSWORD}
    server = MysqlServer("db", MysqlSettings(**given, connections=CONNECTIONS))
    numbers = count(1)
    files = descriptors()

    def act():
        number = next(numbers)
        return server.transaction(lambda session: write(session, number))

    async def before() -> None:
        if kept:
            await server.ready()
        else:
            await server.aclose()

    async def after() -> None:
        last = next(numbers) - 1
        async with asyncio.TaskGroup() as group:  # each slot is used at once, one of them on the row that was cut
            for number in (last, *range(-1, -CONNECTIONS, -1)):
                group.create_task(server.transaction(lambda session, number=number: write(session, number)))
        found = await server.query("SELECT n FROM one WHERE n > 0 AND n NOT IN (SELECT n FROM two)")
        found += await server.query("SELECT n FROM two WHERE n > 0 AND n NOT IN (SELECT n FROM one)")
        assert [] == found
        await until_open_files_are([*files, *["socket"] * CONNECTIONS])

    # Three answers: to the look, the rows, the COMMIT. One that comes in two parts is waited for twice, which no server owes us.
    assert (3 if kept else 10) <= await cut_everywhere(act, after, before=before)
    await server.aclose()
    await until_open_files_are(files)


async def test_what_is_refused_is_cut_at_each_await_and_leaves_no_lock(mariadb):
    """The way back, too: a ROLLBACK that was cut is one of the server's when the connection is closed."""
    given = {"host": "127.0.0.1", "port": mariadb.port, "database": "d", "username": "u", "password": PASSWORD}
    server = MysqlServer("db", MysqlSettings(**given, connections=1))
    files = descriptors()

    async def refused(session: Session) -> None:
        await session.execute("INSERT INTO one VALUES (1)")
        session.insert("two", ["n"], [(None,)])

    async def act() -> None:
        with pytest.raises(DataRefused):
            await server.transaction(refused)

    async def after() -> None:
        await server.transaction(lambda session: write(session, 1))
        await server.transaction(lambda session: session.execute("DELETE FROM one"))

    assert 4 <= await cut_everywhere(act, after)
    await server.aclose()
    await until_open_files_are(files)


async def test_a_control_command_is_cut_at_each_await_and_no_reply_is_taken_for_another(tmp_path):
    """named answers in order: what was cut closes its connection, so nobody gets the answer that was for it."""
    async with bind_under_test(tmp_path, "managed-native") as (backend, _daemon):
        assert isinstance(backend, BindBackend)
        names = [f"z{number}.example" for number in range(9)]
        pool = backend._make_control()

        async def after() -> None:
            replies = await asyncio.gather(*(pool.command(f"zonestatus {name}") for name in names))
            assert [(False, True)] * len(names) == [
                (reply.ok, f"'{name}'" in reply.text or name in reply.text)
                for name, reply in zip(names, replies, strict=True)
            ]

        files = descriptors()
        await after()
        most = descriptors()
        assert 1 <= await cut_everywhere(lambda: pool.command("zonestatus cut.example"), after)
        assert 3 <= await cut_everywhere(lambda: pool.command("zonestatus cut.example"), after, before=pool.aclose)
        await until_open_files_are(most)
        await pool.aclose()
        await until_open_files_are(files)


async def test_a_survey_is_cut_at_each_await_and_asks_nothing_more(tmp_path):
    """Nor does what it asked stand in the way of the next one."""
    async with FakeBackend() as backend:
        names = [ZoneName.parse(f"z{number}.example") for number in range(200)]
        for name in names:
            backend.serve(a_zone(str(name), 7))
        backend.mute_zones = {"z3.example"}
        (server,) = backend.servers
        files = descriptors()
        prober = await SoaProber.open(server.host, server.port)

        async def after() -> None:
            answers = await prober.ask_all(names[4:])
            assert {7} == {answer and answer.serial for answer in answers}
            assert {} == prober._waiting

        assert 1 <= await cut_everywhere(lambda: prober.ask_all(names), after)
        prober.close()
        await until_open_files_are(files)

        async def opened() -> None:
            (await SoaProber.open(server.host, server.port)).close()

        async def nothing_is_open() -> None:
            await until_open_files_are(files)

        assert 1 <= await cut_everywhere(opened, nothing_is_open)


async def test_a_proof_is_cut_at_each_await_and_leaves_no_socket():
    """Of two name servers, one of which serves another serial; asked by a verifier that nobody has used before."""
    async with FakeBackend() as one, FakeBackend() as two:
        wanted = [Expected(name=ZoneName.parse(f"z{number}.example"), serial=7) for number in range(3)]
        for expected in wanted:
            one.serve(a_zone(str(expected.name), 7))
            two.serve(a_zone(str(expected.name), 6 if expected is wanted[0] else 7))
        files = descriptors()
        verifier = Verifier([*one.servers, *two.servers], allows_transfer=False)

        def act():
            return verifier.verify(wanted, patience_s=0.01)

        async def after() -> None:
            verdicts = await act()
            assert [Finding.STALE, Finding.PROVEN, Finding.PROVEN] == [verdict.finding for verdict in verdicts]
            verifier.close()
            await until_open_files_are(files)

        assert 6 <= await cut_everywhere(act, after)
        assert 3 <= await cut_everywhere(lambda: verifier.ask(wanted[1]), after)
        verifier.close()  # of the run that was not cut
        await until_open_files_are(files)


@pytest.mark.parametrize("hired", [True, False], ids=["with a process", "without one"])
async def test_a_big_zone_is_cut_at_each_await_and_the_next_one_is_read(hired):
    """No process goes on for nobody, and no pipe of it stays open."""
    files = descriptors()
    parser = ZoneParser(obedient, inline_limit_bytes=10)
    serials = count(10)

    async def before() -> None:
        if hired:
            assert 5 == (await parser.parse(b"5\n" + b"x" * 10, ZoneName("a.example"))).serial
        else:
            await parser.aclose()

    async def after() -> None:
        serial = next(serials)
        assert serial == (await parser.parse(f"{serial}\n{'x' * 10}".encode(), ZoneName("a.example"))).serial
        await until_open_files_are([*files, "socket"])

    assert (1 if hired else 2) <= await cut_everywhere(
        lambda: parser.parse(b"6\n" + b"x" * 10, ZoneName("a.example")), after, before=before
    )
    await parser.aclose()
    await until_open_files_are(files)


class Later(SystemClock):
    """The clock of the machine, and a minute more with each push: the pause after a storm is over."""

    ahead_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.ahead_s


class Line:
    """A store with one backend, pushes to it, and what became of them."""

    def __init__(self, store: SqliteStore, backend: FakeBackend, clock: Later) -> None:
        self.store, self.backend, self.clock = store, backend, clock
        self.serials = count(1)
        self.serial = 0
        self.verifiers: list[Verifier] = []
        backend.refuse = {"bad.example": "told that it is bad"}
        backend.lie = {"late.example"}  # its second look, second try and retry are cut as well

    def lane(self, recorder: DeliveryRecorder | None = None, **options: object) -> Lane:
        self.verifiers.append(Verifier(self.backend.servers, allows_transfer=False))
        return Lane(
            backend=self.backend, verifier=self.verifiers[-1], work=self.store.work, clock=self.clock,
            settings=DispatchSettings(**{**QUICK, **PATIENCE, **options}), recorder=recorder,
        )  # fmt: skip

    def close(self) -> None:
        """The sockets of those lanes that did not run, and so did not close them."""
        for verifier in self.verifiers:
            verifier.close()

    async def push(self) -> None:
        """A new version of each zone."""
        self.serial = next(self.serials)
        self.clock.ahead_s += 60
        for name in ENDS:
            await self.store.recording.record_push(a_push(name, self.serial))

    async def start(self) -> None:
        """As the service does: what a process that is gone had leased is given back."""
        await self.store.upkeep.adopt_backends(["fake"])

    async def ends(self) -> dict[str, State]:
        found = {}
        for name in ENDS:
            (placement,) = await self.store.looking.placements(ZoneName.parse(name))
            found[name] = placement.state
        return found

    async def work_on(self, lane: Lane) -> None:
        """Until each zone has come to its end; what failed is tried again in a moment."""
        end = time.monotonic() + PATIENCE_S
        while (found := await self.ends()) != ENDS:
            assert time.monotonic() < end, found
            await lane.run_once()

    async def assert_each_has_ended_once(self) -> None:
        """With one line of history for what failed; and the newest is what is served."""
        for name, end in ENDS.items():
            tried = await self.store.looking.attempts(ZoneName.parse(name))
            assert int(end is State.DEAD) == sum(one.version == self.serial and one.state is end for one in tried)
            if end is State.VERIFIED:
                assert self.serial == self.backend.zones[ZoneName.parse(name)].serial


PATIENCE = {"retry_delays_s": (0.001,), "max_attempts": 1, "verify_patience_s": 0.01}
ENDS = {
    "a.example": State.VERIFIED, "b.example": State.VERIFIED, "bad.example": State.DEAD, "late.example": State.DEAD,
}  # fmt: skip


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    settings, clock = OutboxSettings(disk_reserve_mb=0), Later()
    async with (
        FakeBackend() as backend,
        open_store(tmp_path, settings=settings, clock=clock, backends=["fake"]) as store,
    ):
        line = Line(store, backend, clock)
        yield line
        line.close()


async def test_an_attempt_is_cut_at_each_await_and_the_next_start_ends_it(line):
    """Nothing is written on the way out, the lease speaks; and the lane itself can go on."""
    lane = line.lane()

    async def before() -> None:
        await line.start()
        await line.push()

    async def after() -> None:
        await line.start()
        await line.work_on(lane)
        await line.assert_each_has_ended_once()
        assert {} == lane.pulses._due

    assert 12 <= await cut_everywhere(lane.run_once, after, before=before)


class Ended(NobodyCounts):
    """Tells when so many zones have come to their end."""

    def __init__(self, wanted: int) -> None:
        self.left, self.all = wanted, asyncio.Event()
        self.told: list[str] = []

    def attempted(self, backend: str, how: Settle | Literal["stored"]) -> None:
        del backend
        self.told.append(how)
        self.left -= how is not Settle.DEFER
        if self.left == 0:
            self.all.set()


async def test_a_lane_is_cut_at_each_await_of_its_tasks_and_the_next_one_ends_its_work(line):
    """All of its workers, its prober and its sweeper end with it, and no socket stays."""
    files: list[str] = []

    async def until_all_have_ended() -> None:
        ended = Ended(len(ENDS))
        lane = line.lane(ended)
        running = asyncio.create_task(lane.run())
        try:
            await ended.all.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def before() -> None:
        await line.start()
        await line.push()

    async def after() -> None:
        await line.start()
        lane = line.lane()
        await line.work_on(lane)
        line.close()
        await line.assert_each_has_ended_once()
        if files:
            await until_open_files_are(files)

    await before()
    await after()
    files += descriptors()  # the store opens some when it is first asked
    assert 20 <= await cut_everywhere(until_all_have_ended, after, before=before)


async def test_what_was_proven_before_an_attempt_was_cut_is_told(line):
    """A proof is committed at once, while others of its batch are waited for; nobody makes that attempt again."""
    await line.start()
    await line.push()
    ended = Ended(len(ENDS))
    lane = line.lane(ended, verify_patience_s=PATIENCE_S)
    attempt = asyncio.create_task(lane.run_once())
    while await line.ends() != ENDS | {"bad.example": State.LEASED, "late.example": State.APPLIED}:
        assert not attempt.done()
        await asyncio.sleep(0.01)

    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)

    assert [Settle.VERIFIED] * 2 == ended.told
    assert (2, 0) == (lane.status().proven, lane.status().failed)
