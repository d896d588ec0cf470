"""Ask the name servers what they serve now, with the same questions and rules that prove deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.proof import Asked
from directdnsonly.errors import NotHere
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.facts import VERSIONS
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.verify.compare import Expected, Finding, Verdict
from directdnsonly.verify.verifier import Said
from directdnsonly.verify.wire import RCODES
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.name import ZoneName


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A name server's answer to an SOA query for the zone. `rcode` is empty if there was no answer."""

    backend: str
    server: str
    finding: Finding
    serial: int | None
    rcode: str
    authoritative: bool
    reason: str
    elapsed_ms: float

    @classmethod
    def of(cls, backend: str, said: Said) -> Answer:
        """The answer as the lane's verifier received it."""
        answer = said.answer
        return cls(
            backend=backend,
            server=said.server,
            finding=said.verdict.finding,
            serial=answer.serial if answer else None,
            rcode=RCODES.get(answer.rcode, str(answer.rcode)) if answer else "",
            authoritative=bool(answer and answer.authoritative),
            reason=said.verdict.reason,
            elapsed_ms=round(said.elapsed_s * 1e3, 1),
        )


async def answers(looking: Looking, lanes: Mapping[str, Lane], name: ZoneName) -> list[Answer]:
    """The answers of every name server, by backend. Raises NotHere for a zone that was never pushed, OutboxUnavailable."""
    held = await looking.zone(name)
    if held is None:
        raise NotHere(f"zone {name} is unknown: it was never pushed to us")
    asked = await ask_lanes(looking, lanes, held)
    return [Answer.of(backend, said) for backend, one in asked.items() for said in one.said]


async def ask_lanes(looking: Looking, lanes: Mapping[str, Lane], zone: ZoneSummary) -> Mapping[str, Asked]:
    """What each backend's name servers say now about a zone or tombstone; takes as long as the slowest."""
    absent = zone.kind is Kind.DELETE
    others = [one for one in await looking.versions(zone.name, limit=VERSIONS) if one.version != zone.version]
    wanted = Expected(
        name=zone.name,
        serial=zone.serial,
        records=zone.records,
        absent=absent,
        text=None if absent else await looking.text(zone.name),
        unsure=any(one.serial == zone.serial and one.kind is Kind.PUT for one in others),
    )
    names = list(lanes)  # a reload may change them meanwhile
    found = await asyncio.gather(*(lanes[name].ask(wanted) for name in names))
    asked = dict(zip(names, found, strict=True))
    return {**asked, **await _of_operators(looking, zone, asked)} if absent else asked


async def _of_operators(looking: Looking, zone: ZoneSummary, asked: Mapping[str, Asked]) -> Mapping[str, Asked]:
    """The answers of backends on which the operator's own zone of that name stays: there a delete leaves nothing lingering."""
    theirs = [
        one
        for one in await looking.placements(zone.name)
        if one.state == "verified" and one.verified_version == zone.version and one.reason.startswith(HELD_BY_OPERATOR)
    ]
    return {
        one.backend: Asked(
            said=tuple(replace(said, verdict=_theirs(said.verdict, one.reason)) for said in asked[one.backend].said),
            stored=_theirs(stored, one.reason) if (stored := asked[one.backend].stored) else None,
        )
        for one in theirs
        if one.backend in asked
    }


def _theirs(verdict: Verdict, reason: str) -> Verdict:
    if verdict.finding is not Finding.LINGERING:
        return verdict
    return replace(verdict, finding=Finding.OPERATORS, reason=reason)
