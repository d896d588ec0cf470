"""`Operators` on SQLite: a person's acts on deliveries, backends and tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from directdnsonly.outbox.operators import ApiToken, Pause
from directdnsonly.outbox.sqlite import deliveries, listing, removed, tokens
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.operators import Operators
from directdnsonly.zone.name import ZoneName


class SqliteOperators(Operators):
    """Implements Operators, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def redeliver(self, name: ZoneName, backends: Sequence[str], *, reason: str) -> int:
        now = self._engine.clock.now_s()
        return await self._engine.write(
            lambda connection: listing.redeliver(connection, name, backends, now=now, reason=reason)
        )

    async def revive(self, *, name: ZoneName | None = None, backend: str = "") -> int:
        chosen = self._engine.chosen(backend)
        revived = await self._engine.write(
            lambda connection: deliveries.revive(connection, chosen, name, now=self._engine.clock.now_s())
        )
        if name is not None:
            self._engine.settled.announce([name])
        return revived

    async def tokens(self) -> list[tuple[bytes, ApiToken]]:
        return await self._engine.viewer.call(tokens.tokens)

    async def add_token(self, token: ApiToken, digest: bytes) -> None:
        await self._engine.write(lambda connection: tokens.add_token(connection, token, digest))

    async def remove_token(self, token_id: str) -> bool:
        return await self._engine.write(lambda connection: tokens.remove_token(connection, token_id))

    async def pauses(self) -> dict[str, Pause]:
        return await self._engine.viewer.call(tokens.pauses)

    async def pause(self, backend: str, given: Pause) -> None:
        await self._engine.write(lambda connection: tokens.pause(connection, backend, given))

    async def resume(self, backend: str) -> bool:
        return await self._engine.write(lambda connection: tokens.resume(connection, backend))

    async def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        return await self._engine.viewer.call(lambda connection: removed.kept(connection, configured))

    async def forget_backend(self, name: str) -> int:
        dropped = 0
        while step := await self._engine.write(lambda connection: removed.forget_step(connection, name)):
            dropped += step
        return dropped
