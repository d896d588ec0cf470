"""The answers of DirectAdmin's door as they leave the application, before any server of HTTP adds to them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from directdnsonly.access.credentials import Access, Principal, Secret
from directdnsonly.receive.routes import Door
from tests.support.operating import operated

SECRET = "a good password"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with operated(tmp_path) as parts:
        known = [Secret(principal=Principal(name="h1"), password=SECRET)]
        yield Door(parts.acceptance, Access(known, clock=parts.clock, answer_failure_after_s=0))


async def asked(door: Door, *, http_version: str, password: str = SECRET) -> tuple[int, str | None]:
    """Status and `Connection` of the answer to a login test."""
    credentials = base64.b64encode(f"h1:{password}".encode())
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/CMD_API_LOGIN_TEST", "query_string": b"", "http_version": http_version,
        "headers": [(b"authorization", b"Basic " + credentials)], "client": ("192.0.2.1", 4711),
    }  # fmt: skip

    async def nothing() -> dict[str, Any]:
        return {"type": "http.request"}

    answer = await door.answer(Request(scope, nothing))
    return answer.status_code, answer.headers.get("connection")


async def test_row_65_an_answer_by_http_1_0_says_that_the_connection_ends(door: Door) -> None:
    """The status line says HTTP/1.1, by which the connection would stay (RFC 9112, section 9.3): a client that asked for
    keep-alive would wait. uvicorn 0.54 says it too, 0.34, which we take as well, closes without a word."""
    assert (200, "close") == await asked(door, http_version="1.0")


async def test_an_answer_by_http_1_1_says_so_only_when_it_refuses_who_sends(door: Door) -> None:
    """Also when the same short answer was given by HTTP/1.0 a moment ago."""
    await asked(door, http_version="1.0")

    assert (200, None) == await asked(door, http_version="1.1")
    assert (401, "close") == await asked(door, http_version="1.1", password="another")


async def test_who_leaves_in_the_middle_of_a_body_is_counted_and_is_no_failure_of_ours(door: Door) -> None:
    """Networks fail all day: an error with a traceback for each would hide the one that matters."""
    credentials = base64.b64encode(f"h1:{SECRET}".encode())
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/CMD_API_DNS_ADMIN", "query_string": b"action=rawsave&domain=a.example",
        "headers": [(b"authorization", b"Basic " + credentials), (b"content-length", b"1000")], "client": ("192.0.2.1", 4711),
    }  # fmt: skip
    coming = iter([{"type": "http.request", "body": b"$TTL 3600\n", "more_body": True}, {"type": "http.disconnect"}])

    async def half() -> dict[str, Any]:
        return next(coming)

    with capture_logs() as lines:
        await door.answer(Request(scope, half))

    assert {"disconnected": 1} == door.answered
    assert [] == lines
