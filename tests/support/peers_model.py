"""Instances that repair each other, each with a real SQLite store, and what their clients were told, as a dictionary."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from directdnsonly.outbox.changes import Kind, NewDeletion, NewVersion, Origin, Owner, Receipt, Source
from directdnsonly.outbox.decide.merge import compare
from directdnsonly.outbox.peering import Compared, PeerVersion, Stated
from directdnsonly.outbox.sqlite import bodies, ids, triggers
from directdnsonly.outbox.sqlite.change import record
from directdnsonly.outbox.sqlite.migrate import migrate
from directdnsonly.outbox.sqlite.write import Setting
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.serial import is_newer
from tests.support.made import H1, H2, a_zone

_ROW = "SELECT version, kind, serial, pushed_serial, digest, credential, hostname, username, stated, change_id FROM zone WHERE zone = ?"
_changes = itertools.count(1)


@lru_cache(1)
def _empty() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        return connection.serialize()


class Box:
    """One instance. Its clock is its own, and wrong; `knows`: of each zone, the numbers of the told changes that stand behind it."""

    def __init__(self, name: str, *, history: int, clock_s: float) -> None:
        self.name, self.clock_s = name, clock_s
        self.setting = Setting(clock_s, ("bind",), history)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.knows: dict[str, set[int]] = {}
        self.restore((_empty(), {}))

    def _origin(self, source: Source, owner: Owner) -> Origin:
        return Origin(change_id=f"{self.name}-{next(_changes)}", source=source, owner=owner)

    def _run(self, command: NewVersion | NewDeletion | PeerVersion) -> Receipt:
        self.setting = self.setting._replace(now=self.setting.now + 1)
        self.connection.execute("BEGIN IMMEDIATE")
        receipt = record(self.connection, command, self.setting)
        self.connection.execute("COMMIT")
        return receipt

    def push(self, name: str, serial: int, content: str, owner: Owner) -> Receipt:
        zone = a_zone(name, serial, content=content)
        return self._run(NewVersion(zone=zone, origin=self._origin(Source.DIRECTADMIN, owner)))

    def delete(self, name: str, owner: Owner) -> Receipt:
        origin = self._origin(Source.DIRECTADMIN, owner)
        return self._run(NewDeletion(name=ZoneName.parse(name), origin=origin, remembers=True))

    def zones(self) -> list[str]:
        return [row[0] for row in self.connection.execute("SELECT zone FROM zone ORDER BY zone")]

    def states(self, name: str) -> Stated | None:
        row = self.connection.execute(_ROW, (name,)).fetchone()
        if row is None:
            return None
        version, kind, serial, pushed_serial, digest, credential, hostname, username, stated, change_id = row
        owner = Owner(credential=credential, hostname=hostname, username=username)
        return Stated(
            stated=ids.of_row(stated, kind, digest, serial, owner, change_id),
            kind=Kind(kind),
            serial=serial,
            pushed_serial=pushed_serial,
            digest=digest,
            owner=owner,
            past=ids.past(self.connection, ZoneName.parse(name), version),
        )

    def text(self, name: str) -> str:
        row = self.connection.execute(
            "SELECT v.body FROM zone z JOIN version v USING (zone, version) WHERE z.zone = ?", (name,)
        ).fetchone()
        return bodies.text_of(row[0])

    def content(self, name: str) -> str | None:
        """What it would serve; None: nothing."""
        states = self.states(name)
        return None if states is None or states.kind is Kind.DELETE else self.text(name).split('"')[1]

    def published(self, name: str) -> int | None:
        """The serial that a resolver is told; None: there is no such zone."""
        return None if self.content(name) is None else self._serial(name)

    def compare(self, other: Box, name: str) -> Compared:
        return compare(self.states(name), other.states(name))

    def take(self, other: Box, name: str, *, chosen: bool = False) -> bool:
        """What the other states of the zone goes through this store; whether it was taken."""
        theirs = other.states(name)
        if theirs is None:
            return False
        content = other.content(name)
        zone = None if content is None else a_zone(name, theirs.serial, content=content)
        command = PeerVersion(
            name=ZoneName.parse(name), theirs=theirs, zone=zone, origin=self._origin(Source.PEER, theirs.owner),
            at=other.setting.now, chosen=chosen,
        )  # fmt: skip
        before, serial = self.states(name), self._serial(name)
        receipt = self._run(command)
        if receipt.overtaken:
            assert before == self.states(name), "what was not taken has changed something"
            return False
        if self.content(name) is not None and receipt.changed and serial is not None:
            assert is_newer(receipt.serial, serial), "a secondary could not follow"
        self.knows[name] = self.knows.get(name, set()) | other.knows.get(name, set())
        return True

    def _serial(self, name: str) -> int | None:
        """Under which it was published last."""
        states = self.states(name)
        return None if states is None else states.serial

    def saved(self) -> tuple[bytes, dict[str, set[int]]]:
        return self.connection.serialize(), {name: set(known) for name, known in self.knows.items()}

    def restore(self, saved: tuple[bytes, dict[str, set[int]]]) -> None:
        self.connection.close()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.deserialize(saved[0])
        triggers.prepare(self.connection)
        self.knows = {name: set(known) for name, known in saved[1].items()}


@dataclass(kw_only=True)
class Told:
    """One change that a client was told of as done. `content` None: a delete.

    `saw`: of a late delete, what its boxes knew of the zone: of anything else it may not clear a zone.
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

    def _note(self, name: str, content: str | None, boxes: Iterable[Box]) -> None:
        told = Told(number=next(self._numbers), content=content)
        self.told.setdefault(name, []).append(told)
        for box in boxes:
            box.knows.setdefault(name, set()).add(told.number)

    def put(self, name: str, boxes: list[Box], *, step: int) -> None:
        """Other content, by the zone's server, or a new zone; a new one may begin anew with its serials."""
        owner = self.living[name][2] if name in self.living else H1
        self._put(name, boxes, owner, self.serials.get(name, 0) + step)

    def move(self, name: str, boxes: list[Box]) -> None:
        """The account goes to the other server, which pushes the zone."""
        if name in self.living:
            owner = H2 if self.living[name][2] == H1 else H1
            self._put(name, boxes, owner, self.serials[name] + 1)

    def _put(self, name: str, boxes: list[Box], owner: Owner, serial: int) -> None:
        content = f"c{next(self._numbers)}"
        self.living[name], self.serials[name] = (serial, content, owner), serial
        for box in boxes:
            box.push(name, serial, content, owner)
        if boxes:
            self._note(name, content, boxes)

    def again(self, name: str, boxes: list[Box]) -> None:
        """The very same is pushed once more."""
        if name in self.living and boxes:
            serial, content, owner = self.living[name]
            for box in boxes:
                box.push(name, serial, content, owner)
            self._note(name, content, boxes)

    def delete(self, name: str, boxes: list[Box], *, restarts: bool) -> None:
        """Also of what is deleted already. `restarts`: when it is made again its serials begin anew."""
        owner = self.living.pop(name)[2] if name in self.living else H1
        if restarts:
            self.serials[name] = 0
        done = [box for box in boxes if not box.delete(name, owner).ignored]
        if done:
            self._note(name, None, done)

    def late_delete(self, name: str, boxes: list[Box]) -> None:
        """The server that the account has left clears up behind it. Where the move was not heard of, that is a delete."""
        if name in self.living:
            former = H2 if self.living[name][2] == H1 else H1
            for box in boxes:
                if box.content(name) is not None and not box.delete(name, former).ignored:
                    self._note(name, None, [box])
                    self.told[name][-1].saw = frozenset(box.knows[name])


def settle(boxes: list[Box]) -> int:
    """Every box asks every other one until nobody takes anything any more; how many rounds that took."""
    for rounds in range(1, 20):
        taken = [
            box.take(other, name) for box in boxes for other in boxes if other is not box for name in other.zones()
        ]
        if not any(taken):
            return rounds
    raise AssertionError("they take from each other without an end")


def judge(panel: Panel, boxes: list[Box]) -> None:
    """After the last cut: nothing is lost, resurrected or wrongly deleted, all is equal; or the zone is told as a conflict."""
    for name, told in panel.told.items():
        pairs = [(box, other) for box in boxes for other in boxes if other is not box]
        standings = {str(box.compare(other, name).standing) for box, other in pairs}
        held = {box.content(name) for box in boxes}
        known = [one for one in told if any(one.number in box.knows.get(name, ()) for box in boxes)]
        last = next((one for one in reversed(known) if one.saw is None), None)
        right = set() if last is None else {last.content}
        right |= {None for one in known if one.saw and (last is None or last.number in one.saw)}
        if "conflict" in standings:
            assert not right or right & held, f"{name}: neither side of the conflict is one of {right}"
            continue
        assert standings <= {"equal"}, f"{name}: {standings}"
        assert not right or held <= right, f"{name}: {held} is served, {right} was told last"
        assert 1 == len({box.published(name) for box in boxes}), f"{name}: other serials"
