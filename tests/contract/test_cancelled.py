"""A delivery that is cancelled at each of its awaits, as at the end of the service, is done again without harm."""

from __future__ import annotations

import asyncio
import time
from itertools import count

from directdnsonly.backends.contract import OutcomeKind, ZoneChange
from directdnsonly.errors import BackendUnavailable
from directdnsonly.verify.compare import Finding
from tests.support.cutting import PATIENCE_S, cut_everywhere, descriptors, until_open_files_are
from tests.support.rig import Rig


async def test_a_batch_is_cut_at_each_await_and_comes_again(real_rig):
    """A new zone, a changed one and one to be deleted; the same batch follows, with hints that may be wrong by now."""
    rig, numbers, serials = real_rig, count(1), count(2)
    batch: list[ZoneChange] = []
    files: list[str] = []

    async def before() -> None:
        number, serial = next(numbers), next(serials)
        await rig.apply(rig.put(f"gone{number}.example", 1), rig.put("changed.example", serial * 2))
        batch[:] = [
            rig.put(f"new{number}.example", 1),
            rig.put("changed.example", serial * 2 + 1),
            ZoneChange(name=rig.put(f"gone{number}.example", 1).name, version=2, text=None, known=True),
        ]

    async def after() -> None:
        end = time.monotonic() + PATIENCE_S
        while [OutcomeKind.APPLIED] * 3 != (
            kinds := await rig.apply(*batch)
        ):  # what was cut may still go on over there
            assert {OutcomeKind.APPLIED, OutcomeKind.RETRY} >= set(kinds)
            assert time.monotonic() < end, kinds
        assert {Finding.PROVEN} == {verdict.finding for verdict in await rig.verdicts(batch, patience_s=60)}
        if files:
            await until_open_files_are(files)

    await before()
    await after()
    files += descriptors() + ["socket"] * rig.backend.capabilities.concurrency  # connections that it keeps
    assert 1 <= await cut_everywhere(lambda: rig.backend.apply(batch), after, before=before)


async def test_what_is_only_looked_at_is_cut_at_each_await_and_seen_again(rig):
    """Inventory, observation, every record of a zone, and whether it is ready."""
    change = rig.put("a.example", 1)
    await rig.apply(change)

    async def look() -> object:
        await rig.backend.ready()
        found = [zone.name async for zone in rig.backend.inventory()]
        return found, await rig.backend.observe([change.name]), await rig.backend.stored(change.name)

    wanted = await look()

    async def after() -> None:
        async with asyncio.timeout(60):
            assert wanted == await look()

    await cut_everywhere(look, after)


async def test_a_delete_is_cut_at_each_await_and_comes_again(real_rig):
    """With nothing else in its batch, that would tell the name server anyway."""
    rig, numbers = real_rig, count(1)
    gone: list[ZoneChange] = []

    async def before() -> None:
        change = rig.put(f"gone{next(numbers)}.example", 1)
        assert [OutcomeKind.APPLIED] == await rig.apply(change)
        gone[:] = [ZoneChange(name=change.name, version=2, text=None, known=True)]

    async def after() -> None:
        end = time.monotonic() + PATIENCE_S
        while OutcomeKind.APPLIED is not (kind := await _told(rig, gone)):  # what was cut may still go on over there
            assert OutcomeKind.RETRY is kind
            assert time.monotonic() < end
        assert [Finding.PROVEN] == [verdict.finding for verdict in await rig.verdicts(gone, patience_s=20)]

    assert 1 <= await cut_everywhere(lambda: rig.backend.apply(gone), after, before=before)


async def _told(rig: Rig, changes: list[ZoneChange]) -> OutcomeKind:
    """Of one change. The name server may still hold the transaction of what was cut: then it is unavailable for a while."""
    try:
        (kind,) = await rig.apply(*changes)
    except BackendUnavailable:
        return OutcomeKind.RETRY
    return kind
