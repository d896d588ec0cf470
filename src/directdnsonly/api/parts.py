"""What every router of the API is handed: the acts and looks of `operate`, what the store shows, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from directdnsonly.door.bodies import Bodies
from directdnsonly.operate.acts import Acts
from directdnsonly.operate.journal import Operator
from directdnsonly.operate.running import Running
from directdnsonly.outbox.store.looking import Looking


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything that the API looks at.

    `asks`, a dependency of the framework's, tells who sent a request, and raises HTTPException 401 for nobody.
    """

    looking: Looking
    acts: Acts
    running: Running
    asks: Callable[[Request], Operator]
    max_body_bytes: int
    bodies: Bodies
    body_timeout_s: float = 20.0
