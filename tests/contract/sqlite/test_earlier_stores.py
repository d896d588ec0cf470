"""A store of an earlier program is opened as it was left: nothing that is wanted, waits, is held or was given up changes.

stores/ has stores with history, pins, held pushes, tombstones and dead deliveries, and what the program that made them told.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import Kind, Origin, Owner, Source
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.migrate import migrations
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.zone.name import ZoneName
from tests.contract.sqlite.stores.make import BACKENDS, PINNED, ZONES, told_of
from tests.support.made import H2, a_change_id, a_push

STORES = Path(__file__).parent / "stores"
EARLIER = sorted(file.stem for file in STORES.glob("*.sql"))

# Migrates the store in argv[1] as a start does, and is killed before the statement of that number.
DIES = """
import os, signal, sqlite3, sys
from directdnsonly.outbox.sqlite.migrate import migrate
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
left = int(sys.argv[2])
def step(sql):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
connection.set_trace_callback(step)
migrate(connection)
"""


def restored(commit: str, folder: Path) -> dict[str, Any]:
    """The store of that commit in the folder; what that commit told of it."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.executescript((STORES / f"{commit}.sql").read_text(encoding="utf-8"))
    told: dict[str, Any] = json.loads((STORES / f"{commit}.json").read_text(encoding="utf-8"))
    return told


def opened(folder: Path, told: dict[str, Any], backends: list[str] = BACKENDS):
    settings, clock = OutboxSettings(disk_reserve_mb=0, history_versions=3), ManualClock()
    clock.advance(told["now"] - clock.now_s())
    return open_store(folder, settings=settings, clock=clock, backends=backends)


def in_json(found: object) -> object:
    return json.loads(json.dumps(found))


async def told_now(store: SqliteStore) -> dict[str, object]:
    return {
        "zones": {name: in_json(await told_of(store, name)) for name in ZONES},
        "held": in_json([[one.name, one.version, one.rule, one.digest] for one in await store.approval.held_pushes()]),
        "backlog": [[one.backend, one.pending, one.leased, one.dead] for one in await store.looking.backlog()],
        "sightings": in_json([[one.name, one.version, one.state] for one in await store.drift.sightings()]),
    }


@pytest.mark.parametrize("commit", EARLIER)
async def test_a_store_of_an_earlier_program_tells_what_it_told_there(tmp_path, commit):
    """Of each zone: what is wanted, since when, its text, history, deliveries and pin; what is held, counted and watched."""
    told = restored(commit, tmp_path)

    async with opened(tmp_path, told) as store:
        now = await told_now(store)

        assert {name: told[name] for name in now} == now
        assert set(PINNED) < {str(zone.name) for zone in await store.looking.zones()}
        assert len(await store.looking.zones()) == await store.looking.count_zones()


@pytest.mark.parametrize("commit", EARLIER)
async def test_the_newest_version_of_a_pinned_zone_is_known_to_passes(tmp_path, commit):
    """What waited behind a pin is the newest version now, for pulls, deletes and owners too."""
    told = restored(commit, tmp_path)

    async with opened(tmp_path, told) as store:
        held = {str(one.name): one for one in await store.drift.held_page()}
        waiting = {name: told["zones"][name]["pin"] for name in PINNED}
        assert {name: pin[4] or pin[0] for name, pin in waiting.items()} == {
            name: held[name].version for name in PINNED
        }
        assert (H2, 3, 3) == ((one := held["pinned-push.example"]).owner, one.serial, one.pushed_serial)
        assert Kind.DELETE is held["pinned-delete.example"].kind
        late = await store.recording.record_push(
            a_push("pinned-push.example", 9, source=Source.PULL, owner=H2, content="late")
        )
        assert (4, False) == (late.version, late.changed)


@pytest.mark.parametrize("commit", EARLIER)
async def test_each_pin_is_released_as_the_earlier_program_would_have(tmp_path, commit):
    """The version, its serial, its urgency and its owner."""
    told = restored(commit, tmp_path)

    async with opened(tmp_path, told) as store:
        released = {}
        for name in PINNED:
            origin = Origin(change_id=a_change_id(), source=Source.API, owner=Owner(credential="anna"))
            one = await store.recording.unpin(ZoneName.parse(name), origin)
            owner = (await store.looking.zone(one.name)).owner.hostname
            released[name] = [one.version, one.kind, one.changed, one.serial, one.priority, owner]

        assert told["released"] == in_json(released)


@pytest.mark.parametrize("commit", EARLIER)
async def test_what_is_outstanding_in_an_earlier_store_is_delivered(tmp_path, commit):
    """The dead are revived, a backend that was away catches up, and every backend has proven what is wanted."""
    told = restored(commit, tmp_path)
    backends = [*BACKENDS, "three"]

    async with opened(tmp_path, told, backends) as store:
        await store.upkeep.adopt_backends(backends)
        await store.operators.revive()
        for backend in backends:
            while claims := await store.work.claim(backend, limit=9, lease_s=60):
                ends = [Settlement(claim=one, how=Settle.VERIFIED, served_serial=one.serial) for one in claims]
                await store.work.settle(ends)

        zones = {zone.name: zone.version for zone in await store.looking.zones()}
        for backend in backends:
            pages = [page async for page in store.work.wanted(backend)]
            assert zones == {claim.name: claim.version for page in pages for claim in page}
        assert {"gone.example": 2, "away.example": 2} == {
            name: (await store.looking.placements(ZoneName.parse(name)))[2].verified_version
            for name in ("gone.example", "away.example")
        }


@pytest.mark.parametrize("commit", EARLIER)
async def test_a_kill_9_in_the_middle_of_a_migration_leaves_a_store_that_opens(tmp_path, commit):
    """Before whichever statement: the schema is the one before or after a migration, and all of it is told as it was."""
    (number, _), statements = migrations()[-1], 0
    while True:
        folder = tmp_path / str(statements)
        told = restored(commit, folder)
        with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as connection:
            (before,) = connection.execute("PRAGMA user_version").fetchone()
        skipped = 0 if before == number - 1 else 40  # of an older store: from the middle on, with larger steps
        asked = [sys.executable, "-c", DIES, str(folder / FILE_NAME), str(skipped + statements)]
        ended = await asyncio.to_thread(subprocess.run, asked, check=False, timeout=120)
        with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
            (after,) = connection.execute("PRAGMA user_version").fetchone()
        if ended.returncode == 0:
            assert number == after
            break
        assert -signal.SIGKILL == ended.returncode
        async with opened(folder, told) as store:
            now = await told_now(store)
        assert {name: told[name] for name in now} == now
        statements += 1 if not skipped else 17
    assert statements > 5
