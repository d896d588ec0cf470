"""Makes the plan of a pass without changing anything: fetches each server's list and walks the store beside them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from directdnsonly.clock import Clock
from directdnsonly.outbox.drift import Baseline, Held, Sighting
from directdnsonly.outbox.store.drift import DriftWatch
from directdnsonly.reconcile.answers import NoList, WholeList
from directdnsonly.reconcile.directadmin_client import DirectAdminClient
from directdnsonly.reconcile.plan import Plan, Planner
from directdnsonly.reconcile.settings import DirectAdminServer, ReconciliationSettings
from directdnsonly.reconcile.unforeseen import unforeseen
from directdnsonly.verify.query import SoaProber
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

PAGE = 1000
SERIALS_AT_ONCE = 100
Opened = Callable[[DirectAdminServer], DirectAdminClient]
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """The plan, with what is needed to carry it out."""

    plan: Plan
    sightings: Mapping[ZoneName, Sighting]
    baselines: Sequence[Baseline]  # to be kept when the pass is live
    silent: tuple[str, ...]  # servers whose own name server does not answer: their serials are not known


class Survey:
    """One comparison with all servers. `open_client` makes a client for each server."""

    def __init__(
        self, *, drift: DriftWatch, settings: ReconciliationSettings, clock: Clock, open_client: Opened
    ) -> None:
        self._drift = drift
        self.settings = settings  # may be set anew between two passes
        self._clock = clock
        self._open = open_client

    async def look(self, progress: Progress) -> Surveyed:
        """Make a plan. Raises OutboxUnavailable."""
        servers = self.settings.directadmin_servers
        progress("asking DirectAdmin", 0)
        before = {one.server: one for one in await self._drift.baselines()}
        asked = await asyncio.gather(*(self._list(server, before.get(server.hostname)) for server in servers))
        lists = [answer for answer in asked if not isinstance(answer, NoList)]
        failed = {
            server.hostname: str(answer)
            for server, answer in zip(servers, asked, strict=True)
            if isinstance(answer, NoList)
        }
        sightings = {one.name: one for one in await self._drift.sightings()}
        planner = Planner(
            lists,
            names={name: server.hostname for server in servers for name in server.names},
            watched=frozenset(sightings),
            least_share=self.settings.least_share,
            trusted=frozenset(name for name, one in before.items() if one.accepted),
            vouched={name: one.vouched for name, one in before.items()},
        )
        silent = await self._walk(planner, progress) if servers else ()
        # In a thread, as is reading the lists: at 100,000 zones it takes longer than a push may wait.
        plan = await asyncio.to_thread(planner.finish, made_at=self._clock.now_s(), failed=failed)
        good = {found.server: found for found in plan.servers if not found.reason}
        return Surveyed(
            plan=plan,
            sightings=sightings,
            baselines=[
                Baseline(
                    server=one.hostname,
                    zones=len(one.zones),
                    listed_at=one.asked_at,
                    vouched=good[one.hostname].vouched,
                )
                for one in lists
                if one.hostname in good
            ],
            silent=silent,
        )

    async def _list(self, server: DirectAdminServer, before: Baseline | None) -> WholeList | NoList:
        """The complete list, or why there is none, returned as a value so that the other servers go on."""
        try:
            async with self._open(server) as client:
                listing = await client.zones()
        except NoList as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it answered costs its own turn, not the pass
            return NoList(unforeseen(error, "its list", server=server.hostname))
        if before is not None and not before.accepted and self._shrank(listing, before):
            return NoList(
                f"its list has {counted(len(listing.zones), 'zone')}, the last whole one had {before.zones}:"
                " if that is right, accept it (dadns reconcile --accept-list)"
            )
        return listing

    def _shrank(self, listing: WholeList, before: Baseline) -> bool:
        return len(listing.zones) < before.zones * self.settings.least_share

    async def _walk(self, planner: Planner, progress: Progress) -> tuple[str, ...]:
        """Walk the store beside the lists, page by page; returns the servers whose name server is silent."""
        after, seen = "", 0
        silent: set[str] = set()
        serials = _Serials(self.settings)
        try:
            while page := await self._drift.held_page(after=after, limit=PAGE):
                wanted = planner.feed(page)
                for server in self.settings.directadmin_servers:
                    zones = wanted.get(server.hostname, [])
                    if self.settings.serials and zones and server.hostname not in silent:
                        answers = await serials.ask(server, zones)
                        if answers is None:
                            silent.add(server.hostname)
                        else:
                            planner.serials(server.hostname, zones, answers)
                after, seen = page[-1].name, seen + len(page)
                progress("comparing with the lists", seen)
        finally:
            serials.close()
        return tuple(sorted(silent))


class _Serials:
    """SOA queries to DirectAdmin's own name servers, at a limited rate."""

    def __init__(self, settings: ReconciliationSettings) -> None:
        self._pause_s = SERIALS_AT_ONCE / settings.serials_per_s
        self._probers: dict[str, SoaProber] = {}

    async def ask(self, server: DirectAdminServer, zones: Sequence[Held]) -> list[int | None] | None:
        """The serial of each zone; None if nothing answers at all."""
        prober = await self._prober(server)
        if prober is None:
            return None
        serials: list[int | None] = []
        for start in range(0, len(zones), SERIALS_AT_ONCE):
            names = [zone.name for zone in zones[start : start + SERIALS_AT_ONCE]]
            if not start and await prober.ask(names[0]) is None:
                return None
            answers = await prober.ask_all(names)
            serials += [answer.serial if answer is not None and answer.authoritative else None for answer in answers]
            await asyncio.sleep(self._pause_s)
        return serials

    async def _prober(self, server: DirectAdminServer) -> SoaProber | None:
        if server.hostname not in self._probers:
            host, port = server.name_server
            try:
                if not _is_address(host):
                    # Names are looked up by a thread of the loop's own; uvloop and asyncio both do.
                    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
                    host = str(found[0][4][0])
                self._probers[server.hostname] = await SoaProber.open(host, port)
            except OSError:
                return None
        return self._probers[server.hostname]

    def close(self) -> None:
        """Release the sockets."""
        for prober in self._probers.values():
            prober.close()


async def serials_now(
    settings: ReconciliationSettings, server: DirectAdminServer, zones: Sequence[Held]
) -> list[int | None] | None:
    """The serials of a few zones, queried again."""
    serials = _Serials(settings)
    try:
        return await serials.ask(server, zones)
    finally:
        serials.close()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
