"""The OpenAPI document: what FastAPI generates, plus problem details, security schemes and required roles."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from directdnsonly.api.guard import needed
from directdnsonly.api.models.problems import Problem
from directdnsonly.api.problem import ALWAYS, OF_THE_GUARD, PROBLEMS, TYPE, documented
from directdnsonly.api.rrsets import EXAMPLE_JSON, ZoneContent

_PAGE: Final = re.compile(
    r'\bPage_([A-Za-z]+?)(?:View)?_(?=")'
)  # `Page_ZoneView_`, which pydantic makes of Page[ZoneView]
REF: Final = "#/components/schemas/{model}"
DESCRIPTION: Final = """The extra DNS server of DirectAdmin: zones, changes and the state of each name server.

Log in with a user name and a password, or a bearer token. Each operation names the role that it needs: `read` looks,
`push` writes zones, `operate` does the rest; `peer` is for other instances.

A list is `{"items": [...], "next": ...}`: give `next` as `after` for the next page, until it is null. Parameters that an
operation does not know are refused. Times are RFC 3339 in UTC. Errors are problems (RFC 9457) with a `type` to decide by."""
TAGS: Final = [
    {"name": "directadmin", "description": "What DirectAdmin sends: pushes, deletes, questions. For people: `zones`"},
    {"name": "zones", "description": "Zones as they shall be, and where they stand on each name server"},
    {"name": "changes", "description": "The state of an accepted change"},
    {"name": "history", "description": "Old versions of a zone: who, when, what differs; rollback and pin"},
    {"name": "held", "description": "Pushes that wait for approval, and announced moves"},
    {"name": "reconcile", "description": "Comparison with DirectAdmin and with the name servers"},
    {"name": "outbox", "description": "Deliveries that are outstanding or were given up"},
    {"name": "backends", "description": "The name servers: state, pause, probe"},
    {"name": "pushes", "description": "What was refused, and why"},
    {"name": "peers", "description": "Other instances that repair each other; what they ask is between them"},
    {"name": "tokens", "description": "Bearer tokens for scripts"},
    {"name": "service", "description": "The service itself"},
    {"name": "health", "description": "For supervisors; no password"},
]


def complete(app: FastAPI, directadmins: APIRouter) -> None:
    """Let `app.openapi()` tell the whole: its own operations, and those of DirectAdmin's router in front of it."""
    found_out = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = found_out()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for ours in ("HTTPValidationError", "ValidationError"):
                schemas.pop(ours, None)  # FastAPI's own shape of a wrong parameter, which we do not answer with
            schemas.update(_problem())
            content = ZoneContent.model_json_schema(ref_template=REF)
            schemas.update(content.pop("$defs"))
            schemas["ZoneContent"] = {**content, "example": EXAMPLE_JSON}
            document["tags"] = TAGS
            document["components"]["securitySchemes"] = {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            }
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    roles = needed(method.upper(), path)
                    _tell_roles(operation, roles)
                    _tell_failures(operation["responses"], OF_THE_GUARD if roles else ())
            document["paths"].update(_of_directadmin(directadmins))
            app.openapi_schema = json.loads(_PAGE.sub(r"\1Page", json.dumps(document)))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _of_directadmin(routes: APIRouter) -> dict[str, Any]:
    """Its own words, its own failures, one role."""
    paths: dict[str, Any] = get_openapi(title="", version="", routes=routes.routes)["paths"]
    for operations in paths.values():
        for operation in operations.values():
            _tell_roles(operation, frozenset({"push"}))
    return paths


def _problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=REF)
    schema["properties"]["type"]["enum"] = ["about:blank", *(f"{TYPE}{slug}" for slug, _ in PROBLEMS.values())]
    return {**schema.pop("$defs"), "Problem": schema}


def _tell_roles(operation: dict[str, Any], roles: frozenset[str]) -> None:
    if not roles:
        operation["security"] = []
        return
    operation["security"] = [{"password": []}, {"token": []}]
    wanted = " or ".join(f"`{role}`" for role in sorted(roles))
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds the role {wanted}.".strip()


def _tell_failures(responses: dict[str, Any], guarded: tuple[int, ...]) -> None:
    """Those that the route declares, and those that none can help."""
    for status in {*map(str, (*ALWAYS, *guarded)), *(code for code in responses if code >= "400")}:
        if int(status) in (*ALWAYS, *guarded) or "content" not in responses[status]:
            responses[status] = documented(int(status))
