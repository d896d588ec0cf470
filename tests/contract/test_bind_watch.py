"""A managed named is watched by its SOA answers, and by `zonestatus` where those do not show the change."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from bench.service import free_port

from directdnsonly.backends.bind.backend import build
from directdnsonly.backends.bind.settings import BindSettings
from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.dispatch.delivery import was_dropped
from directdnsonly.errors import BackendUnavailable
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName
from tests.contract.kinds import KINDS
from tests.support.rig import Rig

(MANAGED,) = (kind for kind in KINDS if kind.name == "bind-managed-native")


@pytest.fixture
async def rig(tmp_path):
    async with MANAGED.open(tmp_path) as (backend, daemon):
        rig = Rig(MANAGED, backend, daemon)
        yield rig
        rig.close()


class Counting:
    """The real control channel, counting the commands."""

    def __init__(self, control) -> None:
        self._control, self.said = control, Counter()

    async def command(self, line: str):
        self.said[line.split(maxsplit=1)[0]] += 1
        return await self._control.command(line)

    async def aclose(self) -> None:
        await self._control.aclose()


async def test_zonestatus_is_asked_only_about_what_the_soa_does_not_show(rig):
    """One refused zone among thirty: it has named's reason, its last good version is served, also after a restart."""
    names = [f"z{number}.example" for number in range(30)]
    await rig.apply(*(rig.put(name, 1) for name in names))
    counted = rig.backend._control = Counting(rig.backend._control)
    changes = [rig.put(name, 2) for name in names]
    changes[7] = rig.poisoned(names[7], 2)

    outcomes = await rig.backend.apply(changes)

    assert [OutcomeKind.REFUSED] == [outcome.kind for outcome in outcomes if outcome.kind is not OutcomeKind.APPLIED]
    assert "CNAME and other data" in outcomes[7].reason
    assert counted.said["zonestatus"] < 30, (
        counted.said
    )  # not one for each reload: the refused one, and what loads late
    for _ in range(2):
        assert Finding.PROVEN is await rig.finding(names[7], 1)
        assert Finding.PROVEN is await rig.finding(names[8], 2)
        await rig.daemon.stop()
        await rig.daemon.start()


async def test_a_named_whose_dns_answers_nobody_is_watched_by_zonestatus(rig, tmp_path):
    """Its port for DNS is not where we think: the control channel alone tells what was loaded and what was refused."""
    layout = rig.backend._layout
    deaf = build("bind", BindSettings(port=free_port(), rndc_port=layout.control_port, run_as=""), tmp_path)
    names = [f"z{number}.example" for number in range(5)]
    await rig.apply(*(rig.put(name, 1) for name in names))

    outcomes = await deaf.apply([*(rig.put(name, 2) for name in names[:4]), rig.poisoned(names[4], 2)])

    await deaf.aclose()
    assert [OutcomeKind.APPLIED] * 4 + [OutcomeKind.REFUSED] == [outcome.kind for outcome in outcomes]
    assert "CNAME and other data" in outcomes[4].reason
    assert Finding.PROVEN is await rig.finding(names[0], 2)
    assert Finding.PROVEN is await rig.finding(names[4], 1)


async def test_a_control_connection_that_breaks_under_many_commands_is_known_as_such(rig, tmp_path):
    """Somebody closes each connection at once: one error, which tells dispatch that trying once more at once may help."""
    await rig.apply(rig.put("a.example", 1))

    async def close(_reader, writer) -> None:
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        broken = build("bind", BindSettings(port=rig.backend._layout.port, rndc_port=port, run_as=""), tmp_path)
        with pytest.raises(BackendUnavailable, match="closed the control connection") as caught:
            await broken.apply([rig.put(name, 2) for name in ("a.example", "b.example", "c.example")])
        await broken.aclose()

    assert was_dropped(caught.value)
    assert [1, None] == [
        found and found.serial
        for found in await rig.backend.observe([ZoneName.parse("a.example"), ZoneName.parse("b.example")])
    ]


async def test_many_batches_at_once_over_several_connections_all_arrive(rig):
    """Adds, changes and deletes of three batches at once, each zone as its batch wanted it."""
    await rig.apply(*(rig.put(f"old{number}.example", 1) for number in range(60)))
    fresh = [rig.put(f"new{number}.example", 1) for number in range(60)]
    changed = [rig.put(f"old{number}.example", 2) for number in range(30)]
    gone = [ZoneChange(name=ZoneName.parse(f"old{number}.example"), version=2, text=None) for number in range(30, 60)]

    outcomes = await asyncio.gather(*(rig.backend.apply(batch) for batch in (fresh, changed, gone)))

    assert {OutcomeKind.APPLIED} == {outcome.kind for batch in outcomes for outcome in batch}
    assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts([*fresh, *changed, *gone])}
