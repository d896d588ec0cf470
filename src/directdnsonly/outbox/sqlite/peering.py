"""Peers over SQLite: compared by a connection that only reads, taken as any other change."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.peering import PeerDecision, PeerMemory, PeerVersion, Summary, ZoneState
from directdnsonly.outbox.sqlite import compared, view
from directdnsonly.outbox.sqlite.change import record
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.zone.name import ZoneName


class SqlitePeering(Peering):
    """Each method is told by Peering."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def summary(self) -> Summary:
        return await self._engine.viewer.call(compared.summary)

    async def marks(self, buckets: Sequence[int], *, limit: int) -> list[dict[ZoneName, int]]:
        return await self._engine.viewer.call(lambda connection: compared.marks(connection, buckets, limit))

    async def states(self, names: Sequence[ZoneName], *, texts: int = 0) -> list[ZoneState]:
        return await self._engine.viewer.call(lambda connection: compared.states(connection, names, texts=texts))

    async def take(self, version: PeerVersion) -> Receipt:
        engine = self._engine
        if version.zone is not None:  # a delete needs no room to speak of, and makes some
            await engine.capacity.require()
        receipt = await engine.write(lambda connection: record(connection, version, engine.setting()))
        if version.zone is not None and receipt.changed:
            engine.capacity.kept(len(engine.backends))
        return receipt

    async def decide(self, decision: PeerDecision) -> Receipt:
        return await self._engine.write(lambda connection: record(connection, decision, self._engine.setting()))

    async def living(self) -> int:
        return await self._engine.viewer.call(view.count_zones)

    async def memory(self, peer: str) -> PeerMemory:
        return await self._engine.viewer.call(lambda connection: compared.memory(connection, peer))

    async def remember(self, peer: str, *, seen: int, newest: int) -> None:
        await self._engine.write(lambda connection: compared.remember(connection, peer, seen=seen, newest=newest))
