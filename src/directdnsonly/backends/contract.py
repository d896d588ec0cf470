"""The contract of every backend, which one suite (`tests/contract`) checks for each of them.

A backend is our handle on one name server's control side. Every method may be repeated without harm. Zones that it did
not make are the operator's: they are neither changed, nor deleted, nor listed by `inventory`; the
outcome of such a name is HELD. Each type knows what it made by a mark of its own, or by the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a name server answers queries: IP address and port."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        """As in log lines: 127.0.0.1#5300, the notation of the name servers themselves."""
        return f"{self.host}#{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can do, so that dispatch and verify need not know its type."""

    batch_size: int = 200  # changes that one `apply` takes best
    concurrency: int = 1  # `apply` calls that may run at once (on different zones)
    workers: int = (
        0  # of its lane, where more than `dispatch.bulk_workers` pay: batches being proven beside those applied
    )
    allows_transfer: bool = False  # AXFR from our address is allowed: records can be counted and read by DNS
    observes: bool = False  # `observe` and `stored` read what the name server itself reads (a database, its API)
    visible_s: float = 0.0  # its name server may notice a change only after this (caches); proof waits that much longer
    authoritative: bool = True  # its answers carry AA; False for a name server that never sets it
    rewrites: bool = False  # what it reads may be another record than was written: such RRsets are asked for proof
    forgets: bool = True  # a deleted zone stops being answered; False where only `observe` can prove the deletion
    unsupported_types: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneChange:
    """One zone as it is to be from now on.

    `text` is the normalised zone with the serial to publish, None to remove the zone. `known` is a hint only:
    True when this backend has applied some version of the zone before (so: change it), False when it has not
    (so: add it). A backend must cope with a wrong hint. `unsure`: another version has the same serial, or this one was
    applied a moment ago and is not served: the serial does not show whether the name server has taken it.
    """

    name: ZoneName
    version: int
    text: str | None
    serial: int = 0
    records: int = 0
    known: bool = False
    unsure: bool = False

    @property
    def is_delete(self) -> bool:
        """Whether the zone is to be removed."""
        return self.text is None


class OutcomeKind(StrEnum):
    """The outcome of one change."""

    APPLIED = "applied"  # the name server took it, as far as it says; proof comes by DNS
    RETRY = "retry"  # this zone failed for a reason that may pass
    REFUSED = "refused"  # this name server will never take this zone as it stands
    HELD = (
        "held"  # a zone of this name is there that we did not make: a put is refused, of a delete nothing is to be done
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one change. `reason` is for people; empty only if it was applied."""

    kind: OutcomeKind
    reason: str = ""

    def __post_init__(self) -> None:
        """Nobody can act on a fault without a word."""
        if self.kind is not OutcomeKind.APPLIED and not self.reason.strip():
            object.__setattr__(self, "reason", f"the name server gave no reason, only: {self.kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneObserved:
    """One zone as the backend stores it; None for a fact that cannot be read cheaply."""

    name: ZoneName
    serial: int | None = None
    records: int | None = None
    version: int | None = None  # the version that we wrote there, where the medium can carry it
    whole: bool = True  # False: truncated, unreadable or not in our form


class Backend(Protocol):
    """The control side of one name server."""

    @property
    def name(self) -> str:
        """The configured name."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do."""
        ...

    @property
    def servers(self) -> Sequence[ServerAddress]:
        """The name servers that must prove what was applied."""
        ...

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each.

        Raises BackendUnavailable when the backend as a whole cannot be worked with; what was applied by then
        stays applied and may be applied again.
        """
        ...

    def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable."""
        ...

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable."""
        ...

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None if absent. Raises BackendUnavailable."""
        ...

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason."""
        ...

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""
        ...


@runtime_checkable
class Seedable(Protocol):
    """A backend whose name server loads, when it starts, whatever zone files exist."""

    @property
    def name(self) -> str:
        """The configured name."""
        ...

    async def is_bare(self) -> bool:
        """Whether it holds no zone at all. Raises BackendUnavailable."""
        ...

    async def lay(self, changes: Sequence[ZoneChange]) -> int:
        """Write the files of these zones while the name server is not running; returns how many. Raises BackendUnavailable."""
        ...
