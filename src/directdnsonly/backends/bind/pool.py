"""Several control connections to one named, which runs one command at a time but need not wait for us in between."""

from __future__ import annotations

from collections.abc import Sequence

from directdnsonly.backends.control import ControlReply, NameServerControl


class ControlPool:
    """A `NameServerControl` over several connections: each command takes the least busy one, the first if all are idle."""

    def __init__(self, controls: Sequence[NameServerControl]) -> None:
        self._controls = list(controls)
        self._taken = [0] * len(self._controls)

    async def command(self, line: str) -> ControlReply:
        """Send one command line, as after `rndc`. Raises ControlUnavailable."""
        number = self._taken.index(min(self._taken))
        self._taken[number] += 1
        try:
            return await self._controls[number].command(line)
        finally:
            self._taken[number] -= 1

    async def aclose(self) -> None:
        """Release connections."""
        for control in self._controls:
            await control.aclose()
