"""A checker of histories: what clients were told of each zone, in order, against what each side served, and serves in the end.

One register per zone. A change is known to a side that acknowledged it, and to one that took all from that side, until its disk
goes back to what it was. In the end every side must serve the last change that any side knows, or the zone is named as a
conflict, and one of them does. What was asked for later may be served instead: without an answer, or before a disk was lost, it
may have got further than the client was told.
Whatever is served moves forward by its serial, as secondaries need it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields

from directdnsonly.zone.serial import is_newer

Content = str | None  # None: there is no such zone


@dataclass(frozen=True, kw_only=True)
class Told:
    """One change that a client asked for. `by`: the sides that acknowledged it; `unsure`: those that gave no answer, and may have it."""

    number: int
    content: Content
    by: frozenset[str]
    unsure: frozenset[str] = frozenset()


@dataclass
class Report:
    """What was wrong, counted. `told`: changes that were acknowledged; `named`: zones that are told as conflicts."""

    told: int = 0
    zones: int = 0
    named: int = 0
    lost: int = 0  # neither the last change is served nor any other that was told
    reordered: int = 0  # an earlier one
    resurrected: int = 0  # the last was a delete
    wrongly_deleted: int = 0  # the last was a push
    apart: int = 0  # the sides do not serve the same, and nobody is told
    backwards: int = 0  # another content under a serial that secondaries do not follow
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not (
            self.lost or self.reordered or self.resurrected or self.wrongly_deleted or self.apart or self.backwards
        )

    def __str__(self) -> str:
        counts = ", ".join(f"{one.name.replace('_', ' ')} {getattr(self, one.name)}" for one in fields(self)[:-1])
        return "\n".join([counts, *self.notes[:20]])

    def wrong(self, what: str, note: str) -> None:
        """Count one."""
        setattr(self, what, getattr(self, what) + 1)
        self.notes.append(f"{what}: {note}")


class History:
    """Of any number of sides and zones. Not for several threads."""

    def __init__(self) -> None:
        self._told: dict[str, list[Told]] = {}
        self._number = 0
        self._served: dict[tuple[str, str], tuple[str, int]] = {}
        self._knows: dict[str, set[int]] = {}
        self._saved: dict[str, set[int]] = {}
        self.report = Report()

    def told(self, zone: str, content: Content, by: Collection[str], *, unsure: Collection[str] = ()) -> None:
        """A client has asked for this, after all that it asked for before."""
        self._number += 1
        one = Told(number=self._number, content=content, by=frozenset(by), unsure=frozenset(unsure))
        self._told.setdefault(zone, []).append(one)
        for side in by:
            self._knows.setdefault(side, set()).add(one.number)
        self.report.told += bool(by)

    def took(self, side: str, other: str) -> None:
        """The side has looked at all that differed at the other one, and nothing of it is in doubt."""
        self._knows.setdefault(side, set()).update(self._knows.get(other, ()))

    def saved(self, side: str) -> None:
        """A backup of the side was made."""
        self._saved[side] = set(self._knows.get(side, ()))

    def restored(self, side: str) -> None:
        """The side's disk is that of its backup. What it served since may come under another serial."""
        self._knows[side] = set(self._saved[side])
        self._served = {(of, zone): what for (of, zone), what in self._served.items() if of != side}

    def served(self, side: str, zone: str, content: Content, serial: int) -> None:
        """A name server of the side was asked, after all that was asked before."""
        before = self._served.get((side, zone))
        if content is None:
            return
        if before is not None and before != (content, serial) and not _follows((content, serial), before):
            self.report.wrong("backwards", f"{zone} at {side}: {before}, then {(content, serial)}")
        self._served[side, zone] = content, serial

    def judge(self, zone: str, final: Mapping[str, Content], *, named: bool) -> None:
        """After the last cut. `final`: by side; `named`: people are told that the zone differs."""
        report, told = self.report, self._told.get(zone, [])
        report.zones += 1
        report.named += named
        right = set(self._right(told))
        found = set(final.values())
        if named:
            if right and not right & found:
                report.wrong("lost", f"{zone}: {final} is a conflict without any of {right}; {_line(told)}")
            return
        if len(found) > 1:
            report.wrong("apart", f"{zone}: {final}; {_line(told)}")
        for side, content in final.items():
            if right and content not in right:
                report.wrong(_what(content, told), f"{zone} at {side}: {content}, not {right}; {_line(told)}")

    def _right(self, told: list[Told]) -> Iterator[Content]:
        """The last change that is known, and what was asked for after it."""
        known: set[int] = set().union(*self._knows.values())
        last = max((one.number for one in told if one.number in known), default=None)
        if last is not None:
            yield from (one.content for one in told if one.number >= last and (one.by or one.unsure))


def _follows(now: tuple[str, int], before: tuple[str, int]) -> bool:
    return is_newer(now[1], before[1]) or now == before


def _what(content: Content, told: list[Told]) -> str:
    """What is wrong with a content that is not the last one."""
    if content is None:
        return "wrongly_deleted"
    if told and told[-1].content is None:
        return "resurrected"
    return "reordered" if content in {one.content for one in told} else "lost"


def _line(told: list[Told]) -> str:
    return " ".join(f"{one.content or 'deleted'}@{'+'.join(sorted(one.by)) or 'nobody'}" for one in told)
