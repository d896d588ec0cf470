"""The pages under /status: the service, one zone, a search. They change nothing and need the role `read`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import RedirectResponse, Response

from directdnsonly.errors import NameRefused
from directdnsonly.web.explain import Unknown
from directdnsonly.web.explain import look as look_at
from directdnsonly.web.parts import WebParts
from directdnsonly.web.picture import LOOK_EVERY_S, Kept, Pictures
from directdnsonly.web.rendering import ASSETS, CONTENT, Pages, zone_page

METHODS: Final = ["GET", "HEAD"]
LONGEST_NAME: Final = 1024
# Scripts, styles and pictures from us only, nothing within the page; in nobody's frame; links tell nobody where they stand.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOT_KEPT: Final = {"Cache-Control": "no-store"}
KEPT: Final = {"Cache-Control": "private, max-age=31536000, immutable"}  # its address changes with its content


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The part of the status page that is refreshed periodically, and the page's title."""

    html: str
    title: str


def page(content: str, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """An HTML response."""
    return Response(content, status, {**HEADERS, **NOT_KEPT, **(headers or {})}, media_type="text/html; charset=utf-8")


def router(parts: WebParts, pages: Pages) -> APIRouter:
    """The router of the pages."""
    routes = APIRouter(include_in_schema=False)
    pictures = Pictures(parts)

    async def look() -> Live:
        picture = await pictures.take()
        title = f"{picture.verdict.headline} - DirectDNSOnly"
        return Live(html=pages.write("live.html", now=picture, title=title), title=title)

    live = Kept(look, every_s=LOOK_EVERY_S)

    @routes.api_route("/", methods=METHODS)
    async def root() -> Response:
        return RedirectResponse("/status", HTTPStatus.SEE_OTHER, headers={**HEADERS, **NOT_KEPT})

    @routes.api_route("/status", methods=METHODS)
    async def status() -> Response:
        now = await live.get()
        return page(pages.write("status.html", live=now.html, title=now.title))

    @routes.api_route("/status/live", methods=METHODS)
    async def fragment() -> Response:
        return page((await live.get()).html)

    @routes.api_route("/status/zones", methods=METHODS)
    async def search(zone: Annotated[str, Query(max_length=LONGEST_NAME)] = "") -> Response:
        wanted = zone.strip()
        if not wanted:
            return RedirectResponse("/status", HTTPStatus.SEE_OTHER, headers={**HEADERS, **NOT_KEPT})
        where = zone_page(wanted)
        return (
            RedirectResponse(where, HTTPStatus.SEE_OTHER, headers={**HEADERS, **NOT_KEPT})
            if where
            else await shown(wanted)
        )

    @routes.api_route("/status/zones/{zone:path}", methods=METHODS)
    async def one_zone(zone: str) -> Response:
        return await shown(zone)

    async def shown(zone: str) -> Response:
        try:
            told = await look_at(parts, zone)
        except NameRefused as error:
            facts: dict[str, Any] = {"title": "no zone's name - DirectDNSOnly", "wanted": zone}
            facts |= {"heading": "This is no zone's name", "detail": error.reason}
            return page(pages.write("problem.html", **facts), HTTPStatus.UNPROCESSABLE_ENTITY)
        title = f"{told.verdict.judged.live.upper()}: {told.verdict.zone} - DirectDNSOnly"
        if isinstance(told, Unknown):
            return page(pages.write("unknown.html", told=told, title=title, wanted=zone), HTTPStatus.NOT_FOUND)
        return page(pages.write("zone.html", told=told, title=title, wanted=""))

    @routes.api_route("/status/static/{name}", methods=METHODS)
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such file")
        return Response(CONTENT[name], headers={**HEADERS, **KEPT}, media_type=ASSETS[name])

    return routes
