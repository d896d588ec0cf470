"""The OpenAPI document tells DirectAdmin's requests as they are: whoever tries its examples in /docs has pushed a zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, wait_served
from bench.service import Service

from tests.support.programs import require_program

DNS_ADMIN = "/CMD_API_DNS_ADMIN"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service() as running:
        yield running


@pytest.fixture(scope="module")
def web(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, auth=(USER, PASSWORD), timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def told(web) -> dict[tuple[str, str], dict[str, Any]]:
    """DirectAdmin's operations by method and path."""
    paths = web.get("/openapi.json").raise_for_status().json()["paths"]
    return {
        (method.upper(), path): operation
        for path, item in paths.items()
        for method, operation in item.items()
        if "directadmin" in operation["tags"]
    }


def query(operation: dict[str, Any], **given: str) -> dict[str, str]:
    """The examples of all parameters in the query, but for those given."""
    return {one["name"]: one["example"] for one in operation["parameters"] if one["in"] == "query"} | given


def answers(operation: dict[str, Any], status: int = 200) -> list[str]:
    """What it may answer with this status, as documented."""
    (content,) = operation["responses"][str(status)]["content"].items()
    assert "text/plain" == content[0]
    return [example["value"] for example in content[1]["examples"].values()]


def test_every_request_that_directadmin_sends_is_told_with_its_role(told):
    assert {
        ("POST", DNS_ADMIN),
        ("GET", DNS_ADMIN),
        ("GET", "/CMD_API_LOGIN_TEST"),
        ("GET", "/CMD_API_USER_EXISTS"),
    } == set(told)
    for operation in told.values():
        assert "Needs the role `push`." in operation["description"]
        assert [{"password": []}, {"token": []}] == operation["security"]
        assert "422" not in operation["responses"]  # FastAPI's own, which nobody is answered with


def test_the_examples_push_a_zone_find_it_and_delete_it(service, web, told):
    """As they stand in the document: served after the first, gone after the last."""
    write, look = told["POST", DNS_ADMIN], told["GET", DNS_ADMIN]
    zone = write["requestBody"]["content"]["text/plain"]["example"]
    form = write["requestBody"]["content"]["application/x-www-form-urlencoded"]["example"]

    unknown = web.get(DNS_ADMIN, params=query(look, domain="unknown.example"))
    pushed = web.post(DNS_ADMIN, params=query(write), content=zone)
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, query(write)["domain"], 2026010100)
        found = web.get(DNS_ADMIN, params=query(look))
        below = web.get(DNS_ADMIN, params=query(look, domain=f"sub.{query(look)['domain']}"))
        deleted = web.post(DNS_ADMIN, data=form)
        wait_served(sock, query(write)["domain"], None)

    assert [200] * 5 == [one.status_code for one in (unknown, pushed, found, below, deleted)]
    assert answers(write)[0] == pushed.text == deleted.text
    assert {unknown.text, found.text, below.text} <= set(answers(look))
    assert 3 == len({unknown.text, found.text, below.text})


def test_the_questions_without_a_zone_are_answered_as_told(web, told):
    for path in ("/CMD_API_LOGIN_TEST", "/CMD_API_USER_EXISTS"):
        assert answers(told["GET", path]) == [web.get(path).text]


def test_a_refusal_is_a_200_with_its_reason_as_told(web, told):
    """DirectAdmin reads the body only."""
    write = told["POST", DNS_ADMIN]
    broken = write["requestBody"]["content"]["text/plain"]["example"].replace("A 192.0.2.10", "A 192.0.2.300")

    refused = web.post(DNS_ADMIN, params=query(write), content=broken)

    assert (200, answers(write)[1]) == (refused.status_code, refused.text)


def test_failures_are_told_with_the_words_that_are_answered(told):
    """Of a stranger, of one without the role, and of a body that is too large."""
    require_program("named")
    write = told["POST", DNS_ADMIN]
    with (
        Service(environ={"DADNS_APP_MAX_BODY_BYTES": "4096"}) as running,
        httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client,
    ):
        ours = (USER, PASSWORD)
        reader = client.post("/api/v1/tokens", json={"name": "reader", "roles": ["read"]}, auth=ours).json()["token"]

        stranger = client.post(DNS_ADMIN, auth=(USER, "wrong"))
        without_the_role = client.post(DNS_ADMIN, headers={"Authorization": f"Bearer {reader}"})
        too_large = client.post(DNS_ADMIN, content=b"x" * 5000, auth=ours)

    for status, answer in ((401, stranger), (403, without_the_role), (413, too_large)):
        assert (status, "text/plain; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
        assert answer.text.startswith(answers(write, status)[0])
