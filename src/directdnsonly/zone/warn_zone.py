"""The warnings that need a look at the whole zone. Pure; `keys` are sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from directdnsonly.zone.warn import Key, LineOf, Warnings

ZoneRule = Callable[[Sequence[Key], str, LineOf, Warnings], None]  # keys, apex, where a key stands, where to tell it

RULES: Final[Sequence[ZoneRule]] = ()


def judge(keys: Sequence[Key], apex: str, line_of: LineOf, warnings: Warnings) -> None:
    """Everything that is to be said of a zone that will be loaded."""
    warnings.of_rdata(keys, line_of)
    for rule in RULES:
        rule(keys, apex, line_of, warnings)
