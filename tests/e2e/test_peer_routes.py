"""What another instance may ask over HTTP: by whom, how much, how slowly. The whole HTTP side as it ships."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from directdnsonly.api.peer import MOST_ASKED_BYTES, Turns
from directdnsonly.outbox import identity
from directdnsonly.peers import wire
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_push
from tests.support.service import PASSWORDS, Service, running_receiver

NAMES = [f"z{number}.example" for number in range(20)]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_receiver(body_timeout_s=2.0) as running:

        async def fill() -> None:
            await running.store.upkeep.compare(wanted=True)
            await running.store.upkeep.prune()
            for name in NAMES:
                await running.store.recording.record_push(a_push(name))

        running.look(fill())
        yield running


@pytest.fixture(scope="module")
def tokens(service) -> dict[str, str]:
    """One of each role, made by the first user."""
    found = {}
    for role in ("peer", "read", "push", "operate"):
        answer = httpx.post(
            f"http://{service.host}:{service.port}/api/v1/tokens", auth=("h1", PASSWORDS["h1"]),
            json={"name": role, "roles": [role]}, trust_env=False,
        )  # fmt: skip
        assert 201 == answer.status_code
        found[role] = answer.json()["token"]
    return found


def ask(service: Service, token: str, method: str, path: str, **more) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(
        method, f"http://{service.host}:{service.port}{path}", headers=headers, timeout=60, trust_env=False, **more
    )


def test_the_three_answers_are_those_that_peers_read(service, tokens):
    buckets = sorted({identity.bucket(name) for name in NAMES})

    digests = ask(service, tokens["peer"], "GET", "/api/v1/peer/buckets")
    marks = ask(service, tokens["peer"], "POST", "/api/v1/peer/marks", json={"buckets": buckets})
    states = ask(service, tokens["peer"], "POST", "/api/v1/peer/states", json={"zones": NAMES, "texts": True})

    ours = service.look(service.store.peering.summary())
    assert ours == wire.read_summary(digests.content, ours)
    assert set(NAMES) == {str(name) for one in wire.read_marks(marks.content, buckets) for name in one}
    told = wire.read_states(states.content, [ZoneName.parse(name) for name in NAMES])
    assert NAMES == [one.name for one in told]
    assert all(one.text for one in told)


def test_who_knows_the_digests_is_told_so_in_a_few_octets(service, tokens):
    known = wire.token_of(service.look(service.store.peering.summary()))

    answer = ask(service, tokens["peer"], "GET", "/api/v1/peer/buckets", params={"known": known})

    assert len(answer.content) < 100


@pytest.mark.parametrize("role", ["", "read", "push", "operate"])
def test_only_a_peer_may_ask(service, tokens, role):
    """And whoever has every role, as the first user."""
    for method, path, body in (
        ("GET", "buckets", None), ("POST", "marks", {"buckets": [0]}), ("POST", "states", {"zones": ["a.example"]})
    ):  # fmt: skip
        answer = ask(service, tokens.get(role, ""), method, f"/api/v1/peer/{path}", json=body)
        assert (403 if role else 401) == answer.status_code
        first = httpx.request(
            method, f"http://{service.host}:{service.port}/api/v1/peer/{path}", json=body, auth=("h1", PASSWORDS["h1"]),
            trust_env=False,
        )  # fmt: skip
        assert 200 == first.status_code


def test_a_peer_may_do_nothing_else(service, tokens):
    """Every operation of the document, asked by a token of that role alone."""
    document = httpx.get(
        f"http://{service.host}:{service.port}/openapi.json", auth=("h1", PASSWORDS["h1"]), trust_env=False
    ).json()
    operations = [(method, path) for path, item in document["paths"].items() for method in item]

    allowed = {
        (method, path)
        for method, path in operations
        if ask(service, tokens["peer"], method.upper(), path.replace("{zone}", "z1.example")).status_code
        not in (401, 403)
        and not path.startswith("/CMD_")
    }

    assert {
        ("get", "/livez"), ("get", "/readyz"), ("get", "/api/v1/peer/buckets"), ("post", "/api/v1/peer/marks"),
        ("post", "/api/v1/peer/states"),
    } == allowed  # fmt: skip
    assert "error=1" in ask(service, tokens["peer"], "GET", "/CMD_API_LOGIN_TEST").text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("marks", b"", 422),
        ("marks", b"{", 422),
        ("marks", b"[" * 100_000, 422),
        ("marks", b'{"buckets":[]}', 422),
        ("marks", b'{"buckets":[2048]}', 422),
        ("marks", b'{"buckets":[-1]}', 422),
        ("marks", json.dumps({"buckets": [0] * (wire.MOST_BUCKETS + 1)}).encode(), 422),
        ("marks", b'{"buckets":[0],"more":1}', 422),
        ("states", json.dumps({"zones": ["a.example"] * (wire.MOST_STATES + 1)}).encode(), 422),
        ("states", b'{"zones":["a b"]}', 422),
        ("states", b'{"zones":["../etc"]}', 422),
        ("states", b'{"zones":["a.example"],"texts":"no"}', 200),
        ("states", b" " * (MOST_ASKED_BYTES + 1), 413),
    ],
    ids=repr,
)
def test_a_wrong_question_is_refused_and_costs_nothing(service, tokens, path, body, status):
    answer = ask(service, tokens["peer"], "POST", f"/api/v1/peer/{path}", content=body)

    assert status == answer.status_code
    if status == 422:
        assert "application/problem+json" == answer.headers["content-type"]


def test_a_question_of_one_octet_a_second_is_ended(service, tokens):
    with socket.create_connection((service.host, service.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/v1/peer/marks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            + f"Authorization: Bearer {tokens['peer']}\r\n\r\n".encode()
        )
        told = connection.recv(4096)
    assert b" 408 " in told.split(b"\r\n")[0]


async def test_few_are_answered_at_once_and_too_many_are_told_to_come_again():
    turns, going, most = Turns(), 0, 0
    goes_on = asyncio.Event()

    async def answer() -> bytes:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await goes_on.wait()
        going -= 1
        return b"{}"

    asked = [asyncio.create_task(turns.take(answer())) for _ in range(20)]
    done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
    while len(done) < 10:
        await asyncio.sleep(0)
        done = {one for one in asked if one.done()}
    goes_on.set()
    results = await asyncio.gather(*asked, return_exceptions=True)

    assert 2 == most
    assert [503] * 10 == [one.status_code for one in results if isinstance(one, Exception)]
    assert [200] * 10 == [one.status_code for one in results if not isinstance(one, Exception)]
