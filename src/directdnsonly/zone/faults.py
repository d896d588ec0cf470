"""The faults of one zone while it is read: the first ten, so that a person corrects them in one go. Pure."""

from __future__ import annotations

from typing import Final, NoReturn

from directdnsonly.errors import PushRefused

MOST: Final = 10  # then reading ends: what one wrong push costs stays bounded


class Faults:
    """Collects; the error that is raised in the end is the first one, and has all of them as `faults`."""

    def __init__(self) -> None:
        self._found: list[PushRefused] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)

    def add(self, error: PushRefused) -> None:
        """One more; the tenth ends the reading. Raises PushRefused."""
        self._found.append(error)
        if len(self._found) >= MOST:
            self._refuse()

    def end(self, error: PushRefused) -> NoReturn:
        """One after which nothing can be read any more. Raises PushRefused."""
        self._found.append(error)
        self._refuse()

    def settle(self) -> None:
        """Raises PushRefused if there are any."""
        if self._found:
            self._refuse()

    def _refuse(self) -> NoReturn:
        first = self._found[0]
        first.faults = tuple(fault for error in self._found for fault in error.faults)
        raise first from None
