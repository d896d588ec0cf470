"""Which host names push with which credential; a new one is worth an event, as it may mean a leaked password. Pure."""

from __future__ import annotations

from typing import Final

MAX_HOSTNAMES: Final = 256  # per credential; more than any cluster has, fewer than would hurt


class KnownMasters:
    """Remembers host names while the process lives. A credential's first host name is its own; each further one is news once."""

    def __init__(self) -> None:
        self._hostnames: dict[str, set[str]] = {}

    def is_news(self, credential: str, hostname: str) -> bool:
        """Whether `hostname` is new for this credential while another host name has already pushed with it."""
        if not hostname:
            return False
        known = self._hostnames.setdefault(credential, set())
        news = bool(known) and hostname not in known and len(known) < MAX_HOSTNAMES
        if len(known) < MAX_HOSTNAMES:
            known.add(hostname)
        return news
