"""The audit tells that a bundled name server had to be started again, also when that goes on and on."""

from __future__ import annotations

from directdnsonly.clock import ManualClock
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus
from directdnsonly.operate.journal import Journal
from directdnsonly.operate.restarts import TOLD_EVERY_S, Restarts
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store


def ended(restarts: int) -> DaemonStatus:
    return DaemonStatus(phase=DaemonPhase.RESTARTING, since=0.0, reason="named ended with code 1", restarts=restarts)


async def test_one_that_ends_again_and_again_is_told_now_and_then_with_how_often(tmp_path):
    """Ten restarts within the time are one line of the audit; the next one after it is another; each backend has its own."""
    clock = ManualClock(1_000_000.0)
    async with open_store(tmp_path, settings=OutboxSettings(), clock=clock, backends=["bind", "knot"]) as store:
        journal = Restarts(Journal(store.recording, clock), clock)
        for restarts in range(1, 11):
            journal.note("bind", ended(restarts))
        journal.note("knot", ended(1))
        clock.advance(TOLD_EVERY_S)
        journal.note("bind", ended(11))

        for _ in range(3):
            await journal.run_once()

        told = [event.detail for event in await store.looking.events()]

    assert [
        "bind: named ended with code 1 (11 restarts since our start)",
        "knot: named ended with code 1 (1 restart since our start)",
        "bind: named ended with code 1 (1 restart since our start)",
    ] == told
