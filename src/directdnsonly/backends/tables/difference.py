"""Computes the changes that turn a zone's present rows into the wanted ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

R = TypeVar("R")


def difference(
    present: Iterable[tuple[int, R | None]], wanted: Iterable[R], *, place: Callable[[R], object]
) -> tuple[list[tuple[int | None, R]], list[int]]:
    """The rows to write, each with the id of the row that it replaces (None: a new one), and the ids to delete.

    `present` has ids, and None for a row that cannot stay whatever it says; of two equal rows one is too many. A row
    takes the place of one with the same `place` where it can: of an index that begins so, nothing is to be changed.
    """
    missing = set(wanted)
    free: dict[object, list[int]] = {}
    for number, row in present:
        if row is not None and row in missing:
            missing.remove(row)
        else:
            free.setdefault(row and place(row), []).append(number)
    written: list[tuple[int | None, R]] = []
    homeless: list[R] = []
    for row in missing:
        if ids := free.get(place(row)):
            written.append((ids.pop(), row))
        else:
            homeless.append(row)
    left = [number for ids in free.values() for number in ids]
    written += [(left.pop() if left else None, row) for row in homeless]
    return written, left
