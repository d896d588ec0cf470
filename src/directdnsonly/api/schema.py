"""The OpenAPI document: what FastAPI finds out, and what it cannot: problems, ways to log in, who may call what."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from directdnsonly.api.guard import needed
from directdnsonly.api.models import Problem
from directdnsonly.api.problem import PROBLEMS, RESPONSES, TYPE
from directdnsonly.api.rrsets import EXAMPLE_JSON, ZoneContent

REF: Final = "#/components/schemas/{model}"
TAGS: Final = [
    {"name": "zones", "description": "Zones as they shall be, and where they stand on each name server"},
    {"name": "changes", "description": "How far an accepted change has come"},
    {"name": "history", "description": "Old versions of a zone: who, when, what differs; rollback and pin"},
    {"name": "held", "description": "Pushes that wait for approval, and announced moves"},
    {"name": "reconcile", "description": "Comparison with DirectAdmin and with the name servers"},
    {"name": "outbox", "description": "Deliveries that are outstanding or were given up"},
    {"name": "backends", "description": "The name servers: state, pause, probe"},
    {"name": "pushes", "description": "What was refused, and why"},
    {"name": "tokens", "description": "Bearer tokens for scripts"},
    {"name": "service", "description": "The service itself"},
    {"name": "health", "description": "For supervisors; no password"},
]


def complete(app: FastAPI) -> None:
    """Let `app.openapi()` tell the whole."""
    found_out = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = found_out()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = _problem()
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
                    _tell_roles(operation, needed(method.upper(), path))
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=REF)
    schema["properties"]["type"]["enum"] = ["about:blank", *(f"{TYPE}{slug}" for slug, _ in PROBLEMS.values())]
    return schema


def _tell_roles(operation: dict[str, Any], roles: frozenset[str]) -> None:
    if not roles:
        operation["security"] = []
        return
    operation["security"] = [{"password": []}, {"token": []}]
    for status, response in RESPONSES.items():  # what any of them may answer, whoever wrote the route
        operation["responses"][str(status)] = response
    wanted = " or ".join(f"`{role}`" for role in sorted(roles))
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds the role {wanted}.".strip()
