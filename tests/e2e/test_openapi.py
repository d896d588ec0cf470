"""The OpenAPI document as a developer with a generated client reads it, and the service that keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import Service

from tests.support.programs import require_program

MOMENT = re.compile(r"(.*_)?(at|since|until)\Z")
PAGED = {
    "list_attempts", "list_backends", "list_deliveries", "list_differences", "list_events", "list_peers", "list_held", "list_migrations", "list_lost", "list_refused",
    "list_served", "list_tokens", "list_versions", "list_watched", "list_zones",
}  # fmt: skip
# What can come of an operation beside what comes of every one (422) and of its log-in (401, 403, 429).
FAILURES = {
    "get_liveness": set(),
    "get_readiness": {401, 403, 503},
    "get_metrics": {503},
    "get_status": {503},
    "list_tokens": set(),
    "plan_reconciliation": set(),
    "run_reconciliation": set(),
    "get_job": {404},
    "list_zones": {503},
    "get_zone": {404, 503},
    "get_zone_text": {404, 410, 503},
    "put_zone": {400, 408, 409, 412, 413, 415, 503},
    "delete_zone": {400, 404, 409, 412, 503},
    "approve_held": {404, 409, 503},
    "forget_backend": {409, 503},
    "list_events": {503},
}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service() as running:
        yield running


@pytest.fixture(scope="module")
def api(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, auth=(USER, PASSWORD), timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def document(api) -> dict[str, Any]:
    return dict(api.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By its id: method, path and the operation. Not DirectAdmin's, which has its own words: test_openapi_directadmin.py."""
    return {
        one["operationId"]: (method.upper(), path, one)
        for path, item in document["paths"].items()
        for method, one in item.items()
        if "directadmin" not in one["tags"]
    }


def a_path(path: str, operation: dict[str, Any]) -> str:
    """With the examples of its parameters."""
    given = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "path"}
    examples = {name: [*one.get("examples", []), *one["schema"].get("examples", [])][0] for name, one in given.items()}
    return path.format(**examples)


def properties(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every property of every model, and every parameter."""
    for name, model in document["components"]["schemas"].items():
        for key, schema in model.get("properties", {}).items():
            yield name, key, schema
    for _, path, operation in operations(document).values():
        for parameter in operation.get("parameters", ()):
            yield path, parameter["name"], parameter["schema"]


def test_each_model_has_one_name_and_no_path_of_a_module(document):
    """Two models of one name become `directdnsonly__api__models__StatusView`, and a generator drops them."""
    names = list(document["components"]["schemas"])

    assert [] == [name for name in names if "__" in name or not re.fullmatch(r"[A-Z][A-Za-z]+", name)]
    assert {"ZonePage", "EventPage", "StatusView", "ReconcileView", "Problem"} <= set(names)
    assert not {"HTTPValidationError", "ValidationError"} & set(names)


def test_operations_are_called_as_a_client_calls_them(document):
    """Unique, a verb first, and nothing of the address: `list_zones`, not `zones_api_v1_zones_get`."""
    ids = [one["operationId"] for item in document["paths"].values() for one in item.values()]

    assert len(ids) == len(set(ids))
    assert [] == [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", one)]
    assert [] == [one for one in ids if re.search(r"api|v1|__|_(get|put|post|delete)\Z", one)]
    assert {"list_zones", "get_zone", "put_zone", "delete_zone"} <= set(ids)


def test_every_moment_is_told_as_a_date_time(document):
    """A generated client gets moments, never numbers or bare text."""
    kinds = {}
    for model, key, schema in properties(document):
        if MOMENT.fullmatch(key):
            kinds[model, key] = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]

    wrong = {place: kind for place, kind in kinds.items() if [one.get("format") for one in kind] != ["date-time"]}
    assert {} == wrong
    assert {("AlarmView", "since"), ("HeldView", "at"), ("PassView", "ended_at")} <= set(kinds)


def test_moments_are_answered_as_they_are_documented(api):
    """RFC 3339 with milliseconds and an offset."""
    for path in ("/api/v1/status", "/api/v1/backends/bind"):
        told = api.get(path).json()
        moment = told.get("started_at") or told["since"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\+00:00|Z)", moment)
        assert datetime.fromisoformat(moment).tzinfo is not None


def test_no_answer_is_a_bare_list(document):
    """A list is `{items, next}`, so that there is a way to its end; `after` asks for the next page."""
    schemas = document["components"]["schemas"]
    paged = set()
    for name, (_, _, operation) in operations(document).items():
        for status, response in operation["responses"].items():
            shape = response.get("content", {}).get("application/json", {}).get("schema", {})
            assert shape.get("type") != "array", (name, status)
            model = schemas.get(shape.get("$ref", "").rpartition("/")[2], {})
            if "next" in model.get("properties", {}):
                paged.add(name)
                assert "items" in model["required"]
                parameters = {one["name"] for one in operation.get("parameters", ())}
                assert name == "list_served" or {"after", "limit"} <= parameters

    assert paged >= PAGED


def test_every_operation_refuses_a_parameter_that_it_does_not_know(api, document):
    """`events?evnt=` answered everything. The problem names the key and those that are known."""
    for name, (method, path, operation) in operations(document).items():
        answer = api.request(method, a_path(path, operation), params={"nonsense": "1"})
        problem = answer.json()
        known = sorted(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")

        assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"]), name
        (error,) = problem["errors"]
        assert "query/nonsense" == error["pointer"]
        assert all(key in error["detail"] for key in known), name


def test_an_operation_tells_those_failures_that_can_come(document):
    """All others are noise in a generated client."""
    for name, (_, _, operation) in operations(document).items():
        told = {int(status) for status in operation["responses"] if status >= "400"}
        guarded = {401, 403, 429} if operation["security"] else set()
        assert guarded | {422} <= told, name
        own = told - guarded - {422}
        if name in FAILURES:
            assert FAILURES[name] == own, name
        assert (
            not (own & {404, 410})
            or "{" in operation_path(document, name)
            or name in {"list_deliveries", "revive_deliveries"}
        )
        assert name in {"put_zone", "ask_marks", "ask_states"} or not own & {408, 413, 415}, name
        assert name in {"put_zone", "delete_zone"} or 412 not in own, name
        for status in told - ({503} if name == "get_readiness" else set()):
            (content,) = operation["responses"][str(status)]["content"].items()
            assert ("application/problem+json", {"schema": {"$ref": "#/components/schemas/Problem"}}) == content


def operation_path(document: dict[str, Any], name: str) -> str:
    return operations(document)[name][1]


def test_rfc9457_3_a_problem_tells_every_field_and_the_change_that_it_is_about(api):
    """RFC 9457: `errors` with pointers into the body, `instance` of a push that was refused, a title of the type's own."""
    zone = {"rrsets": [{"name": "@", "type": "a", "records": ["192.0.2.1"], "x/y": 1}], "ttl": -1}

    fields = api.put("/api/v1/zones/fields.example", json=zone).json()
    header = api.put("/api/v1/zones/fields.example", content=b"", headers={"If-Match": "newest"}).json()
    refused = api.put("/api/v1/zones/refused.example", content=b"@ IN A 192.0.2.1\n").json()

    assert {"#/rrsets/0/type", "#/rrsets/0/x~1y", "#/ttl"} == {one["pointer"] for one in fields["errors"]}
    assert ["header/if-match"] == [one["pointer"] for one in header["errors"]]
    assert "instance" not in fields
    (kept,) = api.get("/api/v1/refused", params={"zone": "refused.example"}).json()["items"]
    assert f"urn:directdnsonly:change:{kept['change_id']}" == refused["instance"]
    assert "Refused" == refused["title"]
    assert "errors" not in refused


def test_a_zone_file_may_be_sent_under_each_type_that_is_documented(api, document):
    """A generator that knows no text/dns has text/plain."""
    content = document["paths"]["/api/v1/zones/{zone}"]["put"]["requestBody"]["content"]
    assert {"text/dns", "text/plain", "application/octet-stream", "application/json"} == set(content)

    for number, kind in enumerate(sorted(set(content) - {"application/json"})):
        name = f"type{number}.example"
        answer = api.put(f"/api/v1/zones/{name}", content=zone_text(name, 1), headers={"Content-Type": kind})
        assert 200 == answer.status_code, answer.text


def test_one_thing_has_one_name(document):
    """A zone is `zone`, who it belongs to is `owner` and an object, a server that zones leave `from_server`."""
    schemas = document["components"]["schemas"]

    assert "zone" in schemas["RefusedView"]["properties"]
    assert {"from_server", "to_server"} <= set(schemas["MigrationView"]["properties"])
    for model in ("HeldView", "RefusedView", "ZoneView"):
        owner = schemas[model]["properties"]["owner"]
        assert "#/components/schemas/OwnerView" in (owner.get("$ref"), *(one["$ref"] for one in owner.get("allOf", ())))
    flat = {name for name, model in schemas.items() if {"hostname", "username"} & set(model.get("properties", {}))}
    assert {"OwnerView"} == flat


def walk(api: httpx.Client, path: str, **query: object) -> list[dict[str, Any]]:
    """All pages of a list."""
    found, after = [], None
    while True:
        page = api.get(path, params=query | ({"after": after} if after else {})).raise_for_status().json()
        found += page["items"]
        if (after := page["next"]) is None:
            return found


def test_pages_follow_each_other_to_the_end(api):
    """Each entry once, in order, and no empty page at the end; filters hold on each page."""
    for number in range(7):
        name = f"walk{number}.example"
        api.put(f"/api/v1/zones/{name}", content=zone_text(name, 1)).raise_for_status()
        assert 422 == api.put(f"/api/v1/zones/{name}", content=b"@ IN A nonsense\n").status_code
        api.post("/api/v1/tokens", json={"name": f"walk{number}", "roles": ["read"]}).raise_for_status()
        move = {"from_server": f"a{number}.host.example", "to_server": "b.host.example"}
        api.post("/api/v1/migrations", json=move).raise_for_status()
    for serial in range(2, 8):
        api.put("/api/v1/zones/walk0.example", content=zone_text("walk0.example", serial)).raise_for_status()

    for path, key, query in (
        ("zones", "zone", {"search": "walk"}),
        ("refused", "id", {"server": USER}),
        ("events", "id", {"event": "zone.put", "actor": USER}),
        ("tokens", "id", {}),
        ("migrations", "id", {}),
        ("zones/walk0.example/history", "version", {}),
    ):
        at_once = [one[key] for one in walk(api, f"/api/v1/{path}", **query)]
        by_steps = [one[key] for one in walk(api, f"/api/v1/{path}", limit=1, **query)]
        by_sevens = [one[key] for one in walk(api, f"/api/v1/{path}", limit=7, **query)]

        assert len(at_once) >= 7, path
        assert at_once == by_steps == by_sevens, path
        assert len(at_once) == len(set(at_once)), path

    assert ["walk3.example"] == [one["zone"] for one in walk(api, "/api/v1/refused", zone="Walk3.Example.")]
    assert {"walk3.example"} == {one["zone"] for one in walk(api, "/api/v1/events", zone="walk3.example")}
    (newest, *_) = walk(api, "/api/v1/events")
    assert [newest["id"]] == [one["id"] for one in walk(api, "/api/v1/events", since=newest["at"])][:1]
    assert [] == walk(api, "/api/v1/events", since="2100-01-01T00:00:00Z")
    assert 422 == api.get("/api/v1/events", params={"since": "2026-11-23"}).status_code
