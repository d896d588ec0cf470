"""A lane against a backend that misbehaves on purpose, with the real store and the real verifier."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from directdnsonly.backends.bind.backend import BindBackend
from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.operate.asking import ask_lanes
from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.triggers import STORM_PAUSE_S
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.verifier import Verifier
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import QUICK, Rig, running_lanes, until
from tests.support.made import a_delete, a_push
from tests.support.named import bind_under_test


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable]:
    async with AsyncExitStack() as stack:

        async def it(*backends: FakeBackend, **options: object) -> Rig:
            return await stack.enter_async_context(running_lanes(tmp_path, *backends, **options))

        yield it


async def test_a_push_is_applied_and_proven(start):
    """The plain way."""
    backend = FakeBackend("one")
    rig = await start(backend)
    await rig.push(a_push("a.example", 7))

    found = await rig.until("a.example", State.VERIFIED)

    assert (1, 7) == (found.verified_version, found.served_serial)


async def test_an_outage_burns_no_attempts_and_everything_drains_on_return(start):
    """Faults C5: the breaker opens, nothing is attempted, then all are proven."""
    backend = FakeBackend("one")
    rig = await start(backend)
    backend.down = "connection refused"
    await rig.push(*(a_push(f"z{number}.example") for number in range(50)))
    await until(lambda: rig.lanes["one"].status().breaker is not BreakerState.CLOSED)
    assert "connection refused" in rig.lanes["one"].status().reason
    assert 0 == (await rig.placement("z0.example")).attempts

    backend.down = ""

    for number in range(50):
        await rig.until(f"z{number}.example", State.VERIFIED)
    assert BreakerState.CLOSED is rig.lanes["one"].status().breaker


async def test_one_zone_pushed_often_during_an_outage_costs_one_delivery(start):
    """Newest wins: no queue of old versions."""
    backend = FakeBackend("one")
    rig = await start(backend)
    backend.down = "gone"
    for serial in range(1, 101):
        await rig.push(a_push("a.example", serial))

    backend.down = ""

    await rig.until("a.example", State.VERIFIED)
    assert [("a.example", 100)] == backend.applied


async def test_a_dead_backend_changes_nothing_for_its_neighbour(start):
    """Faults A7: each backend has its own lane."""
    dead, alive = FakeBackend("dead"), FakeBackend("one")
    rig = await start(dead, alive)
    dead.down = "gone"
    await rig.push(*(a_push(f"z{number}.example") for number in range(20)))

    for number in range(20):
        await rig.until(f"z{number}.example", State.VERIFIED)
    assert State.PENDING is (await rig.placement("z0.example", "dead")).state


async def test_a_failing_zone_is_retried_then_dead_then_revived_by_a_newer_version(start):
    """Faults A8: never silently dropped."""
    backend = FakeBackend("one")
    backend.fail["bad.example"] = 3
    rig = await start(backend)
    await rig.push(a_push("bad.example", 1), a_push("good.example", 1))

    dead = await rig.until("bad.example", State.DEAD)
    assert (3, "told to fail") == (dead.attempts, dead.reason)
    await rig.until("good.example", State.VERIFIED)

    await rig.push(a_push("bad.example", 2))
    assert 2 == (await rig.until("bad.example", State.VERIFIED)).verified_version


async def test_a_refused_zone_is_dead_at_once_with_the_reason(start):
    """A person must look; its neighbours are served."""
    backend = FakeBackend("one")
    backend.refuse["bad.example"] = "bad owner name (check-names)"
    rig = await start(backend)
    await rig.push(a_push("bad.example"), a_push("good.example"))

    assert "check-names" in (await rig.until("bad.example", State.DEAD)).reason
    await rig.until("good.example", State.VERIFIED)


async def test_a_name_server_that_lies_is_found_out(start):
    """Faults C7: says ok and serves the old; the state never becomes verified."""
    backend = FakeBackend("one")
    rig = await start(backend)
    await rig.push(a_push("a.example", 1))
    await rig.until("a.example", State.VERIFIED)
    backend.lie.add("a.example")
    await rig.push(a_push("a.example", 2))

    dead = await rig.until("a.example", State.DEAD)

    assert (1, True) == (dead.verified_version, "answers serial 1, wanted 2" in dead.reason)


async def test_an_error_after_having_applied_ends_at_the_truth(start):
    """Faults C7, the other way round: applying again is harmless."""
    backend = FakeBackend("one")
    backend.error_but_applied.add("a.example")
    rig = await start(backend)
    await rig.push(a_push("a.example", 1))
    await asyncio.sleep(0.02)
    backend.error_but_applied.clear()

    await rig.until("a.example", State.VERIFIED)


async def test_a_zone_that_hangs_the_backend_is_found_and_buried_alone(start):
    """Faults C4: the batch is halved until the poison stands alone; the others are served."""
    backend = FakeBackend("one", batch_size=8)
    backend.hang_on = {"z5.example"}
    rig = await start(backend, apply_timeout_s=1.0)
    await rig.push(*(a_push(f"z{number}.example", priority=Priority.BULK) for number in range(8)))

    assert "no answer" in (await rig.until("z5.example", State.DEAD)).reason
    for number in (0, 1, 2, 3, 4, 6, 7):
        await rig.until(f"z{number}.example", State.VERIFIED)


async def test_a_silent_name_server_is_an_outage_not_a_fault_of_zones(start):
    """Applied, but nobody answers DNS: no attempts are burned."""
    backend = FakeBackend("one")
    rig = await start(backend)
    await asyncio.sleep(0.2)
    backend.silent = True
    await rig.push(a_push("a.example"))
    await until(lambda: rig.lanes["one"].status().breaker is not BreakerState.CLOSED)
    assert 0 == (await rig.placement("a.example")).attempts

    backend.silent = False

    await rig.until("a.example", State.VERIFIED)


async def test_the_start_finds_what_the_name_server_lost(start):
    """The sweep at start compares the name server with the store."""
    backend = FakeBackend("one")
    rig = await start(backend)
    await rig.push(a_push("a.example"), a_push("b.example"))
    await rig.until("a.example", State.VERIFIED)
    await rig.until("b.example", State.VERIFIED)
    del backend.zones[ZoneName.parse("a.example")]

    rig.lanes["one"].name_server_running()

    await until(lambda: ZoneName.parse("a.example") in backend.zones)
    await rig.until("a.example", State.VERIFIED)


async def test_the_end_of_an_outage_finds_what_the_name_server_lost(tmp_path):
    """An external named comes back without its list of zones: all of them are served again, not only those pushed since."""
    async with (
        bind_under_test(tmp_path, "external-addzone") as (backend, daemon),
        running_lanes(tmp_path / "store", backend) as rig,
    ):
        await rig.push(a_push("a.example"), a_push("b.example"))
        for name in ("a.example", "b.example"):
            await rig.until(name, State.VERIFIED, "bind")
        await daemon.stop()
        await until(lambda: rig.lanes["bind"].status().breaker is not BreakerState.CLOSED)
        lists = [*(tmp_path / "external").glob("*.nzd*"), *(tmp_path / "external").glob("*.nzf*")]
        for file in lists:
            file.unlink()
        await daemon.start()

        served = {name: await until_served(backend, name) for name in ("a.example", "b.example")}

    assert lists, "named keeps its list elsewhere"
    assert {"a.example": 1, "b.example": 1} == served


async def test_a_zone_of_the_operators_is_told_once_and_its_delete_is_done(tmp_path):
    """A push of it is given up at once, a delete has nothing to do and asks for no proof; his zone is served throughout.

    Who asks what is served is told so: it is no leftover of ours. The log says why there was nothing to do.
    """
    file = tmp_path / "his.zone"
    file.write_text("@ 60 IN SOA ns.his.net. h.his.net. 77 60 60 60 60\n@ 60 IN NS ns.his.net.\n")
    own = f'zone "his.example" {{ type primary; file "{file}"; }};'
    async with (
        bind_under_test(tmp_path, "external-addzone", own=own) as (backend, _),
        running_lanes(tmp_path / "store", backend) as rig,
    ):
        await rig.push(a_push("his.example"))
        dead = await rig.until("his.example", State.DEAD, "bind")
        with capture_logs() as lines:
            await rig.store.recording.record_delete(a_delete("his.example"))
            rig.wake()
            gone = await rig.until("his.example", State.VERIFIED, "bind")
            await until(lambda: any(one["event"] == "delivery.verified" for one in lines))
        zone = await rig.store.looking.zone(ZoneName.parse("his.example"))
        (said,) = (await ask_lanes(rig.store.looking, rig.lanes, zone))["bind"].said

        assert [gone.reason] == [one.get("reason") for one in lines if one["event"] == "delivery.verified"]
        assert ("operators", 77, gone.reason) == (said.verdict.finding, said.answer.serial, said.verdict.reason)
        assert 77 == await until_served(backend, "his.example")

    assert dead.reason.startswith("held by the operator: named has the zone from another source")
    assert 2 == gone.verified_version
    assert gone.reason.startswith(HELD_BY_OPERATOR)  # by which `dadns explain` knows that what is served is not ours


async def until_served(backend: BindBackend, name: str) -> int | None:
    """The serial that its name server answers, once it answers one."""
    (place,) = backend.servers
    end = time.monotonic() + 30
    while time.monotonic() < end:
        prober = await SoaProber.open(place.host, place.port)
        try:
            answer = await prober.ask(ZoneName.parse(name))
        finally:
            prober.close()
        if answer is not None and answer.serial is not None:
            return answer.serial
        await asyncio.sleep(0.05)
    return None


async def test_push_delete_push_with_a_backlog_ends_with_the_last(start):
    """Faults A2."""
    backend = FakeBackend("one")
    rig = await start(backend)
    backend.down = "gone"
    await rig.push(a_push("again.example", 1), a_push("gone.example", 1))
    await rig.store.recording.record_delete(a_delete("again.example"))
    await rig.store.recording.record_delete(a_delete("gone.example"))
    await rig.push(a_push("again.example", 2))

    backend.down = ""

    assert 3 == (await rig.until("again.example", State.VERIFIED)).verified_version
    await rig.until("gone.example", State.VERIFIED)
    assert ["again.example"] == [str(name) for name in backend.zones]


async def test_urgent_work_overtakes_a_bulk(start):
    """A certificate does not wait for a mass rewrite: only the batches that run already come before it."""
    backend = FakeBackend("one", batch_size=20)
    backend.gate.clear()
    rig = await start(backend)
    await rig.push(*(a_push(f"bulk{number}.example", priority=Priority.BULK) for number in range(400)))
    await until(lambda: backend.applying)
    await rig.push(a_push("acme.example", priority=Priority.URGENT))

    backend.gate.set()

    await rig.until("acme.example", State.VERIFIED)
    await rig.until("bulk399.example", State.VERIFIED)
    running = 20 * sum("bulk" in name for name in rig.lanes["one"].actors)
    assert backend.applied.index((ZoneName.parse("acme.example"), 1)) <= running
    assert running < 400


async def test_a_dropped_connection_is_tried_once_more_at_once(start):
    """A short fault inside one attempt costs no retry and does not open the breaker; a second one in a row does."""
    backend = FakeBackend("one")
    rig = await start(backend, probe_delay_s=30.0, probe_delay_max_s=30.0)
    backend.drop = 1
    await rig.push(a_push("a.example"))
    await rig.until("a.example", State.VERIFIED)
    assert BreakerState.CLOSED is rig.lanes["one"].status().breaker
    assert [] == await rig.store.looking.attempts(ZoneName.parse("a.example"))

    backend.drop = 2
    await rig.push(a_push("a.example", 2))

    await until(lambda: rig.lanes["one"].status().breaker is BreakerState.OPEN)
    assert 0 == (await rig.placement("a.example")).attempts


async def test_a_lane_outlives_a_store_that_cannot_write(start, tmp_path):
    """Faults A4, A11: nothing dies while the store is locked; what could not be settled is due again at once after it."""
    backend = FakeBackend("one")
    rig = await start(backend, store={"busy_timeout_s": 0.1})
    await rig.push(a_push("before.example"))
    await rig.until("before.example", State.VERIFIED)
    backend.gate.clear()
    await rig.push(a_push("during.example"))
    await until(lambda: backend.applying)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        backend.gate.set()
        await until(lambda: ("during.example", 1) in backend.applied)
        with pytest.raises(OutboxUnavailable, match="locked"):
            await rig.push(a_push("refused.example"))
        foreign.execute("ROLLBACK")

    await rig.until("during.example", State.VERIFIED)  # long before the end of its lease: it was given back
    await rig.push(a_push("after.example"))
    await rig.until("after.example", State.VERIFIED)


async def test_a_store_that_cannot_work_is_told_once_and_when_it_is_over(start, tmp_path):
    """Every worker tries twice a second: for an hour on a full disk that would be thousands of lines."""
    backend = FakeBackend("one")
    rig = await start(backend, store={"busy_timeout_s": 0.05})
    await rig.push(*(a_push(f"z{number}.example", priority=Priority.BULK) for number in range(5)))
    await until(lambda: not backend.applying)
    backend.gate.clear()
    await rig.push(a_push("during.example"))
    await until(lambda: backend.applying)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as foreign, capture_logs() as lines:
        foreign.execute("BEGIN IMMEDIATE")
        backend.gate.set()
        for _ in range(10):
            await asyncio.sleep(0.4)
            rig.wake()
        foreign.execute("ROLLBACK")
        await rig.until("during.example", State.VERIFIED)

    trouble = [line for line in lines if line["event"].startswith("store.")]
    assert ["store.unavailable", "store.available"] == [line["event"] for line in trouble]
    assert "locked" in trouble[0]["reason"]
    assert trouble[1]["tries"] > 1
    assert trouble[1]["lasted_s"] > 1.0


async def test_revived_deliveries_are_proven(start):
    """Dead, repaired, revived, proven; with the history of what was tried."""
    backend = FakeBackend("one")
    backend.delay_s = 0.05
    backend.refuse["bad.example"] = "check-names"
    rig = await start(backend)
    await rig.push(a_push("bad.example"))
    await rig.until("bad.example", State.DEAD)
    backend.refuse.clear()

    assert 1 == await rig.store.operators.revive()
    rig.wake(Priority.BULK)

    assert "" == (await rig.until("bad.example", State.VERIFIED)).reason
    (attempt,) = await rig.store.looking.attempts(ZoneName.parse("bad.example"))
    assert "check-names" == attempt.reason
    assert attempt.elapsed_s >= backend.delay_s


async def test_a_storm_on_one_zone_costs_few_deliveries(start):
    """132 pushes and deletes in a burst: the last one is served, and the backend sees one for each pause at most."""
    backend = FakeBackend("one")
    rig = await start(backend)
    began = time.monotonic()
    for serial in range(1, 133):
        if serial % 3 == 0:
            await rig.store.recording.record_delete(a_delete("storm.example"))
            rig.wake()
        else:
            await rig.push(a_push("storm.example", serial))
    await rig.push(a_push("storm.example", 999))

    await until(lambda: (served := backend.zones.get(ZoneName.parse("storm.example"))) and served.serial == 999)
    assert len(backend.applied) <= 2 + (time.monotonic() - began) / STORM_PAUSE_S
    versions = [version for _, version in backend.applied]
    assert sorted(versions) == versions


async def test_a_backend_that_dies_while_nothing_is_pushed_is_noticed(start):
    """Faults E11: the status tells the truth without a push; and that it is back, too."""
    backend, other = FakeBackend("one"), FakeBackend("two")
    rig = await start(backend, other)
    backend.down = "connection refused"

    await until(lambda: rig.lanes["one"].status().breaker is not BreakerState.CLOSED)
    assert "connection refused" in rig.lanes["one"].status().reason
    assert BreakerState.CLOSED is rig.lanes["two"].status().breaker

    backend.down = ""
    await until(lambda: rig.lanes["one"].status().breaker is BreakerState.CLOSED)


async def dispatched(*lanes: Lane) -> tuple[Dispatcher, asyncio.Task[None]]:
    """These lanes at work beside those of the rig."""
    dispatcher = Dispatcher(lanes)
    return dispatcher, asyncio.create_task(dispatcher.run())


def a_lane(rig: Rig, backend: FakeBackend) -> Lane:
    return Lane(
        backend=backend, verifier=Verifier(backend.servers, allows_transfer=False), work=rig.store.work,
        clock=SystemClock(), settings=DispatchSettings(**QUICK),
    )  # fmt: skip


async def test_a_lane_comes_and_goes_while_others_work(start):
    """It is given what is there, delivers what comes, and is gone with its tasks; nobody else notices."""
    rig = await start(FakeBackend("one"))
    await rig.push(a_push("old.example"))
    async with FakeBackend("two") as backend:
        dispatcher, running = await dispatched()
        await rig.store.upkeep.change_backends(["one", "two"])

        dispatcher.add(a_lane(rig, backend))

        await until(lambda: ZoneName.parse("old.example") in backend.zones)
        await until(lambda: set(dispatcher.actors) <= {task.get_name() for task in asyncio.all_tasks()})
        assert any("two" in name for name in dispatcher.actors)

        await dispatcher.remove("two", limit_s=30)

        assert not any("two" in task.get_name() for task in asyncio.all_tasks())
        assert {} == dispatcher.lanes
        dispatcher.take(await rig.store.work.claim("two", limit=10, lease_s=60))  # of a commit that came too late
        assert not running.done()
        running.cancel()


async def test_what_is_on_its_way_ends_before_its_lane_does(start):
    """A slow batch is settled, and its lease is not left behind; the lane in its place goes on with the rest, paused as it was."""
    rig = await start()
    async with FakeBackend("two", batch_size=1) as backend:
        await rig.store.upkeep.change_backends(["two"])
        lane = a_lane(rig, backend)
        dispatcher, running = await dispatched(lane)
        backend.gate.clear()
        await rig.push(a_push("slow.example"))
        dispatcher.wake(Priority.INTERACTIVE)
        await until(lambda: backend.applying)
        lane.pause("paused by anna")
        replacing = asyncio.create_task(dispatcher.replace(a_lane(rig, backend), limit_s=30))
        await asyncio.sleep(0)
        assert dispatcher.lanes["two"] is lane

        backend.gate.set()
        await replacing

        assert dispatcher.lanes["two"] is not lane
        assert "paused by anna" == dispatcher.lanes["two"].status().paused
        (place,) = await rig.store.looking.placements(ZoneName.parse("slow.example"))
        assert State.VERIFIED is place.state
        await rig.push(a_push("later.example"))
        dispatcher.lanes["two"].resume()
        await rig.until("later.example", State.VERIFIED, "two")
        running.cancel()
