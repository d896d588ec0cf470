"""The HTTP routes for DirectAdmin's requests, and `Door`, the endpoint behind all of them.

The router stands in front of the application and its layers (docs/adr/0007). Its routes hand the request over as it came:
no form parser (it swallows a delete without Content-Type and truncates a zone sent with a form's), no redirect (DirectAdmin follows
none), no JSON error. The door's order is fixed: authenticate, read the body within limits, decode, record, answer.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.presence import Presence
from directdnsonly.access.credentials import Access, Principal, Role
from directdnsonly.door import cross_site
from directdnsonly.door.bodies import Bodies, Share
from directdnsonly.door.connections import WHOLE
from directdnsonly.door.place import Place, place_of
from directdnsonly.errors import BodiesTooMany, NotAdmitted, OutboxUnavailable, PushRefused
from directdnsonly.outbox.changes import Owner
from directdnsonly.outbox.ownership import Existence, existence
from directdnsonly.receive import directadmin as da
from directdnsonly.receive.described import OPERATIONS, TAG

METHODS: Final = ("GET", "HEAD", "POST")
MAX_QUERY_BYTES: Final = 16 * 1024
SHORT: Final = 64  # octets of an answer such as error=0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `close`: the connection ends, and whatever the client still sends is not read."""

    body: bytes
    status: int = 200
    close: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


_ALWAYS_THE_SAME: Final = {
    da.UserExists: Answer(da.NO_SUCH_USER),
    da.Nothing: Answer(da.NOTHING_DONE),
    da.Unknown: Answer(da.failure("Unknown command"), 404),
}


class _Refusal(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class _Disconnected(Exception):
    pass


class CommandConvertor(Convertor[str]):
    """The path parameter `{command:command}`: any DirectAdmin path, even with doubled or trailing slashes."""

    regex = r"/*CMD_(?s:.*)"

    def convert(self, value: str) -> str:
        """The path unchanged."""
        return value

    def to_string(self, value: str) -> str:
        """The path unchanged."""
        return value


register_url_convertor("command", CommandConvertor())


class Straight(APIRoute):
    """A route that calls its endpoint directly, whatever the method: no parameters are resolved and no body is read first."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the endpoint."""
        response: Response = await self.endpoint(Request(scope, receive))
        place_of(scope).answers_at_once()
        await response(scope, receive, send)


def router(door: Door, rest: ASGIApp) -> APIRouter:
    """The application's first router: DirectAdmin's paths lead to the door, all others to `rest`.

    Routes of the OpenAPI document come first; the last one takes unknown commands and paths with extra slashes.
    """
    pushes = APIRouter(route_class=Straight, default=rest, redirect_slashes=False, tags=[TAG])
    for operation in OPERATIONS:
        pushes.add_api_route(operation.path, door.answer, methods=[operation.method], **operation.told())
    pushes.add_api_route("/{command:command}", door.answer, methods=list(METHODS), include_in_schema=False)
    return pushes


class Door:
    """The endpoint of all DirectAdmin requests. `answered` counts answers by type of request, for the metrics."""

    def __init__(self, acceptance: Acceptance, access: Access, bodies: Bodies | None = None) -> None:
        self._acceptance = acceptance
        self._access = access
        self._bodies = bodies or Bodies()
        self.answered: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer one request in DirectAdmin's format, whatever happens."""
        scope = request.scope
        try:
            answer = await self._answer(scope, request.receive)
        except _Refusal as refusal:
            answer = refusal.answer
        except _Disconnected:
            self.answered["disconnected"] += 1
            return Response()  # nobody is there to read it
        except Exception:
            # The top of this actor: DirectAdmin gets its error=1, the log the whole story.
            log.exception("door.failed", path=scope["path"][:200])
            answer = Answer(da.failure("Internal error", "see the log of the DNS server"), 500, close=True)
        self.answered[str(answer.status)] += 1
        return _response(answer, http_version=scope.get("http_version", ""))

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if cross_site.is_cross_site(scope["headers"]):  # of reading questions too: a delete may come as a GET
            raise _Refusal(Answer(da.failure("Forbidden", cross_site.REASON), 403, close=True))
        authorization, length = _relevant_headers(scope["headers"])
        principal = await self._authenticate(authorization, _address(scope), place_of(scope))
        method: str = scope["method"]
        if method not in METHODS:
            text = da.failure("Method not allowed", f"use {' or '.join(METHODS)}")
            raise _Refusal(Answer(text, 405, close=True, headers={"Allow": ", ".join(METHODS)}))
        if method == "HEAD":
            return Answer(b"")
        query: bytes = scope["query_string"]
        if len(query) > MAX_QUERY_BYTES:
            raise _Refusal(Answer(da.failure("Request too large", f"the query exceeds {MAX_QUERY_BYTES} octets"), 413))
        with self._bodies.share() as share:
            edition = self._access.edition
            body = await self._read_body(scope, length, receive, share) if method == "POST" else b""
            if edition != self._access.edition:  # the credentials were replaced while the body came
                principal = await self._authenticate(authorization, _address(scope), place_of(scope))
            command = da.decode(method, scope["path"], query, body)
            self.answered[type(command).__name__] += 1
            return await self._obey(command, body, principal, _address(scope))

    async def _authenticate(self, authorization: list[bytes], address: str, place: Place) -> Principal:
        """The authenticated principal, established before a single octet of the body is read."""
        header = authorization[0] if len(authorization) == 1 else b""
        principal = self._access.recognise(header, address)
        try:
            if principal is None:
                principal = await self._access.admit(header, address)
        except NotAdmitted as error:
            place.refused()
            raise _Refusal(_not_admitted(error)) from None
        place.admitted(pushes=Role.PUSH in principal.roles)
        if Role.PUSH not in principal.roles:
            text = da.failure("Forbidden", "this user name may not push zones")
            raise _Refusal(Answer(text, 403, close=True))
        return principal

    async def _read_body(self, scope: Scope, length: int | None, receive: Receive, share: Share) -> bytes:
        if length is not None and length > self._bodies.largest_bytes:
            raise self._too_large()
        if WHOLE in scope:  # usual: it came with the headers, and needs no timer
            return await self._received(receive, share)
        try:
            async with asyncio.timeout(self._bodies.timeout_s):
                return await self._received(receive, share)
        except TimeoutError:
            details = f"the body did not come within {self._bodies.timeout_s:g} s"
            raise _Refusal(Answer(da.failure("Request timed out", details), 408, close=True)) from None
        except BodiesTooMany as error:
            raise _Refusal(Answer(da.failure("Not recorded, push it again", str(error)), 503, close=True)) from None

    async def _received(self, receive: Receive, share: Share) -> bytes:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):  # usual: one message, no copy
            body: bytes = message.get("body", b"")
            if len(body) > self._bodies.largest_bytes:
                raise self._too_large()
            return body
        octets = bytearray()
        while message["type"] == "http.request":
            octets += message.get("body", b"")
            if len(octets) > self._bodies.largest_bytes:
                raise self._too_large()
            share.grown_to(len(octets))
            if not message.get("more_body"):
                return bytes(octets)
            message = await receive()
        raise _Disconnected

    def _too_large(self) -> _Refusal:
        details = f"at most {self._bodies.largest_bytes} octets are accepted"
        return _Refusal(Answer(da.failure("Zone too large", details), 413, close=True))

    async def _obey(self, command: da.Command, body: bytes, principal: Principal, address: str) -> Answer:
        match command:
            case da.LoginTest():
                log.info("login.tested", credential=principal.name, address=address)
                return Answer(da.LOGIN_OK)
            case da.UserExists() | da.Nothing() | da.Unknown():
                return _ALWAYS_THE_SAME[type(command)]
        try:
            return Answer(await self._act(command, body, principal, address))
        except PushRefused as refusal:
            return Answer(da.refusal(refusal))
        except OutboxUnavailable as error:
            return Answer(da.failure("Not recorded, push it again", str(error)))

    async def _act(
        self,
        command: da.RawSave | da.Delete | da.Exists | da.Malformed,
        body: bytes,
        principal: Principal,
        address: str,
    ) -> bytes:
        """Carry out what needs the store; `error=0` is returned only after the commit."""
        match command:
            case da.RawSave(domain=domain, zone=zone, named_reload=named_reload, notes=notes):
                owner = await self._owner(principal, command, domain, zone, address)
                await self._acceptance.push(
                    domain, zone, owner=owner, address=address, named_reload=named_reload, notes=notes
                )
                return da.OK
            case da.Delete(domains=domains, notes=notes):
                owner = await self._owner(principal, command, domains[0], b"", address)
                await self._acceptance.delete_all(domains, owner=owner, address=address, notes=notes)
                return da.OK
            case da.Exists(domain=domain, check_parent=check_parent):
                return self._presence(await self._acceptance.exists(domain, check_parent=check_parent))
            case da.Malformed(rule=rule, reason=reason, domain=domain, writes=writes):
                refusal = PushRefused(reason, rule=rule)
                if writes:
                    owner = Owner(credential=principal.name)
                    await self._acceptance.refuse(refusal, domain, body, owner=owner, address=address)
                return da.refusal(refusal)

    async def _owner(
        self, principal: Principal, command: da.RawSave | da.Delete, domain: str, zone: bytes, address: str
    ) -> Owner:
        """The owner of the pushed zone. A credential bound to one DirectAdmin server may push for no other."""
        hostname = command.hostname or principal.hostname
        owner = Owner(credential=principal.name, hostname=hostname, username=command.username)
        if principal.hostname and hostname != principal.hostname:
            reason = f"this user name may push for {principal.hostname} only, not for {hostname}"
            refusal = PushRefused(reason, rule="credential-hostname")
            await self._acceptance.refuse(refusal, domain, zone, owner=owner, address=address)
            raise refusal
        return owner

    def _presence(self, presence: Presence) -> bytes:
        """Answer the domain check: the zone itself before a parent, a parent with its owner so that the same user may create it."""
        owner = presence.held.owner if presence.held is not None else None
        tells_owner = self._acceptance.policy.check_subdomain_owner
        server = (owner.server if owner is not None else "") or "another server"
        match existence(owner, exact=presence.exact, tells_owner=tells_owner):
            case Existence.HELD:
                return da.held(server)
            case Existence.PARENT_HELD:
                return da.parent_held(server)
            case Existence.PARENT_OWNED if owner is not None:
                return da.parent_owned(owner.hostname, owner.username)
        return da.ABSENT


def _not_admitted(error: NotAdmitted) -> Answer:
    """The answer to a rejected log-in; DirectAdmin shows its text to the user."""
    if error.again_in_s:
        wait_s = math.ceil(error.again_in_s)
        text = da.failure("Too many failed log-ins", f"{error.reason}: try again in {wait_s} s")
        return Answer(text, 429, close=True, headers={"Retry-After": str(wait_s)})
    challenge = 'Basic realm="DirectDNSOnly", charset="UTF-8"'
    return Answer(da.failure("Unauthorized", error.reason), 401, close=True, headers={"WWW-Authenticate": challenge})


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _relevant_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[bytes], int | None]:
    """All Authorization headers, and the announced length of the body, if any."""
    authorization: list[bytes] = []
    length: int | None = None
    for name, value in headers:
        if name == b"authorization":
            authorization.append(value)
        elif name == b"content-length" and value.isdigit():
            length = int(value[:20])
    return authorization, length


def _response(answer: Answer, *, http_version: str) -> Response:
    close = answer.close or http_version == "1.0"  # uvicorn 0.34 would close without a word
    if not answer.headers and len(answer.body) <= SHORT:
        return _plain(answer.body, answer.status, close=close)
    return _made(answer.body, answer.status, answer.headers, close=close)


@lru_cache(64)
def _plain(body: bytes, status: int, *, close: bool) -> Response:
    """A cached response for the few answers that nearly every request gets; it holds nothing of the request."""
    return _made(body, status, {}, close=close)


def _made(body: bytes, status: int, more: Mapping[str, str], *, close: bool) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", **more}
    if close:
        headers["Connection"] = "close"
    return PlainTextResponse(body, status, headers)
