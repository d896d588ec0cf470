"""ReconcileStore and HoldStore of the SQLite store: its methods, apart from those that every push needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from directdnsonly.clock import Clock
from directdnsonly.outbox.changes import NewDeletion, Receipt
from directdnsonly.outbox.decide.look import ExtraDelete, OrphanDelete
from directdnsonly.outbox.drift import Baseline, Held, HeldPush, Migration, Pass, Sighting
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import deliveries, held, reconcile
from directdnsonly.outbox.sqlite.capacity import Capacity
from directdnsonly.outbox.sqlite.change import change
from directdnsonly.outbox.sqlite.connection import Connection
from directdnsonly.outbox.sqlite.write import Setting
from directdnsonly.zone.name import ZoneName

T = TypeVar("T")


class ReconcileMethods:
    """Part of SqliteStore, which has the connections and the one way to write."""

    _viewer: Connection
    _clock: Clock
    _settings: OutboxSettings
    _backends: tuple[str, ...]
    _capacity: Capacity

    async def _write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        raise NotImplementedError

    def _setting(self) -> Setting:
        raise NotImplementedError

    # -- ReconcileStore

    async def held_page(self, *, after: str = "", limit: int = 1000) -> list[Held]:
        """See ReconcileStore."""
        return await self._viewer.call(lambda connection: reconcile.held_page(connection, after, limit))

    async def held(self, names: Sequence[ZoneName]) -> list[Held]:
        """See ReconcileStore."""
        return await self._viewer.call(lambda connection: reconcile.held(connection, names))

    async def revive_given_up(self, backend: str, *, limit: int) -> int:
        """See ReconcileStore."""
        return await self._write(
            lambda connection: deliveries.revive_some(connection, backend, limit=limit, now=self._clock.now_s())
        )

    async def not_ours(self, backend: str, names: Sequence[ZoneName]) -> tuple[list[ZoneName], list[ZoneName]]:
        """See ReconcileStore."""
        return await self._viewer.call(lambda connection: reconcile.not_ours(connection, backend, names))

    async def sightings(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        """See ReconcileStore."""
        return await self._viewer.call(lambda connection: reconcile.sightings(connection, after=after, limit=limit))

    async def save_sightings(self, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
        """See ReconcileStore."""
        await self._write(lambda connection: reconcile.save_sightings(connection, seen, over))

    async def record_orphan_delete(self, sighting: Sighting, deletion: NewDeletion) -> Receipt | None:
        """See ReconcileStore."""
        command = OrphanDelete(sighting=sighting, deletion=deletion)
        return await self._write(lambda connection: change(connection, command, self._setting()).receipt)

    async def record_extra_delete(self, backend: str, names: Sequence[ZoneName], *, change_id: str) -> int:
        """See ReconcileStore."""
        commands = [ExtraDelete(name=name, backend=backend, change_id=change_id) for name in names]
        return await self._write(
            lambda connection: sum(change(connection, command, self._setting()).rows for command in commands)
        )

    async def approve(self, plan: str) -> int:
        """See ReconcileStore."""
        return await self._write(lambda connection: reconcile.approve(connection, plan))

    async def keep(self, name: ZoneName) -> bool:
        """See ReconcileStore."""
        return await self._write(lambda connection: reconcile.keep(connection, name, self._clock.now_s()))

    async def baselines(self) -> list[Baseline]:
        """See ReconcileStore."""
        return await self._viewer.call(reconcile.baselines)

    async def save_baseline(self, baseline: Baseline) -> None:
        """See ReconcileStore."""
        await self._write(lambda connection: reconcile.save_baseline(connection, baseline))

    async def save_pass(self, one: Pass, *, keep: int) -> int:
        """See ReconcileStore."""
        return await self._write(lambda connection: reconcile.save_pass(connection, one, keep))

    async def passes(self, *, limit: int = 20) -> list[Pass]:
        """See ReconcileStore."""
        return await self._viewer.call(lambda connection: reconcile.passes(connection, limit))

    # -- HoldStore

    async def explain_held(self, name: ZoneName, digest: str, difference: str) -> None:
        """See HoldStore."""
        await self._write(lambda connection: held.explain(connection, name, digest, difference))

    async def drop_held(self, name: ZoneName) -> None:
        """See HoldStore."""
        await self._write(lambda connection: held.drop(connection, name))

    async def held_pushes(self, *, limit: int = 100, bodies: bool = True, after: str = "") -> list[HeldPush]:
        """See HoldStore."""
        begin = held.cursor_of(after)
        return await self._viewer.call(lambda connection: held.waiting(connection, limit, bodies=bodies, after=begin))

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        """See HoldStore."""
        return await self._viewer.call(lambda connection: held.one(connection, name))

    async def open_migration(self, move: Migration) -> int:
        """See HoldStore."""
        return await self._write(lambda connection: held.open_migration(connection, move, self._clock.now_s()))

    async def close_migration(self, number: int) -> bool:
        """See HoldStore."""
        return await self._write(lambda connection: held.close_migration(connection, number))

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """See HoldStore."""
        now = self._clock.now_s()
        return await self._viewer.call(lambda connection: held.migrations(connection, now, after=after, limit=limit))
