"""A real PowerDNS behind a proxy that drops connections in the middle of an answer: after PowerDNS did as it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from directdnsonly.backends.powerdns.backend import PowerDnsBackend, build
from directdnsonly.dispatch.breaker import BreakerState
from directdnsonly.errors import BackendUnavailable
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName
from tests.support.dropping import DroppingProxy, dropping
from tests.support.lanes import Rig, running_lanes, until
from tests.support.made import a_push
from tests.support.powerdns import powerdns_under_test

SLOW_PROBE = {"probe_delay_s": 30.0, "probe_delay_max_s": 30.0}  # a breaker that opens stays open
NAME = ZoneName.parse("a.example")


@asynccontextmanager
async def behind_a_proxy(folder: Path) -> AsyncIterator[tuple[PowerDnsBackend, DroppingProxy]]:
    async with AsyncExitStack() as stack:
        direct, _ = await stack.enter_async_context(powerdns_under_test(folder))
        port = urlsplit(direct._settings.api_url).port
        proxy = await stack.enter_async_context(dropping(port or 0))
        settings = direct._settings.model_copy(update={"api_url": f"http://127.0.0.1:{proxy.port}"})
        backend = build("one", settings, folder)
        stack.push_async_callback(backend.aclose)
        yield backend, proxy


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Rig, DroppingProxy]]:
    """With one zone served, so that connections are kept where they are."""
    async with (
        behind_a_proxy(folder) as (backend, proxy),
        running_lanes(folder / "store", backend, **SLOW_PROBE) as rig,
    ):
        await rig.push(a_push("first.example"))
        await rig.until("first.example", State.VERIFIED)
        yield rig, proxy


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("keep", [False, True], ids=["closes each", "keeps"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_dropped_answer_costs_neither_a_retry_nor_the_breaker(tmp_path, method, keep, reset):
    """Of a new zone and of a changed one, over a fresh connection (what PowerDNS 4.7 leaves) and over a kept one."""
    async with running(tmp_path) as (rig, proxy):
        if method == "PATCH":
            await rig.push(a_push("a.example"))
            await rig.until("a.example", State.VERIFIED)
        proxy.keep, proxy.reset, proxy.methods, proxy.drop = keep, reset, frozenset({method}), 1

        await rig.push(a_push("a.example", 2))
        await rig.until("a.example", State.VERIFIED)

        assert 0 == proxy.drop
        assert BreakerState.CLOSED is rig.lanes["one"].status().breaker
        assert [] == await rig.store.looking.attempts(NAME)


async def test_a_second_drop_in_a_row_opens_the_breaker_and_the_reason_names_it(tmp_path):
    async with running(tmp_path) as (rig, proxy):
        proxy.keep, proxy.methods, proxy.drop = False, frozenset({"POST"}), 2

        await rig.push(a_push("a.example"))

        await until(lambda: rig.lanes["one"].status().breaker is BreakerState.OPEN)
        assert "closed the connection before its answer was complete" in rig.lanes["one"].status().reason
        assert 0 == (await rig.placement("a.example")).attempts


async def test_a_kept_connection_that_is_closed_is_tried_once_more_and_the_first_cause_is_told(tmp_path):
    async with behind_a_proxy(tmp_path) as (backend, proxy):
        await backend.ready()
        proxy.drop = 1
        await backend.ready()
        assert ["GET"] * 3 == proxy.asked  # silently

        proxy.drop, proxy.reset = 2, True
        with pytest.raises(
            BackendUnavailable, match=r"Connection reset by peer; a kept connection before it: Conn.* reset"
        ):
            await backend.ready()


async def test_a_create_is_not_sent_twice(tmp_path):
    """A POST that was cut may have been done: what asks again is the delivery, which sees that the zone is there."""
    async with behind_a_proxy(tmp_path) as (backend, proxy):
        await backend.ready()
        proxy.drop, proxy.methods = 1, frozenset({"POST"})
        with pytest.raises(BackendUnavailable, match="before its answer was complete"):
            await backend._api.create({"name": NAME.absolute, "kind": "Native", "nameservers": [], "rrsets": []})
        assert 1 == proxy.asked.count("POST")
