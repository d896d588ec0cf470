"""Collects the first ten faults of a zone while it is parsed, so that a person can correct them in one go. Pure."""

from __future__ import annotations

from typing import Final, NoReturn

from directdnsonly.errors import PushRefused

MOST: Final = 10  # then reading ends: what one wrong push costs stays bounded


class Faults:
    """The faults found so far; the error finally raised is the first one and carries them all as `faults`."""

    def __init__(self) -> None:
        self._found: list[PushRefused] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)

    def add(self, error: PushRefused) -> None:
        """Add a fault; the tenth ends the parse. Raises PushRefused."""
        self._found.append(error)
        if len(self._found) >= MOST:
            self._refuse()

    def end(self, error: PushRefused) -> NoReturn:
        """Add a fault after which nothing more can be parsed. Raises PushRefused."""
        self._found.append(error)
        self._refuse()

    def settle(self) -> None:
        """End the parse: raises PushRefused if there are any faults."""
        if self._found:
            self._refuse()

    def _refuse(self) -> NoReturn:
        first = self._found[0]
        first.faults = tuple(fault for error in self._found for fault in error.faults)
        raise first from None
