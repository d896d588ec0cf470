"""The name server hangs, dies, or lies, while pushes go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from tests.faults.conftest import recovering
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import running_lanes, until
from tests.support.made import a_delete, a_push

from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.outbox.lifecycle import State


def test_a_name_server_that_hangs_holds_up_no_answer(service, ledger, look, row):
    """Stopped with SIGSTOP: pushes are acknowledged all the same, and served once it goes on."""
    line = row("name server hangs")
    for number in range(10):
        assert ledger.save(f"z{number}")
    os.kill(service.named_pid(), signal.SIGSTOP)
    for number in range(40):
        assert ledger.save(f"z{number}")
    assert ledger.delete("z3")
    time.sleep(1.0)
    os.kill(service.named_pid(), signal.SIGCONT)

    with recovering(line):
        ledger.judge(line, look, limit_s=120)
    line.check()


def test_a_name_server_that_dies_is_started_again_with_everything(service, ledger, look, row, runs):
    """kill -9 of named in the middle of pushes and deletes."""
    line = row("name server dies")
    for _ in range(max(runs // 10, 2)):
        for number in range(60):
            assert ledger.save(f"z{number}")
            if number % 5 == 0:
                assert ledger.delete(f"z{number}")
            if number == 30:
                os.kill(service.named_pid(), signal.SIGKILL)
        with recovering(line):
            ledger.judge(line, look, limit_s=120)
    line.check()


async def test_a_backend_that_lies_ends_at_the_truth(tmp_path, row):
    """It says ok and serves the old for half of the zones, and says error though it has applied for the others."""
    line = row("backend lies, then tells the truth")
    backend = FakeBackend("one")
    async with running_lanes(tmp_path, backend, max_attempts=20) as rig:
        names = [f"z{number}.example" for number in range(20)]
        await rig.push(*(a_push(name, 1) for name in names))
        for name in names:
            await rig.until(name, State.VERIFIED)
        backend.lie, backend.error_but_applied = set(names[::2]), set(names[1::2])
        await rig.push(*(a_push(name, 2) for name in names))
        await until(lambda: len(backend.applied) >= 30)
        for name in names[::2]:
            assert 1 == (await rig.placement(name)).verified_version
        backend.lie, backend.error_but_applied = set(), set()
        with recovering(line):
            for name in names:
                await rig.until(name, State.VERIFIED)
        line.acknowledged += 2 * len(names)
        line.lost += sum(served.serial != 2 for served in backend.zones.values())
    line.check()


async def test_a_stale_retry_never_overwrites_a_newer_push(tmp_path, row):
    """Faults A1: version 1 fails and waits for its retry, version 2 succeeds, the retry of version 1 comes due."""
    line = row("stale retry against a newer push")
    backend = FakeBackend("one")
    async with running_lanes(tmp_path, backend, retry_delays_s=(0.2,), max_attempts=50) as rig:
        names = [f"z{number}.example" for number in range(30)]
        backend.fail = dict.fromkeys(names, 1)
        await rig.push(*(a_push(name, 1) for name in names))
        await until(lambda: not any(backend.fail.values()))
        await rig.push(*(a_push(name, 2) for name in names[:15]))
        for name in names[15:]:
            await rig.store.recording.record_delete(a_delete(name))
        rig.wake()
        with recovering(line):
            for name in names:
                await rig.until(name, State.VERIFIED)
        await asyncio.sleep(0.5)  # the old retry would come due here
        line.acknowledged += 2 * len(names)
        served = {str(name): zone.serial for name, zone in backend.zones.items()}
        line.reordered += sum(served.get(name) == 1 for name in names)
        line.lost += sum(served.get(name) is None for name in names[:15])
        versions = [version for name, version in backend.applied if name == names[0]]
        assert sorted(versions) == versions
    line.check()


async def test_five_restarts_in_a_row_keep_retries_and_dead_letters(tmp_path, row):
    """Faults A12: attempts go on where they were, the dead stay dead with their reason, an outage burns nothing."""
    line = row("five restarts in a row during failures")
    backend = FakeBackend("one")
    backend.fail = {"flaky.example": 4}
    backend.refuse = {"dead.example": "bad owner name"}
    outage = FakeBackend("two")
    outage.down = "gone for the day"
    attempts = []
    for start in range(5):
        quick = {"retry_delays_s": (0.05,), "max_attempts": 100}
        async with running_lanes(tmp_path, backend, outage, **quick) as rig:
            await rig.push(a_push(f"z{start}.example"))
            if start == 0:
                await rig.push(a_push("flaky.example"), a_push("dead.example"))
                await rig.until("dead.example", State.DEAD)
            await until(lambda rig=rig: rig.lanes["two"].status().breaker is not BreakerState.CLOSED)
            left = backend.fail["flaky.example"]
            await until(lambda left=left: backend.fail["flaky.example"] < left or not left)
            attempts.append(len(await rig.store.looking.attempts(a_push("flaky.example").zone.name)))
            dead = await rig.placement("dead.example")
            assert (State.DEAD, "bad owner name", 1) == (dead.state, dead.reason, dead.attempts)
            assert 0 == (await rig.placement("flaky.example", "two")).attempts
    backend.refuse, outage.down = {}, ""
    async with running_lanes(tmp_path, backend, outage) as rig:
        with recovering(line):
            assert 1 == await rig.store.operators.revive()
            rig.wake()
            names = ["flaky.example", "dead.example", *(f"z{number}.example" for number in range(5))]
            for name in names:
                for server in ("one", "two"):
                    await rig.until(name, State.VERIFIED, server)
        line.acknowledged += len(names)
        line.lost += sum(name not in {str(served) for served in backend.zones} for name in names)
        assert sorted(attempts) == attempts
        assert 4 == len(await rig.store.looking.attempts(a_push("flaky.example").zone.name))
    line.check()
