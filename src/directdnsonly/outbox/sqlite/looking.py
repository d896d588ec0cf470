"""`Looking` on SQLite, on read-only connections so that no push waits for a person."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.errors import VersionDamaged
from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.deliveries import Attempt, Backlog, Placement, PlacementPage
from directdnsonly.outbox.facts import ZoneFacts
from directdnsonly.outbox.kept import Event, Figures, PastVersion, Pin, Refused, ZoneSummary
from directdnsonly.outbox.operators import Repeated, ZoneFilter
from directdnsonly.outbox.sqlite import facts, figures, history, listing, terms, view
from directdnsonly.outbox.sqlite.engine import Engine
from directdnsonly.outbox.sqlite.pin import find_pin
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.outbox.watch import ZoneWatch
from directdnsonly.zone.name import ZoneName


class SqliteLooking(Looking):
    """Implements Looking, which documents each method."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._viewer = engine.viewer

    @property
    def settled(self) -> ZoneWatch:
        return self._engine.settled

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        return await self._viewer.call(lambda connection: view.zone(connection, name))

    async def zones(self, *, after: str = "", limit: int = 100, search: str = "") -> list[ZoneSummary]:
        return await self._viewer.call(lambda connection: view.zones(connection, after, limit, search))

    async def listed(self, wanted: ZoneFilter, *, after: str = "", limit: int = 100) -> list[ZoneSummary]:
        return await self._viewer.call(
            lambda connection: listing.listed(connection, wanted, after, limit, self._engine.backends)
        )

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        return await self._engine.reader.call(lambda connection: view.find_held(connection, names))

    async def count_zones(self) -> int:
        return await self._viewer.call(view.count_zones)

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        return await self._viewer.call(lambda connection: view.text(connection, name, version))

    async def text(self, name: ZoneName, version: int | None = None) -> str | None:
        try:
            return await self.published_text(name, version)
        except VersionDamaged:
            return None

    async def versions(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[PastVersion]:
        return await self._viewer.call(lambda connection: history.versions(connection, name, before, limit))

    async def pin_of(self, name: ZoneName) -> Pin | None:
        return await self._viewer.call(lambda connection: find_pin(connection, name))

    async def facts_of(self, name: ZoneName) -> ZoneFacts:
        return await self._viewer.call(lambda connection: facts.read(connection, name, self._engine.backends))

    async def placements(self, name: ZoneName) -> list[Placement]:
        return await self._viewer.call(lambda connection: view.placements(connection, name, self._engine.backends))

    async def outstanding(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        return await self._page(history.OUTSTANDING, backend, after, limit)

    async def dead(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        return await self._page(history.DEAD, backend, after, limit)

    async def _page(self, query: str, backend: str, after: str, limit: int) -> PlacementPage:
        chosen, begin = self._engine.chosen(backend), history.cursor_of(after)
        return await self._viewer.call(lambda connection: history.page(connection, query, chosen, begin, limit))

    async def attempts(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[Attempt]:
        return await self._viewer.call(lambda connection: history.attempts(connection, name, before, limit))

    async def receipt(self, change_id: str) -> Receipt | None:
        return await self._viewer.call(lambda connection: view.receipt(connection, change_id))

    async def repeated(self, credential: str, key: str) -> Repeated | None:
        now = self._engine.clock.now_s()
        return await self._viewer.call(lambda connection: terms.find_key(connection, credential, key, now=now))

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
        wanted = {"zone": zone, "event": event, "actor": actor}
        return await self._viewer.call(
            lambda connection: view.events(connection, limit, wanted, since=since, before=before)
        )

    async def figures(self) -> Figures:
        return await self._viewer.call(lambda connection: figures.read(connection, self._engine.backends))

    async def backlog(self) -> list[Backlog]:
        return list((await self.figures()).backlog)
