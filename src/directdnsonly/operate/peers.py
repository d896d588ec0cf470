"""Peers as operators see them, and the acts on them: a person takes a peer's version of a zone, or lets its many deletes go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from directdnsonly.errors import DoesNotFit, NotHere
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.changes import Receipt
from directdnsonly.peers.neighbour import NotTaken
from directdnsonly.peers.neighbours import Neighbours
from directdnsonly.peers.standing import Listed, PeerState, PeerStatus
from directdnsonly.readiness import PeerFacts
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName

AWAY_S: Final = 300.0  # for so long a peer may be away without anybody being called
BEHIND_S: Final = 3600.0  # pushes come to one after the other: in a bulk each exchange finds some that are on their way


class Peers:
    """Acts on peers. Use within one event loop."""

    def __init__(self, neighbours: Neighbours, journal: Journal) -> None:
        self._neighbours = neighbours
        self._journal = journal

    def all(self) -> list[PeerStatus]:
        """How it stands with each, in order of name."""
        return self._neighbours.statuses()

    def one(self, name: str) -> PeerStatus:
        """How it stands with one. Raises NotHere."""
        return self._known(name)

    def differing(self, name: str) -> Sequence[Listed]:
        """Its zones about which a person has to decide, in order of name, as far as they are named. Raises NotHere."""
        return self._known(name).zones

    async def take(self, zone: ZoneName, peer: str, who: Operator) -> Receipt:
        """Take the peer's version of a zone in the place of ours.

        Raises NotHere if there is no such peer; DoesNotFit if it cannot be asked, holds nothing of the zone, or nothing newer than
        what stands here; PushRefused, OutboxUnavailable.
        """
        neighbour = self._neighbours.one(self._known(peer).name)
        assert neighbour is not None
        try:
            receipt = await neighbour.take(zone)
        except NotTaken as error:
            raise DoesNotFit(str(error)) from None
        detail = f"from {peer}: version {receipt.version}, serial {receipt.serial}"
        await self._journal.did(who, "peer.zone_chosen", zone=str(zone), detail=detail)
        return receipt

    async def approve(self, peer: str, plan: str, who: Operator) -> int:
        """Approve a plan of a peer's deletes that exceeded the cap; they are taken by the next exchange. Returns how many zones.

        Raises NotHere if there is no such peer, or no zone waits for the plan.
        """
        neighbour = self._neighbours.one(self._known(peer).name)
        assert neighbour is not None
        approved = neighbour.approve(plan)
        if not approved:
            raise NotHere(f"no zone waits for plan {plan!a}: it may have changed since")
        await self._journal.did(
            who, "peer.deletes_approved", detail=f"{peer}: plan {plan}: {counted(approved, 'zone')}"
        )
        return approved

    def _known(self, name: str) -> PeerStatus:
        for status in self.all():
            if status.name == name:
                return status
        raise NotHere(f"there is no peer {name!a}: see peers in the configuration")


def peer_facts(statuses: Sequence[PeerStatus], now: float) -> Iterator[PeerFacts]:
    """What of it a person should look at."""
    for one in statuses:
        lasts_s = now - one.since
        yield PeerFacts(
            name=one.name,
            away=one.reason if lasts_s >= AWAY_S and one.state in {PeerState.UNREACHABLE, PeerState.UNKNOWN} else "",
            differs=one.differs,
            too_many=one.too_many,
            plan=one.plan,
            behind=one.behind if lasts_s >= BEHIND_S and one.state is PeerState.BEHIND else 0,
            since=one.since,
        )
