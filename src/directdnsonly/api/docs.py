"""/docs and /openapi.json behind the same credentials, with assets that we serve ourselves: no CDN."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse, Response

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}


def router(app: FastAPI, authenticate: Callable[[Request], object]) -> APIRouter:
    """The router of /docs, its assets and /openapi.json."""
    pages = APIRouter(include_in_schema=False)
    folder = files("fastapi_swagger.resources")

    @pages.get("/openapi.json")
    async def schema(request: Request) -> Response:
        authenticate(request)
        return JSONResponse(app.openapi())

    @pages.get("/docs")
    async def page(request: Request) -> Response:
        authenticate(request)
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/docs/favicon-32x32.png",
        )

    @pages.get("/docs/{name}")
    async def asset(name: str, request: Request) -> Response:
        authenticate(request)
        if name not in ASSETS:
            raise HTTPException(404, "there is no such asset")
        return Response(folder.joinpath(name).read_bytes(), media_type=ASSETS[name])

    return pages
