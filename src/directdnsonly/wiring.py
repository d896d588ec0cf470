"""Connects dispatch to reconcile, which must not import each other, and derives facts from the settings of several packages."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from directdnsonly.accept.change_id import ChangeIds
from directdnsonly.accept.lost import LostPushes
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.accept.policy import Policy
from directdnsonly.backends.contract import Backend, ZoneObserved
from directdnsonly.bell import Bell
from directdnsonly.clock import Clock
from directdnsonly.config import Settings
from directdnsonly.config.starter import ends_with_us
from directdnsonly.dispatch import lane
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.nameservers.leftover import stop_all_but
from directdnsonly.nameservers.outliving import OnStop, outlive
from directdnsonly.networks import is_loopback
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.store import Store
from directdnsonly.peers.neighbour import Surroundings
from directdnsonly.peers.neighbours import Neighbours
from directdnsonly.reconcile.seams import Swept
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName


def heard_here_only(settings: Settings) -> dict[str, str]:
    """Bundled name servers that listen on loopback only while pushes come from outside: their addresses by backend."""
    if is_loopback(settings.app.listen_host):
        return {}
    found = {name: backend.heard_here_only for name, backend in settings.enabled_backends().items()}
    return {name: place for name, place in found.items() if place}


def places_of(settings: Settings) -> list[str]:
    """Where the bundled name servers listen, for the start-up message."""
    return [
        f"{name}: {' '.join(f'{address}#{port}' for address, port in backend.listening)}"
        for name, backend in settings.enabled_backends().items()
        if backend.listening
    ]


def most_zones(settings: Settings) -> dict[str, int]:
    """How many zones a credential may hold, where that is limited."""
    return {one.name: one.max_zones for one in settings.app.credentials if one.max_zones}


def bound_hostnames(settings: Settings) -> dict[str, str]:
    """The DirectAdmin server that a credential is bound to, where it is."""
    return {one.name: one.hostname for one in settings.app.credentials if one.hostname}


def policy_of(settings: Settings) -> Policy:
    """What is said about accepting."""
    app = settings.app
    return Policy(
        check_subdomain_owner=app.check_subdomain_owner_in_cluster_domainowners,
        takeover=app.takeover,
        hold_losses=app.hold_losses,
        request_timeout_s=app.request_timeout_s,
        max_zones=most_zones(settings),
    )


def outliving(settings: Settings, *, stop_all: bool) -> Callable[[bool], bool]:
    """Ask it at the end: whether the bundled name servers go on serving; the argument: it ends by Ctrl-C. `stop_all`: they shall not.

    Call it at the start: later our parent may be gone, and process 1 in its place.
    """
    with_us = ends_with_us(settings.starter, os.environ, pid=os.getpid(), parent=os.getppid())
    wish = OnStop.STOP if stop_all else settings.dns.on_stop
    return lambda by_hand: outlive(wish, ends_with_us=with_us, by_hand=by_hand)


def managed(settings: Settings) -> frozenset[str]:
    """The backends whose name servers we run."""
    return frozenset(name for name, backend in settings.enabled_backends().items() if backend.is_managed)


async def stop_unwanted(settings: Settings) -> None:
    """Name servers of ours whose backends are configured no more would serve old zones for ever, and hold their ports."""
    log = structlog.get_logger()
    try:
        async for one in stop_all_but(settings.data_dir, managed(settings)):
            log.warning("nameserver.unwanted_stopped", backend=one.backend, pid=one.note.identity.pid)
    except OSError as error:  # of another user, or a kernel without handles on processes
        log.warning("nameserver.refused", backend="", reason=f"one that nobody wants cannot be stopped: {error}")


class Parts(Protocol):
    """What peers need of a service."""

    store: Store
    clock: Clock
    journal: Journal
    parser: ZoneParser
    dispatcher: Dispatcher
    changed: Bell


def neighbours_of(service: Parts, *, lost: LostPushes) -> Neighbours:
    """The peers' actors of a service, none yet. What they take wakes the lanes, and makes good what was lost here."""
    clock = service.clock

    async def parse(text: str, name: ZoneName) -> Zone:
        return (await service.parser.parse(text.encode(), name)).as_of(clock.now_s())

    def on_decided(receipt: Receipt) -> None:
        if receipt.changed:
            service.dispatcher.wake(receipt.priority)

    def on_taken(receipt: Receipt) -> None:
        lost.made_good(receipt.name)
        on_decided(receipt)

    return Neighbours(
        Surroundings(
            peering=service.store.peering,
            clock=clock,
            journal=service.journal,
            parse=parse,
            change_id=ChangeIds(clock).next,
            on_taken=on_taken,
            on_decided=on_decided,
            on_change=service.changed.ring,
            asker=secrets.token_hex(16),
        )
    )


@dataclass(frozen=True, slots=True)
class SweptLane:
    """Adapts a lane of dispatch to reconcile's Lane Protocol."""

    lane: lane.Lane
    backend: Backend

    @property
    def name(self) -> str:
        """The backend's configured name."""
        return self.backend.name

    async def sweep(self, *, repair: bool) -> Swept:
        """Compare the name server with the store."""
        found = await self.lane.sweep(repair=repair, gentle=True)
        return Swept(seen=found.seen, drifted=found.drifted, examples=found.examples)

    def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone that is stored there. Raises BackendUnavailable."""
        return self.backend.inventory()


def swept_lanes(lanes: Mapping[str, lane.Lane], backends: Mapping[str, Backend]) -> list[SweptLane]:
    """The lanes of all backends, adapted for reconcile."""
    return [SweptLane(lanes[name], backend) for name, backend in backends.items()]
