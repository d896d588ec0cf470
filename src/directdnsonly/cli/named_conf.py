"""The language of named.conf, as far as a list of zones needs it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{};]|[^\s{};"]+')
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|/\*.*?\*/|//[^\n]*|#[^\n]*', re.DOTALL)


def words_of(text: str) -> list[str]:
    """Words, texts in quotes, braces and semicolons, without the comments of all three kinds."""
    return _TOKEN.findall(_COMMENT.sub(lambda found: found[1] or " ", text))


def is_whole(words: Sequence[str]) -> bool:
    """Whether it ends behind a statement, and not in the middle of one."""
    return words.count("{") == words.count("}") and (not words or words[-1] == ";")


def statements(words: Sequence[str]) -> Iterator[list[str]]:
    """Top-level statements, each with what its braces hold, without the last semicolon."""
    current: list[str] = []
    depth = 0
    for word in words:
        if word == ";" and depth == 0:
            if current:
                yield current
            current = []
            continue
        depth += (word == "{") - (word == "}")
        current.append(word)


def value_of(statement: Sequence[str], key: str) -> str:
    """The value of `key value;` directly inside of the statement's braces."""
    depth = 0
    for number, word in enumerate(statement[:-1]):
        depth += (word == "{") - (word == "}")
        if depth == 1 and word == key and statement[number - 1] in ("{", ";", "}"):
            return bare(statement[number + 1])
    return ""


def block_of(statement: Sequence[str], keys: Sequence[str]) -> list[str]:
    """What stands in the braces of `key ... { };` directly inside of the statement's braces."""
    depth = 0
    for number, word in enumerate(statement):
        depth += (word == "{") - (word == "}")
        if depth == 1 and word in keys and statement[number - 1] in ("{", ";", "}"):
            rest = list(statement[number + 1 :])
            return rest[rest.index("{") + 1 : rest.index("}")] if "{" in rest and "}" in rest else []
    return []


def bare(word: str) -> str:
    """Without its quotes."""
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
