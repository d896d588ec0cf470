"""The embedded store: SQLite in WAL mode with synchronous=FULL, one writer, readers beside it.

One process owns a store: a second one is refused at start (the lock file `outbox.lock` beside it).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from directdnsonly.clock import Clock
from directdnsonly.errors import OutboxUnavailable, VersionDamaged
from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Origin, Priority, Receipt
from directdnsonly.outbox.decide.look import Release
from directdnsonly.outbox.deliveries import Attempt, Backlog, Claim, Placement, PlacementPage, Settlement
from directdnsonly.outbox.facts import ZoneFacts
from directdnsonly.outbox.kept import Event, PastVersion, Pin, Refused, ZoneSummary
from directdnsonly.outbox.operators import ApiToken, Pause, Repeated, ZoneFilter
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import (
    clocks,
    deliveries,
    facts,
    history,
    housekeep,
    listing,
    notes,
    removed,
    terms,
    tokens,
    triggers,
    view,
    whole,
)
from directdnsonly.outbox.sqlite.capacity import Capacity
from directdnsonly.outbox.sqlite.change import change, record
from directdnsonly.outbox.sqlite.connection import FILE_NAME, Connection, open_reader, open_writer
from directdnsonly.outbox.sqlite.figures import FigureMethods
from directdnsonly.outbox.sqlite.group_commit import GroupCommit
from directdnsonly.outbox.sqlite.lock import FOLDER_CURE, own
from directdnsonly.outbox.sqlite.migrate import migrate
from directdnsonly.outbox.sqlite.pin import find_pin
from directdnsonly.outbox.sqlite.reconcile_store import ReconcileMethods
from directdnsonly.outbox.sqlite.write import Setting
from directdnsonly.outbox.store import Takers
from directdnsonly.outbox.watch import ZoneWatch
from directdnsonly.zone.name import ZoneName

T = TypeVar("T")

LONGEST_BACKOFF_S = 3600.0


class SqliteStore(ReconcileMethods, FigureMethods):
    """PushStore, ViewStore, WorkStore and ReconcileStore over one SQLite file. Made by `open_store`."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: OutboxSettings,
        clock: Clock,
        backends: Sequence[str],
        writer: Connection,
        reader: Connection,
        viewer: Connection,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._backends = tuple(backends)
        self._reader = reader
        self._viewer = viewer
        self._capacity = Capacity(folder=folder, settings=settings, clock=clock, reader=reader)
        self.commits = GroupCommit(writer, largest_group=settings.commit_batch)
        self.settled = ZoneWatch()
        self._takers: Takers | None = None
        self._judged_at: float | None = None  # when the clock was judged last
        self._ahead_s = 0.0

    def serve(self, takers: Takers) -> None:
        """From now on, lease to them what is recorded while they and the store have nothing else to do."""
        self._takers = takers

    # -- PushStore

    async def record_push(self, push: NewVersion) -> Receipt:
        """See PushStore."""
        await self._capacity.require()
        try:
            receipt = await self._record(lambda connection: record(connection, push, self._setting()))
        except OutboxUnavailable as error:
            self._capacity.refused(error)
            raise
        self._capacity.kept(len(self._backends) if receipt.changed else 0)
        return receipt

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        """See PushStore."""
        return await self._record(lambda connection: record(connection, deletion, self._setting()))

    async def record_refused(self, refused: Refused) -> None:
        """See PushStore."""
        await self._write(lambda connection: notes.record_refused(connection, refused))

    async def record_event(self, event: Event) -> None:
        """See PushStore."""
        await self._write(lambda connection: notes.record_event(connection, event))

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """See PushStore."""
        return await self._reader.call(lambda connection: view.find_held(connection, names))

    # -- PinStore

    async def pin(self, new: NewPin) -> Pin | None:
        """See PinStore."""

        def pin(connection: sqlite3.Connection) -> Pin | None:
            return find_pin(connection, new.name) if change(connection, new, self._setting()).written else None

        return await self._write(pin)

    async def unpin(self, name: ZoneName, origin: Origin) -> Receipt | None:
        """See PinStore."""
        return await self._write(
            lambda connection: change(connection, Release(name=name, origin=origin), self._setting()).receipt
        )

    async def pin_of(self, name: ZoneName) -> Pin | None:
        """See PinStore."""
        return await self._viewer.call(lambda connection: find_pin(connection, name))

    # -- ViewStore

    async def zones(self, *, after: str = "", limit: int = 100, search: str = "") -> list[ZoneSummary]:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: view.zones(connection, after, limit, search))

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: view.zone(connection, name))

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: view.text(connection, name, version))

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        """As `published_text`; None also when it is damaged: a push is compared with what can be had, and heals it."""
        try:
            return await self.published_text(name, version)
        except VersionDamaged:
            return None

    async def placements(self, name: ZoneName) -> list[Placement]:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: view.placements(connection, name, self._backends))

    async def versions(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[PastVersion]:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: history.versions(connection, name, before, limit))

    async def outstanding(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """See ViewStore. Raises ValueError when `after` is not the `next` of a page."""
        return await self._page(history.OUTSTANDING, backend, after, limit)

    async def dead(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """See ViewStore. Raises ValueError when `after` is not the `next` of a page."""
        return await self._page(history.DEAD, backend, after, limit)

    async def attempts(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[Attempt]:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: history.attempts(connection, name, before, limit))

    async def receipt(self, change_id: str) -> Receipt | None:
        """See ViewStore."""
        return await self._viewer.call(lambda connection: view.receipt(connection, change_id))

    async def backlog(self) -> list[Backlog]:
        """See ViewStore."""
        return list((await self.figures()).backlog)

    async def count_zones(self) -> int:
        """See ViewStore."""
        return await self._viewer.call(view.count_zones)

    async def refused(
        self,
        *,
        limit: int = 100,
        name: str = "",
        server: str = "",
        rule: str = "",
        before: int | None = None,
        bodies: bool = True,
    ) -> list[Refused]:
        """See ViewStore."""
        wanted = {view.REFUSED_NAME: name, view.REFUSED_SERVER: server, "rule": rule}
        return await self._viewer.call(
            lambda connection: view.refused(connection, limit, wanted, before=before, bodies=bodies)
        )

    async def events(
        self,
        *,
        limit: int = 100,
        zone: str = "",
        event: str = "",
        actor: str = "",
        since: float | None = None,
        before: int | None = None,
    ) -> list[Event]:
        """See ViewStore."""
        wanted = {"zone": zone, "event": event, "actor": actor}
        return await self._viewer.call(
            lambda connection: view.events(connection, limit, wanted, since=since, before=before)
        )

    async def facts_of(self, name: ZoneName) -> ZoneFacts:
        """Everything that is known of one zone, as it was at one moment."""
        return await self._viewer.call(lambda connection: facts.read(connection, name, self._backends))

    # -- WorkStore

    async def claim(
        self, backend: str, *, limit: int, lease_s: float, lowest: Priority = Priority.BULK
    ) -> Sequence[Claim]:
        """See WorkStore. The version is read after the claim has committed: it is the newest."""
        leased = await self._write(
            lambda connection: deliveries.claim(
                connection, backend, limit=limit, now=self._clock.now_s(), lease_s=lease_s, lowest=lowest
            ),
            durable=False,
        )
        if not leased:
            return []
        return await self._reader.call(lambda connection: deliveries.read_newest(connection, leased))

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """See WorkStore."""
        if not settlements:
            return
        touched = await self._write(
            lambda connection: deliveries.settle(connection, settlements, now=self._clock.now_s()), durable=False
        )
        self.settled.announce(touched)

    async def next_due_at(self, backend: str) -> float | None:
        """See WorkStore."""
        return await self._reader.call(lambda connection: view.next_due_at(connection, backend))

    async def adopt_backends(self, names: Sequence[str]) -> None:
        """See WorkStore."""
        now = self._clock.now_s()
        await self._write(
            lambda connection: deliveries.adopt(connection, names, now=now, latest_due_at=now + LONGEST_BACKOFF_S)
        )

    async def wanted(self, backend: str, *, after: str = "", page: int = 1000) -> AsyncIterator[list[Claim]]:
        """See WorkStore."""
        while True:
            start = after
            found = await self._viewer.call(lambda connection: view.wanted_page(connection, backend, start, page))  # noqa: B023 - awaited in this turn
            if not found:
                return
            yield found
            after = found[-1].name

    async def proven(self, backend: str, *, page: int = 500) -> AsyncIterator[list[Claim]]:
        """See WorkStore."""
        after = ""
        while True:
            start = after
            found = await self._viewer.call(
                lambda connection: view.wanted_page(connection, backend, start, page, texts=True)  # noqa: B023 - as above
            )
            if not found:
                return
            yield [claim for claim in found if claim.text is not None]
            after = found[-1].name

    async def proven_text(self, backend: str, name: ZoneName) -> str | None:
        """See WorkStore."""
        return await self._viewer.call(lambda connection: view.proven_text(connection, backend, name))

    async def requeue(self, backend: str, names: Sequence[ZoneName], *, reason: str) -> int:
        """See WorkStore."""
        return await self._write(
            lambda connection: deliveries.requeue(connection, backend, names, now=self._clock.now_s(), reason=reason)
        )

    async def revive(self, *, name: ZoneName | None = None, backend: str = "") -> int:
        """See WorkStore."""
        chosen = self._chosen(backend)
        revived = await self._write(
            lambda connection: deliveries.revive(connection, chosen, name, now=self._clock.now_s())
        )
        if name is not None:
            self.settled.announce([name])
        return revived

    # -- operators

    async def listed(self, wanted: ZoneFilter, *, after: str = "", limit: int = 100) -> list[ZoneSummary]:
        """Living zones that fit, in order of name, those after `after`."""
        return await self._viewer.call(
            lambda connection: listing.listed(connection, wanted, after, limit, self._backends)
        )

    async def redeliver(self, name: ZoneName, backends: Sequence[str], *, reason: str) -> int:
        """A zone becomes due now on these backends, unless it is on its way; how many."""
        now = self._clock.now_s()
        return await self._write(
            lambda connection: listing.redeliver(connection, name, backends, now=now, reason=reason)
        )

    async def tokens(self) -> list[tuple[bytes, ApiToken]]:
        """Every token of the API with the digest that it is known by."""
        return await self._viewer.call(tokens.tokens)

    async def add_token(self, token: ApiToken, digest: bytes) -> None:
        """Keep a new token."""
        await self._write(lambda connection: tokens.add_token(connection, token, digest))

    async def remove_token(self, token_id: str) -> bool:
        """Forget a token; whether there was one."""
        return await self._write(lambda connection: tokens.remove_token(connection, token_id))

    async def pauses(self) -> dict[str, Pause]:
        """The backends that an operator has stopped."""
        return await self._viewer.call(tokens.pauses)

    async def pause(self, backend: str, given: Pause) -> None:
        """Keep that a backend is stopped, also over a restart."""
        await self._write(lambda connection: tokens.pause(connection, backend, given))

    async def resume(self, backend: str) -> bool:
        """A backend works again; whether it was stopped."""
        return await self._write(lambda connection: tokens.resume(connection, backend))

    async def removed_backends(self, configured: Collection[str]) -> dict[str, int]:
        """Backends that are not configured any more, and how many deliveries are kept for each."""
        return await self._viewer.call(lambda connection: removed.kept(connection, configured))

    async def forget_backend(self, name: str) -> int:
        """Drop what is kept for a backend that is not configured, a step at a time; how many deliveries.

        Nothing when there is nothing. Raises OutboxUnavailable; what is left then is dropped by the next call.
        """
        dropped = 0
        while step := await self._write(lambda connection: removed.forget_step(connection, name)):
            dropped += step
        return dropped

    async def count_limited(self, credentials: Sequence[str]) -> None:
        """Before pushes come: count the zones of credentials that have a limit for the first time, in one walk over all."""
        await self._write(lambda connection: terms.count_limited(connection, credentials))

    async def repeated(self, credential: str, key: str) -> Repeated | None:
        """What an earlier request with this idempotency key became."""
        now = self._clock.now_s()
        return await self._viewer.call(lambda connection: terms.find_key(connection, credential, key, now=now))

    # -- upkeep

    async def probe(self) -> None:
        """Whether pushes can be committed now; raises OutboxUnavailable with the reason. A page is really written."""
        await self._write(lambda connection: connection.execute("UPDATE backend SET changed_at = changed_at"))
        await self._capacity.require_now()

    async def judge_clock(self) -> float:
        """Seconds that the clock leapt ahead while we were down, and is not believed for; 0 when it is believed.

        Asked at start and every hour.
        """
        now = self._clock.now_s()
        ran_s = 0.0 if self._judged_at is None else now - self._judged_at
        believed = await self._write(lambda connection: clocks.believe(connection, now=now, ran_s=ran_s))
        self._judged_at, self._ahead_s = now, now - believed.at
        return self._ahead_s

    def believed_s(self) -> float:
        """The time by which things are forgotten and graces end, epoch seconds. See doubt."""
        return self._clock.now_s() - self._ahead_s

    async def prune(self) -> int:
        """Forget one step of old history; how many rows (0: done)."""
        before = self.believed_s() - self._settings.history_days * 86_400
        return await self._write(lambda connection: housekeep.prune(connection, before=before))

    def size_bytes(self) -> int:
        """The store on disk, with its write-ahead log."""
        return sum(path.stat().st_size for path in self._folder.glob(f"{FILE_NAME}*"))

    async def _page(self, query: str, backend: str, after: str, limit: int) -> PlacementPage:
        chosen, begin = self._chosen(backend), history.cursor_of(after)
        return await self._viewer.call(lambda connection: history.page(connection, query, chosen, begin, limit))

    def _setting(self) -> Setting:
        """What is written now is written with."""
        return Setting(self._clock.now_s(), self._backends, self._settings.history_versions)

    def _chosen(self, backend: str) -> tuple[str, ...]:
        """The active backends, or the one of that name; none when it is not active."""
        return self._backends if not backend else tuple(name for name in self._backends if name == backend)

    async def _record(self, record: Callable[[sqlite3.Connection], Receipt]) -> Receipt:
        """Commit a change. A single one to lanes that wait needs no second commit to claim it, and no reading of it."""
        leases_s = self._takers.waiting() if self._takers is not None and self.commits.at_rest else {}
        if not leases_s:
            return await self._write(record)

        def write(connection: sqlite3.Connection) -> tuple[Receipt, list[Claim]]:
            receipt = record(connection)
            return receipt, deliveries.claim_recorded(connection, leases_s, receipt, now=self._clock.now_s())

        receipt, claims = await self.commits.submit(write, then=self._hand_over)
        return replace(receipt, begun=frozenset(claim.backend for claim in claims)) if claims else receipt

    def _hand_over(self, recorded: tuple[Receipt, list[Claim]]) -> None:
        if recorded[1] and self._takers is not None:
            self._takers.take(recorded[1])

    async def _write(self, function: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """`durable` False: what a power loss may undo, because it is then done again (claims, proofs)."""
        return await self.commits.submit(function, durable=durable)


@asynccontextmanager
async def open_store(
    folder: Path, *, settings: OutboxSettings, clock: Clock, backends: Sequence[str]
) -> AsyncIterator[SqliteStore]:
    """The store in `folder`, whole, migrated and locked, with its committer running. Raises OutboxUnavailable, OutboxTooNew."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxUnavailable(f"cannot make the store's folder {folder}: {error.strerror}: {FOLDER_CURE}") from error
    lock = own(folder / "outbox.lock")
    try:
        path = folder / FILE_NAME
        max_pages = settings.max_store_mb * 256  # pages of 4 KiB
        connections: list[Connection] = []
        try:
            try:
                writer = await open_writer(path, busy_timeout_s=settings.busy_timeout_s, max_pages=max_pages)
                connections.append(writer)
                await writer.call(whole.require_whole)
                await writer.call(migrate)
                await writer.call(triggers.prepare)
                await writer.call(deliveries.prepare)
                for _ in range(2):
                    connections.append(await open_reader(path, busy_timeout_s=settings.busy_timeout_s))
            except OutboxUnavailable as error:
                raise OutboxUnavailable(f"cannot open the store {path}: {error}") from error
            store = SqliteStore(
                folder=folder,
                settings=settings,
                clock=clock,
                backends=backends,
                writer=writer,
                reader=connections[1],
                viewer=connections[2],
            )
            async with asyncio.TaskGroup() as actors:
                actors.create_task(store.commits.run(), name="outbox:committer")
                try:
                    yield store
                finally:
                    store.commits.close()
        finally:
            for connection in reversed(connections):
                await connection.close()
    finally:
        os.close(lock)
