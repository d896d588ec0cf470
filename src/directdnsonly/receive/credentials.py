"""Who may push: HTTP Basic authentication (RFC 7617), compared in constant time.

DirectAdmin sends the header with every request, before being asked. A password hash per request would cost 25-250 ms
of CPU; so each known header is kept only as a keyed digest, and one digest of what was sent is compared with all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

MAX_HEADER_BYTES: Final = 4096


class Credentials:
    """The names that may push. Holds no password, only digests under a key that lives as long as the process."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._key = secrets.token_bytes(32)
        self._known = tuple(
            (self._digest(token), name) for name, password in passwords.items() for token in _tokens(name, password)
        )

    def __repr__(self) -> str:
        """The names only."""
        return f"Credentials({sorted({name for _, name in self._known})})"

    def check(self, header: bytes | str) -> str | None:
        """The name whose Authorization header this is, None for any other header. Never raises."""
        raw = header.encode("utf-8", "replace") if isinstance(header, str) else header
        scheme, _, token = raw[:MAX_HEADER_BYTES].partition(b" ")
        digest = self._digest(token.strip())
        found: str | None = None
        for known, name in self._known:  # all of them, so that time does not tell which one was near
            if hmac.compare_digest(known, digest):
                found = name
        return found if scheme.lower() == b"basic" else None

    def _digest(self, token: bytes) -> bytes:
        return hashlib.blake2b(
            token, key=self._key, digest_size=32
        ).digest()  # a keyed hash, 40 times cheaper than HMAC


def _tokens(name: str, password: str) -> set[bytes]:
    """What a client may send; RFC 7617 leaves the character set open, so UTF-8 and Latin-1 are both known."""
    if ":" in name:
        raise ValueError("a user name of HTTP Basic authentication cannot hold a colon")
    pair = f"{name}:{password}"
    encoded = {pair.encode()}
    with suppress(UnicodeEncodeError):  # strictly: a replaced character would make "??" a password
        encoded.add(pair.encode("latin-1"))
    return {base64.b64encode(octets) for octets in encoded}


class FailedLogins:
    """Counts wrong passwords per address, in bounded memory, and says when one is worth a log line."""

    def __init__(self, *, log_every_s: float = 60.0, remember: int = 1024) -> None:
        self._log_every_s = log_every_s
        self._remember = remember
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.total = 0

    def count(self, address: str, now_s: float) -> int:
        """How many failures of this address to log now; 0 when its last line is younger than a minute."""
        self.total += 1
        failures, logged_at = self._seen.pop(address, (0, float("-inf")))
        failures += 1
        due = now_s - logged_at >= self._log_every_s
        self._seen[address] = (0, now_s) if due else (failures, logged_at)
        if len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        return failures if due else 0
