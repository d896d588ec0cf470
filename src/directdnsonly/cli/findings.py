"""`Finding`: one result of `dadns check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One result, good or bad. `about`: a short, stable key for it. `zones`: the zones concerned, if any."""

    good: bool
    what: str
    about: str
    zones: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object; `zones` only if it concerns zones."""
        told: dict[str, Any] = {"ok": self.good, "about": self.about, "what": self.what}
        return told | {"zones": list(self.zones)} if self.zones else told
