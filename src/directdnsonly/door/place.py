"""What a request tells the connection that it came by: whose it is, so that places go to those who were admitted.

The connection stands in the ASGI scope. Where none does (another server than ours), nothing is told to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

PLACE: Final = "directdnsonly.door.place"  # in the ASGI scope


@dataclass(slots=True)
class Wait:
    """One long poll. `longest_s`: how long it may wait; `over`: somebody else needs the place, answer now."""

    longest_s: float
    over: bool = False


class Place(Protocol):
    """The place that a connection takes."""

    def came_from(self, address: str) -> None:
        """A reverse proxy that we trust tells whose request it is."""
        ...

    def admitted(self, *, pushes: bool) -> None:
        """The request is of somebody whom we know."""
        ...

    def refused(self) -> None:
        """It is of nobody whom we know, and is told so."""
        ...

    def waiting(self, who: str, wake: Callable[[], object]) -> AbstractContextManager[Wait]:
        """A long poll of this credential; `wake` is called when it is over before its time."""
        ...


class NoPlace:
    """Where nobody counts places."""

    def came_from(self, address: str) -> None:
        """A reverse proxy that we trust tells whose request it is."""

    def admitted(self, *, pushes: bool) -> None:
        """The request is of somebody whom we know."""

    def refused(self) -> None:
        """It is of nobody whom we know, and is told so."""

    @contextmanager
    def waiting(self, who: str, wake: Callable[[], object]) -> Iterator[Wait]:
        """A long poll of this credential; `wake` is called when it is over before its time."""
        del who, wake
        yield Wait(longest_s=float("inf"))


_NOWHERE: Final = NoPlace()


def place_of(scope: MutableMapping[str, Any]) -> Place:
    """The place of the connection that a request came by."""
    found: Place = scope.get(PLACE, _NOWHERE)
    return found
