"""The audit of what is done by the API: kept in the store, or told in the log that it could not be."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from directdnsonly.api.audit import Auditor
from directdnsonly.clock import ManualClock
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite import open_store


@pytest.mark.parametrize("store_is_there", [True, False])
async def test_a_line_of_the_audit_is_kept_or_its_loss_is_logged(tmp_path: Path, store_is_there: bool) -> None:
    """What was done stays done, so nothing is raised; but a line that is nowhere must be missed by somebody."""
    clock = ManualClock()
    request = Request({"type": "http", "headers": [], "client": ("192.0.2.1", 4711)})
    async with AsyncExitStack() as stack:
        settings = OutboxSettings(disk_reserve_mb=0)
        store = await stack.enter_async_context(open_store(tmp_path, settings=settings, clock=clock, backends=[]))
        audit = Auditor(store, clock)
        if not store_is_there:
            await stack.aclose()

        with capture_logs() as lines:
            await audit(request, "backend.paused", zone="a.example", detail="as told")

        kept = await store.events() if store_is_there else []
    assert ("backend.paused", "192.0.2.1") == (lines[0]["event"], lines[0]["address"])
    if store_is_there:
        assert [("backend.paused", "a.example", "192.0.2.1")] == [(one.event, one.zone, one.address) for one in kept]
        assert 1 == len(lines)
    else:
        (lost,) = lines[1:]
        assert ("event.lost", "error", "backend.paused", "a.example") == (
            lost["event"], lost["log_level"], lost["lost"], lost["zone"],
        )  # fmt: skip
        assert "the store is clos" in lost["reason"]
