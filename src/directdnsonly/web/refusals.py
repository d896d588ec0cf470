"""Shows refusals under /status as pages; the guard and the routes themselves answer with problem details (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from directdnsonly.web.pages import page
from directdnsonly.web.rendering import Pages

PROBLEM: Final = b"application/problem+json"
_NOT_COPIED: Final = frozenset({"content-type", "content-length"})


def is_page(path: str) -> bool:
    """Whether this path is a page for people."""
    return path in ("/", "/status") or path.startswith("/status/")


class ForPeople:
    """ASGI middleware that turns problem details into a page, for addresses of pages."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        problem: Message | None = None
        body = b""

        async def tell(message: Message) -> None:
            nonlocal problem, body
            if message["type"] == "http.response.start" and _is_problem(message):
                problem = message
            elif problem is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    await self._answer(problem, body, scope, receive, send)

        await self._app(scope, receive, tell)

    async def _answer(self, start: Message, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        status = HTTPStatus(start["status"])
        told = json.loads(body) if body else {}
        kept = {key: value for key, value in Headers(raw=start["headers"]).items() if key not in _NOT_COPIED}
        facts = {"heading": f"{status.value} {status.phrase}", "detail": told.get("detail", ""), "wanted": ""}
        content = self._pages.write("problem.html", title=f"{status.phrase} - DirectDNSOnly", **facts)
        await page(content, status, kept)(scope, receive, send)


def _is_problem(message: Message) -> bool:
    return any(key.lower() == b"content-type" and value.startswith(PROBLEM) for key, value in message["headers"])
