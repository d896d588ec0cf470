"""What people decided at instances that repair each other: each act with what was known of earlier ones where it was done.

An act is over when a later one knew of it. So what must stand in the end is what nobody ended, or decided anew, knowing of it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act. `begins`: the content that is pinned, or waits, or "kept"; None: it ends what was in force."""

    number: int
    begins: str | None
    saw: frozenset[int]


@dataclass
class Acts:
    """All acts, by matter and zone. What an instance knows of them goes with the instance: a restored one has forgotten."""

    done: dict[tuple[str, str], list[Act]] = field(default_factory=dict)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def add(self, key: tuple[str, str], begins: str | None, knows: set[int]) -> None:
        """It is done where `knows` was known, and is known there from now on."""
        act = Act(number=next(self._numbers), begins=begins, saw=frozenset(knows))
        self.done.setdefault(key, []).append(act)
        knows.add(act.number)

    def begun(self, content: str | None) -> set[int]:
        """The acts that began with this."""
        return {act.number for acts in self.done.values() for act in acts if act.begins == content}

    def begun_of(self, key: tuple[str, str]) -> set[int]:
        """The acts that began anything there: where one is void, so are those that it had replaced."""
        return {act.number for act in self.done.get(key, []) if act.begins is not None}

    def in_force(self, key: tuple[str, str], known: set[int]) -> set[str]:
        """What is in force of all that anybody still knows."""
        acts = [act for act in self.done.get(key, []) if act.number in known]
        over = {number for act in acts for number in act.saw}
        return {act.begins for act in acts if act.number not in over and act.begins is not None}
