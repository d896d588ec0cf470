#!/bin/sh
# FastAPI 0.165.0 (Starlette 1.10.0, Python 3.11): an application's `routes` no longer hold the routes of an included router.
#
# Done:     include_router(APIRouter with two operations), then the usual walk over app.routes to list paths and methods.
# Seen:     four routes of FastAPI's own and one object of the class _IncludedRouter, without `path`, `methods` or `routes`.
#           The operations are there all the same: they answer, and app.openapi() lists them.
# Expected: one APIRoute for each operation, as the walk over app.routes in many projects (lists of permissions, Allow
#           headers, generated clients) takes for granted. Such a walk finds nothing and says nothing.
# Way out:  walk over app.openapi()["paths"].
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check fastapi==0.165.0 starlette==1.10.0
"$folder/venv/bin/python" - <<'PYTHON'
from fastapi import APIRouter, FastAPI

router = APIRouter(prefix="/api")


@router.get("/zones/{zone}")
def look(zone: str) -> str:
    return zone


@router.put("/zones/{zone}")
def write(zone: str) -> str:
    return zone


app = FastAPI()
app.include_router(router)
kinds = [type(route).__name__ for route in app.routes]
paths = [getattr(route, "path", None) for route in app.routes]
print("routes:", list(zip(kinds, paths, strict=True)))
print("document:", {path: sorted(operations) for path, operations in app.openapi()["paths"].items()})
assert "_IncludedRouter" in kinds
assert not [path for path in paths if path and path.startswith("/api")]
assert ["get", "put"] == sorted(app.openapi()["paths"]["/api/zones/{zone}"])
print("as described")
PYTHON
