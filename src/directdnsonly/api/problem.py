"""Errors of the JSON API as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from directdnsonly.api.models import Problem
from directdnsonly.errors import OutboxUnavailable, PushRefused

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None) -> Response:
    """One problem answer."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def on_http_error(_request: Request, error: Exception) -> Response:
    """401, 404, 405 ... raised by the framework or by us."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


async def on_invalid(_request: Request, error: Exception) -> Response:
    """A parameter or body does not fit; says which, never echoes the input."""
    assert isinstance(error, RequestValidationError)
    detail = "; ".join(f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors())
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


async def on_refused(_request: Request, error: Exception) -> Response:
    """The zone or its name is at fault."""
    assert isinstance(error, PushRefused)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.args[0])


async def on_unavailable(_request: Request, error: Exception) -> Response:
    """Our store is at fault: nothing was recorded, try again."""
    assert isinstance(error, OutboxUnavailable)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"})


HANDLERS = {
    HTTPException: on_http_error,
    RequestValidationError: on_invalid,
    PushRefused: on_refused,
    OutboxUnavailable: on_unavailable,
}
