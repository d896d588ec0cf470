"""One peer's actor: an exchange at the start, then one after each interval; rarer while the peer is away.

It stands beside the line: whatever a peer answers, or fails to, pushes are taken and zones are served as without it.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog

from directdnsonly.accept.telling import Journal
from directdnsonly.bell import Bell
from directdnsonly.clock import Clock
from directdnsonly.errors import DirectDNSOnlyError, OutboxUnavailable, PushRefused
from directdnsonly.outbox.changes import Kind, Receipt
from directdnsonly.outbox.peering import PeerDecision, PeerVersion, Standing
from directdnsonly.outbox.store.peering import Peering
from directdnsonly.peers.client import HttpsPeer
from directdnsonly.peers.exchange import DeleteCap, Exchange, Peer
from directdnsonly.peers.forms import NotAPeer
from directdnsonly.peers.found import Exchanged
from directdnsonly.peers.going import Going, WatchedPeer, WatchedStore
from directdnsonly.peers.settings import PeeringSettings, PeerSettings
from directdnsonly.peers.standing import Listed, PeerState, PeerStatus, Progress
from directdnsonly.peers.together import some_at_once
from directdnsonly.peers.wire import read_states
from directdnsonly.pulse import Pulses
from directdnsonly.wording import counted
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName

JITTER: Final = 0.1
RAREST_S: Final = 300.0  # a peer that is away is asked at least so often, unless the interval is longer
NOT_READY_S: Final = 1.0  # until our own zones can be compared
HUNG_S: Final = 900.0  # without an answer of the peer's, each of which has a limit, and without a commit
TOLD_EVERY_S: Final = 10.0  # the progress of a long exchange
MOST_DOUBLED: Final = 16
MORE_S: Final = 1.0  # to the next exchange, where the last one took something and left something
NAMED: Final = 5  # zones in a sentence
AUDITED: Final = 100  # zones, each by an event of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every peer's actor is given.

    `on_taken`: a zone was recorded, and is due if it `changed`; `on_decided`: the same of a decision; `on_change`: a peer's state is another one.
    """

    peering: Peering
    clock: Clock
    journal: Journal
    parse: Callable[[str, ZoneName], Awaitable[Zone]]
    change_id: Callable[[], str]
    on_taken: Callable[[Receipt], None]
    on_decided: Callable[[Receipt], None] = lambda _: None
    on_change: Callable[[], None] = lambda: None
    asker: str = ""


class NotTaken(DirectDNSOnlyError):
    """A zone that a person chose was not taken. The text is the reason."""


class Neighbour:
    """The actor. Use within one event loop. `status` may be read at any time."""

    def __init__(
        self,
        settings: PeerSettings,
        peering: PeeringSettings,
        around: Surroundings,
        *,
        before: PeerStatus | None = None,
        open_peer: Callable[[PeerSettings, PeeringSettings], HttpsPeer] | None = None,
    ) -> None:
        """`before`: how it stood with this peer until its settings were changed."""
        self.settings = settings
        self._peering = peering
        self._around = around
        self._open = open_peer or partial(_opened, asker=around.asker)
        self._bell = Bell()
        self._failures = 0
        self._told_at = 0.0
        self._approved = ""  # the plan whose deletes the next exchange takes
        self._log = structlog.get_logger()
        self.pulses = Pulses(around.clock)
        status = before or PeerStatus(name=settings.name, url=settings.url, since=around.clock.now_s())
        self.status = replace(status, url=settings.url, progress=None)

    def wake(self) -> None:
        """Ask now."""
        self._bell.ring()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            async with self._open(self.settings, self._peering) as peer:
                await self._while_it_answers(peer)

    async def _while_it_answers(self, peer: Peer) -> None:
        """One exchange after the other. Where one failed, connection and certificates are made anew."""
        is_away = False
        while not is_away:
            with self.pulses.at_work(f"peer:{self.settings.name}", HUNG_S):
                wait_s = await self.run_once(peer)
            self.status = replace(self.status, next_at=self._now() + wait_s)
            is_away = self._failures > 0
            await self._bell.heard(wait_s)

    async def run_once(self, peer: Peer) -> float:
        """One exchange; seconds until the next one."""
        try:
            if not (await self._around.peering.summary()).ready:
                self.status = replace(self.status, reason="our own zones are being made comparable")
                return NOT_READY_S
            done = await self._exchange(peer)
        except OutboxUnavailable as error:
            await self._unavailable(error)
            return self._later()
        except (NotAPeer, OSError) as error:
            await self._failed(str(error) or type(error).__name__)
            return self._later()
        except Exception as error:  # noqa: BLE001 - beside the line: nothing in it may end the service
            self._log.exception("peer.failed", peer=self.settings.name)
            await self._failed(f"an unforeseen error ({type(error).__name__}): see peer.failed in the log")
            return self._later()
        self._failures = 0
        await self._exchanged(done)
        if (done.taken or done.decided) and not done.whole:
            return MORE_S
        return self._peering.interval_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret

    async def take(self, name: ZoneName) -> Receipt:
        """Take the peer's version of a zone, and what is decided about it there: a person has chosen it.

        Raises NotTaken, PushRefused, OutboxUnavailable.
        """
        try:
            async with self._open(self.settings, self._peering) as peer:
                found = read_states(await peer.states([name], texts=True), [name])
                if not found:
                    raise NotTaken(f"{self.settings.name} knows nothing of {name}")
                chosen = await self._over(peer, self._around.peering).chosen_of(found[0])
        except (NotAPeer, OSError) as error:
            raise NotTaken(f"{self.settings.name} cannot be asked for {name}: {error}") from None
        receipts = await self._record(chosen)
        taken = [one for one in receipts if not one.overtaken]
        if not taken:
            why = "; ".join(dict.fromkeys(one.ignored for one in receipts))
            raise NotTaken(f"nothing of {name} is taken from {self.settings.name}: {why}")
        self.wake()
        return taken[0]

    async def _record(self, chosen: Sequence[PeerVersion | PeerDecision]) -> list[Receipt]:
        """One after the other. Raises PushRefused if the first that is newer is refused; of a later one the next exchange tells."""
        peering, receipts = self._around.peering, list[Receipt]()
        for one in chosen:
            try:
                receipt = await (peering.take(one) if isinstance(one, PeerVersion) else peering.decide(one))
            except PushRefused:
                if all(before.overtaken for before in receipts):
                    raise
                break
            self._taken(one, receipt)
            receipts.append(receipt)
        return receipts

    def approve(self, plan: str) -> int:
        """Let the deletes of this plan go: they are taken by the next exchange, which begins now. How many; 0: it is not the plan."""
        if not plan or plan != self.status.plan:
            return 0
        self._approved = plan
        self.wake()
        return self.status.too_many

    # -- one exchange

    async def _exchange(self, peer: Peer) -> Exchanged:
        began_at = self._told_at = self._now()
        self.status = replace(self.status, asked_at=began_at, progress=Progress(began_at=began_at))
        going = Going(began_at, self._now, self._goes_on)
        store = WatchedStore(self._around.peering, going, self._taken)
        approved = self._approved
        done = await self._over(WatchedPeer(peer, going), store).run(approved=approved)
        if approved == self._approved:
            self._approved = ""
        if done.taken or done.decided:
            self._log.info(
                "peer.exchanged",
                peer=self.settings.name,
                taken=done.taken,
                decided=done.decided,
                behind=done.behind,
                conflicts=done.conflicts,
                too_many=done.too_many,
                whole=done.whole,
                elapsed_s=round(self._now() - began_at, 3),
            )
        return done

    def _over(self, peer: Peer, peering: Peering) -> Exchange:
        return Exchange(
            self.settings.name,
            peering=peering,
            peer=peer,
            parse=self._around.parse,
            change_id=self._around.change_id,
            deletes=DeleteCap(most=self._peering.max_deletes, share=self._peering.max_delete_share),
            together=some_at_once,
        )

    def _goes_on(self, progress: Progress) -> None:
        self.pulses.beat(f"peer:{self.settings.name}", HUNG_S)
        self.status = replace(self.status, progress=progress)
        if self._now() - self._told_at >= TOLD_EVERY_S:
            self._told_at = self._now()
            left_s = progress.ends_in_s
            self._log.info(
                "peer.progress",
                peer=self.settings.name,
                taken=progress.taken,
                percent=round(100 * progress.done / progress.total) if progress.total else 0,
                ends_in_s=None if left_s is None else round(left_s),
            )

    def _taken(self, came: PeerVersion | PeerDecision, receipt: Receipt) -> None:
        if receipt.overtaken:
            return
        if isinstance(came, PeerDecision):
            self._decided(came, receipt)
        else:
            self._zone_taken(came, receipt)

    def _decided(self, decision: PeerDecision, receipt: Receipt) -> None:
        self._log.info(
            "peer.decision_taken",
            zone=str(receipt.name),
            matter=str(decision.theirs.matter),
            stands=decision.theirs.stands,
            changed=receipt.changed,
            peer=self.settings.name,
            change_id=receipt.change_id,
        )
        self._around.on_decided(receipt)

    def _zone_taken(self, version: PeerVersion, receipt: Receipt) -> None:
        self.status = replace(self.status, taken=self.status.taken + 1)
        self._log.info(
            "peer.zone_taken",
            zone=str(receipt.name),
            version=receipt.version,
            serial=receipt.serial,
            deleted=version.theirs.kind is Kind.DELETE,
            peer=self.settings.name,
            change_id=receipt.change_id,
        )
        self._around.on_taken(receipt)

    # -- what came of it

    async def _exchanged(self, done: Exchanged) -> None:
        now, stopped = self._now(), self.status.plan
        known = {one.difference.name: one.since for one in self.status.zones}
        zones = tuple(
            Listed(difference=one, since=known.get(one.name, now))
            for one in sorted(done.differs, key=lambda one: one.name)
        )
        differing = [one.difference for one in zones if one.difference.standing is not Standing.TOO_MANY]
        new = [one.name for one in differing if one.name not in known]
        self.status = replace(
            self.status,
            exchanged_at=now,
            behind=done.behind,
            conflicts=done.conflicts,
            lacking=done.lacking,
            too_many=done.too_many,
            plan=done.plan,
            zones=zones,
        )
        for notice in done.notices if done.plan != stopped else ():
            await self._tell(notice.event, notice.detail, warn=not notice.planned)
        await self._become(_state_of(done), "", tell_differing=new)

    async def _unavailable(self, error: OutboxUnavailable) -> None:
        """It is not the peer that failed, and what it has is not here: how it stands is not known."""
        self._log.warning("store.unavailable", reason=str(error), task=f"peer:{self.settings.name}")
        state = PeerState.UNKNOWN if self.status.state in {PeerState.EQUAL, PeerState.BEHIND} else self.status.state
        await self._become(state, f"our own store is unavailable: {error}")

    async def _failed(self, reason: str) -> None:
        self._failures += 1
        await self._become(PeerState.UNREACHABLE, reason)

    def _later(self) -> float:
        doubled = self._peering.interval_s * 2.0 ** max(min(self._failures, MOST_DOUBLED) - 1, 0)
        wait_s = min(doubled, max(RAREST_S, self._peering.interval_s))
        return wait_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret

    async def _become(self, state: PeerState, reason: str, *, tell_differing: list[ZoneName] | None = None) -> None:
        before, now = self.status, self._now()
        since = before.since if before.state is state else now
        self.status = replace(before, state=state, since=since, reason=reason, progress=None)
        if before.state is not state:
            self._around.on_change()
        if state is PeerState.UNREACHABLE and before.state is not state:
            await self._tell("peer.unreachable", reason, warn=True)
        elif before.state is PeerState.UNREACHABLE and before.state is not state:
            await self._tell("peer.reached", f"it was away for {round(now - before.since)} s")
        if tell_differing:
            await self._tell_differing(tell_differing)
        elif before.state is PeerState.DIFFERS and state in {PeerState.EQUAL, PeerState.BEHIND}:
            await self._tell("peer.agrees", "no zone differs any more")

    async def _tell_differing(self, names: list[ZoneName]) -> None:
        named = ", ".join(map(str, names[:NAMED])) + (", ..." if len(names) > NAMED else "")
        what = f"{counted(len(names), 'zone differs', 'zones differ')}, and nothing tells which is newer: {named}"
        await self._tell("peer.differs", what, warn=True)
        listed = (one.difference for one in self.status.zones)
        reasons = {one.name: one.reason for one in listed if one.standing is not Standing.TOO_MANY}
        for name in names[:AUDITED]:
            actor = f"peer {self.settings.name}"
            await self._around.journal.keep("peer.differs", zone=name, actor=actor, detail=reasons[name])

    async def _tell(self, event: str, reason: str, *, warn: bool = False) -> None:
        name = self.settings.name
        line = {"peer": name, "reason": reason}
        await self._around.journal.tell(event, actor=f"peer {name}", detail=reason, line=line, warn=warn)

    def _now(self) -> float:
        return self._around.clock.now_s()


def _opened(settings: PeerSettings, peering: PeeringSettings, *, asker: str) -> HttpsPeer:
    return HttpsPeer(
        settings.url, authorization=settings.authorization, ca_file=settings.ca_file, fingerprint=settings.fingerprint,
        timeout_s=peering.timeout_s, asker=asker,
    )  # fmt: skip


def _state_of(done: Exchanged) -> PeerState:
    if done.differs:
        return PeerState.DIFFERS
    return PeerState.BEHIND if done.behind or not done.whole else PeerState.EQUAL
