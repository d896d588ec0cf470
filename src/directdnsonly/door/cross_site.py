"""Detects requests that a browser sends on behalf of another site's page.

A browser that has once asked for our password (/docs) sends it along with every request to us, also with those that a
foreign page makes: one hidden form could delete a zone (cross-site request forgery). DirectAdmin and scripts send none
of these headers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

REASON: Final = "a page of another site sent this by somebody's browser; open our own pages by their own address"

_TOLD: Final = frozenset({b"sec-fetch-site", b"origin", b"referer", b"user-agent", b"host"})
_OURS: Final = frozenset({b"same-origin", b"none"})  # none: typed or opened from a bookmark
_BROWSER: Final = b"Mozilla/"  # each of them begins so; no page can change it without asking us first


def is_cross_site(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the browser says so by Fetch Metadata or, without TLS, by an Origin or Referer of another host."""
    told = {name: value for name, value in headers if name in _TOLD}
    if not told.get(b"user-agent", b"").startswith(_BROWSER):
        return False
    site = told.get(b"sec-fetch-site")
    if site is not None:
        return site not in _OURS
    source = told.get(b"origin") or told.get(b"referer")
    return source is not None and _host(source) != told.get(b"host", b"").lower()


def _host(source: bytes) -> bytes:
    try:
        return urlsplit(source).netloc.rpartition(b"@")[2].lower()
    except ValueError:
        return b""
