"""Approval, and what is watched: what waits for a person comes in pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.outbox.drift import Migration, Sighting
from directdnsonly.zone.name import ZoneName
from tests.support.made import H2, a_push


async def test_what_waits_and_what_is_watched_comes_in_pages(store):
    """Held pushes by moment and name, moves by number, absent zones by name: each once, and a made-up cursor is refused."""
    for number in range(5):
        await store.approval.open_migration(Migration(former="a", server="b", zones=(), until=1e12, id=number))
    names = [ZoneName.parse(f"{number}.example") for number in range(5)]
    seen = [Sighting(name=name, version=1, server="a", absences=1, first_at=1.0, last_at=1.0) for name in names]
    await store.drift.save_sightings(seen, [])

    moves = await store.approval.migrations(limit=3)
    watched = await store.drift.sightings(limit=3)

    assert [4, 5] == [one.id for one in await store.approval.migrations(after=moves[-1].id)]
    assert names[3:] == [one.name for one in await store.drift.sightings(after=watched[-1].name, limit=3)]
    assert names == [one.name for one in await store.drift.sightings()]
    for name in reversed(names):  # all at one moment
        await store.recording.record_push(a_push(name))
        await store.recording.record_push(replace(a_push(name, 2, owner=H2), takeover="hold", body=b"x"))
    held = await store.approval.held_pushes(limit=2)
    held += await store.approval.held_pushes(limit=9, after=f"{held[-1].at!r}/{held[-1].name}")
    assert names == [one.name for one in held]
    with pytest.raises(ValueError, match="not the `next`"):
        await store.approval.held_pushes(after="yesterday/x")
