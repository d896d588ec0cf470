"""Builds SQL text; every value in it goes through `literal`. Pure.

The escapes are those of our sessions: utf8mb4, and NO_BACKSLASH_ESCAPES is not set (`Connection.open` makes sure of it).
A connection takes several statements in one command, so nothing but this stands between a value and a statement of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from pymysql.converters import escape_string


class Made(Enum):
    """A placeholder for a value that only the server knows."""

    ID = "@made"  # what `KEEP_ID` kept: the AUTO_INCREMENT of the row inserted before it


Value = str | int | Made | None
_ESCAPED = re.compile(r"[\0\\\n\r\x1a']")  # between single quotes a double one says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `rows`: those that it inserts, so that one that does not fit can be named."""

    sql: str
    rows: Sequence[Sequence[Value]] = ()


KEEP_ID = Statement(sql=f"SET {Made.ID.value} = LAST_INSERT_ID()")


def filled(sql: str, args: Sequence[Value]) -> str:
    """`sql` with each `%s` replaced by a value; without values as it stands."""
    return sql % tuple(map(literal, args)) if args else sql


def inserts(
    table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]], *, most_octets: int, over: bool = False
) -> Iterator[Statement]:
    """INSERT of the rows, in as few statements as stay below `most_octets`, but for a single row that is longer.

    `over`: a row whose key is there already takes the place of that one.

    We join the rows ourselves: the driver's executemany sends one packet a row unless the statement is spelt just so,
    and its escaping costs twice ours.
    """
    names = ", ".join(f"`{column}`" for column in columns)
    head = f"INSERT INTO `{table}` ({names}) VALUES "
    tail = f" ON DUPLICATE KEY UPDATE {', '.join(f'`{c}` = VALUES(`{c}`)' for c in columns)}" if over else ""
    start = size = 0
    texts: list[str] = []
    known = _Literals()
    for number, row in enumerate(rows):
        text = f"({','.join(map(known.__getitem__, row))})"
        octets = most_of(text)
        if number > start and size + octets > most_octets:
            yield Statement(sql=head + ",".join(texts) + tail, rows=rows[start:number])
            start, size, texts = number, 0, []
        size += octets + 1
        texts.append(text)
    if rows:
        yield Statement(sql=head + ",".join(texts) + tail, rows=rows[start:])


def joined(statements: Sequence[Statement], *, most_octets: int) -> Iterator[Sequence[Statement]]:
    """The statements in order, in as few commands as stay below `most_octets`, but for a single one that is longer."""
    start = size = 0
    for number, statement in enumerate(statements):
        octets = most_of(statement.sql)
        if number > start and size + octets > most_octets:
            yield statements[start:number]
            start, size = number, 0
        size += octets + 1
    if statements:
        yield statements[start:]


def most_of(text: str) -> int:
    """An upper bound of a text's octets."""
    return len(text) if text.isascii() else 4 * len(text)


def literal(value: Value) -> str:
    """The value as an SQL literal."""
    if isinstance(value, str):
        return f"'{escape_string(value) if _ESCAPED.search(value) else value}'"
    if isinstance(value, Made):
        return value.value
    return "NULL" if value is None else str(int(value))


class _Literals(dict[Value, str]):
    """A cache of `literal`, because most values repeat within one INSERT. Equal values have equal literals."""

    def __missing__(self, value: Value) -> str:
        text = self[value] = literal(value)
        return text
