"""How zone names are written in the paths of the API.

A name may hold a slash (RFC 2317), which stands as `%2F` in a path. Many proxies decode that before we see it, so a bare
slash is taken too, but only below in-addr.arpa and ip6.arpa: otherwise `PUT .../zones/a.example/rollback`, a wrong
method or a slip of the pen, would make a zone of that name.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

SLASH: Final = "%2F"
_SLASH = re.compile(SLASH, re.IGNORECASE)


class ZoneConvertor(Convertor[str]):
    """The path parameter `{zone:zone}`."""

    regex = r"[^/]+|[^/]+(?:/[^/]+)+\.(?i:in-addr|ip6)\.(?i:arpa)\.?"

    def convert(self, value: str) -> str:
        """The name with its slashes decoded."""
        return _SLASH.sub("/", value)

    def to_string(self, value: str) -> str:
        """The name with its slashes encoded, for a path."""
        return value.replace("/", SLASH)


register_url_convertor("zone", ZoneConvertor())


class KeepSlashes:
    """ASGI middleware that leaves `%2F` in API paths encoded; everything else is decoded as usual.

    It also lets HEAD be asked wherever GET may be (RFC 9110, 9.1), as load balancers do: the server sends no body then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        raw = scope.get("raw_path") or b""
        if scope["type"] == "http" and scope["path"].startswith("/api/") and b"%2" in raw:
            parts = _SLASH.split(raw.decode("ascii", "replace"))
            scope = {**scope, "path": SLASH.join(unquote(part) for part in parts)}
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


def allowed(request: Request) -> str:
    """All methods of a path, for `Allow`, taken from the OpenAPI document because the framework names only one route's."""
    path = request.scope["path"]
    methods = {
        method.upper()
        for template, operations in request.app.openapi()["paths"].items()
        for method in operations
        if _pattern(template).fullmatch(path)
    }
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    names = {
        number: ZoneConvertor.regex if part == "zone" else "[^/]+" for number, part in enumerate(parts) if number % 2
    }
    return re.compile("".join(f"(?:{names[n]})" if n in names else re.escape(part) for n, part in enumerate(parts)))
