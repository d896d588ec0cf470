"""The content of a zone's page: the verdict as in `dadns explain`, and the zone's last versions and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from directdnsonly.operate.explain import Explanation
from directdnsonly.outbox.deliveries import Attempt
from directdnsonly.outbox.kept import PastVersion
from directdnsonly.web.parts import WebParts
from directdnsonly.web.picture import SHOWN
from directdnsonly.zone.name import ZoneName

LIKE_IT = 10  # names that begin as the one that was not found


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePage:
    """Everything that the page of one zone shows."""

    verdict: Explanation
    versions: Sequence[PastVersion]
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The result for a name that is in none of our zones. `like`: zones whose names begin with it."""

    verdict: Explanation
    like: Sequence[str]


async def look(parts: WebParts, asked: str) -> ZonePage | Unknown:
    """Gather the page's content, asking the name servers as well. Raises NameRefused, OutboxUnavailable."""
    looking = parts.looking
    verdict = await parts.explainer.explain(asked)
    name = ZoneName.trusted(verdict.zone)
    if verdict.about is None:  # an index look-up: names that begin so follow it in order
        after = await looking.zones(after=name, limit=LIKE_IT)
        return Unknown(verdict=verdict, like=[str(zone.name) for zone in after if zone.name.startswith(name)])
    return ZonePage(
        verdict=verdict,
        versions=await looking.versions(name, limit=SHOWN),
        attempts=await looking.attempts(name, limit=SHOWN),
    )
