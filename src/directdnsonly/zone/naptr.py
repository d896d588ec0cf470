"""A check that the regexp field of NAPTR is a substitution that named loads (RFC 3402, section 3.2). Pure.

named refuses a whole zone for a bad one. The expression is a POSIX extended regular expression (IEEE 1003.2, section 2.8)
in the C locale, back references included; what POSIX leaves undefined is taken where named takes it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_NOT_DELIMITERS: Final = frozenset("0123456789\\i\x00")
_CLASSES: Final = "alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit"
_BOUND: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}", re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MOST_TIMES: Final = 255  # RE_DUP_MAX
# Of a bracket: character class | equivalence class | collating element | range | character. Behind a range no `-` may stand,
# and a `[` that begins or ends one is refused: named compares it with nothing.
_ELEMENT: Final = re.compile(
    rf"\[:(?:{_CLASSES}):\]|\[=[^=]+=\]|\[\.[^.]+\.\]|(?P<low>[^\[])-(?P<high>[^\]\[])(?!-)|(?!\[[:=.])[^\]](?!-[^\]])",
    re.DOTALL,
)


def is_substitution(regexp: bytes) -> bool:
    """Whether the field is empty, or delimiter, expression, delimiter, replacement, delimiter, flags (only `i`)."""
    text = regexp.decode("latin-1")
    if not text:
        return True
    if text[0] in _NOT_DELIMITERS or "\x00" in text:
        return False
    whole = _form(text[0]).fullmatch(text)
    if whole is None:
        return False
    groups = _groups(whole[1])
    if groups is None or "\\" not in whole[2]:
        return groups is not None
    asked = [escaped for escaped in _ESCAPED.findall(whole[2]) if escaped in "0123456789"]
    return all(0 < int(digit) <= groups for digit in asked)


@lru_cache(256)
def _form(character: str) -> re.Pattern[str]:
    """Expression and replacement between delimiters."""
    delimiter = re.escape(character)
    part = rf"((?:\\.|[^\\{delimiter}])*)"
    return re.compile(rf"{delimiter}{part}{delimiter}{part}{delimiter}i*", re.DOTALL)


@lru_cache(1024)  # the many records of a zone have few expressions, and replacements of their own
def _groups(expression: str) -> int | None:
    """How many groups the expression has; None when it is none."""
    depth = groups = position = 0
    has_atom = is_repeatable = can_be_empty = False
    while position < len(expression):
        character = expression[position]
        width = 1
        if character == "(":
            depth, groups = depth + 1, groups + 1
            has_atom, is_repeatable, can_be_empty = False, False, True
        elif character == "|":
            if not has_atom:
                return None
            has_atom = is_repeatable = can_be_empty = False
        elif character == ")":
            if depth and not has_atom and not can_be_empty:
                return None
            depth = max(depth - 1, 0)  # one that closes nothing is a character
            has_atom = is_repeatable = True
        elif character in "^$":
            has_atom, is_repeatable = True, False
        elif (width := _repetition(expression, position)) >= 0:
            if not width or not is_repeatable:
                return None
            is_repeatable = False
        elif (width := _atom(expression, position, groups)) > 0:
            has_atom = is_repeatable = True
        else:
            return None
        position += width
    return groups if has_atom and depth == 0 else None


def _repetition(expression: str, position: int) -> int:
    """The characters of the repetition that begins there: 0 for a bad one, -1 for none."""
    if expression[position] in "*+?":
        return 1
    if not re.match(r"\{\d", expression[position : position + 2], re.ASCII):
        return -1
    bound = _BOUND.match(expression, position)
    if bound is None:
        return 0
    low, high = int(bound[1]), int(bound[2] or bound[1])
    return len(bound[0]) if low <= high <= _MOST_TIMES else 0


def _atom(expression: str, position: int, groups: int) -> int:
    """The characters of the atom that begins there: 0 for a bad one."""
    character = expression[position]
    if character == "[":
        return _bracket(expression, position)
    if character != "\\":
        return 1
    escaped = expression[position + 1 : position + 2]
    is_bad = not escaped or (escaped in "123456789" and int(escaped) > groups)
    return 0 if is_bad else 2


def _bracket(expression: str, start: int) -> int:
    """The characters of `[...]`: 0 for a bad one."""
    position = start + 1 + (expression[start + 1 : start + 2] == "^")
    first = position
    while position < len(expression) and (expression[position] != "]" or position == first):
        if position == first and expression[position] == "]":
            element = re.match(r"\](?:-(?P<high>[^\]\[])(?!-))?(?P<low>)", expression[position:], re.DOTALL)
        else:
            element = _ELEMENT.match(expression, position)
        if element is None:
            return 0
        if element["high"] and (element["low"] or "]") > element["high"]:
            return 0
        position += len(element[0])
    return position + 1 - start if position < len(expression) else 0
