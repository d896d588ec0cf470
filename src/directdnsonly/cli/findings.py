"""What `dadns check` finds, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, good or not. `about`: a short word for it, the same each time. `zones`: which, where it is about zones."""

    good: bool
    what: str
    about: str
    zones: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For scripts; `zones` only where it is about zones."""
        told: dict[str, Any] = {"ok": self.good, "about": self.about, "what": self.what}
        return told | {"zones": list(self.zones)} if self.zones else told
