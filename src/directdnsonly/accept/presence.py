"""The answer to DirectAdmin's domain check: whether we hold the zone or an ancestor of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from directdnsonly.errors import NameRefused, OutboxUnavailable
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.zone.name import ZoneName

# What somebody may have typed so far of a name that will be fine once it is finished.
_TYPED_SO_FAR: Final = re.compile(r"[A-Za-z0-9_.-]{1,253}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a domain check found: `held` is the zone itself or its nearest ancestor, None if we hold neither."""

    held: ZoneSummary | None = None
    exact: bool = False


async def presence_of(looking: Looking, domain: str, *, check_parent: bool, limit_s: float) -> Presence:
    """Look up a name and, with `check_parent`, its ancestors. Raises NameRefused, and OutboxUnavailable after `limit_s`."""
    try:
        name = ZoneName.parse(domain)
    except NameRefused as refusal:
        unfinished = _TYPED_SO_FAR.match(domain) and refusal.rule in ("name-characters", "name-numeric")
        if unfinished or refusal.rule == "name-idna":
            return Presence()  # "example-" is no zone that we could hold
        raise
    names = [name, *name.ancestors()] if check_parent else [name]
    try:
        async with asyncio.timeout(limit_s):
            held = await looking.find_held(names)
    except TimeoutError:
        raise OutboxUnavailable("the store did not answer in time") from None
    return Presence(held=held, exact=held is not None and held.name == name)
