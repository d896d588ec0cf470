"""Zone file text into logical lines of tokens (RFC 1035, section 5.1). Pure; opens nothing, expands nothing.

Text is taken as octets (latin-1), so that what a person put between quotes is served as the octets that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from directdnsonly.errors import ZoneSyntaxError

_SPECIAL = re.compile(r'[();"\\]')
# One step through a line: blanks | comment | parenthesis | quoted string | word. Escapes never end a string or word.
_STEP = re.compile(r'([ \t]+)|(;.*)|([()])|"((?:[^"\\]|\\.)*)"|((?:[^ \t();"\\]|\\.)+)', re.DOTALL)
_ODD_BREAKS = re.compile("[\x00\x0b\x0c\x1c\x1d\x1e]")
MAX_TOKENS = 70_000  # of one record: a TXT of 64 KiB in the shortest strings


class Token(NamedTuple):
    """A word or the inside of a quoted string, escapes untouched. `glued`: no blank stands before it (alpn="h2")."""

    text: str
    quoted: bool
    glued: bool = False


class Line(NamedTuple):
    """A logical line: its first physical line (from 1), whether it began with a blank, its tokens (never empty)."""

    number: int
    continues_owner: bool
    tokens: list[Token]


def logical_lines(text: str) -> Iterator[Line]:
    """The lines of a zone file with parentheses joined and comments gone. Raises ZoneSyntaxError."""
    tokens: list[Token] = []
    depth = start = 0
    blank = False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if depth == 0:
            if not line or line.isspace():
                continue
            start, blank, tokens = number, line[0] in " \t", []
        if not _SPECIAL.search(line) and depth == 0 and not _ODD_BREAKS.search(line) and "\r" not in line:
            yield Line(start, blank, [Token(word, False) for word in line.replace("\t", " ").split(" ") if word])
            continue
        odd = _ODD_BREAKS.search(line) or re.search("\r", line)
        if odd and not _inside_quotes(line, odd.start()):
            raise ZoneSyntaxError(f"control character {odd[0]!a} outside of a string", line=number)
        depth = _step_through(line, depth, tokens, number)
        if len(tokens) > MAX_TOKENS:
            raise ZoneSyntaxError("a record with too many fields", line=start)
        if depth == 0 and tokens:
            yield Line(start, blank, tokens)
    if depth:
        raise ZoneSyntaxError("a parenthesis is opened and never closed", line=start)


def _step_through(line: str, depth: int, tokens: list[Token], number: int) -> int:
    position, size = 0, len(line)
    word_end = -1  # where the last token of this line ended
    while position < size:
        step = _STEP.match(line, position)
        if step is None:
            what = "a string is not closed" if line[position] == '"' else "a backslash escapes nothing"
            raise ZoneSyntaxError(what, line=number)
        kind = step.lastindex
        if kind == 3:  # noqa: PLR2004 - the groups of _STEP
            depth += 1 if step[3] == "(" else -1
            if depth not in (0, 1):
                raise ZoneSyntaxError("parentheses do not match", line=number)
        elif kind == 4:  # noqa: PLR2004
            tokens.append(Token(step[4], True, word_end == position))
            word_end = step.end()
        elif kind == 5:  # noqa: PLR2004
            tokens.append(Token(step[5], False, word_end == position))
            word_end = step.end()
        elif kind is None:  # an empty quoted string
            tokens.append(Token("", True))
        position = step.end()
    return depth


def _inside_quotes(line: str, position: int) -> bool:
    """Whether `position` lies inside a quoted string of the line."""
    at = 0
    while at < len(line):
        step = _STEP.match(line, at)
        if step is None:
            return False
        if step.start() <= position < step.end():
            return line[step.start()] == '"' or step.lastindex == 2  # noqa: PLR2004 - a comment is inert, too
        at = step.end()
    return False
