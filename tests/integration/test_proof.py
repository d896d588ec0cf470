"""What counts as proof: by the real verifier and the real lane, against a name server and a backend that misbehave on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.dispatch.proof import OLD_S, Proof
from directdnsonly.outbox.changes import Kind, Priority
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.outbox.lifecycle import State
from directdnsonly.verify.compare import Finding
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend, Served
from tests.support.lanes import running_lanes
from tests.support.made import a_push, a_zone

NAME = ZoneName.parse("a.example")


class SlowToAnswer(FakeBackend):
    """Its tables can be looked at; its name server answers only long after the first look, and by then they are others."""

    def __init__(self, before: Served | None, after: Served | None) -> None:
        super().__init__("one")
        self.capabilities = replace(self.capabilities, observes=True)
        self.silent = True
        self._stored = before
        self._after = after
        self.looks = 0

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        self.looks += 1
        if self.looks == 1:
            asyncio.get_running_loop().call_later(4 * OLD_S, self._change)
        stored = self._stored
        return [
            ZoneObserved(name=name, serial=stored.serial, records=stored.records) if stored else None for name in names
        ]

    def _change(self) -> None:
        self._stored = self._after
        self.silent = False


async def finding_of(backend: SlowToAnswer) -> Finding:
    zone = a_zone("a.example", 7)
    claim = Claim(
        backend="one", name=NAME, fence=1, attempts=0, priority=Priority.INTERACTIVE, wanted_at=0.0, change_id="",
        version=1, kind=Kind.PUT, serial=7, records=zone.records, text=zone.text, known=False,
    )  # fmt: skip
    async with backend:
        backend.zones[NAME] = Served(1, 7, zone.records, zone.text)
        verifier = Verifier(backend.servers, allows_transfer=False)
        (verdict,) = await Proof(backend, verifier).verify([claim], patience_s=60)
        verifier.close()
    return verdict.finding


async def test_tables_that_were_looked_at_before_the_name_server_answered_are_looked_at_again() -> None:
    """Whichever way they changed meanwhile: what was right then and is gone now is no proof, what came since is one."""
    right, old = Served(1, 7, 3, ""), Served(1, 6, 3, "")

    assert Finding.MISSING is await finding_of(SlowToAnswer(right, None))
    assert Finding.STALE is await finding_of(SlowToAnswer(right, old))
    assert Finding.PROVEN is await finding_of(SlowToAnswer(old, right))
    assert Finding.PROVEN is await finding_of(SlowToAnswer(None, right))


async def test_one_silent_zone_of_a_batch_is_its_own_fault_and_no_outage(tmp_path: Path) -> None:
    """Its attempt is burned, the others are proven, and the breaker stays closed."""
    backend = FakeBackend("one")
    backend.mute_zones = {"mute.example"}
    async with running_lanes(tmp_path, backend, retry_delays_s=(600.0,)) as rig:
        lane = rig.lanes["one"]
        lane.pause("by the test, until there is a batch")
        await rig.push(*(a_push(name) for name in ("mute.example", "b.example", "c.example")))
        lane.resume()
        end = time.monotonic() + 60
        while not (found := await rig.placement("mute.example")).attempts:
            assert time.monotonic() < end, (found, lane.status())
            assert BreakerState.CLOSED is lane.status().breaker
            await asyncio.sleep(0.01)

        assert (State.PENDING, 1, True) == (found.state, found.attempts, "does not answer" in found.reason)
        for name in ("b.example", "c.example"):
            await rig.until(name, State.VERIFIED)
        assert BreakerState.CLOSED is lane.status().breaker


async def test_a_silent_zone_alone_is_its_own_fault_and_no_outage(tmp_path: Path) -> None:
    """The name server answers about everything else: it is not away, and the zone is not tried for ever."""
    backend = FakeBackend("one")
    backend.mute_zones = {"mute.example"}
    async with running_lanes(tmp_path, backend, retry_delays_s=(0.01,), max_attempts=2, verify_patience_s=0.1) as rig:
        await rig.push(a_push("mute.example"))

        dead = await rig.until("mute.example", State.DEAD)
        await rig.push(a_push("b.example"))
        await rig.until("b.example", State.VERIFIED)

        assert "does not answer" in dead.reason
        assert BreakerState.CLOSED is rig.lanes["one"].status().breaker
