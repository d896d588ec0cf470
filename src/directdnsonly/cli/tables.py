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

    Foreign text is neither markup nor terminal control: control characters become question marks, so a value never
    contains a tab or a line end.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._rows: list[list[str]] = []

    def add(self, *values: object) -> None:
        """Add a row; give as many values as there are column names."""
        assert len(self._names) == len(values), values
        self._rows.append([CONTROL.sub("?", str(value)) for value in values])

    def show(self, *, none: str = "") -> None:
        """Print the table, or `none` if it has no rows. On a terminal that is too narrow, lines are printed as for a pipe."""
        if none and not self._rows:
            say(none)
        elif to_people() and out.width >= NARROWEST * len(self._names):
            out.print(self._folded())
        else:
            print("\n".join("\t".join(row) for row in (self._names, *self._rows)), flush=True)

    def _folded(self) -> Table:
        """Wrap the widest columns first, until the table fits."""
        columns = [Column(name, overflow="fold") for name in self._names]
        table = Table(*columns, box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for row in self._rows:
            table.add_row(*map(Text, row))
        return table
