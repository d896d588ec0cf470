"""Fields of RDATA in their common spelling. Pure. Each raises RdataError or ValueError for what dnspython must parse."""

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
    """A number from 0 to `most`, in digits."""
    value = int(word) if _NUMBER.match(word) else -1
    if not 0 <= value <= most:
        raise ValueError
    return value


def plain_name(word: str, origin: str) -> str:
    """The absolute name of a word without escapes or unusual characters."""
    if not _NAME.match(word):
        raise ValueError
    return absolute(word, origin)


def base64_octets(words: Sequence[str]) -> bytes:
    """The octets of these words, joined and decoded as base64."""
    return binascii.a2b_base64(words[0] if len(words) == 1 else "".join(words), strict_mode=True)
