"""Everything that the store knows of one zone at one moment, with the limits of its lists. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from directdnsonly.outbox.deliveries import Attempt, Placement
from directdnsonly.outbox.drift import HeldPush, Sighting
from directdnsonly.outbox.kept import Event, PastVersion, Pin, Refused, ZoneSummary
from directdnsonly.outbox.operators import Pause
from directdnsonly.zone.name import ZoneName

VERSIONS, REFUSALS, ATTEMPTS, EVENTS = 20, 3, 10, 10  # the newest of each


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFacts:
    """All facts about one zone or tombstone. `pauses`: those of all paused backends.

    `refused_from`: the number of the oldest refusal that nothing accepted since has made good; None: none stands.
    """

    name: ZoneName
    zone: ZoneSummary | None = None
    placements: Sequence[Placement] = ()
    versions: Sequence[PastVersion] = ()
    refused: Sequence[Refused] = ()
    refused_from: int | None = None
    pin: Pin | None = None
    held: HeldPush | None = None
    sighting: Sighting | None = None
    attempts: Sequence[Attempt] = ()
    events: Sequence[Event] = ()
    pauses: dict[str, Pause] = field(default_factory=dict)

    @property
    def standing(self) -> list[Refused]:
        """The refusals not yet superseded by a success, newest first, as far as they were read."""
        return [one for one in self.refused if self.refused_from is not None and one.id >= self.refused_from]
