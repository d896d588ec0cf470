"""`Approval` on SQLite: held pushes and announced moves."""

from __future__ import annotations

from directdnsonly.outbox.drift import HeldPush, Migration
from directdnsonly.outbox.sqlite import held
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.approval import Approval
from directdnsonly.zone.name import ZoneName


class SqliteApproval(Approval):
    """Implements Approval, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def explain_held(self, name: ZoneName, digest: str, difference: str) -> None:
        await self._engine.write(lambda connection: held.explain(connection, name, digest, difference))

    async def drop_held(self, name: ZoneName) -> None:
        await self._engine.write(lambda connection: held.drop(connection, name))

    async def held_pushes(self, *, limit: int = 100, bodies: bool = True, after: str = "") -> list[HeldPush]:
        begin = held.cursor_of(after)
        return await self._engine.viewer.call(
            lambda connection: held.waiting(connection, limit, bodies=bodies, after=begin)
        )

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        return await self._engine.viewer.call(lambda connection: held.one(connection, name))

    async def open_migration(self, move: Migration) -> int:
        return await self._engine.write(
            lambda connection: held.open_migration(connection, move, self._engine.clock.now_s())
        )

    async def close_migration(self, number: int) -> bool:
        return await self._engine.write(lambda connection: held.close_migration(connection, number))

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        now = self._engine.clock.now_s()
        return await self._engine.viewer.call(
            lambda connection: held.migrations(connection, now, after=after, limit=limit)
        )
