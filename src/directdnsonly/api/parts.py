"""What every router of the API is given: the acts and checks of `operate`, the store's read side, and who asks."""

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
    """The parts of the service that the API uses.

    `asks` is a FastAPI dependency that returns who sent a request; it raises HTTPException 401 if nobody is authenticated.
    """

    looking: Looking
    acts: Acts
    running: Running
    asks: Callable[[Request], Operator]
    bodies: Bodies
