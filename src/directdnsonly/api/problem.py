"""Errors of the JSON API as problem details (RFC 9457). docs/errors.md is made from the table here."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from directdnsonly.api.models import FaultView, Problem
from directdnsonly.api.paths import allowed
from directdnsonly.errors import (
    BodiesTooMany,
    KeyTaken,
    OutboxUnavailable,
    OwnershipRefused,
    PushRefused,
    VersionConflict,
    VersionDamaged,
)

MEDIA_TYPE = "application/problem+json"
TYPE: Final = "urn:directdnsonly:problem:"

# Slug of each status, and what to do about it. `type` of a problem is TYPE and the slug.
PROBLEMS: Final[dict[int, tuple[str, str]]] = {
    400: ("bad-request", "The request cannot be read: correct it."),
    401: ("not-admitted", "No or wrong credentials: give a user name and password, or a bearer token."),
    403: (
        "forbidden",
        "The credential does not have the role that this needs (docs/security.md), or the zone is another server's (docs/ownership.md).",
    ),
    404: ("not-found", "There is no such zone, change, backend, token or address."),
    405: ("method-not-allowed", "The address is right, the method is not."),
    408: ("timeout", "The body did not come in time: send it again, faster."),
    409: ("conflict", "It does not fit the present state; the detail says how."),
    410: ("damaged", "The store cannot read this version of the zone any more; the detail says why and what heals it."),
    412: ("version-conflict", "`If-Match` names another version than the newest: read the zone again, then decide."),
    413: ("too-large", "The body is larger than `app.max_body_bytes`."),
    415: ("media-type", "The body is neither a zone file nor JSON."),
    422: (
        "refused",
        "A parameter, the name or the zone is refused; the detail says which and why, `faults` everything that is wrong with a zone (rule, reason, line, owner).",
    ),
    429: ("too-many-failures", "Too many failed log-ins; `Retry-After` says when to try again."),
    431: ("headers-too-large", "The headers of the request are larger than `app.max_header_bytes`."),
    500: ("internal", "Our fault: the log tells the story."),
    503: (
        "unavailable",
        "It cannot be taken now, the detail says why; nothing was recorded: try again after `Retry-After`.",
    ),
}
RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    status: {
        "description": PROBLEMS[status][1],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in (400, 401, 403, 404, 409, 410, 413, 422, 429, 503)
}


def problem(
    status: int, detail: str, *, headers: dict[str, str] | None = None, refused: PushRefused | None = None
) -> Response:
    """One problem answer; with its rule and all faults when a push was `refused`."""
    slug = PROBLEMS.get(status)
    body = Problem(
        type=f"{TYPE}{slug[0]}" if slug else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        rule=refused.rule if refused else None,
        faults=FaultView.all_of(refused.faults) if refused else None,
    )
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """401, 404, 405 ... raised by the framework or by us."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed(request)
        return problem(
            error.status_code, f"{request.method} is no method of this address: {headers['Allow']}", headers=headers
        )
    return problem(error.status_code, str(error.detail), headers=headers)


async def on_invalid(_request: Request, error: Exception) -> Response:
    """A parameter or body does not fit; says which, never echoes the input."""
    assert isinstance(error, RequestValidationError)
    detail = "; ".join(f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


async def on_refused(_request: Request, error: Exception) -> Response:
    """The zone or its name is at fault."""
    assert isinstance(error, PushRefused)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, refused=error)


async def on_not_theirs(_request: Request, error: Exception) -> Response:
    """The zone is another server's."""
    assert isinstance(error, OwnershipRefused)
    return problem(HTTPStatus.FORBIDDEN, error.reason)


async def on_conflict(_request: Request, error: Exception) -> Response:
    """Somebody else was faster."""
    assert isinstance(error, VersionConflict)
    return problem(HTTPStatus.PRECONDITION_FAILED, str(error))


async def on_damaged(_request: Request, error: Exception) -> Response:
    """The text is lost, for good; the rest of the store is not."""
    assert isinstance(error, VersionDamaged)
    return problem(HTTPStatus.GONE, str(error))


async def on_taken(_request: Request, error: Exception) -> Response:
    """The same request was recorded a moment ago."""
    assert isinstance(error, KeyTaken)
    return problem(HTTPStatus.CONFLICT, str(error))


async def on_unavailable(_request: Request, error: Exception) -> Response:
    """Our store is at fault: nothing was recorded, try again."""
    assert isinstance(error, OutboxUnavailable)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"})


async def on_too_many(_request: Request, error: Exception) -> Response:
    """No room for one more large body: what still comes of it will not be read."""
    assert isinstance(error, BodiesTooMany)
    headers = {"Retry-After": "5", "Connection": "close"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers)


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Our fault; the log has the story, a stranger gets none of it."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an unexpected error: see the log")


HANDLERS = {
    Exception: on_bug,
    HTTPException: on_http_error,
    RequestValidationError: on_invalid,
    OwnershipRefused: on_not_theirs,
    PushRefused: on_refused,
    VersionConflict: on_conflict,
    VersionDamaged: on_damaged,
    KeyTaken: on_taken,
    BodiesTooMany: on_too_many,
    OutboxUnavailable: on_unavailable,
}
