"""What status, pages and metrics are told: everything that is counted, at one moment, and the pushes that were lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from directdnsonly.outbox.kept import Figures, LostPush
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import held, losses, tokens, view
from directdnsonly.outbox.sqlite.capacity import Capacity
from directdnsonly.outbox.sqlite.connection import Connection
from directdnsonly.zone.name import ZoneName

T = TypeVar("T")


class FigureMethods:
    """Part of SqliteStore, which has the connections and the one way to write."""

    _viewer: Connection
    _settings: OutboxSettings
    _backends: tuple[str, ...]
    _capacity: Capacity

    async def _write(self, function: Callable[[sqlite3.Connection], T]) -> T:
        raise NotImplementedError

    async def figures(self) -> Figures:
        """Everything that is counted, at one moment; a row, three small indexes and what waits for a person."""
        return await self._viewer.call(self._read)

    def _read(self, connection: sqlite3.Connection) -> Figures:
        connection.execute("BEGIN")  # so that all of it is of one moment
        try:
            count, since = held.count(connection)
            return Figures(
                zones=view.count_zones(connection),
                backlog=tuple(view.backlog(connection, self._backends)),
                pauses=tokens.pauses(connection),
                held=count,
                held_since=since,
                lost=losses.count(connection),
                lost_newest=next(iter(losses.newest(connection, 1)), None),
            )
        finally:
            connection.execute("COMMIT")

    def room_bytes(self) -> int:
        """By how much the store can grow, on its disk and below its own limit."""
        return self._capacity.room_bytes()

    @property
    def reserve_bytes(self) -> int:
        """Below so much room on the disk pushes are refused."""
        return self._settings.disk_reserve_mb * 2**20

    # -- pushes that were lost

    async def record_lost(self, lost: Sequence[LostPush]) -> None:
        """Keep what could not be recorded when it came, the newest of each zone."""
        await self._write(lambda connection: losses.record(connection, lost))

    async def lost(self, *, limit: int = 100) -> list[LostPush]:
        """Those that nothing recorded since has made good, newest first."""
        return await self._viewer.call(lambda connection: losses.newest(connection, limit))

    async def lost_push(self, name: ZoneName) -> LostPush | None:
        """The newest push of this zone, when it was lost and nothing was recorded of the zone since."""
        return await self._viewer.call(lambda connection: losses.one(connection, name))

    async def forget_lost(self, name: ZoneName | None = None) -> int:
        """A person has looked at it: of one zone, or all; how many."""
        return await self._write(lambda connection: losses.forget(connection, name))
