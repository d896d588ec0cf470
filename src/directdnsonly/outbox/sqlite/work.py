"""`Work` on SQLite. Claims and settlements are not fsynced: what a power loss undoes is repeated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from directdnsonly.outbox.changes import Priority
from directdnsonly.outbox.deliveries import Claim, Settlement
from directdnsonly.outbox.sqlite import deliveries, view
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.work import Work
from directdnsonly.zone.name import ZoneName


class SqliteWork(Work):
    """Implements Work, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def claim(
        self, backend: str, *, limit: int, lease_s: float, lowest: Priority = Priority.BULK
    ) -> Sequence[Claim]:
        leased = await self._engine.write(
            lambda connection: deliveries.claim(
                connection, backend, limit=limit, now=self._engine.clock.now_s(), lease_s=lease_s, lowest=lowest
            ),
            durable=False,
        )
        if not leased:
            return []
        return await self._engine.reader.call(lambda connection: deliveries.read_newest(connection, leased))

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        if not settlements:
            return
        touched = await self._engine.write(
            lambda connection: deliveries.settle(connection, settlements, now=self._engine.clock.now_s()),
            durable=False,
        )
        self._engine.settled.announce(touched)

    async def next_due_at(self, backend: str) -> float | None:
        return await self._engine.reader.call(lambda connection: view.next_due_at(connection, backend))

    async def wanted(self, backend: str, *, after: str = "", page: int = 1000) -> AsyncIterator[list[Claim]]:
        while found := await self._page(backend, after, page, texts=False):
            yield found
            after = found[-1].name

    async def proven(self, backend: str, *, page: int = 500) -> AsyncIterator[list[Claim]]:
        after = ""
        while found := await self._page(backend, after, page, texts=True):
            yield [claim for claim in found if claim.text is not None]
            after = found[-1].name

    async def _page(self, backend: str, after: str, page: int, *, texts: bool) -> list[Claim]:
        return await self._engine.viewer.call(
            lambda connection: view.wanted_page(connection, backend, after, page, texts=texts)
        )

    async def proven_text(self, backend: str, name: ZoneName) -> str | None:
        return await self._engine.viewer.call(lambda connection: view.proven_text(connection, backend, name))

    async def still_wanted(self, backend: str, claims: Sequence[Claim]) -> Sequence[Claim]:
        names = [claim.name for claim in claims]
        versions = await self._engine.viewer.call(lambda connection: view.wanted_versions(connection, backend, names))
        return [claim for claim in claims if versions.get(claim.name) == claim.version]

    async def requeue(
        self, backend: str, names: Sequence[ZoneName], *, reason: str, versions: Sequence[int] | None = None
    ) -> int:
        return await self._engine.write(
            lambda connection: deliveries.requeue(
                connection, backend, names, now=self._engine.clock.now_s(), reason=reason, versions=versions
            )
        )

    async def revive_given_up(self, backend: str, *, limit: int) -> int:
        return await self._engine.write(
            lambda connection: deliveries.revive_some(connection, backend, limit=limit, now=self._engine.clock.now_s())
        )
