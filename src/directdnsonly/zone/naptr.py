"""The regexp field of NAPTR: is it a substitution that named loads (RFC 3402, section 3.2)? Pure.

named refuses a whole zone for a bad one. We read a little less than POSIX allows (no classes, no back references in the
expression): what people write, such as !^.*$!sip:info@example.com!, is all there.
"""

from __future__ import annotations

import re
from typing import Final

_ATOM: Final = re.compile(r"\\[^\w\s]|\[\^?((?:[^\]\[\\^-](?:-[^\]\[\\^-])?)+)\]|[^\\()\[\]{}*+?|]", re.ASCII)
_RANGE: Final = re.compile(r"(.)-(.)", re.DOTALL)
_REPEAT: Final = re.compile(r"[*+?]|\{(\d{1,2})(?:,(\d{1,2})?)?\}", re.ASCII)
_NOT_DELIMITERS: Final = frozenset("0123456789\\i\x00")


def is_substitution(regexp: bytes) -> bool:
    """Whether it is empty, or delimiter, expression, delimiter, replacement, delimiter, optional flag `i`."""
    text = regexp.decode("latin-1")
    if not text:
        return True
    if text[0] in _NOT_DELIMITERS or "\x00" in text:
        return False
    parts = re.findall(rf"((?:\\.|[^\\{re.escape(text[0])}])*)({re.escape(text[0])}|\Z)", text[1:], re.DOTALL)
    if "".join(part + end for part, end in parts) != text[1:] or len(parts) < 3:  # noqa: PLR2004
        return False
    (expression, _), (replacement, end), (flags, last) = parts[:3]
    if not end or last or set(flags) - {"i"} or any(part or end for part, end in parts[3:]):
        return False
    groups = _groups(expression)
    asked = [int(digit) for digit in re.findall(r"\\(\d)", re.sub(r"\\\D", "", replacement))]
    return groups is not None and all(0 < digit <= groups for digit in asked)


def _groups(expression: str) -> int | None:
    """How many groups the expression has; None when it is not one that we take."""
    depth = groups = position = 0
    has_atom = False
    while position < len(expression):
        character = expression[position]
        if character == "(":
            depth, groups, has_atom, position = depth + 1, groups + 1, False, position + 1
            continue
        if character in ")|" and not has_atom:
            return None
        if character == "|":
            has_atom, position = False, position + 1
            continue
        if character == ")":
            depth, position = depth - 1, position + 1
            if depth < 0:
                return None
        else:
            atom = _ATOM.match(expression, position)
            if atom is None or any(low > high for low, high in _RANGE.findall(atom[1] or "")):
                return None
            position = atom.end()
        has_atom = True
        if character in "^$":  # anchors cannot be repeated
            continue
        repeat = _REPEAT.match(expression, position)
        if repeat is not None:
            if repeat[2] and int(repeat[1]) > int(repeat[2]):
                return None
            position = repeat.end()
    return groups if has_atom and depth == 0 else None
