"""Fields of RDATA as they are usually written. Pure. Each raises RdataError or ValueError for what dnspython has to read."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Final

from directdnsonly.zone.domain import absolute

_NUMBER: Final = re.compile(r"\d{1,10}\Z", re.ASCII)
_NAME: Final = re.compile(r"@\Z|[A-Za-z0-9_*/.-]+\Z")
SIMPLE_STRING: Final = re.compile(r"[ !#-\[\]-~]{0,255}\Z")  # neither quotation mark nor backslash


def whole_number(word: str, most: int) -> int:
    """From 0 to `most`."""
    value = int(word) if _NUMBER.match(word) else -1
    if not 0 <= value <= most:
        raise ValueError
    return value


def plain_name(word: str, origin: str) -> str:
    """An absolute name, of a word without escapes and other odd characters."""
    if not _NAME.match(word):
        raise ValueError
    return absolute(word, origin)


def base64_octets(words: Sequence[str]) -> bytes:
    """Of all these words together."""
    return binascii.a2b_base64(words[0] if len(words) == 1 else "".join(words), strict_mode=True)
