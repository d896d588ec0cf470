"""What the page of one zone tells: the same as `dadns explain`, and the zone's last versions and attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directdnsonly.advice import Advice, Standing, advise
from directdnsonly.outbox.drift import HeldPush
from directdnsonly.outbox.records import Attempt, Event, PastVersion, Pin, Placement, Refused, ZoneSummary
from directdnsonly.web.parts import AnswerLike, BackendLike, WebParts
from directdnsonly.web.picture import SHOWN
from directdnsonly.zone.name import ZoneName

SHOWN_REFUSALS = 3
LIKE_IT = 10  # names that begin as the one that was not found


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The zone on one backend."""

    placement: Placement
    answers: Sequence[AnswerLike]
    advice: Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything about one zone that we hold, or held."""

    zone: ZoneSummary
    places: Sequence[Place]
    refused: Sequence[Refused]  # since the last push that was accepted
    pin: Pin | None
    held: HeldPush | None
    versions: Sequence[PastVersion]
    attempts: Sequence[Attempt]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A name that we hold nothing of. `inside`: our zone that the name belongs to; `like`: zones that begin like it."""

    name: str
    refused: Sequence[Refused]
    inside: str
    like: Sequence[str]


async def explain(parts: WebParts, name: ZoneName, *, moment: Callable[[float], str]) -> Explained | Unknown:
    """Asks the name servers as well. `moment` writes a time for people. Raises OutboxUnavailable."""
    store = parts.store
    zone = await store.zone(name)
    refused = await store.refused(limit=SHOWN_REFUSALS, name=name, bodies=False)
    if zone is None:
        return await _unknown(parts, name, refused)
    answers, status = await asyncio.gather(parts.served(zone), parts.status())
    backends = {backend.name: backend for backend in status.backends}
    return Explained(
        zone=zone,
        places=[
            _place(placement, backends.get(placement.backend), answers, moment)
            for placement in await store.placements(name)
        ],
        refused=[one for one in refused if one.at > zone.pushed_at],
        pin=await store.pin_of(name),
        held=await store.held_push(name),
        versions=await store.versions(name, limit=SHOWN),
        attempts=await store.attempts(name, limit=SHOWN),
        events=await store.events(zone=name, limit=SHOWN),
    )


async def _unknown(parts: WebParts, name: ZoneName, refused: Sequence[Refused]) -> Unknown:
    """An index look-up each: names that begin so follow it in order."""
    inside = await parts.store.find_held(name.ancestors())
    after = await parts.store.zones(after=name, limit=LIKE_IT)
    return Unknown(
        name=name,
        refused=refused,
        inside=str(inside.name) if inside else "",
        like=[str(zone.name) for zone in after if zone.name.startswith(name)],
    )


def _place(
    placement: Placement,
    backend: BackendLike | None,
    answers: Sequence[AnswerLike],
    moment: Callable[[float], str],
) -> Place:
    mine = [answer for answer in answers if answer.backend == placement.backend]
    advice = advise(
        Standing(
            zone=placement.name,
            backend=placement.backend,
            state=placement.state,
            attempts=placement.attempts,
            reason=placement.reason,
            due=moment(placement.due_at) if placement.due_at else "",
            paused=backend.paused if backend else "",
            down=backend is not None and backend.state == "down",
            down_reason=backend.reason if backend else "",
            bundled=bool(backend and backend.nameserver),
            wrong=[answer.reason for answer in mine if answer.finding != "proven"],
        )
    )
    return Place(placement=placement, answers=mine, advice=advice)
