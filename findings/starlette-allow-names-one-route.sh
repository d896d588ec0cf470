#!/bin/sh
# Starlette 1.10.0 (with FastAPI 0.165.0): the Allow header of a 405 names the methods of the first route at the path only.
#
# Done:     GET, PUT and DELETE of one path, each an operation of its own (the way FastAPI is used); POST to that path.
# Seen:     405 with `Allow: GET`.
# Expected: `Allow: DELETE, GET, PUT`. RFC 9110, 10.2.1: the field lists the methods that the target resource supports, and
#           15.5.6: the server must generate it. A client that obeys the answer never tries PUT.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check fastapi==0.165.0 starlette==1.10.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/zones/{zone}")
def look(zone: str) -> str:
    return zone


@app.put("/zones/{zone}")
def write(zone: str) -> str:
    return zone


@app.delete("/zones/{zone}")
def remove(zone: str) -> str:
    return zone


async def ask(method: str) -> tuple[int, str]:
    told = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        told.append(message)

    scope = {"type": "http", "method": method, "path": "/zones/a", "raw_path": b"/zones/a", "query_string": b"",
             "headers": [], "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "root_path": ""}
    await app(scope, receive, send)
    return told[0]["status"], dict(told[0]["headers"]).get(b"allow", b"").decode()


seen = asyncio.run(ask("POST"))
print("POST:", seen)
assert (405, "GET") == seen
for method in ("GET", "PUT", "DELETE"):
    assert 200 == asyncio.run(ask(method))[0], method
print("as described")
PYTHON
