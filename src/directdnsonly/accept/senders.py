"""Which host names push with which credential; a new one is worth an event: a leaked password, or a server nobody announced. Pure."""

from __future__ import annotations

from typing import Final

MAX_HOSTNAMES: Final = 256  # per credential; more than any cluster has, fewer than would hurt


class KnownMasters:
    """Remembers while the process lives. The first host name of a credential is its own, each further one news once."""

    def __init__(self) -> None:
        self._hostnames: dict[str, set[str]] = {}

    def is_news(self, credential: str, hostname: str) -> bool:
        """Whether `hostname` pushes with this credential for the first time though others have pushed with it."""
        if not hostname:
            return False
        known = self._hostnames.setdefault(credential, set())
        news = bool(known) and hostname not in known and len(known) < MAX_HOSTNAMES
        if len(known) < MAX_HOSTNAMES:
            known.add(hostname)
        return news
