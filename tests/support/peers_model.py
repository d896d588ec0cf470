"""Instances that repair each other, each with a real SQLite store, and what their clients were told, as a dictionary."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from directdnsonly.errors import ZonePolicyError
from directdnsonly.outbox.changes import Kind, Loss, NewDeletion, NewPin, NewVersion, Origin, Owner, Receipt, Source
from directdnsonly.outbox.decide import Command
from directdnsonly.outbox.decide.decisions import compare_decisions
from directdnsonly.outbox.decide.look import OrphanDelete, Release
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.drift import HoldRule, Sighting, SightingState
from directdnsonly.outbox.peering import (
    Compared,
    Decided,
    Matter,
    PeerDecision,
    PeerVersion,
    Pinning,
    Standing,
    Stated,
    ZoneState,
)
from directdnsonly.outbox.sqlite import bodies, compared, held, reconcile, triggers
from directdnsonly.outbox.sqlite.change import change
from directdnsonly.outbox.sqlite.migrate import migrate
from directdnsonly.outbox.sqlite.write import Setting
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer
from tests.support.made import H1, H2, a_zone
from tests.support.peers_acts import Acts

_WANTED = (
    "SELECT w.kind, w.serial, v.body FROM wanted w LEFT JOIN version v ON v.zone = w.zone AND v.version = w.version"
    " WHERE w.zone = ?"
)
_changes = itertools.count(1)
Saved = tuple[bytes, dict[str, set[int]], dict[tuple[str, str], set[int]], dict[str, int]]


@lru_cache(1)
def _empty() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        return connection.serialize()


def zone_of(text: str, name: str, serial: int) -> Zone:
    """The zone of a text of ours."""
    return a_zone(name, serial, content=text.split('"')[1])


class Box:
    """One instance. Its clock is its own, and wrong.

    `knows`: of each zone, the numbers of the told changes that stand behind it; `acts`: of each matter and zone, of the acts.
    """

    def __init__(
        self, name: str, *, history: int, clock_s: float, holds: bool = True, acts: Acts | None = None
    ) -> None:
        """`holds`: whether a take-over or a loss waits for approval here."""
        self.name, self.clock_s, self.holds = name, clock_s, holds
        self.all_acts = acts or Acts()
        self.setting = Setting(clock_s, ("bind",), history)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.restore((_empty(), {}, {}, {}))

    def _origin(self, source: Source, owner: Owner) -> Origin:
        return Origin(change_id=f"{self.name}-{next(_changes)}", source=source, owner=owner)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.setting = self.setting._replace(now=self.setting.now + 1)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def _run(self, command: Command) -> Receipt | None:
        """Do it; whatever it does to a push that waits is an act, unless a peer has done that."""
        name = str(command.zone.name if isinstance(command, NewVersion) else command.name)
        waited, kept, served = self.waits(name), self.is_kept(name), self.served(name)
        with self._transaction() as connection:
            receipt = change(connection, command, self.setting).receipt
        if not isinstance(command, PeerDecision) and (waits := self.waits(name)) != waited:
            if isinstance(command, PeerVersion) and self.content(name) != waited:
                self.acts[Matter.HOLD.value, name] -= self.all_acts.begun_of((Matter.HOLD.value, name))
            else:
                self._acted(Matter.HOLD, name, waits)
        if not isinstance(command, PeerDecision) and kept and not self.is_kept(name):
            self._acted(Matter.KEEP, name, None)
        self._require_forward(name, served)
        return receipt

    def _require_forward(self, name: str, before: tuple[str, int] | None) -> None:
        """Secondaries follow whatever is served."""
        now = self.served(name)
        if now is not None and now != before and name in self.last:
            assert is_newer(now[1], self.last[name]) or (now[1] == self.last[name] and before is None), (
                "a secondary could not follow"
            )
        if now is not None:
            self.last[name] = now[1]

    def _acted(self, matter: Matter, name: str, begins: str | None) -> None:
        key = matter.value, name
        self.all_acts.add(key, begins, self.acts.setdefault(key, set()))

    # -- what clients and people do

    def push(self, name: str, serial: int, content: str, owner: Owner, *, loses: bool = False) -> Receipt:
        """`loses`: it looks like an accident beside what is there."""
        zone, states = a_zone(name, serial, content=content), self.states(name)
        number = self.connection.execute("SELECT version FROM zone WHERE zone = ?", (name,)).fetchone()
        loss = Loss(version=number[0], reason="much") if loses and self.holds and number and states else None
        new = NewVersion(
            zone=zone, origin=self._origin(Source.DIRECTADMIN, owner), takeover="hold" if self.holds else "transfer", loss=loss,
            body=zone.text.encode(),
        )  # fmt: skip
        receipt = self._run(new)
        assert receipt is not None
        return receipt

    def delete(self, name: str, owner: Owner) -> Receipt:
        origin = self._origin(Source.DIRECTADMIN, owner)
        receipt = self._run(NewDeletion(name=ZoneName.parse(name), origin=origin, remembers=True, gives_way=False))
        assert receipt is not None
        return receipt

    def delete_orphan(self, name: str) -> bool:
        """Reconciliation does: its server's lists have lacked it long enough. Whether it did."""
        living = reconcile.held(self.connection, [ZoneName.parse(name)])
        if not living or living[0].kind is Kind.DELETE or self.is_kept(name):
            return False
        one, now = living[0], self.setting.now
        sighting = Sighting(
            name=one.name, version=one.version, server=one.owner.server, absences=3, first_at=now, last_at=now,
            state=SightingState.QUARANTINED, quarantined_at=now,
        )  # fmt: skip
        with self._transaction() as connection:
            reconcile.save_sightings(connection, [sighting], [])
        origin = self._origin(Source.RECONCILE, Owner(hostname=one.owner.server))
        receipt = self._run(OrphanDelete(sighting=sighting, deletion=NewDeletion(name=one.name, origin=origin)))
        return receipt is not None and not receipt.ignored

    def keep(self, name: str) -> None:
        """A person does, whatever its server's lists say."""
        was = self.is_kept(name)
        with self._transaction() as connection:
            is_kept = reconcile.keep(connection, ZoneName.parse(name), self.setting.now)
        if is_kept and not was:
            self._acted(Matter.KEEP, name, "kept")

    def unkeep(self, name: str) -> None:
        """Its server lists it again."""
        if self.is_kept(name):
            with self._transaction() as connection:
                reconcile.save_sightings(connection, [], [ZoneName.parse(name)])
            self._acted(Matter.KEEP, name, None)

    def pin(self, name: str) -> None:
        """At what is served."""
        was = self.pinned(name)
        self._run(NewPin(name=ZoneName.parse(name), actor="alice"))
        if (now := self.pinned(name)) is not None and was is None:
            self._acted(Matter.PIN, name, now)

    def release(self, name: str) -> None:
        if self.pinned(name) is not None:
            self._run(Release(name=ZoneName.parse(name), origin=self._origin(Source.API, H1)))
            self._acted(Matter.PIN, name, None)

    def approve(self, name: str) -> str | None:
        """Let what waits in; its content if it was."""
        waits = held.one(self.connection, ZoneName.parse(name))
        if waits is None:
            return None
        serial = int(waits.body.decode().split("hostmaster.host.example. ")[1].split()[0])
        zone = zone_of(waits.body.decode(), name, serial)
        receipt = self._run(
            NewVersion(
                zone=zone, origin=self._origin(Source.DIRECTADMIN, waits.owner), approves=waits.digest,
                only_if_version=waits.version if waits.rule is HoldRule.LOSS else None,
            )
        )  # fmt: skip
        assert receipt is not None
        return None if receipt.overtaken else zone.text.split('"')[1]

    def reject(self, name: str) -> None:
        if self.waits(name) is not None:
            with self._transaction() as connection:
                held.drop(connection, ZoneName.parse(name))
            self._acted(Matter.HOLD, name, None)

    # -- what it has

    def zones(self) -> list[str]:
        rows = self.connection.execute("SELECT zone FROM zone UNION SELECT zone FROM decision ORDER BY zone")
        return [row[0] for row in rows]

    def state(self, name: str, *, texts: bool = False) -> ZoneState | None:
        found = compared.states(self.connection, [ZoneName.parse(name)], texts=int(texts))
        return found[0] if found else None

    def states(self, name: str) -> Stated | None:
        state = self.state(name)
        return state.states if state is not None else None

    def decided(self, name: str) -> dict[Matter, Decided]:
        state = self.state(name)
        return {one.matter: one for one in state.decided} if state is not None else {}

    def content(self, name: str) -> str | None:
        """What its newest version is; None: nothing."""
        row = self.connection.execute(
            "SELECT v.body FROM zone z JOIN version v USING (zone, version) WHERE z.zone = ? AND z.kind = 'put'",
            (name,),
        ).fetchone()
        return bodies.text_of(row[0]).split('"')[1] if row is not None else None

    def served(self, name: str) -> tuple[str, int] | None:
        """Content and serial that a resolver is told; None: there is no such zone."""
        row = self.connection.execute(_WANTED, (name,)).fetchone()
        return None if row is None or row[0] == "delete" else (bodies.text_of(row[2]).split('"')[1], row[1])

    def pinned(self, name: str) -> str | None:
        """The content at which it is pinned."""
        row = self.connection.execute(
            "SELECT v.body FROM pin p JOIN version v USING (zone, version) WHERE zone = ?", (name,)
        ).fetchone()
        return bodies.text_of(row[0]).split('"')[1] if row is not None else None

    def waits(self, name: str) -> str | None:
        """The content that waits for approval."""
        waits = held.one(self.connection, ZoneName.parse(name))
        return waits.body.decode().split('"')[1] if waits is not None else None

    def is_kept(self, name: str) -> bool:
        sighting = reconcile.sighting_of(self.connection, ZoneName.parse(name))
        return sighting is not None and sighting.state is SightingState.KEPT

    # -- the peer

    def compare(self, other: Box, name: str) -> list[Compared]:
        """The zone, and what is decided about it."""
        here, there = self.decided(name), other.decided(name)
        decided = [compare_decisions(here.get(each), there.get(each)) for each in Matter]
        return [compare(self.states(name), other.states(name)), *decided]

    def take(self, other: Box, name: str, *, chosen: bool = False) -> bool:
        """What the other has of the zone goes through this store; whether anything was taken."""
        told = other.state(name, texts=True)
        if told is None:
            return False
        taken = told.states is not None and self._take(other, name, told.states, told.text, chosen=chosen)
        return any([taken, *[self._decide(other, name, one, chosen=chosen) for one in told.decided]])

    def _take(self, other: Box, name: str, theirs: Stated, text: str | None, *, chosen: bool) -> bool:
        zone = None if theirs.kind is Kind.DELETE else zone_of(text or "", name, theirs.serial)
        source = Source.RECONCILE if theirs.orphan else Source.PEER
        command = PeerVersion(
            name=ZoneName.parse(name), theirs=theirs, zone=zone, origin=self._origin(source, theirs.owner),
            at=other.setting.now, chosen=chosen,
        )  # fmt: skip
        if not self._taken(command):
            return False
        self.knows[name] = self.knows.get(name, set()) | other.knows.get(name, set())
        return True

    def _decide(self, other: Box, name: str, theirs: Decided, *, chosen: bool) -> bool:
        zone = None
        if isinstance(theirs.said, Pinning):
            zone = zone_of(theirs.said.text or "", name, theirs.serial)
        origin = self._origin(Source.PEER, H1)
        command = PeerDecision(
            name=ZoneName.parse(name),
            theirs=theirs,
            origin=origin,
            behind_id=f"{origin.change_id}-b",
            beside=other.states(name),
            zone=zone,
            chosen=chosen,
        )
        key = theirs.matter.value, name
        before = LOOK[theirs.matter](self, name)
        if not self._taken(command):
            return False
        known = self.acts.get(key, set())
        if theirs.stands and before == LOOK[theirs.matter](self, name):
            known = known - self.all_acts.begun(before)  # the same is in force by the other's act from now on
        self.acts[key] = known | other.acts.get(key, set())
        return True

    def _taken(self, command: PeerVersion | PeerDecision) -> bool:
        before = self.state(str(command.name))
        try:
            receipt = self._run(command)
        except ZonePolicyError as error:
            self.named.add((str(command.name), error.rule))
            return False
        assert receipt is not None
        if receipt.overtaken:
            assert before == self.state(str(command.name)), "what was not taken has changed something"
        return not receipt.overtaken

    def saved(self) -> Saved:
        return (
            self.connection.serialize(),
            {name: set(known) for name, known in self.knows.items()},
            {key: set(known) for key, known in self.acts.items()},
            dict(self.last),
        )

    def restore(self, saved: Saved) -> None:
        self.connection.close()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.deserialize(saved[0])
        triggers.prepare(self.connection)
        self.knows = {name: set(known) for name, known in saved[1].items()}
        self.acts = {key: set(known) for key, known in saved[2].items()}
        self.last = dict(saved[3])
        self.named: set[tuple[str, str]] = set()


LOOK: dict[Matter, Callable[[Box, str], str | None]] = {
    Matter.PIN: Box.pinned,
    Matter.HOLD: Box.waits,
    Matter.KEEP: lambda box, name: "kept" if box.is_kept(name) else None,
}


@dataclass(kw_only=True)
class Told:
    """One change that a client was told of as done. `content` None: a delete.

    `saw`: of a late delete, of an orphan's, and of a push that was let in, what its box knew of the zone: of anything else it
    may not decide.
    """

    number: int
    content: str | None
    saw: frozenset[int] | None = None


@dataclass
class Panel:
    """The DirectAdmin servers, and all that they were told. A push or a delete goes to the boxes that are up, once."""

    told: dict[str, list[Told]] = field(default_factory=dict)
    living: dict[str, tuple[int, str, Owner]] = field(default_factory=dict)
    serials: dict[str, int] = field(default_factory=dict)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def _note(self, name: str, content: str | None, boxes: Iterable[Box]) -> Told:
        told = Told(number=next(self._numbers), content=content)
        self.told.setdefault(name, []).append(told)
        for box in boxes:
            box.knows.setdefault(name, set()).add(told.number)
        return told

    def _note_at(self, name: str, content: str | None, box: Box) -> None:
        """What is decided at one box, by what that one knows."""
        told = self._note(name, content, [box])
        told.saw = frozenset(box.knows[name])

    def put(self, name: str, boxes: list[Box], *, step: int, loses: bool = False) -> None:
        """Other content, by the zone's server, or a new zone; a new one may begin anew with its serials."""
        owner = self.living[name][2] if name in self.living else H1
        self._put(name, boxes, owner, self.serials.get(name, 0) + step, loses=loses)

    def move(self, name: str, boxes: list[Box]) -> None:
        """The account goes to the other server, which pushes the zone."""
        if name in self.living:
            owner = H2 if self.living[name][2] == H1 else H1
            self._put(name, boxes, owner, self.serials[name] + 1)

    def _put(self, name: str, boxes: list[Box], owner: Owner, serial: int, *, loses: bool = False) -> None:
        content = f"c{next(self._numbers)}"
        self.living[name], self.serials[name] = (serial, content, owner), serial
        self._push(name, boxes, loses=loses)

    def _push(self, name: str, boxes: list[Box], *, loses: bool = False) -> None:
        serial, content, owner = self.living[name]
        done = [box for box in boxes if box.push(name, serial, content, owner, loses=loses).withheld is None]
        if done:
            self._note(name, content, done)

    def again(self, name: str, boxes: list[Box]) -> None:
        """The very same is pushed once more."""
        if name in self.living:
            self._push(name, boxes)

    def delete(self, name: str, boxes: list[Box], *, restarts: bool) -> None:
        """Also of what is deleted already. `restarts`: when it is made again its serials begin anew."""
        owner = self.living.pop(name)[2] if name in self.living else H1
        if restarts:
            self.serials[name] = 0
        done = [box for box in boxes if _is_done(box.delete(name, owner))]
        if done:
            self._note(name, None, done)

    def late_delete(self, name: str, boxes: list[Box]) -> None:
        """The server that the account has left clears up behind it. Where the move was not heard of, that is a delete."""
        if name in self.living:
            former = H2 if self.living[name][2] == H1 else H1
            for box in boxes:
                if box.content(name) is not None and _is_done(box.delete(name, former)):
                    self._note_at(name, None, box)

    def delete_orphan(self, name: str, box: Box) -> None:
        """It is gone at its server, and that was not heard of, or not by all."""
        if name not in self.living and box.delete_orphan(name):
            self._note_at(name, None, box)

    def approve(self, name: str, box: Box) -> None:
        if (content := box.approve(name)) is not None:
            self._note_at(name, content, box)


def _is_done(receipt: Receipt) -> bool:
    return not receipt.ignored or receipt.waits


def settle(boxes: list[Box]) -> int:
    """Every box asks every other one until nobody takes anything any more; how many rounds that took."""
    for rounds in range(1, 20):
        for box in boxes:
            box.named.clear()
        taken = [
            box.take(other, name) for box in boxes for other in boxes if other is not box for name in other.zones()
        ]
        if not any(taken):
            return rounds
    raise AssertionError("they take from each other without an end")


def judge(panel: Panel, boxes: list[Box]) -> None:
    """After the last cut: nothing is lost, resurrected or wrongly deleted, all is equal; or the zone is told as a conflict."""
    for name in sorted({*panel.told, *(name for box in boxes for name in box.zones())}):
        pairs = [(box, other) for box in boxes for other in boxes if other is not box]
        standings = [box.compare(other, name) for box, other in pairs]
        named = any(zone == name for box in boxes for zone, _ in box.named)
        apart = {one[0].standing for one in standings}
        _judge_zone(panel, boxes, name, apart, named=named)
        for number, matter in enumerate(Matter, start=1):
            _judge_matter(boxes, name, matter, {one[number].standing for one in standings}, apart, named=named)
        if all(one.standing is Standing.EQUAL for each in standings for one in each):
            assert 1 == len({box.served(name) for box in boxes}), (
                f"{name}: {[box.served(name) for box in boxes]} are served"
            )


def _judge_zone(panel: Panel, boxes: list[Box], name: str, standings: set[Standing], *, named: bool) -> None:
    held_now = {box.content(name) for box in boxes}
    known = [one for one in panel.told.get(name, ()) if any(one.number in box.knows.get(name, ()) for box in boxes)]
    last = next((one for one in reversed(known) if one.saw is None), None)
    right = set() if last is None else {last.content}
    right |= {one.content for one in known if one.saw and (last is None or last.number in one.saw or one.content)}
    if Standing.CONFLICT in standings or named:
        assert not right or right & held_now, f"{name}: neither side of the conflict is one of {right}"
        return
    assert standings <= {Standing.EQUAL}, f"{name}: {standings}"
    assert not right or held_now <= right, f"{name}: {held_now} is newest, {right} was told last"


def _judge_matter(
    boxes: list[Box], name: str, matter: Matter, standings: set[Standing], zones: set[Standing], *, named: bool
) -> None:
    """What nobody ended is in force everywhere; or it is told as a conflict."""
    found = {LOOK[matter](box, name) for box in boxes}
    key = matter.value, name
    right = boxes[0].all_acts.in_force(key, set().union(*(box.acts.get(key, set()) for box in boxes)))
    told = f"{name}: {matter}: {found} in force, {right} was never ended; {standings}"
    if Standing.CONFLICT in standings:
        assert len(right) > 1, told
        assert found - {None} <= right, told
        return
    if Standing.CONFLICT in zones or named:
        return  # it is judged beside the zone
    assert standings <= {Standing.EQUAL}, told
    assert 1 == len(found), told
    assert found <= right if right else found == {None}, told
