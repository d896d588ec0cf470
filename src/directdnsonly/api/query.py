"""Refuses unknown query parameters, because a filter with a misspelt name would return everything."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError

_SHOWN: Final = 64  # characters of a key


async def only_known(request: Request) -> None:
    """A dependency of a router. Raises RequestValidationError, which names each unknown key and those that are known."""
    given = request.query_params
    if not given:
        return
    operation = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = sorted(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
    unknown = [key for key in given if key not in known]
    if unknown:
        told = (
            f"there is no such parameter; known ones: {', '.join(known)}" if known else "this path takes no parameters"
        )
        raise RequestValidationError([{"loc": ("query", ascii(key[:_SHOWN])[1:-1]), "msg": told} for key in unknown])
