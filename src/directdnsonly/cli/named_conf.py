"""A parser for the part of named.conf that lists zones; what cannot be read is reported with its line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

# A string ends in its line. A quotation mark or `/*` that is left over was never closed.
_STRING: Final = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT: Final = re.compile(rf"({_STRING})|/\*.*?\*/|//[^\n]*|#[^\n]*", re.DOTALL)
_TOKEN: Final = re.compile(rf'{_STRING}|[{{}};"]|/\*|[^\s{{}};"]+')
_OPEN: Final = {
    '"': "a quotation mark is opened here and never closed",
    "/*": "a comment begins here and is never closed",
}
# What a statement of named.conf begins with; a file of anything else has no such word there.
_KEYWORDS: Final = frozenset({
    "acl", "controls", "dnssec-policy", "http", "include", "key", "logging", "masters", "options", "primaries",
    "server", "statistics-channels", "tls", "trust-anchors", "trusted-keys", "managed-keys", "view", "zone",
})  # fmt: skip
_NOT_READ: Final = "nothing after it was read"


class Word(str):
    """A token of named.conf (word, brace or semicolon) and its line, counted from 1."""

    __slots__ = ("line",)
    line: int

    def at(self, line: int) -> Word:
        """The same token, placed on another line."""
        self.line = line
        return self


class Broken(NamedTuple):
    """A place that cannot be parsed: its line and the reason."""

    line: int
    reason: str


def words_of(text: str) -> list[Word]:
    """The tokens of a text without its comments."""
    found: list[Word] = []
    line, end = 1, 0
    text = _COMMENT.sub(lambda comment: comment[1] or " " + "\n" * comment[0].count("\n"), text)
    for token in _TOKEN.finditer(text):
        line += text.count("\n", end, token.start())
        end = token.start()
        found.append(Word(token[0]).at(line))
    return found


def is_whole(words: Sequence[str]) -> bool:
    """Whether the text ends after a complete statement."""
    return words.count("{") == words.count("}") and (not words or words[-1] == ";")


def statements(words: Sequence[Word]) -> Iterator[list[Word] | Broken]:
    """The statements, each with the tokens in its braces and without the final semicolon; call it again on a view's content.

    A zone that is not closed ends where the next one begins. A missing semicolon after a brace does no harm.
    """
    current: list[Word] = []
    depth = 0
    for word in words:
        if word in _OPEN and _is_known(current or words):
            yield Broken(word.line, f"{_OPEN[word]}: {_NOT_READ}")
            return
        if depth == 0 and word == "}":
            if _is_known(words):
                yield Broken(word.line, f"a brace is closed here that was never opened: {_NOT_READ}")
            return
        if depth == 0 and current and (word == ";" or current[-1] == "}"):
            yield current
            current = []
        if depth and word == "zone" and current[0] == "zone" and current[-1] in ("{", "}", ";"):
            yield Broken(
                current[0].line, f"{_called(current)} is not closed before the next one begins in line {word.line}"
            )
            current, depth = [], 0
        if word == ";" and not current:
            continue
        depth += (word == "{") - (word == "}")
        current.append(word)
    if not current:
        return
    if depth == 0 and current[-1] == "}":
        yield current
    elif _is_known(current):
        what = "a brace is missing" if depth else "a semicolon is missing"
        yield Broken(current[0].line, f"{_called(current)} is not closed before the file or view ends: {what}")
        if current[0] == "view":  # for the zones in it
            yield current


def value_of(statement: Sequence[str], key: str) -> str:
    """The value of `key value;` directly inside the statement's braces."""
    depth = 0
    for number, word in enumerate(statement[:-1]):
        depth += (word == "{") - (word == "}")
        if depth == 1 and word == key and statement[number - 1] in ("{", ";", "}"):
            return bare(statement[number + 1])
    return ""


def block_of(statement: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The tokens in `key ... { };` directly inside the statement's braces."""
    depth = 0
    for number, word in enumerate(statement):
        depth += (word == "{") - (word == "}")
        if depth == 1 and word in keys and statement[number - 1] in ("{", ";", "}"):
            rest = list(statement[number + 1 :])
            return rest[rest.index("{") + 1 : rest.index("}")] if "{" in rest and "}" in rest else []
    return []


def bare(word: str) -> str:
    """The word without its quotation marks."""
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _is_known(words: Sequence[Word]) -> bool:
    """Whether the statement is one of named.conf's at all."""
    return bool(words) and words[0] in _KEYWORDS


def _called(statement: Sequence[Word]) -> str:
    return " ".join(word for word in statement[:2] if word not in ("{", ";"))
