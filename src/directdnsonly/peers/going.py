"""An exchange, watched from outside while it goes on: how far it is, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.peering import PeerDecision, PeerMemory, PeerVersion, Summary, ZoneState
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers import wire
from directdnsonly.peers.exchange import Peer
from directdnsonly.peers.standing import Progress
from directdnsonly.zone.name import ZoneName


class Going:
    """Counts for one exchange. `on_step` is called after each question to the peer and each zone that was taken."""

    def __init__(self, began_at: float, now: Callable[[], float], on_step: Callable[[Progress], None]) -> None:
        self._began_at = began_at
        self._now = now
        self._on_step = on_step
        self._ours: Summary | None = None
        self._reached: set[int] = set()
        self._total = 0
        self._taken = 0

    @property
    def progress(self) -> Progress:
        """As it is now."""
        done, elapsed_s = len(self._reached), self._now() - self._began_at
        left_s = elapsed_s * (self._total - done) / done if done else None
        return Progress(
            began_at=self._began_at, done=done, total=self._total, taken=self._taken, ends_in_s=left_s
        )  # fmt: skip

    def compared_with(self, ours: Summary) -> None:
        """What the peer's digests will be compared with."""
        self._ours = ours

    def answered(self, body: bytes) -> None:
        """The peer's digests have come. Raises NotAPeer."""
        if self._ours is not None:
            theirs = wire.read_summary(body, self._ours)
            self._total = sum(a != b for a, b in zip(self._ours.digests, theirs.digests, strict=True))
        self.step()

    def reached(self, buckets: Sequence[int]) -> None:
        """The zones of these were told; of earlier ones all is done."""
        self._reached |= set(buckets)
        self.step()

    def took(self) -> None:
        """One more zone was taken."""
        self._taken += 1
        self.step()

    def step(self) -> None:
        """It goes on."""
        self._on_step(self.progress)


class WatchedPeer:
    """See exchange.Peer."""

    def __init__(self, peer: Peer, going: Going) -> None:
        self._peer = peer
        self._going = going

    async def summary(self, known: str) -> bytes:
        """As the peer answers."""
        body = await self._peer.summary(known)
        self._going.answered(body)
        return body

    async def marks(self, buckets: Sequence[int]) -> bytes:
        """As the peer answers."""
        body = await self._peer.marks(buckets)
        self._going.step()
        return body

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:
        """As the peer answers."""
        body = await self._peer.states(names, texts=texts)
        self._going.step()
        return body


class WatchedStore(Peering):
    """The store as an exchange uses it. `on_taken`: that was recorded, or was not after all (`overtaken`)."""

    def __init__(
        self, peering: Peering, going: Going, on_taken: Callable[[PeerVersion | PeerDecision, Receipt], None]
    ) -> None:
        self._peering = peering
        self._going = going
        self._on_taken = on_taken

    async def summary(self) -> Summary:  # noqa: D102 - each is told by Peering
        ours = await self._peering.summary()
        self._going.compared_with(ours)
        return ours

    async def marks(self, buckets: Sequence[int], *, limit: int) -> list[dict[ZoneName, int]]:  # noqa: D102
        found = await self._peering.marks(buckets, limit=limit)
        self._going.reached(buckets[: len(found)])
        return found

    async def states(self, names: Sequence[ZoneName], *, texts: int = 0) -> list[ZoneState]:  # noqa: D102
        return await self._peering.states(names, texts=texts)

    async def take(self, version: PeerVersion) -> Receipt:  # noqa: D102
        receipt = await self._peering.take(version)
        if not receipt.overtaken:
            self._going.took()
        self._on_taken(version, receipt)
        return receipt

    async def decide(self, decision: PeerDecision) -> Receipt:  # noqa: D102
        receipt = await self._peering.decide(decision)
        self._going.step()
        self._on_taken(decision, receipt)
        return receipt

    async def living(self) -> int:  # noqa: D102
        return await self._peering.living()

    async def memory(self, peer: str) -> PeerMemory:  # noqa: D102
        return await self._peering.memory(peer)

    async def remember(self, peer: str, *, seen: int, newest: int) -> None:  # noqa: D102
        await self._peering.remember(peer, seen=seen, newest=newest)
