"""/api/v1/zones/{zone}/served: what the name servers answer now, asked and judged by the lanes that prove deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Protocol

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.facts import VERSIONS
from directdnsonly.outbox.records import Kind, ZoneSummary
from directdnsonly.outbox.sqlite import SqliteStore
from directdnsonly.shapes import Page, ZonePath, failures
from directdnsonly.verify.compare import Expected, Finding, Verdict
from directdnsonly.verify.verifier import Said
from directdnsonly.verify.wire import RCODES
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.name import ZoneName


class AskedLike(Protocol):
    """What is said of one zone on one backend."""

    @property
    def said(self) -> tuple[Said, ...]:
        """By each name server; empty where nobody can be asked."""
        ...

    @property
    def stored(self) -> Verdict | None:
        """What the backend itself holds; None when it cannot look."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is said, judged with what the backend has told of the delete."""

    said: tuple[Said, ...]
    stored: Verdict | None


class Asks(Protocol):
    """A lane, as far as it is asked what is served."""

    async def ask(self, wanted: Expected) -> AskedLike:
        """What is said now, judged as a proof is. Never raises for an outage."""
        ...


class ServedView(BaseModel):
    """The answer of one name server to a question for the zone's SOA."""

    backend: str
    server: str = Field(examples=["127.0.0.1#5300"])
    finding: Finding = Field(description="Judged against what shall be served there, as a delivery's proof is")
    serial: int | None
    rcode: str
    authoritative: bool
    reason: str
    elapsed_ms: float

    @classmethod
    def of(cls, backend: str, said: Said) -> ServedView:
        """The view of an answer."""
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


def router(parts: ApiParts, lanes: Callable[[], Mapping[str, Asks]]) -> APIRouter:
    """The route."""
    api = APIRouter(prefix="/api/v1", tags=["zones"])

    @api.get("/zones/{zone:zone}/served", summary="What each name server answers now", responses=failures(404, 503))
    async def list_served(zone: ZonePath) -> Page[ServedView]:
        """All of them are on one page."""
        name = ZoneName.parse(zone)
        held = await parts.store.zone(name)
        if held is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        asked = await ask_lanes(parts.store, lanes(), held)
        views = [ServedView.of(backend, said) for backend, one in asked.items() for said in one.said]
        return Page[ServedView](items=views, next=None)

    return api


async def ask_lanes(store: SqliteStore, lanes: Mapping[str, Asks], zone: ZoneSummary) -> Mapping[str, AskedLike]:
    """What is said now of a zone or a tombstone, by backend; as slow as the slowest of them."""
    absent = zone.kind is Kind.DELETE
    others = [one for one in await store.versions(zone.name, limit=VERSIONS) if one.version != zone.version]
    wanted = Expected(
        name=zone.name,
        serial=zone.serial,
        records=zone.records,
        absent=absent,
        text=None if absent else await store.text(zone.name),
        unsure=any(one.serial == zone.serial and one.kind is Kind.PUT for one in others),
    )
    found: Sequence[AskedLike] = await asyncio.gather(*(lane.ask(wanted) for lane in lanes.values()))
    asked = dict(zip(lanes, found, strict=True))
    return {**asked, **await _of_operators(store, zone, asked)} if absent else asked


async def _of_operators(
    store: SqliteStore, zone: ZoneSummary, asked: Mapping[str, AskedLike]
) -> Mapping[str, AskedLike]:
    """Where the delete had nothing to do, because the operator holds a zone of the name: that one does not linger."""
    theirs = [
        one
        for one in await store.placements(zone.name)
        if one.state == "verified" and one.verified_version == zone.version and one.reason.startswith(HELD_BY_OPERATOR)
    ]
    return {
        one.backend: Known(
            tuple(replace(said, verdict=_theirs(said.verdict, one.reason)) for said in asked[one.backend].said),
            _theirs(stored, one.reason) if (stored := asked[one.backend].stored) else None,
        )
        for one in theirs
        if one.backend in asked
    }


def _theirs(verdict: Verdict, reason: str) -> Verdict:
    if verdict.finding is not Finding.LINGERING:
        return verdict
    return replace(verdict, finding=Finding.OPERATORS, reason=reason)
