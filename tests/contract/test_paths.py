"""What is in the way of one zone's file is that zone's failure and nobody else's: real BIND, NSD and Knot."""

from __future__ import annotations

import pytest

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.lifecycle import State
from directdnsonly.reconcile.heal import Heal
from directdnsonly.verify.compare import Finding
from directdnsonly.wiring import SweptLane
from directdnsonly.zone.name import ZoneName
from tests.support.lanes import running_lanes
from tests.support.made import a_delete, a_push

GOOD = 20
SAID = {
    "directory": "Is a directory: there is a directory in its place: move the directory away",
    "loop": "Too many levels of symbolic links: there is a symbolic link in its place",
}
BAD = ZoneName.parse("bad.example")


class Place:
    """The path of one zone's file, and what gets in its way."""

    def __init__(self, rig, obstacle: str) -> None:
        self.path, self._obstacle = rig.backend._files.path(BAD), obstacle

    def block(self) -> None:
        self.path.unlink(missing_ok=True)
        if self._obstacle == "directory":
            self.path.mkdir()
        else:
            self.path.symlink_to(self.path)

    def free(self) -> None:
        if self._obstacle == "directory":
            self.path.rmdir()
        else:
            self.path.unlink()


@pytest.fixture(params=list(SAID))
def place(request, filed_rig) -> Place:
    return Place(filed_rig, request.param)


def batch(rig, serial: int) -> list[ZoneChange]:
    """The bad one in the middle of the good ones."""
    names = [f"z{number}.example" for number in range(GOOD)]
    return [rig.put(name, serial) for name in [*names[:7], str(BAD), *names[7:]]]


def others(found: list) -> list:
    return found[:7] + found[8:]


async def findings(rig, changes) -> list[Finding]:
    return [verdict.finding for verdict in await rig.verdicts(changes)]


async def judged(rig, changes, place: Place) -> None:
    """The good ones are applied and served; the bad one says path, cause and cure."""
    outcomes = list(await rig.backend.apply(changes))
    assert [OutcomeKind.APPLIED] * GOOD == [outcome.kind for outcome in others(outcomes)]
    assert [Finding.PROVEN] * GOOD == await findings(rig, others(changes))
    assert OutcomeKind.RETRY is outcomes[7].kind
    assert f"the zone file cannot be replaced: {place.path}: {SAID[place._obstacle]}" in outcomes[7].reason


async def test_an_obstacle_at_the_file_of_a_new_zone_stops_no_neighbour(filed_rig, place):
    """Twenty new zones beside it are served; the one is, once the obstacle is gone."""
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.block()

    await judged(filed_rig, batch(filed_rig, 1), place)

    place.free()
    assert [OutcomeKind.APPLIED] == await filed_rig.apply(filed_rig.put(str(BAD), 1))
    assert Finding.PROVEN is await filed_rig.finding(str(BAD), 1)


async def test_an_obstacle_at_the_file_of_a_changed_zone_stops_no_neighbour(filed_rig, place):
    """The old version goes on being served; the file is seen as damaged; it heals once the obstacle is gone."""
    await filed_rig.apply(*batch(filed_rig, 1))
    place.block()

    await judged(filed_rig, batch(filed_rig, 2), place)

    assert Finding.PROVEN is await filed_rig.finding(str(BAD), 1)
    (seen,) = await filed_rig.backend.observe([BAD])
    assert seen is not None
    assert not seen.whole
    listed = [found async for found in filed_rig.backend.inventory()]
    assert (GOOD, place._obstacle == "loop") == (len([found for found in listed if found.whole]), len(listed) > GOOD)
    assert await filed_rig.backend.stored(BAD) is None
    place.free()
    assert [OutcomeKind.APPLIED] == await filed_rig.apply(filed_rig.put(str(BAD), 2))
    assert Finding.PROVEN is await filed_rig.finding(str(BAD), 2)


async def test_an_obstacle_at_the_file_of_a_deleted_zone_stops_no_neighbour(filed_rig, place):
    """All are gone from the name server. A link is simply removed; a directory stays, and is nobody's zone."""
    changes = batch(filed_rig, 1)
    await filed_rig.apply(*changes)
    place.block()
    gone = [ZoneChange(name=change.name, version=2, text=None) for change in changes]

    outcomes = list(await filed_rig.backend.apply(gone))

    assert [OutcomeKind.APPLIED] * (GOOD + 1) == [outcome.kind for outcome in outcomes]
    assert {Finding.PROVEN} == set(await findings(filed_rig, gone))
    assert (place._obstacle == "directory") is place.path.is_dir()
    assert [] == [found async for found in filed_rig.backend.inventory()]


async def test_a_directory_at_the_file_of_a_deleted_zone_is_no_work_for_ever(filed_rig, tmp_path):
    """The deletion is proven by DNS, and no pass of the reconciler queues it again or calls the directory a zone."""
    place = Place(filed_rig, "directory")
    backend = filed_rig.backend
    async with running_lanes(tmp_path / "store", backend, apply_timeout_s=20.0, verify_patience_s=5.0) as rig:
        await rig.push(a_push(str(BAD)))
        await rig.until(str(BAD), State.VERIFIED, backend.name)
        place.block()
        await rig.store.recording.record_delete(a_delete(str(BAD)))
        rig.wake()
        await rig.until(str(BAD), State.VERIFIED, backend.name)

        heal = Heal(
            [SweptLane(rig.lanes[backend.name], backend)],
            drift=rig.store.drift,
            work=rig.store.work,
            wake=lambda _: None,
            delete_extra=True,
        )
        healed = await heal.look(repair=True)

        assert (0, 0, 0, {}) == (healed.drifted, healed.extras, healed.revived, healed.unreachable)
        assert [] == await rig.store.looking.attempts(BAD)
        assert State.VERIFIED is (await rig.placement(str(BAD), backend.name)).state
    place.free()


async def test_a_folder_that_is_none_is_no_zones_fault(filed_rig):
    """A file where the folder of the zone files should be: BackendUnavailable, for all that is asked."""
    folder = filed_rig.backend._files.folder
    await filed_rig.apply(filed_rig.put("a.example", 1))
    folder.rename(folder.with_name("kept"))
    folder.write_text("")

    with pytest.raises(BackendUnavailable, match=str(folder)):
        await filed_rig.backend.apply(batch(filed_rig, 1))
    with pytest.raises(BackendUnavailable, match=str(folder)):
        await filed_rig.backend.observe([ZoneName.parse("a.example")])
    with pytest.raises(BackendUnavailable, match=str(folder)):
        [found async for found in filed_rig.backend.inventory()]

    folder.unlink()
    folder.with_name("kept").rename(folder)
    assert [OutcomeKind.APPLIED] == await filed_rig.apply(filed_rig.put("a.example", 2))
    assert Finding.PROVEN is await filed_rig.finding("a.example", 2)


async def test_a_directory_at_the_file_of_a_zone_stops_no_neighbour_on_coredns(coredns_file_rig):
    """The same for the backend that only writes files."""
    rig, place = coredns_file_rig, Place(coredns_file_rig, "directory")
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.block()

    await judged(rig, batch(rig, 1), place)

    (outcome,) = await rig.backend.apply([ZoneChange(name=BAD, version=2, text=None)])
    assert OutcomeKind.APPLIED is outcome.kind
    assert BAD not in [found.name async for found in rig.backend.inventory()]
    place.free()
    assert [OutcomeKind.APPLIED] == await rig.apply(rig.put(str(BAD), 1))
    assert Finding.PROVEN is await rig.finding(str(BAD), 1)
