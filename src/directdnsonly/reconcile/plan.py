"""Computes the differences between the store and DirectAdmin's lists. Pure: pages of the store in, a Plan out.

The lists and the store are walked side by side in order of name, so that memory holds the lists' names and what was
found, never the zones. Every judgement is about one row against lists that were asked for *after* that row's last
push; whoever carries a judgement out does so by compare-and-set on the row's version.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.drift import Held
from directdnsonly.reconcile.answers import WholeList
from directdnsonly.wording import counted
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A zone that is absent from its server's complete list."""

    name: ZoneName
    version: int
    server: str
    pushed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A zone that a server lists but that we do not hold (version 0), or only as a tombstone of `version`."""

    name: ZoneName
    server: str
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A zone whose serial on the DirectAdmin server itself is newer than the one that was pushed to us."""

    name: ZoneName
    server: str
    version: int
    ours: int
    theirs: int
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """A zone of one server that only another one lists: it moved, and we missed the new server's push."""

    name: ZoneName
    version: int
    server: str  # that has it now
    former: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownerless:
    """A zone for which no configured server is responsible: made by the API, or pushed by an unknown host name."""

    name: ZoneName
    hostname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A zone that a backend does not hold correctly, or holds although we do not own it."""

    backend: str
    zone: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFound:
    """What one server's list showed. `reason`: why it proves nothing; empty if it is complete and accepted."""

    server: str
    listed: int = 0
    owned: int = 0  # zones of ours that belong to it and are older than its list
    present: int = 0  # of these, those that it lists
    reason: str = ""
    credential: str = ""  # with which it pushes
    pushes_as: str = ""  # a host name that nobody claims and under which its zones were pushed: the names are mixed up
    too_new: int = 0  # lacking in its list, but pushed since it was asked for
    vouched: int = 0  # see outbox.drift.Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The result of one comparison; nothing in it has been carried out."""

    made_at: float
    servers: tuple[ServerFound, ...] = ()
    absent: tuple[Absent, ...] = ()
    present: frozenset[ZoneName] = frozenset()  # of the watched ones, those that are listed, new or gone by now
    missed: tuple[Missed, ...] = ()
    stale: tuple[Stale, ...] = ()
    migrated: tuple[Migrated, ...] = ()
    ownerless: int = 0
    ownerless_first: tuple[Ownerless, ...] = ()
    withheld: int = 0  # listed, but deleted by a person: not brought back
    seen: int = 0

    def server(self, hostname: str) -> ServerFound | None:
        """What was found about one server."""
        return next((found for found in self.servers if found.server == hostname), None)


SHOWN = 100  # ownerless zones that are named


@dataclass(slots=True)
class _Server:
    """A complete list while it is walked."""

    listing: WholeList
    owned: int = 0
    present: int = 0
    too_new: int = 0
    credential: str = ""
    unclaimed: Counter[str] = field(default_factory=Counter)
    cursor: int = 0

    def take(self, up_to: str | None) -> Sequence[ZoneName]:
        """The listed names up to this one (None: all that are left)."""
        zones = self.listing.zones
        end = len(zones) if up_to is None else bisect_right(zones, up_to, lo=self.cursor)
        taken, self.cursor = zones[self.cursor : end], end
        return taken


class Planner:
    """Makes a Plan: `feed` it the store's rows in order of name, then `finish`."""

    def __init__(
        self,
        lists: Sequence[WholeList],
        *,
        names: Mapping[str, str],
        watched: frozenset[ZoneName] = frozenset(),
        least_share: float,
        trusted: frozenset[str] = frozenset(),
        vouched: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """`names`: the server for every host name that pushes may carry, including servers without a list.

        `watched`: zones that were absent before. `trusted`: servers whose list an operator has vouched for.
        `vouched`: how many of the server's zones the list held that an operator vouched for before.
        """
        self._servers = {listing.hostname: _Server(listing) for listing in lists}
        self._names = names
        self._watched = watched
        self._least_share = least_share
        self._trusted = trusted
        self._vouched = vouched
        self._absent: list[Absent] = []
        self._settled = set(watched)  # those still absent are taken out
        self._missed: list[Missed] = []
        self._stale: list[Stale] = []
        self._migrated: list[Migrated] = []
        self._ownerless: list[Ownerless] = []
        self._ownerless_count = self._withheld = self._seen = 0

    def feed(self, page: Sequence[Held]) -> Mapping[str, list[Held]]:
        """Judge a page of the store; returns, by server, the zones listed as expected, whose serials may be queried."""
        wanted: dict[str, list[Held]] = {server: [] for server in self._servers}
        taken = {server: frozenset(state.take(page[-1].name)) for server, state in self._servers.items()}
        known = {held.name for held in page}
        for server, names in taken.items():
            self._missed += [Missed(name=name, server=server) for name in sorted(names - known)]
        for held in page:
            self._seen += 1
            at = [server for server, names in taken.items() if held.name in names]
            owner = self._names.get(held.owner.hostname.lower().removesuffix("."), "")
            if held.kind is Kind.DELETE:
                self._tombstone(held, at)
            elif not owner:
                self._nobodys(held, at)
            elif owner in self._servers:
                self._judge(held, owner, at, wanted)
            elif held.name in self._watched:
                self._settled.discard(held.name)  # its server gives no list now: it stays as it was
        return wanted

    def _judge(self, held: Held, owner: str, at: Sequence[str], wanted: dict[str, list[Held]]) -> None:
        state = self._servers[owner]
        state.credential = state.credential or held.owner.credential
        new = held.pushed_at >= state.listing.asked_at
        if owner in at:
            wanted[owner].append(held)
        if new:
            state.too_new += owner not in at
            return
        state.owned += 1
        if owner in at:
            state.present += 1
        elif at:
            self._migrated.append(Migrated(name=held.name, version=held.version, server=at[0], former=owner))
            self._settled.discard(held.name)
        else:
            self._absent.append(Absent(name=held.name, version=held.version, server=owner, pushed_at=held.pushed_at))
            self._settled.discard(held.name)

    def _tombstone(self, held: Held, at: Sequence[str]) -> None:
        """Judge a zone deleted here but listed: created again while we were away, unless a person deleted it on purpose."""
        for server in at[:1]:
            if held.source in {Source.API, Source.PEER}:
                self._withheld += 1
            elif held.pushed_at < self._servers[server].listing.asked_at:
                self._missed.append(Missed(name=held.name, server=server, version=held.version))

    def _nobodys(self, held: Held, at: Sequence[str]) -> None:
        if at and held.owner.hostname:
            self._servers[at[0]].unclaimed[held.owner.hostname] += 1
        elif not at:
            self._ownerless_count += 1
            if len(self._ownerless) < SHOWN:
                self._ownerless.append(Ownerless(name=held.name, hostname=held.owner.hostname))

    def serials(self, server: str, asked: Sequence[Held], theirs: Sequence[int | None]) -> None:
        """Add the serials that a server's own name server has for zones returned by `feed`."""
        for held, serial in zip(asked, theirs, strict=True):
            if serial is not None and is_newer(serial, held.pushed_serial):
                self._stale.append(
                    Stale(
                        name=held.name,
                        server=server,
                        version=held.version,
                        ours=held.pushed_serial,
                        theirs=serial,
                        owner=held.owner,
                    )
                )

    def finish(self, *, made_at: float, failed: Mapping[str, str]) -> Plan:
        """The finished plan. `failed`: servers without a complete list, each with the reason."""
        for server, state in self._servers.items():
            self._missed += [Missed(name=name, server=server) for name in state.take(None)]
        found = {server: self._found(server, state) for server, state in self._servers.items()}
        found |= {server: ServerFound(server=server, reason=reason) for server, reason in failed.items()}
        good = {server for server, one in found.items() if not one.reason}
        unbelieved = {one.name for one in self._absent if one.server not in good}
        missed: dict[ZoneName, Missed] = {}
        for one in sorted(self._missed, key=lambda one: one.name):
            if one.server in good:
                missed.setdefault(one.name, one)  # two servers list it: the first one is asked
        return Plan(
            made_at=made_at,
            servers=tuple(found[server] for server in sorted(found)),
            absent=tuple(one for one in self._absent if one.server in good),
            present=frozenset(self._settled - unbelieved),
            missed=tuple(missed.values()),
            stale=tuple(one for one in self._stale if one.server in good),
            migrated=tuple(one for one in self._migrated if one.server in good and one.former in good),
            ownerless=self._ownerless_count,
            ownerless_first=tuple(self._ownerless),
            withheld=self._withheld,
            seen=self._seen,
        )

    def _found(self, server: str, state: _Server) -> ServerFound:
        """A list that lacks most of what its server pushed to us is probably another server's list."""
        reason = ""
        is_short = state.present < state.owned * self._least_share
        vouched = 0
        if is_short:
            vouched = state.present if server in self._trusted else self._vouched.get(server, 0)
        # None present is never enough by itself: any list of another server would do.
        if is_short and server not in self._trusted and not (vouched and state.present >= vouched * self._least_share):
            reason = (
                f"its list holds only {state.present} of the {counted(state.owned, 'zone')} that it pushed to us:"
                " is it another server's list?"
            )
        (pushes_as, _), *_rest = state.unclaimed.most_common(1) or [("", 0)]
        return ServerFound(
            server=server,
            listed=len(state.listing.zones),
            owned=state.owned,
            present=state.present,
            reason=reason,
            credential=state.credential,
            pushes_as=pushes_as,
            too_new=state.too_new,
            vouched=vouched,
        )
