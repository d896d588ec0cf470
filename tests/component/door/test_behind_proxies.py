"""What the application is told about who asks, with a proxy in front."""

from __future__ import annotations

import pytest

from directdnsonly.door.forwarded import BehindProxies


@pytest.mark.parametrize(
    ("expected", "trusted"), [("198.51.100.7", ["127.0.0.0/8"]), ("127.0.0.1", []), ("127.0.0.1", ["10.0.0.0/8"])]
)
async def test_every_route_sees_the_client_and_keeps_the_port(expected, trusted):
    """The rest of the service reads `scope["client"]` and knows of no proxy."""
    seen = []

    async def app(scope, _receive, _send):
        seen.append(scope["client"])

    scope = {"type": "http", "client": ("127.0.0.1", 4711), "headers": [(b"x-forwarded-for", b"198.51.100.7")]}

    await BehindProxies(app, trusted)(scope, None, None)

    assert [(expected, 4711)] == seen
