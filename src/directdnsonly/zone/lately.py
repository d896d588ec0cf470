"""What `text.parse` wrote lately in this process, by a digest: who gets such a text back from the store need not read it again."""

from __future__ import annotations

import hashlib
from typing import Final

from directdnsonly.zone.name import ZoneName

TEXTS: Final = 16_384  # 2.5 MiB, and more zones than wait for a name server on a busy day
_HASHED: Final = 2**16  # characters at a time: a large text is not copied as a whole
_written: dict[bytes, None] = {}


def remember(text: str, name: ZoneName) -> None:
    """`parse` wrote this text for this zone."""
    _written[_print_of(text, name)] = None
    if len(_written) > TEXTS:
        _written.pop(next(iter(_written), b""), None)  # parsers in several threads may take the same one


def is_ours(text: str, name: ZoneName) -> bool:
    """Whether `parse` in this process recently wrote this very text for this zone; False proves nothing."""
    return _print_of(text, name) in _written


def _print_of(text: str, name: ZoneName) -> bytes:
    """2 us for a zone of 15 records, where reading it costs 50."""
    digest = hashlib.blake2b(f"{name} ".encode(), digest_size=16)
    for start in range(0, len(text), _HASHED):
        digest.update(text[start : start + _HASHED].encode("utf-8", "surrogatepass"))
    return digest.digest()
