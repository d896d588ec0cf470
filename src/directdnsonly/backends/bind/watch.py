"""Watches named load what it was told to reload, by its DNS answers because a `zonestatus` costs twice an SOA query.

Only for a named whose listening address is known to be its own (a managed one). What is not seen here is not refused: it
is asked about by `zonestatus`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from directdnsonly.backends.contract import ServerAddress, ZoneChange
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import Answer
from directdnsonly.zone.name import ZoneName

# 50 ms in all, then doubt. named serves a small zone 0.2 ms after it answers the reload (median; 90 % within 0.5 ms), and
# asyncio cannot sleep for less than a millisecond: so the second question follows the first at once.
LOAD_PAUSES_S = (0.0, 0.0, 0.001, 0.002, 0.004, 0.008, 0.015, 0.02)


class SoaWatch:
    """Watches by SOA queries over one persistent UDP socket, which concurrent batches share."""

    def __init__(self, server: ServerAddress) -> None:
        self._server = server
        self._prober: SoaProber | None = None

    async def loaded(self, changes: Sequence[ZoneChange]) -> set[ZoneName] | None:
        """The zones that named answers with the serial of their change; the others are late, lost or refused.

        None when nobody answers, which says nothing about them.
        """
        pending = list(changes)
        for pause_s in LOAD_PAUSES_S if pending else ():
            if pause_s:
                await asyncio.sleep(pause_s)
            answers = await self._ask(pending)
            if not any(answers):
                return None
            pending = [change for change, answer in zip(pending, answers, strict=True) if not _shows(answer, change)]
            if not pending:
                break
        return {change.name for change in changes} - {change.name for change in pending}

    async def _ask(self, changes: Sequence[ZoneChange]) -> list[Answer | None]:
        """An answer each, None where none came; the socket is made anew after a question without any answer."""
        names = [change.name for change in changes]
        try:
            if self._prober is None:
                opened = await SoaProber.open(self._server.host, self._server.port)
                if self._prober is None:
                    self._prober = opened
                else:  # a batch beside this one was first
                    opened.close()
            prober = self._prober
            first = await prober.ask(names[0], tries=1)
            if first is not None:
                return [first, *await prober.ask_all(names[1:], tries=1)]
        except OSError:
            pass  # no way to the address
        self.close()
        return [None] * len(names)

    def close(self) -> None:
        """Release the socket."""
        if self._prober is not None:
            self._prober.close()
            self._prober = None


def _shows(answer: Answer | None, change: ZoneChange) -> bool:
    return answer is not None and answer.authoritative and answer.serial == change.serial
