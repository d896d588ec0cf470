"""`DriftWatch` on SQLite. Its changes of zones are compare-and-set: a newer push always wins over a plan."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.outbox.changes import NewDeletion, Receipt
from directdnsonly.outbox.decide.look import ExtraDelete, OrphanDelete
from directdnsonly.outbox.drift import Baseline, Held, Pass, Sighting
from directdnsonly.outbox.sqlite import reconcile
from directdnsonly.outbox.sqlite.change import change
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.zone.name import ZoneName


class SqliteDrift(DriftWatch):
    """Implements DriftWatch, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def believed_s(self) -> float:
        return self._engine.believed_s()

    async def held_page(self, *, after: str = "", limit: int = 1000) -> list[Held]:
        return await self._engine.viewer.call(lambda connection: reconcile.held_page(connection, after, limit))

    async def held(self, names: Sequence[ZoneName]) -> list[Held]:
        return await self._engine.viewer.call(lambda connection: reconcile.held(connection, names))

    async def not_ours(self, backend: str, names: Sequence[ZoneName]) -> tuple[list[ZoneName], list[ZoneName]]:
        return await self._engine.viewer.call(lambda connection: reconcile.not_ours(connection, backend, names))

    async def sightings(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        return await self._engine.viewer.call(
            lambda connection: reconcile.sightings(connection, after=after, limit=limit)
        )

    async def save_sightings(self, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
        await self._engine.write(lambda connection: reconcile.save_sightings(connection, seen, over))

    async def record_orphan_delete(self, sighting: Sighting, deletion: NewDeletion) -> Receipt | None:
        command = OrphanDelete(sighting=sighting, deletion=deletion)
        return await self._engine.write(lambda connection: change(connection, command, self._engine.setting()).receipt)

    async def record_extra_delete(self, backend: str, names: Sequence[ZoneName], *, change_id: str) -> int:
        commands = [ExtraDelete(name=name, backend=backend, change_id=change_id) for name in names]
        return await self._engine.write(
            lambda connection: sum(change(connection, command, self._engine.setting()).rows for command in commands)
        )

    async def approve(self, plan: str) -> int:
        return await self._engine.write(lambda connection: reconcile.approve(connection, plan))

    async def keep(self, name: ZoneName) -> bool:
        return await self._engine.write(lambda connection: reconcile.keep(connection, name, self._engine.clock.now_s()))

    async def baselines(self) -> list[Baseline]:
        return await self._engine.viewer.call(reconcile.baselines)

    async def save_baseline(self, baseline: Baseline) -> None:
        await self._engine.write(lambda connection: reconcile.save_baseline(connection, baseline))

    async def save_pass(self, one: Pass, *, keep: int) -> int:
        return await self._engine.write(lambda connection: reconcile.save_pass(connection, one, keep))

    async def passes(self, *, limit: int = 20) -> list[Pass]:
        return await self._engine.viewer.call(lambda connection: reconcile.passes(connection, limit))
