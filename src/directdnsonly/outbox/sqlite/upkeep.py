"""`Upkeep` on SQLite: work at start and every hour, and the condition of the file and its disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from directdnsonly.outbox.kept import Condition
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import adopting, buckets, clocks, housekeep, terms
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.store.upkeep import Upkeep

LONGEST_BACKOFF_S = 3600.0


class SqliteUpkeep(Upkeep):
    """Implements Upkeep, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._judged_at: float | None = None  # when the clock was judged last

    async def adopt_backends(self, names: Sequence[str]) -> None:
        now = self._engine.clock.now_s()
        await self._engine.write(
            lambda connection: adopting.adopt(connection, names, now=now, latest_due_at=now + LONGEST_BACKOFF_S)
        )

    async def change_backends(self, names: Sequence[str]) -> None:
        engine, before = self._engine, self._engine.backends
        # First: a push that is recorded before the deliveries of a new one are made has one for it already.
        engine.backends = (*before, *(name for name in names if name not in before))
        now = engine.clock.now_s()
        try:
            for name in names:
                if name not in before:
                    await self._adopt(name, now)
            await engine.write(lambda connection: adopting.choose(connection, names, now=now))
        except BaseException:
            engine.backends = before
            raise
        engine.backends = tuple(names)

    async def _adopt(self, name: str, now: float) -> None:
        """In steps, which what follows syncs. When one fails it is told as one that is removed; the next reload, or start, goes on."""
        after: str | None = ""
        while after is not None:
            step = partial(adopting.adopt_step, name=name, after=after, now=now)
            after = await self._engine.write(step, durable=False)

    async def follow(self, settings: OutboxSettings) -> None:
        await self._engine.follow(settings)

    async def compare(self, *, wanted: bool) -> None:
        def chosen(_: None) -> None:
            self._engine.compares = wanted

        # Told to the engine also where nobody waits any more: what pushes write must fit what the steps walk over.
        await self._engine.commits.submit(lambda connection: buckets.choose(connection, wanted=wanted), then=chosen)

    async def count_limited(self, credentials: Sequence[str]) -> None:
        await self._engine.write(lambda connection: terms.count_limited(connection, credentials))

    async def judge_clock(self) -> float:
        now = self._engine.clock.now_s()
        ran_s = 0.0 if self._judged_at is None else now - self._judged_at
        believed = await self._engine.write(lambda connection: clocks.believe(connection, now=now, ran_s=ran_s))
        self._judged_at, self._engine.ahead_s = now, now - believed.at
        return self._engine.ahead_s

    async def prune(self, *, peers: Sequence[str] = ()) -> int:
        engine = self._engine
        before = engine.believed_s() - engine.settings.history_days * 86_400
        return await engine.write(
            lambda connection: housekeep.prune(connection, before=before, peers=peers, compares=engine.compares)
        )

    async def probe(self) -> None:
        # A page is really written: an empty transaction would not touch the disk.
        await self._engine.write(lambda connection: connection.execute("UPDATE backend SET changed_at = changed_at"))
        await self._engine.capacity.require_now()

    def condition(self) -> Condition:
        engine, commits = self._engine, self._engine.commits
        return Condition(
            engine=f"SQLite {sqlite3.sqlite_version}",
            size_bytes=engine.size_bytes(),
            free_bytes=engine.capacity.room_bytes(),
            reserve_bytes=engine.settings.disk_reserve_mb * 2**20,
            commits=commits.commits,
            writes=commits.writes,
            waiting=commits.waiting,
        )
