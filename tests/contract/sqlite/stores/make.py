"""Makes a store with the code of an earlier commit, and writes it as SQL beside what that code tells of it.

    git worktree add --detach /tmp/earlier COMMIT
    PYTHONPATH=/tmp/earlier/src:/tmp/earlier python tests/contract/sqlite/stores/make.py tests/contract/sqlite/stores COMMIT

The names of the zones say what has become of them. It runs with every program since the store has parts; with those from
31829a0 to 20113b7 runs this file as it was in 20113b7.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from directdnsonly.clock import ManualClock
from directdnsonly.outbox.changes import NewPin, Origin, Owner, Source, Terms
from directdnsonly.outbox.deliveries import Settle, Settlement
from directdnsonly.outbox.drift import Baseline, HeldPush, HoldRule, Migration, Pass, Sighting, SightingState
from directdnsonly.outbox.kept import Event, Refused
from directdnsonly.outbox.operators import ApiToken, Pause
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.zone.name import ZoneName
from tests.support.made import H1, H2, a_change_id, a_delete, a_push

BACKENDS = ["one", "two"]
PINNED = [
    "pinned-again.example", "pinned-dead.example", "pinned-delete.example", "pinned-held.example", "pinned-old.example",
    "pinned-orphan.example", "pinned-push.example", "pinned-still.example",
]  # fmt: skip
ZONES = [
    "api.example", "away.example", "dead.example", "gone.example", "held-loss.example", "held-takeover.example",
    "leased.example", "orphan.example", "plain.example", *PINNED,
]  # fmt: skip


class Maker:
    """Plays receiver, lanes and operators on one store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock()
        self.store: Any = None

    def opened(self, backends: Sequence[str]) -> Any:
        settings = OutboxSettings(disk_reserve_mb=0, history_versions=3)
        return open_store(self.folder, settings=settings, clock=self.clock, backends=list(backends))

    async def push(self, name: str, serial: int, **more: Any) -> Any:
        self.clock.advance(1)
        return await self.store.recording.record_push(a_push(name, serial, **more))

    async def deliver(self, how: Settle = Settle.VERIFIED, backends: Sequence[str] = BACKENDS) -> None:
        self.clock.advance(1)
        for backend in backends:
            while claims := await self.store.work.claim(backend, limit=100, lease_s=60):
                ends = [Settlement(claim=one, how=how, reason="made", served_serial=one.serial) for one in claims]
                await self.store.work.settle(ends)

    async def pin(self, name: str) -> None:
        await self.store.recording.pin(
            NewPin(name=ZoneName.parse(name), actor="anna", address="192.0.2.9", reason="made")
        )

    async def hold(self, name: str, rule: HoldRule) -> None:
        """The programs before docs/ownership.md were told to hold by who judged; later ones judge themselves."""
        self.clock.advance(1)
        owner = H2 if rule is HoldRule.TAKEOVER else H1
        push = a_push(name, 9, content="held", owner=owner)
        if hasattr(self.store, "record_held"):
            held = HeldPush(
                name=push.zone.name, version=1, digest=push.zone.digest.hex(), rule=rule, reason="made", difference="",
                owner=owner, address="", at=self.clock.now_s(), body=b"held",
            )  # fmt: skip
            await self.store.record_held(held)
            return
        from directdnsonly.outbox.changes import Loss

        if rule is HoldRule.TAKEOVER:
            push = replace(push, takeover="hold", body=b"held")
        else:
            push = replace(push, loss=Loss(version=1, reason="made"), body=b"held")
        await self.store.recording.record_push(push)

    async def see(self, name: str) -> None:
        now = self.clock.now_s()
        seen = Sighting(
            name=ZoneName.parse(name), version=1, server="h1.example", absences=3, first_at=now, last_at=now,
            state=SightingState.QUARANTINED, quarantined_at=now,
        )  # fmt: skip
        await self.store.drift.save_sightings([seen], [])

    async def fill(self) -> None:
        """Some with a third backend, which is away later."""
        async with self.opened([*BACKENDS, "three"]) as self.store:
            await self.store.upkeep.adopt_backends([*BACKENDS, "three"])
            await self.push("away.example", 1)
            await self.push("gone.example", 1)
            await self.deliver(backends=[*BACKENDS, "three"])
        async with self.opened(BACKENDS) as self.store:
            await self.store.upkeep.adopt_backends(BACKENDS)
            await self.zones()
            await self.pinned_zones()
            await self.others()

    async def zones(self) -> None:
        for serial in range(1, 6):
            await self.push("plain.example", serial)
        await self.push("away.example", 2)
        await self.store.recording.record_delete(a_delete("gone.example"))
        for name in ("held-loss.example", "held-takeover.example", "orphan.example"):
            await self.push(name, 1)
        await self.deliver()
        await self.hold("held-loss.example", HoldRule.LOSS)
        await self.hold("held-takeover.example", HoldRule.TAKEOVER)
        self.clock.advance(1)
        await self.see("orphan.example")
        person = Owner(credential="anna")
        by_key = a_push("api.example", 1, owner=person, source=Source.API)
        await self.store.recording.record_push(replace(by_key, terms=Terms(key="k", fingerprint=b"f")))
        await self.deliver()
        await self.push("dead.example", 1)
        await self.deliver(Settle.BURY)

    async def pinned_zones(self) -> None:
        for name in PINNED:
            if name != "pinned-dead.example":
                await self.push(name, 1)
        await self.deliver()
        await self.push("pinned-dead.example", 1)
        await self.deliver(Settle.BURY)
        self.clock.advance(1)
        await self.see("pinned-orphan.example")
        for name in PINNED:
            await self.pin(name)
        await self.push("pinned-push.example", 2)
        challenge = a_push("pinned-push.example", 3, owner=H2)
        zone = replace_zone(challenge.zone, challenge=b"token", records=4)
        await self.store.recording.record_push(replace(challenge, zone=zone))
        self.clock.advance(1)
        await self.store.recording.record_delete(a_delete("pinned-delete.example"))
        await self.store.recording.record_delete(a_delete("pinned-again.example"))
        await self.push("pinned-again.example", 1, content="v1", owner=H2)
        await self.push("pinned-again.example", 1, content="v1", owner=H2)
        for serial in range(2, 8):
            await self.push("pinned-old.example", serial)
        await self.push("pinned-dead.example", 2)
        await self.push("pinned-orphan.example", 2)
        await self.hold("pinned-held.example", HoldRule.TAKEOVER)
        await self.push("leased.example", 1)
        await self.store.work.claim("one", limit=1, lease_s=60)

    async def others(self) -> None:
        now = self.clock.now_s()
        refused = Refused(change_id="r", name="bad.example", rule="soa", reason="made", owner=H1, address="", at=now)
        await self.store.recording.record_refused(refused)
        await self.store.recording.record_event(
            Event(at=now, event="zone.pinned", zone="pinned-push.example", actor="anna")
        )
        await self.store.drift.save_baseline(Baseline(server="h1.example", zones=9, listed_at=now))
        await self.store.drift.save_pass(Pass(started_at=now, ended_at=now, dry_run=False, report="{}"), keep=5)
        await self.store.approval.open_migration(
            Migration(former="h1.example", server="h2.example", zones=(), until=now + 1e6)
        )
        token = ApiToken(id="t", name="anna", roles=("read",), created_by="made", created_at=now)
        await self.store.operators.add_token(token, b"digest")
        await self.store.operators.pause("two", Pause(actor="anna", reason="made", at=now))

    async def told(self) -> dict[str, Any]:
        """What the program tells of its store, and what it would do at a release of each pin."""
        async with self.opened(BACKENDS) as self.store:
            zones = {name: await told_of(self.store, name) for name in ZONES}
            held = [[one.name, one.version, one.rule, one.digest] for one in await self.store.approval.held_pushes()]
            backlog = [[one.backend, one.pending, one.leased, one.dead] for one in await self.store.looking.backlog()]
            told = {"now": self.clock.now_s(), "zones": zones, "held": held, "backlog": backlog}
            told["sightings"] = [[one.name, one.version, one.state] for one in await self.store.drift.sightings()]
            released = {}
            for name in PINNED:
                origin = Origin(change_id=a_change_id(), source=Source.API, owner=Owner(credential="anna"))
                one = await self.store.recording.unpin(ZoneName.parse(name), origin)
                owner = (await self.store.looking.zone(one.name)).owner.hostname
                released[name] = [one.version, one.kind, one.changed, one.serial, one.priority, owner]
            return told | {"released": released}


async def told_of(store: Any, name: str) -> dict[str, Any]:
    """What a program of any time tells of one zone."""
    parsed = ZoneName.parse(name)
    found, pin = await store.looking.zone(parsed), await store.looking.pin_of(parsed)
    return {
        "zone": [
            found.version,
            found.kind,
            found.serial,
            found.pushed_serial,
            found.records,
            found.digest,
            found.signed,
        ],
        "since": [found.source, found.change_id, found.changed_at],
        "text": await store.looking.text(parsed),
        "versions": [[one.version, one.kind, one.serial] for one in await store.looking.versions(parsed)],
        "placements": [
            [one.backend, one.want_version, one.want_kind, one.state, one.attempts, one.verified_version, one.reason]
            for one in await store.looking.placements(parsed)
        ],
        "pin": [pin.version, pin.actor, pin.reason, pin.at, pin.waiting_version] if pin else None,
    }


def replace_zone(zone: Any, **more: Any) -> Any:
    """A zone is a model of pydantic's."""
    return zone.model_copy(update=more)


def dumped(file: Path) -> str:
    """The whole database as SQL."""
    with closing(sqlite3.connect(file)) as connection:
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        dump = "\n".join([*connection.iterdump(), f"PRAGMA user_version = {number};", ""])
        return apart(dump)


def apart(text: str) -> str:
    """With ids of changes that no test gives again."""
    return text.replace("test-0", "made-0")


async def main(target: Path, commit: str) -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as name:
        maker = Maker(Path(name) / "store")
        await maker.fill()
        (target / f"{commit}.sql").write_text(dumped(maker.folder / FILE_NAME), encoding="utf-8")
        shutil.copytree(maker.folder, Path(name) / "copy")
        maker.folder = Path(name) / "copy"
        told = json.dumps(await maker.told(), indent=1)
        (target / f"{commit}.json").write_text(apart(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve(), sys.argv[2]))
