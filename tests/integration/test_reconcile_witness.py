"""A denial counts only of a server that gives out another zone: one that has lost its zones, or our rights, denies them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.directadmin import StandIn
from tests.support.reconciling import reconciling, server_of

ZONES = [f"zone-{number}.example" for number in range(40)]
GONE = ZONES[7]
SOON = {"absent_minutes": 100.0, "grace_minutes": 100.0}  # three hourly lists, then the grace


@pytest.fixture
def da() -> Iterator[StandIn]:
    with StandIn() as running:
        running.host(ZONES)
        yield running


async def test_a_server_that_denies_every_zone_is_believed_about_none(tmp_path, da):
    """It still lists 39 of 40: neither the quarantine begins nor, where it had begun, does the delete come."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await rig.push(da, *ZONES)
        await rig.turn()
        del da.zones[GONE]
        da.denies_all = True

        passes = [await rig.turn() for _ in range(5)]

        assert ([], [GONE]) == (passes[-1].done.quarantined, passes[-1].done.doubtful)
        da.denies_all = False
        assert [GONE] == (await rig.turn()).done.quarantined
        da.denies_all = True

        passes = [await rig.turn() for _ in range(5)]

        assert ([], [GONE]) == (passes[-1].done.deleted, passes[-1].done.doubtful)
        assert await rig.holds(GONE)
        da.denies_all = False
        assert [GONE] == (await rig.turn()).done.deleted
