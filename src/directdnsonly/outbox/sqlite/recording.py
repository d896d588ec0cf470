"""`Recording` on SQLite: each change in one transaction, which shares its fsync with all waiting writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Origin, Receipt
from directdnsonly.outbox.decide.look import Release
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.outbox.kept import Event, LostPush, Pin, Refused
from directdnsonly.outbox.sqlite import deliveries, losses, notes
from directdnsonly.outbox.sqlite.change import change, record
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.sqlite.pin import find_pin
from directdnsonly.outbox.store.recording import Recording, Takers
from directdnsonly.zone.name import ZoneName


class SqliteRecording(Recording):
    """Implements Recording, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._takers: Takers | None = None

    def serve(self, takers: Takers) -> None:
        self._takers = takers

    async def record_push(self, push: NewVersion) -> Receipt:
        engine = self._engine
        await engine.capacity.require()
        try:
            receipt = await self._record(lambda connection: record(connection, push, engine.setting()))
        except OutboxUnavailable as error:
            engine.capacity.refused(error)
            raise
        engine.capacity.kept(len(engine.backends) if receipt.changed else 0)
        return receipt

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        return await self._record(lambda connection: record(connection, deletion, self._engine.setting()))

    async def pin(self, new: NewPin) -> Pin | None:
        def hold(connection: sqlite3.Connection) -> Pin | None:
            written = change(connection, new, self._engine.setting()).written
            return find_pin(connection, new.name) if written else None

        return await self._engine.write(hold)

    async def unpin(self, name: ZoneName, origin: Origin) -> Receipt | None:
        command = Release(name=name, origin=origin)
        return await self._engine.write(lambda connection: change(connection, command, self._engine.setting()).receipt)

    async def record_refused(self, refused: Refused) -> None:
        await self._engine.write(lambda connection: notes.record_refused(connection, refused))

    async def record_event(self, event: Event) -> None:
        await self._engine.write(lambda connection: notes.record_event(connection, event))

    async def record_lost(self, lost: Sequence[LostPush]) -> None:
        await self._engine.write(lambda connection: losses.record(connection, lost))

    async def lost(self, *, limit: int = 100) -> list[LostPush]:
        return await self._engine.viewer.call(lambda connection: losses.newest(connection, limit))

    async def lost_push(self, name: ZoneName) -> LostPush | None:
        return await self._engine.viewer.call(lambda connection: losses.one(connection, name))

    async def forget_lost(self, name: ZoneName | None = None) -> int:
        return await self._engine.write(lambda connection: losses.forget(connection, name))

    async def _record(self, recorded: Callable[[sqlite3.Connection], Receipt]) -> Receipt:
        """Commit a change. A single one to lanes that wait needs no second commit to claim it, and no reading of it."""
        commits = self._engine.commits
        leases_s = self._takers.waiting() if self._takers is not None and commits.at_rest else {}
        if not leases_s:
            return await self._engine.write(recorded)

        def write(connection: sqlite3.Connection) -> tuple[Receipt, list[Claim]]:
            receipt = recorded(connection)
            now = self._engine.clock.now_s()
            return receipt, deliveries.claim_recorded(connection, leases_s, receipt, now=now)

        receipt, claims = await commits.submit(write, then=self._hand_over)
        return replace(receipt, begun=frozenset(claim.backend for claim in claims)) if claims else receipt

    def _hand_over(self, recorded: tuple[Receipt, list[Claim]]) -> None:
        if recorded[1] and self._takers is not None:
            self._takers.take(recorded[1])
