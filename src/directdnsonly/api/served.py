"""/api/v1/zones/{zone}/served: what the name servers answer now, asked and judged by the lanes that prove deliveries."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from directdnsonly.operate.asking import Answer, answers
from directdnsonly.operate.running import Running
from directdnsonly.shapes import Page, ZonePath, failures
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName


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
    def of(cls, answer: Answer) -> ServedView:
        """The view of an answer."""
        return cls.model_validate(answer, from_attributes=True)


def router(running: Running) -> APIRouter:
    """The route."""
    api = APIRouter(prefix="/api/v1", tags=["zones"])

    @api.get("/zones/{zone:zone}/served", summary="What each name server answers now", responses=failures(404, 503))
    async def list_served(zone: ZonePath) -> Page[ServedView]:
        """All of them are on one page."""
        found = await answers(running.store.looking, running.lanes, ZoneName.parse(zone))
        views = [ServedView.of(answer) for answer in found]
        return Page[ServedView](items=views, next=None)

    return api
