"""What the stages ask of the store. SQLite is the embedded engine; the contract suite runs against each engine.

Every method raises OutboxUnavailable when the store cannot do its work now (disk full, locked, closed, overloaded).
A method that records returns only after the commit is on disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from directdnsonly.outbox.changes import NewDeletion, NewPin, NewVersion, Origin, Priority, Receipt
from directdnsonly.outbox.deliveries import Attempt, Backlog, Claim, Placement, PlacementPage, Settlement
from directdnsonly.outbox.drift import Baseline, Held, HeldPush, Migration, Pass, Sighting
from directdnsonly.outbox.kept import Event, PastVersion, Pin, Refused, ZoneSummary
from directdnsonly.zone.name import ZoneName


class PushStore(Protocol):
    """For `receive` and the API: record, and look up."""

    async def record_push(self, push: NewVersion) -> Receipt:
        """Commit a new version of a zone, newest wins. The serial to publish is decided inside the transaction.

        Who may (docs/ownership.md) and the push's terms are judged, and its key is kept, there too: raises OwnershipRefused,
        VersionConflict, ZonePolicyError, KeyTaken. What has to wait for approval is kept so, and `withheld` tells it.
        """
        ...

    async def record_delete(self, deletion: NewDeletion) -> Receipt:
        """Commit a tombstone. Unknown zone: `changed` False. Another owner's zone: `ignored` says why, zone stays.

        Terms as those of a push. Raises OwnershipRefused, VersionConflict, KeyTaken. See also Receipt.gives_way.
        """
        ...

    async def record_refused(self, refused: Refused) -> None:
        """Keep a refused push for the operator."""
        ...

    async def record_event(self, event: Event) -> None:
        """Keep one line of the audit."""
        ...

    async def find_held(self, names: Sequence[ZoneName]) -> ZoneSummary | None:
        """The first of `names` that is a living zone (no tombstone), None when none is. Read only, one round trip."""
        ...

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """One zone or its tombstone."""
        ...


class Takers(Protocol):
    """Lanes that have nothing to do. What somebody waits for is leased to them in the commit that records it.

    Both are called on the event loop and return at once.
    """

    def waiting(self) -> Mapping[str, float]:
        """The backends whose lane would begin at once, and for how many seconds each wants its lease."""
        ...

    def take(self, claims: Sequence[Claim]) -> None:
        """These are leased and committed. A lane that has begun something else meanwhile gives them back."""
        ...


class PinStore(Protocol):
    """For a person who holds a zone as it is."""

    async def pin(self, new: NewPin) -> Pin | None:
        """Hold what is wanted now: pushes and deletes are recorded, and wait. None: no such zone. Idempotent.

        Raises ZonePolicyError when `new.version` is not the wanted one.
        """
        ...

    async def unpin(self, name: ZoneName, origin: Origin) -> Receipt | None:
        """Release: the newest version that came meanwhile is wanted from now on. None: it was not pinned."""
        ...

    async def pin_of(self, name: ZoneName) -> Pin | None:
        """The zone's pin."""
        ...


class ViewStore(Protocol):
    """For the API and the CLI: read only."""

    async def zones(self, *, after: str = "", limit: int = 100, search: str = "") -> list[ZoneSummary]:
        """Living zones in order of name, those after `after`."""
        ...

    async def zone(self, name: ZoneName) -> ZoneSummary | None:
        """One zone or its tombstone."""
        ...

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The normalised text of a version (None: the newest); None for a tombstone or what is not kept.

        Raises VersionDamaged when it cannot be read any more.
        """
        ...

    async def placements(self, name: ZoneName) -> list[Placement]:
        """The zone on each backend."""
        ...

    async def versions(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[PastVersion]:
        """The zone's history that is kept, newest first, below version `before`."""
        ...

    async def outstanding(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Deliveries that wait or run, by backend and then in the order in which they will be taken.

        `after` is the `next` of the page before; raises ValueError for anything else.
        """
        ...

    async def dead(self, *, backend: str = "", after: str = "", limit: int = 100) -> PlacementPage:
        """Deliveries that were given up, by backend and name; `after` as above."""
        ...

    async def attempts(self, name: ZoneName, *, before: int | None = None, limit: int = 100) -> list[Attempt]:
        """Attempts on the zone that did not end in proof, newest first, those with a lower id than `before`."""
        ...

    async def receipt(self, change_id: str) -> Receipt | None:
        """What an accepted push became."""
        ...

    async def backlog(self) -> list[Backlog]:
        """Outstanding work per backend."""
        ...

    async def count_zones(self) -> int:
        """Living zones."""
        ...

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
        """Refused pushes, newest first, those with a lower id than `before`; of one zone, server or rule when given.

        `server`: a host name, or the credential of those that named none. Without `bodies` these are empty and cost nothing.
        """
        ...

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
        """The audit, newest first, those with a lower id than `before`; what is given must fit. `since`: epoch seconds."""
        ...


class WorkStore(Protocol):
    """For `dispatch`: claim, settle, and start up."""

    async def claim(
        self, backend: str, *, limit: int, lease_s: float, lowest: Priority = Priority.BULK
    ) -> Sequence[Claim]:
        """Lease up to `limit` due deliveries, urgent first, none below `lowest`, each with its newest version."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Write the ends of attempts, each only if its fence still holds."""
        ...

    async def next_due_at(self, backend: str) -> float | None:
        """When the next delivery of this backend becomes due; None when nothing is outstanding."""
        ...

    async def adopt_backends(self, names: Sequence[str]) -> None:
        """Make the outbox hold a delivery of every zone for each of these backends, and give back all leases."""
        ...

    def wanted(self, backend: str, *, after: str = "", page: int = 1000) -> AsyncIterator[list[Claim]]:
        """Every living zone as it should be on the backend, in pages by name, without leasing (fence 0)."""
        ...

    def proven(self, backend: str, *, page: int = 500) -> AsyncIterator[list[Claim]]:
        """As `wanted`, with the texts; those that cannot be read any more are left out."""
        ...

    async def proven_text(self, backend: str, name: ZoneName) -> str | None:
        """The text of the version that the backend has proven last; None when there is none, it is not kept or damaged."""
        ...

    async def requeue(self, backend: str, names: Sequence[ZoneName], *, reason: str) -> int:
        """Drift was found: verified (or dead) deliveries become due again; how many."""
        ...


class ReconcileStore(Protocol):
    """For `reconcile`: what is held, what was absent, and the passes."""

    def believed_s(self) -> float:
        """The time by which absences and graces are counted, epoch seconds: not a clock that leapt while we were down."""
        ...

    async def held_page(self, *, after: str = "", limit: int = 1000) -> list[Held]:
        """Zones and tombstones in order of name, those after `after`."""
        ...

    async def held(self, names: Sequence[ZoneName]) -> list[Held]:
        """These zones and tombstones, as far as there are any, in any order."""
        ...

    async def not_ours(self, backend: str, names: Sequence[ZoneName]) -> tuple[list[ZoneName], list[ZoneName]]:
        """Of zones that a backend holds: those that we know nothing of, and those that we have deleted there already."""
        ...

    async def requeue(self, backend: str, names: Sequence[ZoneName], *, reason: str) -> int:
        """Drift was found: the deliveries become due again; how many."""
        ...

    async def revive_given_up(self, backend: str, *, limit: int) -> int:
        """Deliveries that were given up get another round; how many."""
        ...

    async def sightings(self, *, after: str = "", limit: int | None = None) -> list[Sighting]:
        """Zones that their server's whole list lacked, by name, those after `after`; `limit` None: all."""
        ...

    async def save_sightings(self, seen: Sequence[Sighting], over: Sequence[ZoneName]) -> None:
        """Write how zones were seen, forget those that are over. An operator's word meanwhile (kept, approved) stays."""
        ...

    async def record_orphan_delete(self, sighting: Sighting, deletion: NewDeletion) -> Receipt | None:
        """Commit a tombstone if the zone is still the one that was absent; None when it was pushed or kept since."""
        ...

    async def record_extra_delete(self, backend: str, names: Sequence[ZoneName], *, change_id: str) -> int:
        """Have zones that we do not own removed from one backend; how many."""
        ...

    async def approve(self, plan: str) -> int:
        """Approve the deletions of a plan that was over the cap; how many zones."""
        ...

    async def keep(self, name: ZoneName) -> bool:
        """Keep a zone though its server lists it no more; False when we do not hold it."""
        ...

    async def baselines(self) -> list[Baseline]:
        """The last whole list of each server."""
        ...

    async def save_baseline(self, baseline: Baseline) -> None:
        """A whole list came, or an operator vouches for the next one."""
        ...

    async def held_pushes(self, *, limit: int = 100) -> list[HeldPush]:
        """Pushes that wait for approval, oldest first."""
        ...

    async def save_pass(self, one: Pass, *, keep: int) -> int:
        """Keep a pass and `keep` before it; its number."""
        ...

    async def passes(self, *, limit: int = 20) -> list[Pass]:
        """The last passes, newest first."""
        ...

    async def record_event(self, event: Event) -> None:
        """Keep one line of the audit."""
        ...

    async def published_text(self, name: ZoneName, version: int | None = None) -> str | None:
        """The text of a version, as ViewStore gives it."""
        ...


class HoldStore(Protocol):
    """For pushes that wait for approval, and planned moves."""

    async def explain_held(self, name: ZoneName, digest: str, difference: str) -> None:
        """Keep what the push that waits would change, for who decides about it."""
        ...

    async def drop_held(self, name: ZoneName) -> None:
        """What waits for this zone is over."""
        ...

    async def held_pushes(self, *, limit: int = 100, bodies: bool = True, after: str = "") -> list[HeldPush]:
        """Those that wait and are not void, oldest first; without `bodies` the bodies are empty and cost nothing.

        `after`: moment and name of the last one before, `at/zone`. Raises ValueError for anything else.
        """
        ...

    async def held_push(self, name: ZoneName) -> HeldPush | None:
        """The one that waits for this zone."""
        ...

    async def open_migration(self, move: Migration) -> int:
        """A planned move from now on; its number."""
        ...

    async def close_migration(self, number: int) -> bool:
        """End a planned move; whether there was one."""
        ...

    async def migrations(self, *, after: int = 0, limit: int = 1000) -> list[Migration]:
        """Planned moves that are open, those with a higher number than `after`."""
        ...

    async def record_event(self, event: Event) -> None:
        """Keep one line of the audit."""
        ...

    async def revive(self, *, name: ZoneName | None = None, backend: str = "") -> int:
        """Give dead deliveries all their attempts again, at once: of a zone, of a backend, or all; how many."""
        ...
