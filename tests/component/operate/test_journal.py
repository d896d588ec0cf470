"""The journal: a line in the log and an event in the store, or told in the log that it could not be kept."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from directdnsonly.clock import ManualClock
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store


@pytest.mark.parametrize("store_is_there", [True, False])
async def test_a_line_of_the_audit_is_kept_or_its_loss_is_logged(tmp_path: Path, store_is_there: bool) -> None:
    """What was done stays done, so nothing is raised; but a line that is nowhere must be missed by somebody."""
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        settings = OutboxSettings(disk_reserve_mb=0)
        store = await stack.enter_async_context(open_store(tmp_path, settings=settings, clock=clock, backends=[]))
        journal = Journal(store.recording, clock)
        if not store_is_there:
            await stack.aclose()

        with capture_logs() as lines:
            who = Operator(name="anna", address="192.0.2.1")
            await journal.did(who, "backend.paused", zone="a.example", detail="as told")

        kept = await store.looking.events() if store_is_there else []
    told = {"zone": "a.example", "actor": "anna", "address": "192.0.2.1", "detail": "as told"}
    assert {"event": "backend.paused", "log_level": "info", **told} == lines[0]
    if store_is_there:
        assert [("backend.paused", "a.example", "anna", "192.0.2.1", "as told")] == [
            (one.event, one.zone, one.actor, one.address, one.detail) for one in kept
        ]
        assert 1 == len(lines)
    else:
        (lost,) = lines[1:]
        assert ("event.lost", "error", "backend.paused", "a.example") == (
            lost["event"], lost["log_level"], lost["lost"], lost["zone"],
        )  # fmt: skip
        assert "the store is clos" in lost["reason"]


@pytest.mark.parametrize(("warn", "level"), [(False, "info"), (True, "warning")])
async def test_the_log_may_tell_more_than_the_audit(tmp_path: Path, warn: bool, level: str) -> None:
    """Facts for programs in the line, a sentence in the event; an event alone leaves no second line."""
    clock = ManualClock()
    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=clock, backends=[]) as store:
        journal = Journal(store.recording, clock)

        with capture_logs() as lines:
            facts = {"kind": "no-list", "subject": "da1"}
            await journal.tell("alarm.raised", actor="reconcile", detail="da1: no-list", line=facts, warn=warn)
            await journal.keep("zone.put", zone="a.example", actor="bob", detail="version 1")

        kept = await store.looking.events()
    assert [{"event": "alarm.raised", "log_level": level, **facts}] == lines
    assert [("zone.put", "bob", "version 1"), ("alarm.raised", "reconcile", "da1: no-list")] == [
        (one.event, one.actor, one.detail) for one in kept
    ]
