"""The service that DirectAdmin's requests are sent to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.service import Service, running_receiver
from tests.support.wire import DirectAdmin

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One running service for all tests of a module; each test uses zones of its own."""
    with running_receiver() as running:
        yield running


@pytest.fixture
def start() -> Iterator[Callable[..., Service]]:
    """Start a service with other options; it ends with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_receiver(**options))


@pytest.fixture
def domain() -> str:
    """A name that no other test uses."""
    return f"zone-{next(_numbers)}.example"


@pytest.fixture(params=["1.0", "1.1"], ids=["HTTP/1.0", "HTTP/1.1"])
def http(request: pytest.FixtureRequest) -> str:
    """The HTTP version that the master speaks."""
    return str(request.param)


@pytest.fixture
def h1(service: Service, http: str) -> DirectAdmin:
    """The first master, s1.host.example."""
    return service.master("h1", version=http)


@pytest.fixture
def h2(service: Service, http: str) -> DirectAdmin:
    """The second master, s2.host.example, with a credential of its own."""
    return service.master("h2", version=http, hostname="s2.host.example")
