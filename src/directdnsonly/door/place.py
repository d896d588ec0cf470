"""What a request reports to its connection: who sent it, so that places go to authenticated clients.

The connection is in the ASGI scope. If there is none (under another server than ours), nothing is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

PLACE: Final = "directdnsonly.door.place"  # in the ASGI scope


@dataclass(slots=True)
class Wait:
    """One long poll. `longest_s`: how long it may wait; `over`: another client needs the place, so answer now."""

    longest_s: float
    over: bool = False


class Place(Protocol):
    """The connection of a request, as seen by the application."""

    def came_from(self, address: str) -> None:
        """A reverse proxy that we trust tells whose request it is."""
        ...

    def admitted(self, *, pushes: bool) -> None:
        """The request is of somebody whom we know."""
        ...

    def refused(self) -> None:
        """It is of nobody whom we know, and is told so."""
        ...

    def answers_at_once(self) -> None:
        """The answer comes now, header and body one after the other: both may leave in one write."""
        ...

    def waiting(self, who: str, wake: Callable[[], object]) -> AbstractContextManager[Wait]:
        """A long poll of this credential; `wake` is called when it is over before its time."""
        ...


class NoPlace:
    """A Place that counts nothing."""

    def came_from(self, address: str) -> None:
        """A reverse proxy that we trust tells whose request it is."""

    def admitted(self, *, pushes: bool) -> None:
        """The request is of somebody whom we know."""

    def refused(self) -> None:
        """It is of nobody whom we know, and is told so."""

    def answers_at_once(self) -> None:
        """The answer comes now, header and body one after the other: both may leave in one write."""

    @contextmanager
    def waiting(self, who: str, wake: Callable[[], object]) -> Iterator[Wait]:
        """A long poll of this credential; `wake` is called when it is over before its time."""
        del who, wake
        yield Wait(longest_s=float("inf"))


_NOWHERE: Final = NoPlace()


def place_of(scope: MutableMapping[str, Any]) -> Place:
    """The Place of the connection on which a request came."""
    found: Place = scope.get(PLACE, _NOWHERE)
    return found
