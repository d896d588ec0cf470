"""The configuration as an operator sees it: what is in force, what the last reload did, and how to ask for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from directdnsonly.errors import ConfigProblem
from directdnsonly.operate.journal import Operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What a reload has applied, or would apply: keys, never values. `needs_restart`: what it leaves as it was."""

    changed: Sequence[str] = ()
    needs_restart: Sequence[str] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is in force, and what became of the last reload. Moments are epoch seconds.

    `failed_at`: since when reloads fail, None when the last one did not, or there was none; `problems` are then those of
    the last one, and what was read at `loaded_at` is in force.
    """

    file: str = ""
    loaded_at: float = 0.0
    tried_at: float | None = None  # the last reload, however it ended
    failed_at: float | None = None
    problems: Sequence[ConfigProblem] = ()
    changed: Sequence[str] = ()  # by the last reload that was applied
    needs_restart: Sequence[str] = ()


class Reloading(Protocol):
    """Takes a changed configuration at work."""

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        ...

    async def reload(self, who: Operator, *, dry_run: bool = False) -> Reloaded:
        """Read it anew, and apply what can be. Raises ConfigError with everything that is wrong: then nothing is changed.

        `dry_run`: only tell what it would do.
        """
        ...


class NeverReloads:
    """Where nobody reads a configuration."""

    standing = Standing()

    async def reload(self, who: Operator, *, dry_run: bool = False) -> Reloaded:
        """Nothing has changed."""
        del who
        return Reloaded(dry_run=dry_run)
