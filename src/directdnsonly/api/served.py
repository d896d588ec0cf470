"""/api/v1/zones/{zone}/served: what the name servers answer now, asked by the service itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Protocol

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from directdnsonly.api.parts import ApiParts
from directdnsonly.outbox.records import Kind, ZoneSummary
from directdnsonly.shapes import Page, ZonePath, failures
from directdnsonly.verify.compare import Expected, Finding, judge
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import RCODES
from directdnsonly.zone.name import ZoneName


class Address(Protocol):
    """Where a name server is asked."""

    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102


class ServedView(BaseModel):
    """The answer of one name server to a question for the zone's SOA."""

    backend: str
    server: str = Field(examples=["127.0.0.1#5300"])
    finding: Finding = Field(description="Judged against what shall be served there")
    serial: int | None
    rcode: str
    authoritative: bool
    reason: str
    elapsed_ms: float


def router(parts: ApiParts, servers: Callable[[], Mapping[str, Sequence[Address]]]) -> APIRouter:
    """The route."""
    api = APIRouter(prefix="/api/v1", tags=["zones"])

    @api.get("/zones/{zone:zone}/served", summary="What each name server answers now", responses=failures(404, 503))
    async def list_served(zone: ZonePath) -> Page[ServedView]:
        """All of them are on one page."""
        name = ZoneName.parse(zone)
        held = await parts.store.zone(name)
        if held is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"zone {name} is unknown: it was never pushed to us")
        return Page[ServedView](items=await ask_all(held, servers()), next=None)

    return api


async def ask_all(held: ZoneSummary, servers: Mapping[str, Sequence[Address]]) -> list[ServedView]:
    """What each name server answers now about a zone or a tombstone, judged; as slow as the slowest of them."""
    expected = Expected(name=held.name, serial=held.serial, absent=held.kind is Kind.DELETE)
    questions = [_ask(backend, server, expected) for backend, places in servers.items() for server in places]
    return list(await asyncio.gather(*questions))


async def _ask(backend: str, server: Address, expected: Expected) -> ServedView:
    began = time.perf_counter()
    where = f"{server.host}#{server.port}"
    answer, problem = None, ""
    try:
        prober = await SoaProber.open(server.host, server.port)
        try:
            answer = await prober.ask(expected.name)
        finally:
            prober.close()
    except OSError as error:
        problem = error.strerror or str(error)
    verdict = judge(expected, answer, server=where)
    return ServedView(
        backend=backend,
        server=where,
        finding=verdict.finding,
        serial=answer.serial if answer else None,
        rcode=RCODES.get(answer.rcode, str(answer.rcode)) if answer else "",
        authoritative=bool(answer and answer.authoritative),
        reason=problem or verdict.reason,
        elapsed_ms=round((time.perf_counter() - began) * 1e3, 1),
    )
