"""What this room, and those between it and `operate`, ask of the journal: a line in the log, an event in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Journal(Protocol):
    """Never raises: what is told was done. `operate.journal` is the one that there is."""

    async def tell(
        self,
        event: str,
        *,
        zone: str = "",
        actor: str = "",
        address: str = "",
        detail: str = "",
        line: Mapping[str, object] | None = None,
        warn: bool = False,
    ) -> None:
        """Log a line and keep the event. `line`: the log's facts, where it tells more; `warn`: a person may be needed."""
        ...

    async def keep(self, event: str, *, zone: str = "", actor: str = "", address: str = "", detail: str = "") -> None:
        """Keep an event of which the log has its line already."""
        ...
