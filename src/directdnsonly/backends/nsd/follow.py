"""Watches NSD until it serves what it was told to read: it answers "ok" to every command, and SERVFAIL for what it could not read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from directdnsonly.backends.contract import Outcome, OutcomeKind, ServerAddress, ZoneChange
from directdnsonly.backends.files.checker import ZoneChecker
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.nsd.dname import why_one_of_two
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import SERVFAIL, Answer
from directdnsonly.zone.name import ZoneName

FOLLOW_S = 5.0  # until NSD has read what it was told to; 0.4 s at 100,000 zones
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.05
STEP = 0.06  # of the time since the command: how much later than NSD we may be
EARLY = 0.6  # of the usual time: until then nobody asks
LONGEST_USUAL_S = 0.5


class Pace:
    """How long NSD has recently taken from a command until it serves the result, which grows with its database."""

    def __init__(self) -> None:
        self._usual_s = 0.0

    @property
    def first_pause_s(self) -> float:
        """Seconds to wait before the first query."""
        return EARLY * self._usual_s

    def note(self, took_s: float) -> None:
        """Note how long it took this time."""
        took_s = min(took_s, LONGEST_USUAL_S)
        self._usual_s = took_s if took_s < self._usual_s or not self._usual_s else 0.8 * self._usual_s + 0.2 * took_s


def pause_s(waited_s: float) -> float:
    """Seconds until the next query, in proportion to the time waited so far."""
    return min(max(STEP * waited_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)


class Follower:
    """Follows one batch. `dropped`: the zones that NSD no longer serves, with the reason."""

    def __init__(self, server: ServerAddress, checker: ZoneChecker, pace: Pace, files: ZoneFolder) -> None:
        self._server = server
        self._files = files
        self._checker = checker
        self._pace = pace
        self._checked: set[ZoneName] = set()
        self.dropped: dict[ZoneName, Outcome] = {}

    async def follow(self, changes: Sequence[ZoneChange]) -> dict[ZoneName, Outcome]:
        """Wait until each zone has the wanted serial or was dropped; returns outcomes for the dropped ones.

        One that still answers something else at the end is left to the verification, and so is all when no answer
        comes: then only the way to its port 53 is broken, or somebody else answers there.
        """
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        until, served = began_at + FOLLOW_S, False
        pending = list(changes)
        prober = await SoaProber.open(self._server.host, self._server.port)
        try:
            await asyncio.sleep(self._pace.first_pause_s)
            while pending:
                first = await prober.ask(pending[0].name)
                if first is None:
                    break
                waited_s, late = loop.time() - began_at, loop.time() > until
                if _has_read(first, pending[0]) or late:  # one reload serves them all: so all are asked when it came
                    if not served and not late:
                        self._pace.note(waited_s)
                    served = True
                    pending = await self._ask_all(prober, pending, final=late)
                if late:
                    break
                if pending:
                    await asyncio.sleep(pause_s(waited_s))
        finally:
            prober.close()
        return self.dropped

    async def _ask_all(self, prober: SoaProber, changes: Sequence[ZoneChange], *, final: bool) -> list[ZoneChange]:
        """Those that are neither served as wanted nor dropped."""
        answers = await prober.ask_all([change.name for change in changes])
        left = [
            (change, answer)
            for change, answer in zip(changes, answers, strict=True)
            if answer is None or answer.serial != change.serial
        ]
        for change in [change for change, answer in left if answer is not None and answer.rcode == SERVFAIL]:
            await self._look_into(change, final=final)
        return [change for change, _ in left if change.name not in self.dropped]

    async def _look_into(self, change: ZoneChange, *, final: bool) -> None:
        """SERVFAIL may be what it answered before: at first sight only the refusal of its own checker counts."""
        name = change.name
        if name not in self._checked:
            self._checked.add(name)
            told = await self._checker.why_refused(name, change.text or "")
            if told:
                self.dropped[name] = Outcome(kind=OutcomeKind.REFUSED, reason=told)
                return
            told = await asyncio.to_thread(why_one_of_two, self._files, name, change.text or "")
            if told:  # it heals when the other zone goes
                self.dropped[name] = Outcome(kind=OutcomeKind.RETRY, reason=told)
                return
        if final and self._checker.there:
            reason = (
                "NSD answers SERVFAIL though nsd-checkzone accepts the zone: can its user read the file? See its log"
            )
            self.dropped[name] = Outcome(kind=OutcomeKind.RETRY, reason=reason)
        elif final:
            reason = "NSD has answered SERVFAIL since it read the zone: see its log"
            self.dropped[name] = Outcome(kind=OutcomeKind.REFUSED, reason=reason)


def _has_read(answer: Answer, change: ZoneChange) -> bool:
    """Whether NSD has read something since: the new version, or what made it drop the zone."""
    return answer.serial == change.serial or answer.rcode == SERVFAIL
