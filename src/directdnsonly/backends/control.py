"""The interface that both ways to control named share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlReply:
    """named's answer to one command. `text` is what rndc would print."""

    ok: bool
    text: str = ""


class ControlUnavailable(Exception):
    """named cannot be reached by its control channel, or did not answer in time. The text says why."""


class NameServerControl(Protocol):
    """A control channel to named."""

    async def command(self, line: str) -> ControlReply:
        """Send one command line, as after `rndc`. Raises ControlUnavailable."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...
