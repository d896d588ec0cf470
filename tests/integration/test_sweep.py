"""A name server that is compared with the store: what is lost is found, whichever way it was lost, and told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.dispatch.proof import Proof
from directdnsonly.dispatch.sweep import Sweep
from directdnsonly.outbox.lifecycle import State
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import running_lanes
from tests.support.made import a_push

ZONES = 30
NAMES = [f"z{number:02}.example" for number in range(ZONES)]


class FilesWithoutServer(FakeBackend):
    """What it holds is all there; its name server has lost some of it."""

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        return [ZoneObserved(name=name) for name in names]


async def test_zones_that_are_stored_but_not_served_are_asked_again_together_and_found(tmp_path):
    """DNS has the last word, however whole the files are."""
    backend = FilesWithoutServer("one")
    async with running_lanes(tmp_path, backend) as rig:
        await rig.push(*(a_push(name) for name in NAMES))
        for name in NAMES:
            await rig.until(name, State.VERIFIED)
        lost = NAMES[2::3]
        for name in lost:
            del backend.zones[ZoneName.parse(name)]

        found = await rig.lanes["one"].sweep()

        assert len(lost) == found.drifted
        for name in lost:
            await rig.until(name, State.VERIFIED)
            assert ZoneName.parse(name) in backend.zones


async def test_zones_lost_in_every_page_are_found_and_the_lane_is_woken_for_each_page(tmp_path):
    """Of what the backend does not hold each page tells at once; nobody waits for the end of the pass."""
    backend = FakeBackend("one")
    told = []
    async with running_lanes(tmp_path, backend) as rig:
        await rig.push(*(a_push(name) for name in NAMES))
        for name in NAMES:
            await rig.until(name, State.VERIFIED)
        rig.lanes["one"].pause("by the test, so that nothing is healed meanwhile")
        for name in NAMES[::5]:
            del backend.zones[ZoneName.parse(name)]
        verifier = Verifier(backend.servers, allows_transfer=False)
        sweep = Sweep(
            backend=backend,
            proof=Proof(backend, verifier),
            work=rig.store.work,
            page=5,
            on_queued=lambda: told.append(1),
        )

        found = await sweep.run_once()

        verifier.close()
        assert ZONES == found.seen
        assert len(NAMES[::5]) == found.drifted
        assert len(NAMES[::5]) == len(found.examples)
        assert len(told) > 1


async def test_a_pass_that_only_looks_queues_nothing(tmp_path):
    """`repair` False counts what would be queued again, and tells nobody."""
    backend = FakeBackend("one")
    told = []
    async with running_lanes(tmp_path, backend) as rig:
        await rig.push(*(a_push(name) for name in NAMES[:4]))
        for name in NAMES[:4]:
            await rig.until(name, State.VERIFIED)
        del backend.zones[ZoneName.parse(NAMES[0])]
        verifier = Verifier(backend.servers, allows_transfer=False)
        sweep = Sweep(
            backend=backend,
            proof=Proof(backend, verifier),
            work=rig.store.work,
            page=2,
            on_queued=lambda: told.append(1),
        )

        found = await sweep.run_once(repair=False)

        verifier.close()
        assert 1 == found.drifted
        assert State.VERIFIED is (await rig.placement(NAMES[0])).state
        assert [] == told


class PushedMeanwhile(FakeBackend):
    """A zone is pushed, delivered and proven between the reading of a page and the look at what is stored."""

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().observe(names)

    meanwhile: Callable[[], Awaitable[None]] | None = None


@pytest.mark.parametrize("repair", [True, False])
async def test_a_zone_pushed_while_the_sweep_runs_is_no_drift(tmp_path, repair):
    """It is served as it should be: the page that was read is old. What is really lost beside it is told all the same."""
    backend = PushedMeanwhile("one")
    async with running_lanes(tmp_path, backend) as rig:
        await rig.push(*(a_push(name) for name in NAMES[:4]))
        for name in NAMES[:4]:
            await rig.until(name, State.VERIFIED)

        async def meanwhile() -> None:
            await rig.push(a_push(NAMES[1], 2))
            async with asyncio.timeout(60):
                while (await rig.placement(NAMES[1])).verified_version != 2:
                    await asyncio.sleep(0.01)
            del backend.zones[ZoneName.parse(NAMES[2])]

        backend.meanwhile = meanwhile

        found = await rig.lanes["one"].sweep(repair=repair)

        assert [f"{NAMES[2]}: is not there"] == list(found.examples)
        assert 1 == found.drifted
        assert State.VERIFIED is (await rig.placement(NAMES[1])).state
