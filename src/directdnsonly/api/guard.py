"""Who may call what of the API: one table, and the ASGI middleware that enforces it before routing.

A request that no row opens needs a log-in: a route added later is closed until a row says otherwise.
DirectAdmin's requests never come here: the router in front passes them to their own endpoint, which authenticates itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from directdnsonly.access.credentials import Access, Principal
from directdnsonly.api.problem import problem
from directdnsonly.door import cross_site
from directdnsonly.door.place import place_of
from directdnsonly.errors import NotAdmitted
from directdnsonly.networks import Network, is_within
from directdnsonly.operate.journal import Operator

PRINCIPAL: Final = "directdnsonly.principal"  # where the layer leaves who it is, in the ASGI scope
CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="DirectDNSOnly", charset="UTF-8"'}
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row: any of `roles` allows these methods on these paths; no roles: open to everybody."""

    methods: frozenset[str]
    path: re.Pattern[str]
    roles: frozenset[str]
    what: str


def _row(methods: str, path: str, roles: str, what: str) -> Row:
    return Row(frozenset(methods.split()), re.compile(path, re.DOTALL), frozenset(roles.split()), what)


# The first row that fits decides.
TABLE: Final[Sequence[Row]] = (
    _row("GET HEAD", r"/(livez|readyz)", "", "health; `?verbose` asks for `read` itself"),
    _row(
        "GET HEAD OPTIONS POST", r"/api/v1/peer/.+", "peer", "what other instances ask; nothing of it changes anything"
    ),
    _row("PUT DELETE POST", r"/api/v1/zones/.+/pin", "operate", "hold a zone as it is, release it"),
    _row("PUT DELETE", r"/api/v1/zones/.+", "push", "push and delete a zone"),
    _row("GET HEAD", r"/api/v1/changes/.+", "push read", "follow a change"),
    _row("GET HEAD OPTIONS", r"/api/v1/tokens(/.*)?", "operate", "the list of tokens"),
    _row("GET HEAD", r"/(status(/.*)?)?", "read", "the status pages"),
    _row("GET HEAD OPTIONS", r".*", "read", "everything that only looks"),
    _row(".", r".*", "operate", "everything else"),
)


def needed(method: str, path: str) -> frozenset[str]:
    """The roles of which one is needed; empty if the path is open."""
    for row in TABLE:
        if ("." in row.methods or method in row.methods) and row.path.fullmatch(path):
            return row.roles
    raise AssertionError("the last row fits everything")


class Guard:
    """The middleware. `open_metrics`: returns the networks that may read /metrics without a password."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        doorkeeper: Access,
        open_metrics: Callable[[], Sequence[Network]] = tuple,
    ) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._open_metrics = open_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            refusal = await self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to somebody who may not; None when they may, and then the scope tells who it is."""
        path = scope["path"]
        if scope["method"] not in SAFE and cross_site.is_cross_site(scope["headers"]):
            return problem(HTTPStatus.FORBIDDEN, cross_site.REASON, headers={"Connection": "close"})
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        roles = needed(scope["method"], path)
        if not roles and not headers:
            return None
        address = str(scope["client"][0]) if scope.get("client") else ""
        if path == "/metrics" and not headers and is_within(address, self._open_metrics()):
            return None
        header = headers[0] if len(headers) == 1 else b""
        try:
            principal = self._doorkeeper.recognise(header, address) or await self._doorkeeper.admit(header, address)
        except NotAdmitted as error:
            if not roles:
                return None
            place_of(scope).refused()
            return not_admitted(error)
        place_of(scope).admitted(pushes="push" in principal.roles)
        scope[PRINCIPAL] = principal
        if roles and not roles & principal.roles:
            wanted = " or ".join(sorted(roles))
            return problem(HTTPStatus.FORBIDDEN, f"{principal.name} does not have the role {wanted}")
        return None


def not_admitted(error: NotAdmitted) -> ASGIApp:
    """The answer to a rejected log-in: 401, or 429 after too many failures."""
    close = {"Connection": "close"}  # whatever body comes with it is not read
    if error.again_in_s:
        wait = str(math.ceil(error.again_in_s))
        return problem(HTTPStatus.TOO_MANY_REQUESTS, error.reason, headers={**close, "Retry-After": wait})
    return problem(HTTPStatus.UNAUTHORIZED, error.reason, headers={**close, **CHALLENGE})


def principal_of(request: Request) -> Principal | None:
    """The authenticated principal; None on an open path without a log-in."""
    found: Principal | None = request.scope.get(PRINCIPAL)
    return found


def operator_of(request: Request) -> Operator:
    """The authenticated operator and its address. Raises HTTPException 401 if nobody is authenticated."""
    principal = principal_of(request)
    if principal is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "give a user name and a password, or a token", CHALLENGE)
    address = request.client.host if request.client else ""
    return Operator(name=principal.name, address=address, roles=principal.roles)
