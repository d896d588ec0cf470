"""One kind of bundled name server, as the supervisor runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Program(Protocol):
    """One kind of bundled name server. Made by `nameservers.registry`; holds no process."""

    @property
    def kind(self) -> str:
        """What people call it: named, nsd, knotd."""
        ...

    @property
    def log_file(self) -> Path:
        """Where it logs."""
        ...

    @property
    def pid_file(self) -> Path:
        """Where it notes its process."""
        ...

    @property
    def note_file(self) -> Path:
        """Where we note which process of it is ours."""
        ...

    @property
    def marker(self) -> str:
        """What stands in the command line of our own process of it and of no other: a path in our folder."""
        ...

    @property
    def host(self) -> str:
        """The first address that it listens on."""
        ...

    @property
    def port(self) -> int:
        """Where it answers."""
        ...

    @property
    def hang_s(self) -> float:
        """Seconds without an answer to any query after which it is believed to hang; 0: never."""
        ...

    def configuration(self) -> str:
        """Blocking: the text of its configuration as a start would write it now, without the list of its zones. Writes nothing."""
        ...

    def version(self) -> str:
        """Blocking: of the program that is installed, as it calls itself."""
        ...

    def prepare(self) -> None:
        """Blocking: folders, keys, configuration, lists of zones. Raises ConfigError when it cannot run.

        Never beside a process of ours that lives: its files and databases are written anew.
        """
        ...

    def command(self) -> Sequence[str]:
        """Program and arguments; it must stay in the foreground."""
        ...

    def says_started(self, log: bytes) -> bool:
        """Whether these lines of its log tell that it answers."""
        ...
