"""Tables: aligned and folded on a terminal; one line per row, with tabs, for whatever reads a pipe."""

from __future__ import annotations

from typing import Final

from rich.table import Column, Table
from rich.text import Text

from directdnsonly.cli.terminal import CONTROL, out, say, to_people

GAP: Final = 1
NARROWEST: Final = 8  # columns of a terminal per column of a table; below that a folded table cannot be read


class Rows:
    """A table that is filled and then shown. No value is ever cut.

    What other people wrote is no markup and moves no cursor: control characters become question marks, so a tab or the
    end of a line is never part of a value.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._rows: list[list[str]] = []

    def add(self, *values: object) -> None:
        """One row; as many values as names."""
        assert len(self._names) == len(values), values
        self._rows.append([CONTROL.sub("?", str(value)) for value in values])

    def show(self, *, none: str = "") -> None:
        """Print it; `none` instead when it has no rows. On a terminal too narrow for a table: as for a pipe, and the terminal breaks the lines."""
        if none and not self._rows:
            say(none)
        elif to_people() and out.width >= NARROWEST * len(self._names):
            out.print(self._folded())
        else:
            print("\n".join("\t".join(row) for row in (self._names, *self._rows)), flush=True)

    def _folded(self) -> Table:
        """The widest columns are broken into lines first, until all fit."""
        columns = [Column(name, overflow="fold") for name in self._names]
        table = Table(*columns, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for row in self._rows:
            table.add_row(*map(Text, row))
        return table
