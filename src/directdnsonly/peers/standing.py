"""How it stands with each peer. Values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from directdnsonly.peers.found import Difference


class PeerState(StrEnum):
    """What the last exchange with a peer has come to."""

    UNKNOWN = "unknown"  # there was none yet, or our own store could not be read or written in it
    EQUAL = "equal"  # both hold the same
    BEHIND = "behind"  # it has only to take what we have, or zones changed while they were compared
    DIFFERS = "differs"  # zones of which nothing tells which is newer, that are only there, or too many deletes: a person chooses
    UNREACHABLE = "unreachable"  # it cannot be asked, or what it answers is no peer's


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A zone that stays different. `since`: epoch seconds."""

    difference: Difference
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An exchange that is going on. `done`, `total`: buckets that differed; `taken`: zones; `ends_in_s` None: not known yet."""

    began_at: float
    done: int = 0
    total: int = 0
    taken: int = 0
    ends_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """One peer. Times are epoch seconds; None: never. `reason`: why it cannot be asked, or what hinders us ourselves.

    `taken`: zones since the start; `behind`, `conflicts`, `lacking`, `too_many`: zones, by the last exchange, and the `plan` that
    lets the latter go (see Exchanged); `zones`: those that stay different, in order of name.
    """

    name: str
    url: str
    state: PeerState = PeerState.UNKNOWN
    since: float = 0.0
    reason: str = ""
    asked_at: float | None = None
    exchanged_at: float | None = None
    next_at: float | None = None
    taken: int = 0
    behind: int = 0
    conflicts: int = 0
    lacking: int = 0
    too_many: int = 0
    plan: str = ""
    zones: tuple[Listed, ...] = ()
    progress: Progress | None = None

    @property
    def differs(self) -> int:
        """Zones of which a person has to take one version, each by itself."""
        return self.conflicts + self.lacking
