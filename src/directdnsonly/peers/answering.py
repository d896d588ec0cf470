"""What this instance answers a peer: it reads, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers import wire
from directdnsonly.zone.name import ZoneName


class Answering:
    """The three answers, as bytes. What was asked for is bounded already by whoever read the question."""

    def __init__(self, peering: Peering) -> None:
        self._peering = peering

    async def summary(self, known: str) -> bytes:
        """The digests of all buckets, unless `known` names them."""
        return wire.write_summary(await self._peering.summary(), known)

    async def marks(self, buckets: Sequence[int]) -> bytes:
        """The zones in the first ones of these buckets, at least of one."""
        found = await self._peering.marks(buckets[: wire.MOST_BUCKETS], limit=wire.MOST_MARKS)
        return wire.write_marks(found)

    async def states(self, names: Sequence[ZoneName], *, texts: bool) -> bytes:
        """What is stated of these zones; with their texts of the first ones, at least of one."""
        most, chars = (wire.MOST_TEXTS, wire.ENOUGH_CHARS) if texts else (wire.MOST_STATES, 0)
        return wire.write_states(await self._peering.states(names[:most], texts=chars))
