"""Judges whether the service is ready, and if not, why: one verdict for /readyz, the API, `dadns status`, the pages, the log and the metrics.

Pure: facts go in, a verdict comes out. `judge` is the only place that knows what is unready (pushes are refused, or may be
answered and never served) and what is degraded (pushes are accepted and safe, but a person should look).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from directdnsonly.wording import counted

CERTIFICATE_SOON_S: Final = 21 * 86_400  # of 90 days; it is renewed 30 days before its end: a renewal fails


class ServiceState(StrEnum):
    """The state of the service."""

    READY = "ready"
    DEGRADED = "degraded"  # pushes are accepted and safe; a person should look
    UNREADY = "unready"  # pushes are refused, or nobody would serve them


class ReasonKind(StrEnum):
    """The kinds of reasons for not being ready, the worst first; used as a label of the metrics."""

    STORE = "store"  # no push can be committed
    ACTOR = "actor"  # a part of ours has ended, or hangs
    BACKEND = "backend"  # a name server is away
    LOOPBACK = "loopback"  # a name server of ours answers this machine alone, and pushes come from others
    LOST = "lost"  # pushes were not recorded, and nobody has pushed those zones again
    CERTIFICATE = "certificate"  # of our own door: it ends soon, or has ended
    CONFIGURATION = "configuration"  # it cannot be reloaded: the next start would fail
    GIVEN_UP = "given-up"  # zones that a name server did not take
    PAUSED = "paused"  # an operator has stopped a backend
    HELD = "held"  # pushes wait for approval
    PEER = "peer"  # another instance is away, does not take what it lacks, or holds other versions
    ALARM = "alarm"  # the reconciler wants a person to look


UNREADY: Final = frozenset({ReasonKind.STORE, ReasonKind.ACTOR})
_ORDER: Final = {kind: place for place, kind in enumerate(ReasonKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason for not being ready. `subject`: a backend, a zone or an actor; `since`: epoch seconds."""

    kind: ReasonKind
    subject: str
    short: str  # for a title
    what: str  # a sentence, also what to do
    since: float | None = None

    @property
    def state(self) -> ServiceState:
        """The state of the service that this reason causes."""
        return ServiceState.UNREADY if self.kind in UNREADY else ServiceState.DEGRADED


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendFacts:
    """The facts about one backend. `down`: why nothing can be delivered, or ""; `paused_by`: empty while it is not paused.

    `heard_here_only`: the loopback address, if it listens only there although pushes come from outside.
    """

    name: str
    down: str = ""
    down_since: float | None = None
    is_paused: bool = False
    paused_by: str = ""
    paused_reason: str = ""
    paused_at: float | None = None
    dead: int = 0
    heard_here_only: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """The facts about one peer. `away`: why it cannot be asked for long; `behind`: zones that it does not take from us for long.

    `differs`: zones of which a person has to take one version; `too_many`: zones that are deleted there and stay here until `plan` is approved.
    """

    name: str
    away: str = ""
    differs: int = 0
    too_many: int = 0
    plan: str = ""
    behind: int = 0
    since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts at the time `now`. `store`: why no push can be committed; empty if one can."""

    now: float
    started_at: float
    store: str = ""
    actors: Sequence[str] = ()  # each with what is known of it
    backends: Sequence[BackendFacts] = ()
    lost: int = 0
    lost_zone: str = ""  # of the newest
    lost_reason: str = ""
    lost_at: float | None = None
    held: int = 0
    held_since: float | None = None
    peers: Sequence[PeerFacts] = ()
    alarms: Sequence[str] = ()
    certificate_ends_at: float | None = None
    config_failed_at: float | None = None  # since when it cannot be reloaded
    config_problems: Sequence[str] = ()
    config_loaded_at: float = 0.0  # what is in force


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on the service. `since`: when this state began, epoch seconds; `reasons`: the worst first."""

    state: ServiceState
    since: float
    reasons: tuple[Reason, ...] = ()

    @property
    def headline(self) -> str:
        """For a title: `ready`, `degraded: bind down, 2 alarms`, `not ready: ` with the worst reason."""
        if self.state is ServiceState.UNREADY:
            return f"not ready: {self.reasons[0].what}"
        if self.state is ServiceState.READY:
            return "ready"
        alarms = sum(reason.kind is ReasonKind.ALARM for reason in self.reasons)
        told = [reason.short for reason in self.reasons if reason.kind is not ReasonKind.ALARM]
        return f"degraded: {', '.join([*told, *([counted(alarms, 'alarm')] if alarms else [])])}"

    @property
    def refuses(self) -> bool:
        """Whether pushes are answered error=1."""
        return any(reason.kind is ReasonKind.STORE for reason in self.reasons)

    @property
    def why(self) -> str:
        """All reasons in one line; empty if the service is ready."""
        return "; ".join(reason.what for reason in self.reasons)


def judge(facts: Facts, before: Verdict | None = None) -> Verdict:
    """The verdict on the facts; `before` is the previous one, which dates reasons that have no time of their own."""
    known = {(one.kind, one.subject): one.since for one in before.reasons} if before else {}
    reasons = tuple(
        one if one.since is not None else replace(one, since=known.get((one.kind, one.subject)) or facts.now)
        for one in sorted(_reasons(facts), key=lambda one: _ORDER[one.kind])
    )
    state = reasons[0].state if reasons else ServiceState.READY
    if before is not None and before.state is state:
        return Verdict(state=state, since=before.since, reasons=reasons)
    began = [one.since for one in reasons if one.state is state and one.since is not None]
    return Verdict(state=state, since=min(began, default=facts.now if before else facts.started_at), reasons=reasons)


def _reasons(facts: Facts) -> Iterator[Reason]:
    if facts.store:
        yield Reason(kind=ReasonKind.STORE, subject="", short="store", what=f"pushes are refused: {facts.store}")
    for actor in facts.actors:
        yield Reason(
            kind=ReasonKind.ACTOR, subject=actor.split(" ", 1)[0], short="a part has ended or hangs", what=actor
        )
    for backend in facts.backends:
        yield from _of_backend(backend)
    if facts.lost:
        were = counted(facts.lost, "push was", "pushes were")
        yield Reason(
            kind=ReasonKind.LOST,
            subject="",
            short=f"{facts.lost} not recorded",
            what=f"{were} not recorded and must be sent again (dadns lost), the newest of {facts.lost_zone}: {facts.lost_reason}",
            since=facts.lost_at,
        )
    if facts.held:
        waits = counted(facts.held, "push waits", "pushes wait")
        yield Reason(
            kind=ReasonKind.HELD,
            subject="",
            short=f"{facts.held} held",
            what=f"{waits} for approval: dadns held",
            since=facts.held_since,
        )
    for peer in facts.peers:
        yield from _of_peer(peer)
    for alarm in facts.alarms:
        yield Reason(kind=ReasonKind.ALARM, subject=alarm.split(":", 1)[0], short="alarm", what=f"alarm: {alarm}")
    if facts.certificate_ends_at is not None:
        yield from _of_certificate(facts.certificate_ends_at, facts.now)
    if facts.config_failed_at is not None:
        read = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(facts.config_loaded_at))
        what = (
            f"the configuration cannot be reloaded, the one read at {read} UTC is still in force:"
            f" {'; '.join(facts.config_problems)}: correct it, then dadns reload"
        )
        short = "configuration wrong"
        yield Reason(kind=ReasonKind.CONFIGURATION, subject="", short=short, what=what, since=facts.config_failed_at)


def _of_backend(backend: BackendFacts) -> Iterator[Reason]:
    name = backend.name
    if backend.down:
        what = f"{name} is down: {backend.down} (dadns probe {name} asks it now)"
        yield Reason(kind=ReasonKind.BACKEND, subject=name, short=f"{name} down", what=what, since=backend.down_since)
    if backend.heard_here_only:
        yield Reason(
            kind=ReasonKind.LOOPBACK,
            subject=name,
            short=f"{name} on loopback only",
            what=f"{name} answers on {backend.heard_here_only} only, where nobody else can ask it, and pushes come from outside:"
            f" set dns.backends.{name}.listen and port, or verify_address to where resolvers query it",
        )
    if backend.dead:
        yield Reason(
            kind=ReasonKind.GIVEN_UP,
            subject=name,
            short=f"{backend.dead} given up on {name}",
            what=f"{counted(backend.dead, 'zone was', 'zones were')} given up on {name}: dadns outbox --dead, then dadns revive",
        )
    if backend.is_paused:
        by = f" by {backend.paused_by}" if backend.paused_by else ""
        why = f": {backend.paused_reason}" if backend.paused_reason else ""
        what = f"{name} is paused{by}{why} (dadns resume {name})"
        yield Reason(kind=ReasonKind.PAUSED, subject=name, short=f"{name} paused", what=what, since=backend.paused_at)


def _of_peer(peer: PeerFacts) -> Iterator[Reason]:
    name = peer.name
    what = short = ""
    if peer.away:
        short, what = f"peer {name} away", f"peer {name} cannot be asked: {peer.away} (dadns peers)"
    elif peer.too_many:
        short = f"{counted(peer.too_many, 'delete')} of {name} stopped"
        what = (
            f"{counted(peer.too_many, 'zone')} of ours {'is' if peer.too_many == 1 else 'are'} deleted on peer {name}, more than may go at once, and"
            f" stay here: dadns peers, then dadns peers approve {name} {peer.plan}, or put {name} right"
        )
    elif peer.differs:
        short = f"{counted(peer.differs, 'zone differs', 'zones differ')} from {name}"
        what = (
            f"{counted(peer.differs, 'zone differs', 'zones differ')} from peer {name}, and nothing tells which version is newer:"
            f" dadns peers, then dadns peers take ZONE PEER on the side whose version is wrong"
        )
    elif peer.behind:
        short = f"peer {name} behind"
        what = (
            f"peer {name} does not take {counted(peer.behind, 'zone')} that it lacks: is this instance one of its peers,"
            " and can it be reached from there? (dadns peers on both)"
        )
    if what:
        yield Reason(kind=ReasonKind.PEER, subject=name, short=short, what=what, since=peer.since)


def _of_certificate(ends_at: float, now: float) -> Iterator[Reason]:
    until = time.strftime("%Y-%m-%d", time.gmtime(ends_at))
    if ends_at <= now:
        short = "certificate expired"
        what = f"our TLS certificate expired on {until}: renew it; no restart is needed"
    elif ends_at - now < CERTIFICATE_SOON_S:
        days = counted(round((ends_at - now) / 86_400), "day")
        short = f"certificate ends in {days}"
        what = f"our TLS certificate expires in {days}, on {until}: is its renewal failing?"
    else:
        return
    yield Reason(kind=ReasonKind.CERTIFICATE, subject="", short=short, what=what)
