"""kill -9 at every named step between accept and proof, and at random in the middle of a bulk."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from tests.faults.child import STEPS
from tests.faults.conftest import recovering


@pytest.mark.timeout(3600)
def test_kill_9_at_every_step_loses_nothing(service, ledger, look, row, runs):
    """Each step, during saves of new and old zones, deletes, and zones made again."""
    for name in ("old", "gone", "again", "both"):
        assert ledger.save(name)
    for step in STEPS:
        line = row(f"kill -9: {step}")
        for number in range(1, max(runs // 20, 1) + 1):
            service.arm(step, 1 + (number + len(step)) % 4)
            acts = [(ledger.save, "new"), (ledger.save, "old"), (ledger.delete, "gone"), (ledger.delete, "again")]
            acts += [(ledger.save, "again"), (ledger.save, "both"), (ledger.delete, "both"), (ledger.save, "gone")]
            for act, name in acts:
                act(name)
                if service.exit_code() is not None:
                    break
                time.sleep(0.05)  # so that the lane comes along
            assert service.died(), f"the step was never reached: {step}"
            service.disarm()
            if number % 4:
                service.end_name_server()
            with recovering(line):
                service.start()
                ledger.judge(line, look)
        line.check()


@pytest.mark.timeout(3600)
def test_kill_9_at_random_in_a_bulk_loses_nothing(service, ledger, look, row, runs):
    """Four clients save and delete 80 zones as fast as they can; the service is killed somewhere in the middle."""
    line = row("kill -9 at random in a bulk")
    assert ledger.save("kept")
    ledger.judge(line, look)
    for run in range(runs):
        random = Random(run)
        kill_after = random.randrange(5, 200)

        def client(part: int, kill_after: int = kill_after, run: int = run) -> None:
            chance = Random(run * 10 + part)
            for number in range(part, 240, 4):
                if number == kill_after - kill_after % 4 + part and part == 0:
                    service.kill()
                name = f"k{part}-{chance.randrange(20)}"
                act = ledger.delete if chance.random() < 0.2 else ledger.save
                if not act(name) and service.exit_code() is not None:
                    return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(client, range(4)))
        assert service.exit_code() is not None
        assert look(ledger.full("kept")) is not None  # the name server goes on alone
        if run % 10:  # else it is still there when we start
            service.end_name_server()
        with recovering(line):
            service.start()
            ledger.judge(line, look)
    line.check()
