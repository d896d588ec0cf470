"""One damaged text in the store is one zone's trouble: the others are delivered, that one says why, a push heals it."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from directdnsonly.accept.holding import Holding
from directdnsonly.clock import ManualClock, SystemClock
from directdnsonly.errors import VersionDamaged
from directdnsonly.outbox.changes import Kind, Loss, NewPin, Source
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.drift import Pass
from directdnsonly.outbox.kept import Refused
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend
from tests.support.lanes import running_lanes
from tests.support.made import H1, a_push

NAME = ZoneName.parse("damaged.example")
OF_IT = "WHERE zone = 'damaged.example'"
UPDATE = f"UPDATE version SET body = %s {OF_IT}"
FLIPPED = "CAST(substr(body, 1, 30) || x'ff' || substr(body, 32) AS BLOB)"
DAMAGES = {
    "no zlib": UPDATE % "x'00'",
    "empty": UPDATE % "x''",
    "cut off": UPDATE % "substr(body, 1, length(body) - 5)",
    "an octet differs": UPDATE % FLIPPED,
    "no ASCII": UPDATE % f"x'{zlib.compress('$ORIGIN ü.'.encode()).hex()}'",
    "a text of nothing": UPDATE % f"x'{zlib.compress(b'').hex()}'",
    "of another type": UPDATE % "'words'",
    "the version is gone": f"DELETE FROM version {OF_IT}",
}


@pytest.fixture
async def store(tmp_path: Path):
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=ManualClock(), backends=["one"]) as opened:
        await opened.upkeep.adopt_backends(["one"])
        yield opened


def harm(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        assert connection.execute(sql).rowcount


async def place(store: SqliteStore, name: ZoneName = NAME):
    (found,) = await store.looking.placements(name)
    return found


@pytest.mark.parametrize("damage", [*DAMAGES, "the zone is gone"])
async def test_a_lane_delivers_all_but_the_damaged_zone_also_after_a_restart(tmp_path, damage):
    """51 zones in one claim: 50 are proven, one is dead with the reason; the name server loses nothing by it."""
    sql = DAMAGES.get(damage) or f"DELETE FROM zone {OF_IT}"
    backend = FakeBackend("one")
    names = [f"z{number}.example" for number in range(50)]
    async with running_lanes(tmp_path, backend) as rig:
        rig.lanes["one"].pause("all in one claim")
        await rig.push(*(a_push(name) for name in names[:25]), a_push("damaged.example"), *map(a_push, names[25:]))
        harm(tmp_path, sql)
        rig.lanes["one"].resume()

        for name in names:
            await rig.until(name, State.VERIFIED)
        dead = await rig.until("damaged.example", State.DEAD)

    assert "version 1 of damaged.example is damaged" in dead.reason
    assert str(tmp_path / FILE_NAME) in dead.reason
    assert "push the zone again" in dead.reason

    async with running_lanes(tmp_path, backend) as rig:
        await rig.store.operators.revive()
        await rig.push(a_push("later.example"))
        await rig.until("later.example", State.VERIFIED)
        await rig.until("damaged.example", State.DEAD)
        await rig.push(a_push("damaged.example"))  # the very same again

        healed = await rig.until("damaged.example", State.VERIFIED)

    assert ("", 2) == (healed.reason, healed.verified_version)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_version_is_told_to_whoever_reads_it(store, tmp_path, damage):
    """The typed error names zone, version, file and cure; where a text is only compared with, it counts as none."""
    await store.recording.record_push(a_push("damaged.example"))
    (claim,) = await store.work.claim("one", limit=10, lease_s=60)
    await store.work.settle([Settlement(claim=claim, how=Settle.VERIFIED, served_serial=1)])
    harm(tmp_path, DAMAGES[damage])

    with pytest.raises(VersionDamaged, match=r"version 1 of damaged\.example is damaged .*push the zone again") as told:
        await store.looking.published_text(NAME)

    assert ("damaged.example", 1) == (told.value.zone, told.value.version)
    assert str(tmp_path / FILE_NAME) == told.value.file
    assert await store.looking.text(NAME) is None
    assert await store.work.proven_text("one", NAME) is None


async def test_a_damaged_version_never_looks_like_a_delete(store, tmp_path):
    """Without a text there is nothing to apply; the claim says so and stays a put."""
    await store.recording.record_push(a_push("damaged.example"))
    harm(tmp_path, DAMAGES["the version is gone"])

    (claim,) = await store.work.claim("one", limit=10, lease_s=60)

    assert (Kind.PUT, None, True) == (claim.kind, claim.text, bool(claim.damaged))


@pytest.mark.parametrize("damage", DAMAGES)
async def test_the_same_push_again_heals_a_damaged_version(store, tmp_path, damage):
    """Same content, same serial: usually nothing to do. Here it becomes a new version that can be read."""
    await store.recording.record_push(a_push("damaged.example"))
    harm(tmp_path, DAMAGES[damage])

    receipt = await store.recording.record_push(a_push("damaged.example"))

    assert (2, True, 1) == (receipt.version, receipt.changed, receipt.serial)
    assert '"v1"' in await store.looking.published_text(NAME)
    assert not (await store.recording.record_push(a_push("damaged.example"))).changed


async def test_a_rollback_heals_a_damaged_version(store, tmp_path):
    """Also one to the very content that was damaged in its newer version."""
    await store.recording.record_push(a_push("damaged.example", serial=1))
    await store.recording.record_push(a_push("damaged.example", serial=2))
    harm(tmp_path, DAMAGES["cut off"] + " AND version = 2")
    old = await store.looking.published_text(NAME, 1)
    assert old is not None

    receipt = await store.recording.record_push(a_push("damaged.example", serial=1, source=Source.ROLLBACK))

    assert (3, True) == (receipt.version, receipt.changed)
    assert '"v1"' in await store.looking.published_text(NAME)


async def test_an_old_damaged_version_troubles_nobody(store, tmp_path):
    """Only what is wanted must be whole."""
    await store.recording.record_push(a_push("damaged.example", serial=1))
    await store.recording.record_push(a_push("damaged.example", serial=2))
    harm(tmp_path, DAMAGES["no zlib"] + " AND version = 1")

    (claim,) = await store.work.claim("one", limit=10, lease_s=60)

    assert ("", 2) == (claim.damaged, claim.version)
    with pytest.raises(VersionDamaged, match="version 1 of"):
        await store.looking.published_text(NAME, 1)


async def test_a_damaged_version_behind_a_pin_is_healed_there(store, tmp_path):
    """What waits is recorded anew; releasing the zone serves it."""
    await store.recording.record_push(a_push("damaged.example", serial=1))
    await store.recording.pin(NewPin(name=NAME, actor="test"))
    await store.recording.record_push(a_push("damaged.example", serial=2))
    harm(tmp_path, DAMAGES["cut off"] + " AND version = 2")

    await store.recording.record_push(a_push("damaged.example", serial=2))
    await store.recording.unpin(NAME, a_push().origin)

    assert '"v2"' in await store.looking.published_text(NAME)
    assert 3 == (await store.looking.zone(NAME)).version


async def test_damaged_bodies_of_held_and_refused_pushes_and_passes_hide_no_other(store, tmp_path):
    """The lists still come: the held one says that it is damaged, the others are whole."""
    for name in ("damaged.example", "whole.example"):
        await store.recording.record_push(a_push(name))
        lossy = replace(a_push(name, serial=2), loss=Loss(version=1, reason="loses much"), body=b"body")
        assert (await store.recording.record_push(lossy)).withheld is not None
        await store.recording.record_refused(
            Refused(change_id=name, name=name, rule="r", reason="r", owner=H1, address="", at=0.0, body=b"body")
        )
        await store.drift.save_pass(Pass(started_at=0.0, ended_at=1.0, dry_run=False, report="{}"), keep=10)
    harm(tmp_path, f"UPDATE held SET body = x'00' {OF_IT}")
    harm(tmp_path, "UPDATE refused SET body = x'00' WHERE name = 'damaged.example'")
    harm(tmp_path, "UPDATE reconcile_pass SET report = x'00' WHERE id = 1")

    held = {str(one.name): one for one in await store.approval.held_pushes()}

    assert (b"", b"body") == (held["damaged.example"].body, held["whole.example"].body)
    assert "damaged in the store" in held["damaged.example"].reason
    assert held["damaged.example"].damaged
    assert not held["whole.example"].damaged
    assert b"" == (await store.approval.held_push(NAME)).body
    unread = await store.approval.held_pushes(bodies=False)  # a list that shows no body is not stopped by one
    assert [(b"", "loses much")] * 2 == [(one.body, one.reason) for one in unread]
    assert {"damaged.example": b"", "whole.example": b"body"} == {
        one.name: one.body for one in await store.looking.refused()
    }
    assert [2] == [one.id for one in await store.drift.passes()]


async def test_a_sweep_goes_on_beside_a_damaged_zone(tmp_path):
    """The name server lost two zones: one is delivered again, the damaged one is dead and named."""
    backend = FakeBackend("one")
    async with running_lanes(tmp_path, backend, clock=SystemClock()) as rig:
        await rig.push(a_push("damaged.example"), a_push("whole.example"))
        for name in ("damaged.example", "whole.example"):
            await rig.until(name, State.VERIFIED)
        harm(tmp_path, DAMAGES["no zlib"])
        backend.zones.clear()

        found = await rig.lanes["one"].sweep()

        assert 2 == found.drifted
        await rig.until("whole.example", State.VERIFIED)
        assert "is damaged in the store" in (await rig.until("damaged.example", State.DEAD)).reason


async def test_a_push_of_a_damaged_zone_is_not_stopped_by_the_comparison_with_it(store, tmp_path):
    """With losses held, a push is compared with what we hold; when that cannot be read the push is taken, and heals."""
    await store.recording.record_push(a_push("damaged.example"))
    harm(tmp_path, DAMAGES["cut off"])
    again = a_push("damaged.example", serial=2)

    assert (
        await Holding(store.looking, store.approval, losses=lambda: True).loss(again.zone, again.origin.source) is None
    )
