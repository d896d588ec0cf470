"""Splits zone file text into logical lines of tokens (RFC 1035, section 5.1). Pure; opens and expands nothing.

Text is handled as octets (latin-1), so that a quoted string is served as the very octets that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from typing import NamedTuple

from directdnsonly.errors import ZoneSyntaxError

_SPECIAL = re.compile(r'[();"\\\x00\x0b\x0c\r\x1c-\x1f]')
# One step through a line: blanks | comment | parenthesis | quoted string | word. Escapes never end a string or word.
_STEP = re.compile(r'([ \t]+)|(;.*)|([()])|"((?:[^"\\]++|\\.)*+)"|((?:[^ \t();"\\]++|\\.)++)', re.DOTALL)
_ODD_BREAKS = re.compile("[\x00\x0b\x0c\r\x1c-\x1f]")
_BETWEEN_STRINGS = re.compile(r"[;()\\]")
_NOT_SIMPLE = re.compile(r'\\"|[\x00\x0b\x0c\r\x1c-\x1f]')
# A record's 64 KiB of RDATA, each octet as \\DDD, are 256 KiB of text: more in one line is no record.
MAX_LINE_CHARS = 512 * 1024
MAX_RECORD_CHARS = 2 * MAX_LINE_CHARS  # over several lines, indented
MAX_TOKENS = 70_000  # of one record: a TXT of 64 KiB in the shortest strings
_BLOCK_CHARS = 64 * 1024


class Token(NamedTuple):
    """A word or the content of a quoted string, escapes untouched. `glued`: no blank before it (alpn="h2").

    `cut`: the comment after it, if that may have been meant as text (v=DKIM1; k=rsa).
    """

    text: str
    quoted: bool
    glued: bool = False
    cut: str = ""


class Line(NamedTuple):
    """A logical line: the number of its first physical line (from 1), whether it begins with a blank, its words (never empty).

    `tokens` are the same words with details of each; None if all are plain words.
    """

    number: int
    continues_owner: bool
    words: list[str]
    tokens: list[Token] | None = None


def _raise(error: ZoneSyntaxError) -> None:
    raise error


class _StillOpen(ZoneSyntaxError):
    """A second parenthesis before the first one is closed."""


def logical_lines(text: str, tell: Callable[[ZoneSyntaxError], None] = _raise) -> Iterator[Line]:
    """The logical lines of a zone file: parentheses joined, comments removed.

    A syntax error is passed to `tell`, which may raise; if it does not, reading continues after it.
    """
    first = 1
    while first:  # again behind a parenthesis that was left open: it has swallowed what follows
        first = yield from _logical_lines(text, first, tell)


def _logical_lines(text: str, first: int, tell: Callable[[ZoneSyntaxError], None]) -> Generator[Line, None, int]:
    """From line `first` on; where to begin again, 0 at the end."""
    tokens: list[Token] = []
    depth = start = size = 0
    blank = broken = False
    for number, raw in enumerate(islice(_physical_lines(text), first - 1, None), start=first):
        line = raw.rstrip("\r") if raw[-1:] == "\r" else raw
        if not line or line.isspace() or (line[0] == ";" and depth == 0):
            continue
        if broken:  # the rest of a record that cannot be read
            broken = ")" not in line
            continue
        if depth == 0:
            start, blank, tokens, size = number, line[0] in " \t", [], 0
        size += len(line)
        try:
            if len(line) > MAX_LINE_CHARS or size > MAX_RECORD_CHARS:
                raise _too_long(start)
            if depth == 0 and not _SPECIAL.search(line):
                words = (
                    line.split() if line.isascii() else [word for word in line.replace("\t", " ").split(" ") if word]
                )
                if len(words) > MAX_TOKENS:
                    raise _too_long(number)
                yield Line(start, blank, words)
                continue
            if depth == 0 and (simple := _with_strings(line)) is not None:
                yield Line(start, blank, [token.text for token in simple], simple)
                continue
            _require_readable(line, number)
            depth = _step_through(line, depth, tokens, number)
        except ZoneSyntaxError as error:
            if start < number and (isinstance(error, _StillOpen) or error.rule == "line-too-long"):
                is_open = isinstance(error, _StillOpen)
                tell(
                    _left_open(start, f", and another one is opened in line {number}") if is_open else _too_long(start)
                )
                return _behind(text, start)
            tell(error)
            broken = (depth > 0 or "(" in line) and ")" not in line
            depth = 0
            continue
        if depth == 0 and tokens:
            yield Line(start, blank, [token.text for token in tokens], tokens)
    if not depth:
        return 0
    tell(_left_open(start, ""))
    return _behind(text, start)


def _require_readable(line: str, number: int) -> None:
    odd = _ODD_BREAKS.search(line)
    if odd and not _inside_quotes(line, odd.start()):
        raise ZoneSyntaxError(f"control character {odd[0]!a} outside a string", line=number)


def _left_open(line: int, until: str) -> ZoneSyntaxError:
    return ZoneSyntaxError(f"the parenthesis opened here is never closed{until}", line=line)


def _too_long(line: int) -> ZoneSyntaxError:
    reason = (
        f"a record of more than {MAX_LINE_CHARS} characters, or with too many fields:"
        " is a parenthesis or a quotation mark left open?"
    )
    return ZoneSyntaxError(reason, line=line, rule="line-too-long")


def _behind(text: str, start: int) -> int:
    """The line that begins the next record, as people write them: not indented, and of more than one word."""
    for number, line in enumerate(islice(_physical_lines(text), start, None), start=start + 1):
        if line[:1] not in {"", " ", "\t", ";", ")", "\r"} and len(line.partition(";")[0].split(None, 2)) > 1:
            return number
    return 0


def _physical_lines(text: str) -> Iterator[str]:
    r"""`text.split("\n")` without ever holding all lines: a body of line ends alone would cost 130 MB."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start + _BLOCK_CHARS)
        if end < 0:
            end = len(text)
        yield from text[start:end].split("\n")
        start = end + 1


def _with_strings(line: str) -> list[Token] | None:
    """The tokens of a line whose only special characters are those of strings, and no quotation mark is escaped; else None."""
    parts = line.split('"')
    if len(parts) % 2 == 0 or len(parts) > MAX_TOKENS or not line.isascii() or _NOT_SIMPLE.search(line):
        return None
    if _BETWEEN_STRINGS.search("".join(parts[::2])):
        return None
    tokens: list[Token] = []
    for place, part in enumerate(parts):
        if place % 2:
            before = parts[place - 1]
            tokens.append(Token(part, True, before[-1] not in " \t" if before else place > 1))
        elif part and not part.isspace():
            words = part.split()
            tokens.append(Token(words[0], False, place > 0 and part[0] not in " \t"))
            tokens += [Token(word, False) for word in words[1:]]
    return tokens


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
            if depth > 1:
                raise _StillOpen("a parenthesis is opened inside another one", line=number)
            if depth < 0:
                raise ZoneSyntaxError("a parenthesis is closed here that was never opened", line=number)
        elif kind == 4:  # noqa: PLR2004
            tokens.append(Token(step[4], True, word_end == position))
            word_end = step.end()
        elif kind == 5:  # noqa: PLR2004
            tokens.append(Token(step[5], False, word_end == position))
            word_end = step.end()
        elif kind is None:  # an empty quoted string
            tokens.append(Token("", True))
        elif kind == 2 and tokens and (word_end == position or "=" in step[2]):  # noqa: PLR2004
            tokens[-1] = tokens[-1]._replace(cut=step[2])
        if len(tokens) > MAX_TOKENS:
            raise _too_long(number)
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
