"""/api/v1/nameservers: the bundled name servers, each with its process."""

from __future__ import annotations

from fastapi import APIRouter

from directdnsonly.api.models.status import NameServerView
from directdnsonly.operate.nameservers import NameServerFigures, nameservers_of
from directdnsonly.operate.running import Running
from directdnsonly.shapes import LARGEST_PAGE, AfterName, Limit, Page


def router(running: Running) -> APIRouter:
    """The route over what the supervisors see; nothing is asked of the store."""
    api = APIRouter(prefix="/api/v1", tags=["backends"])

    @api.get("/nameservers", summary="Every bundled name server: its process, since when, adopted or started")
    async def list_nameservers(after: AfterName = "", limit: Limit = LARGEST_PAGE) -> Page[NameServerView]:
        """Those that we run ourselves; of the others `/backends` tells."""
        later = [one for one in nameservers_of(running) if one.backend > after]
        return Page[NameServerView].cut(later, limit, view=_view, key=lambda one: one.backend)

    return api


def _view(one: NameServerFigures) -> NameServerView:
    return NameServerView.of(one.status, backend=one.backend, program=one.program)
