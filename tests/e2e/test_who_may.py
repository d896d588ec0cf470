"""Who may do what, on the running service: each role, each way to log in, each thing that is refused."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import Service

from directdnsonly.access.credentials import hash_of
from directdnsonly.api.guard import needed
from tests.support.programs import require_program

SERIAL = 2026112300
WORD = "only-tests-know-this"
CREDENTIALS = [
    {"name": "pusher", "password": f"push-{WORD}", "roles": ["push"]},
    {"name": "reader", "password_hash": hash_of(f"read-{WORD}"), "roles": ["read"]},
    {"name": "operator", "password": f"operate-{WORD}", "roles": ["operate", "read"]},
    {"name": "bound", "password": f"bound-{WORD}", "roles": ["push"], "hostname": "da1.host.example"},
    {"name": "away", "password": f"away-{WORD}", "roles": ["push", "read"], "networks": ["192.0.2.0/24"]},
    {"name": "small", "password": f"small-{WORD}", "roles": ["push"], "max_zones": 2},
]
LOGINS = {
    "pusher": f"push-{WORD}", "reader": f"read-{WORD}", "operator": f"operate-{WORD}", "bound": f"bound-{WORD}",
    "away": f"away-{WORD}", "small": f"small-{WORD}", USER: PASSWORD,
}  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service(log_level="INFO", environ={"DADNS_APP_CREDENTIALS": json.dumps(CREDENTIALS)}) as running:
        yield running


def ask(service: Service, who: str | None, method: str, path: str, **more) -> httpx.Response:
    auth = None if who is None else (who, LOGINS[who])
    return httpx.request(
        method, f"http://127.0.0.1:{service.port}{path}", auth=auth, timeout=30, trust_env=False, **more
    )


def push(service: Service, who: str, zone: str, hostname: str = "da1.host.example") -> str:
    """By DirectAdmin's door; the text of the answer."""
    query = {"action": "rawsave", "domain": zone, "hostname": hostname, "username": "alice"}
    return ask(service, who, "POST", "/CMD_API_DNS_ADMIN", params=query, content=zone_text(zone, SERIAL)).text


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        (None, "GET", "/livez", 200),
        (None, "GET", "/readyz", 200),
        (None, "GET", "/readyz?verbose=true", 401),
        ("pusher", "GET", "/readyz?verbose=true", 403),
        ("reader", "GET", "/readyz?verbose=true", 200),
        (None, "GET", "/api/v1/zones", 401),
        (None, "GET", "/docs", 401),
        (None, "GET", "/openapi.json", 401),
        (None, "GET", "/nothing/here", 401),
        (None, "DELETE", "/api/v1/zones/example.com", 401),
        (None, "POST", "/api/v1/tokens", 401),
        (None, "GET", "/CMD_API_LOGIN_TEST", 401),
        ("reader", "GET", "/api/v1/zones", 200),
        ("reader", "GET", "/api/v1/status", 200),
        ("reader", "GET", "/docs", 200),
        ("reader", "GET", "/nothing/here", 404),
        ("reader", "PUT", "/api/v1/zones/example.com", 403),
        ("reader", "DELETE", "/api/v1/zones/example.com", 403),
        ("reader", "GET", "/api/v1/tokens", 403),
        ("reader", "POST", "/api/v1/tokens", 403),
        ("reader", "POST", "/api/v1/zones/example.com/rollback", 403),
        ("reader", "GET", "/CMD_API_LOGIN_TEST", 403),
        ("pusher", "GET", "/api/v1/zones", 403),
        ("pusher", "GET", "/api/v1/changes/unknown", 404),
        ("pusher", "DELETE", "/api/v1/zones/unknown.example", 404),
        ("pusher", "GET", "/CMD_API_LOGIN_TEST", 200),
        ("pusher", "POST", "/api/v1/tokens", 403),
        ("pusher", "PUT", "/api/v1/zones/example.com/pin", 403),
        ("pusher", "DELETE", "/api/v1/zones/example.com/pin", 403),
        ("pusher", "POST", "/api/v1/outbox/revive", 403),
        ("operator", "GET", "/api/v1/tokens", 200),
        ("operator", "PUT", "/api/v1/zones/example.com", 403),
        ("away", "GET", "/api/v1/zones", 401),
        ("away", "GET", "/CMD_API_LOGIN_TEST", 401),
        (USER, "GET", "/api/v1/tokens", 200),
        (USER, "GET", "/CMD_API_LOGIN_TEST", 200),
    ],
)  # fmt: skip
def test_each_role_opens_its_doors_and_no_other(service, who, method, path, status):
    """The original's one user may do everything, strangers only ask whether we live."""
    answer = ask(service, who, method, path)

    assert status == answer.status_code
    if status in (401, 403) and not path.startswith("/CMD_"):
        assert "application/problem+json" == answer.headers["content-type"]
    if path.startswith("/CMD_"):
        assert ("error=0" if status == 200 else "error=1") == answer.text[:7]


def test_no_documented_route_is_open(service):
    """Each operation of the API, asked without a log-in; a row of the table decides about every one."""
    schema = ask(service, USER, "GET", "/openapi.json").json()
    operations = [(method, path) for path, item in schema["paths"].items() for method in item]
    assert len(operations) > 10

    opened = [
        (method, path)
        for method, path in operations
        if ask(service, None, method.upper(), path.replace("{zone}", "example.com")).status_code != 401
    ]

    assert {("get", "/livez"), ("get", "/readyz")} == set(opened)
    assert all(needed(method.upper(), path) for method, path in operations if (method, path) not in opened)


def test_a_bound_credential_pushes_for_its_server_only(service):
    """And the refusal is kept where the operator sees it."""
    assert "error=0" == push(service, "bound", "mine.example")
    assert "error=0" == push(service, "bound", "silent.example", hostname="")

    refused = push(service, "bound", "other.example", hostname="da2.host.example")

    assert refused.startswith("error=1&text=Not your server")
    zone = ask(service, "reader", "GET", "/api/v1/zones/silent.example").json()
    assert ("bound", "da1.host.example") == (zone["owner"]["credential"], zone["owner"]["hostname"])
    assert 404 == ask(service, "reader", "GET", "/api/v1/zones/other.example").status_code
    assert "credential-hostname" == ask(service, "reader", "GET", "/api/v1/refused").json()["items"][0]["rule"]


def test_a_bound_credential_is_bound_by_the_api_as_well(service):
    """What it puts belongs to its server; another server's zone it cannot touch."""
    assert "error=0" == push(service, "pusher", "theirs.example", hostname="da2.host.example")
    assert (
        200
        == ask(
            service, "bound", "PUT", "/api/v1/zones/api.example", content=zone_text("api.example", SERIAL)
        ).status_code
    )

    deleted = ask(service, "bound", "DELETE", "/api/v1/zones/theirs.example")
    replaced = ask(
        service, "bound", "PUT", "/api/v1/zones/theirs.example", content=zone_text("theirs.example", SERIAL + 1)
    )

    assert "da1.host.example" == ask(service, "reader", "GET", "/api/v1/zones/api.example").json()["owner"]["hostname"]
    assert [403, 403] == [deleted.status_code, replaced.status_code]
    assert "put" == ask(service, "reader", "GET", "/api/v1/zones/theirs.example").json()["kind"]


def test_a_bound_credentials_body_that_comes_late_is_judged_when_it_is_recorded(service):
    """Its request is let in while there is no such zone; then the other server pushes it, and then the body comes."""
    body = zone_text("raced.example", SERIAL + 1)
    login = base64.b64encode(f"bound:{LOGINS['bound']}".encode()).decode()
    head = (
        f"PUT /api/v1/zones/raced.example HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
        f"Content-Type: text/dns\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # the body is being waited for
        assert "error=0" == push(service, "pusher", "raced.example", hostname="da2.host.example")
        connection.sendall(body if isinstance(body, bytes) else body.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"raced.example belongs to da2.host.example, not to da1.host.example" in answer
    kept = ask(service, "reader", "GET", "/api/v1/zones/raced.example").json()
    assert ("da2.host.example", SERIAL) == (kept["owner"]["hostname"], kept["pushed_serial"])


def test_a_credential_holds_no_more_zones_than_it_may(service):
    """What it holds may change; a new one must wait until another is gone."""
    assert ["error=0"] * 2 == [push(service, "small", f"small{number}.example") for number in range(2)]

    assert push(service, "small", "small2.example").startswith("error=1&text=Too many zones")
    assert "error=0" == push(service, "small", "small1.example")
    assert 200 == ask(service, "small", "DELETE", "/api/v1/zones/small0.example").status_code
    assert "error=0" == push(service, "small", "small2.example")


def test_a_token_is_made_used_and_revoked(service):
    """It is shown once, cannot do more than its maker, and ends at once."""
    new = {"name": "script", "roles": ["read"], "days": 1}
    made = ask(service, "operator", "POST", "/api/v1/tokens", json=new)
    assert 201 == made.status_code
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}

    assert 200 == ask(service, None, "GET", "/api/v1/zones", headers=bearer).status_code
    assert 403 == ask(service, None, "GET", "/api/v1/tokens", headers=bearer).status_code
    assert 403 == ask(service, "operator", "POST", "/api/v1/tokens", json={**new, "roles": ["push"]}).status_code
    assert made.json()["token"] not in ask(service, "operator", "GET", "/api/v1/tokens").text
    assert 204 == ask(service, "operator", "DELETE", f"/api/v1/tokens/{made.json()['id']}").status_code
    assert 401 == ask(service, None, "GET", "/api/v1/zones", headers=bearer).status_code
    events = [event["event"] for event in ask(service, "reader", "GET", "/api/v1/events").json()["items"]]
    assert {"token.created", "token.revoked"} <= set(events)


def test_guesses_are_answered_429_and_the_good_client_goes_on(service):
    """At both doors; the event is kept once."""
    assert 200 == ask(service, "pusher", "GET", "/CMD_API_LOGIN_TEST").status_code
    url = f"http://127.0.0.1:{service.port}"

    with httpx.Client(trust_env=False, timeout=30) as client:
        api = [client.get(f"{url}/api/v1/zones", auth=("pusher", f"{n}")).status_code for n in range(12)]
        door = client.get(f"{url}/CMD_API_LOGIN_TEST", auth=("pusher", "x"))

    assert ([401] * 10, 429) == (api[:10], api[11])
    assert 429 == door.status_code
    assert door.text.startswith("error=1&text=Too many failed log-ins")
    assert 1 <= int(door.headers["retry-after"]) <= 6
    assert "error=0" == push(service, "pusher", "goes-on.example")
    events = ask(service, "reader", "GET", "/api/v1/events").json()["items"]
    assert 1 == sum(event["event"] == "login.failed" and event["actor"] == "pusher" for event in events)


def test_two_authorization_headers_are_none(service):
    """Which of them counts would be a matter of taste."""
    word = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = [("Authorization", f"Basic {word}")] * 2

    assert 401 == ask(service, None, "GET", "/api/v1/zones", headers=headers).status_code
    assert 401 == ask(service, None, "GET", "/CMD_API_LOGIN_TEST", headers=headers).status_code


@pytest.mark.parametrize(
    "told",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/x"}],
)
def test_a_browser_is_not_used_by_another_sites_page(service, told):
    """With the right password: DirectAdmin's door is shut to it, the API lets it look and change nothing."""
    foreign = {"User-Agent": "Mozilla/5.0 Chrome/156.0.0.0", **told}
    assert "error=0" == push(service, USER, "browsed.example")

    tried = [
        ask(service, USER, method, path, headers=foreign)
        for method, path in (
            ("GET", "/CMD_API_LOGIN_TEST"),
            ("GET", "/CMD_API_DNS_ADMIN?action=delete&select0=browsed.example"),
            ("POST", "/CMD_API_DNS_ADMIN?action=delete&select0=browsed.example"),
            ("DELETE", "/api/v1/zones/browsed.example"),
            ("PUT", "/api/v1/zones/browsed.example"),
            ("POST", "/api/v1/tokens"),
            ("GET", "/api/v1/zones/browsed.example"),
        )
    ]

    assert [403] * 6 + [200] == [answer.status_code for answer in tried]
    assert all("another site" in answer.text for answer in tried[:6])
    assert "put" == ask(service, "reader", "GET", "/api/v1/zones/browsed.example").json()["kind"]
