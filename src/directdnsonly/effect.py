"""When a changed setting takes effect. Each setting says so in its type, and the plan of a reload and the docs read it there.

    max_body_bytes: AtReload[int] = Field(...)

A setting that does not say so is a mistake, which a test finds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic.fields import FieldInfo

T = TypeVar("T")


class Effect(StrEnum):
    """What a change of a setting needs."""

    RELOAD = "reload"  # `dadns reload`, SIGHUP
    RESTART = "restart"  # of the service
    SWITCH = "switch"  # another value: a reload; set or left out, which switches something on or off: a restart
    BUNDLED = "bundled"  # a reload; where we run the name server a restart, since its own configuration holds the value


AtReload = Annotated[T, Effect.RELOAD]
AtRestart = Annotated[T, Effect.RESTART]
AtReloadOnceSet = Annotated[T, Effect.SWITCH]
AtRestartIfBundled = Annotated[T, Effect.BUNDLED]


def effect_of(field: FieldInfo) -> Effect:
    """Of a setting. Raises LookupError when it does not say."""
    for mark in field.metadata:
        if isinstance(mark, Effect):
            return mark
    raise LookupError(f"{field.annotation}: a setting without AtReload or AtRestart (directdnsonly.effect)")
