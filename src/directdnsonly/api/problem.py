"""Errors of the JSON API as problem details (RFC 9457); docs/errors.md is generated from the table here."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from directdnsonly.api.models.problems import FieldError, Problem
from directdnsonly.api.models.pushes import FaultView
from directdnsonly.api.paths import allowed
from directdnsonly.errors import (
    ActRefused,
    BodiesTooMany,
    ConfigError,
    DoesNotFit,
    KeyTaken,
    NotAllowed,
    NotHere,
    OutboxUnavailable,
    OwnershipRefused,
    PushRefused,
    VersionConflict,
    VersionDamaged,
)

MEDIA_TYPE = "application/problem+json"
TYPE: Final = "urn:directdnsonly:problem:"
CHANGE: Final = "urn:directdnsonly:change:"

# Slug of each status, and what to do about it. `type` of a problem is TYPE and the slug.
PROBLEMS: Final[dict[int, tuple[str, str]]] = {
    400: ("bad-request", "The request cannot be parsed: correct it."),
    401: ("not-admitted", "No or wrong credentials: give a user name and password, or a bearer token."),
    403: (
        "forbidden",
        "The credential does not have the role that this needs (docs/security.md), or the zone is another server's (docs/ownership.md).",
    ),
    404: ("not-found", "There is no such zone, change, backend, token or address."),
    405: ("method-not-allowed", "The path exists, but not with this method."),
    408: ("timeout", "The body did not come in time: send it again, faster."),
    409: ("conflict", "It conflicts with the present state; the detail says how."),
    410: ("damaged", "The stored text of this version is damaged; the detail says why and how to repair it."),
    412: ("version-conflict", "`If-Match` names a version that is not the newest: read the zone again, then decide."),
    413: ("too-large", "The body is larger than `app.max_body_bytes`, or than such a question may be."),
    415: ("media-type", "The body is neither a zone file nor JSON."),
    422: (
        "refused",
        "A parameter, the name or the zone is refused; the detail says which and why, and `faults` lists everything that is wrong with a zone (rule, reason, line, owner). Of a reload: `errors` lists everything that is wrong with the configuration.",
    ),
    429: ("too-many-failures", "Too many failed log-ins; `Retry-After` says when to try again."),
    431: ("headers-too-large", "The headers of the request are larger than `app.max_header_bytes`."),
    500: ("internal", "An error of ours: see the log."),
    503: (
        "unavailable",
        "It cannot be accepted now, the detail says why; nothing was recorded: try again after `Retry-After`.",
    ),
}
TITLES: Final[dict[int, str]] = {
    400: "The request cannot be read",
    401: "Not admitted",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "The body did not come in time",
    409: "It does not fit the present state",
    410: "Damaged in the store",
    412: "Another version is the newest",
    413: "Too large",
    415: "Neither a zone file nor JSON",
    422: "Refused",
    429: "Too many failed log-ins",
    431: "The headers are too large",
    500: "Our fault",
    503: "Not now",
}
ALWAYS: Final = (422,)  # of every operation: a parameter that it does not have, or that does not fit
OF_THE_GUARD: Final = (401, 403, 429)  # of every operation that needs a log-in


def documented(status: int) -> dict[str, Any]:
    """The answer with this status, for the OpenAPI document."""
    return {
        "description": PROBLEMS[status][1],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def problem(
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    change_id: str = "",
    errors: Sequence[FieldError] = (),
    refused: PushRefused | None = None,
) -> Response:
    """A problem response. `change_id`: the push that it ended; `refused`: adds its rule and all faults."""
    slug = PROBLEMS.get(status)
    body = Problem(
        type=f"{TYPE}{slug[0]}" if slug else "about:blank",
        title=TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        rule=refused.rule if refused else None,
        faults=FaultView.all_of(refused.faults) if refused else None,
        instance=f"{CHANGE}{change_id}" if change_id else None,
        errors=list(errors) or None,
    )
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """401, 404, 405 ... raised by the framework or by us."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed(request)
        return problem(
            error.status_code,
            f"{request.method} is not supported at this path, only {headers['Allow']}",
            headers=headers,
        )
    return problem(error.status_code, str(error.detail), headers=headers)


async def on_invalid(_request: Request, error: Exception) -> Response:
    """Answer 422: an invalid parameter or body; says which, and never echoes the input."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    detail = "; ".join(f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in found)
    errors = [FieldError(pointer=_pointer(entry["loc"]), detail=entry["msg"]) for entry in found]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


def _pointer(place: Sequence[str | int]) -> str:
    """Where an entry of pydantic is wrong. In a body: a JSON pointer as a fragment (RFC 6901, section 6)."""
    where, *parts = (str(part) for part in place)
    if where != "body":
        return "/".join((where, *parts))
    return "#" + "".join(f"/{quote(part.replace('~', '~0').replace('/', '~1'), safe='~')}" for part in parts)


async def on_refused(_request: Request, error: Exception) -> Response:
    """Answer 422: the zone or its name is at fault."""
    assert isinstance(error, PushRefused)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, change_id=error.change_id, refused=error)


async def on_not_theirs(_request: Request, error: Exception) -> Response:
    """Answer 403: the zone belongs to another server."""
    assert isinstance(error, OwnershipRefused)
    return problem(HTTPStatus.FORBIDDEN, error.reason, change_id=error.change_id)


OF_AN_ACT: Final[dict[type[ActRefused], int]] = {NotHere: 404, DoesNotFit: 409, NotAllowed: 403}


async def on_act_refused(_request: Request, error: Exception) -> Response:
    """Answer an operator's act that cannot be carried out, with the status of its error."""
    assert isinstance(error, ActRefused)
    return problem(OF_AN_ACT[type(error)], str(error))


async def on_wrong_configuration(_request: Request, error: Exception) -> Response:
    """A reload that has changed nothing."""
    assert isinstance(error, ConfigError)
    where = f" ({error.file})" if error.file else ""
    detail = f"wrong configuration{where}, nothing was changed: {'; '.join(map(str, error.problems))}"
    errors = [
        FieldError(pointer=one.path, detail=one.problem + (f" ({one.hint})" if one.hint else ""))
        for one in error.problems
    ]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


async def on_conflict(_request: Request, error: Exception) -> Response:
    """Answer 412: another change came first."""
    assert isinstance(error, VersionConflict)
    return problem(HTTPStatus.PRECONDITION_FAILED, str(error))


async def on_damaged(_request: Request, error: Exception) -> Response:
    """Answer 410: the version's text is damaged; the rest of the store is not."""
    assert isinstance(error, VersionDamaged)
    return problem(HTTPStatus.GONE, str(error))


async def on_taken(_request: Request, error: Exception) -> Response:
    """Answer 409: the same request was recorded a moment ago."""
    assert isinstance(error, KeyTaken)
    return problem(HTTPStatus.CONFLICT, str(error))


async def on_unavailable(_request: Request, error: Exception) -> Response:
    """Answer 503: our store is at fault and nothing was recorded; try again."""
    assert isinstance(error, OutboxUnavailable)
    headers = {"Retry-After": "5"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers, change_id=error.change_id)


async def on_too_many(_request: Request, error: Exception) -> Response:
    """Answer 503: no memory for another large body; the rest of it will not be read."""
    assert isinstance(error, BodiesTooMany)
    headers = {"Retry-After": "5", "Connection": "close"}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers)


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Answer 500: a bug of ours; the details are in the log, and a stranger gets none of them."""
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an unexpected error: see the log")


HANDLERS = {
    Exception: on_bug,
    HTTPException: on_http_error,
    RequestValidationError: on_invalid,
    OwnershipRefused: on_not_theirs,
    PushRefused: on_refused,
    ActRefused: on_act_refused,
    ConfigError: on_wrong_configuration,
    VersionConflict: on_conflict,
    VersionDamaged: on_damaged,
    KeyTaken: on_taken,
    BodiesTooMany: on_too_many,
    OutboxUnavailable: on_unavailable,
}
