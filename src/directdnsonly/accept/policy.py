"""`Policy`: what an operator may configure about accepting pushes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from directdnsonly.outbox.changes import Owner, Takeover, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The configured rules. `takeover`: what happens when one DirectAdmin server pushes a zone of another."""

    check_subdomain_owner: bool = True
    takeover: Takeover = "transfer"
    hold_losses: bool = False
    request_timeout_s: float = 20.0
    max_zones: Mapping[str, int] = field(default_factory=dict)  # by credential; who is not in it may hold any number
    bulk_burst: int = 30
    bulk_window_s: float = 10.0

    def limited(self, terms: Terms, owner: Owner) -> Terms:
        """The terms for one owner, including the zone limit of its credential, if any."""
        most = self.max_zones.get(owner.credential, 0)
        return replace(terms, max_zones=most) if most else terms
