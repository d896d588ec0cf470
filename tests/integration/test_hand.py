"""What a lane owes the store is owed until the store has taken it back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.hand import Hand
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.connection import FILE_NAME
from directdnsonly.outbox.sqlite.store import open_store
from tests.support.made import a_push


async def test_claims_stay_owed_while_the_store_cannot_take_them_back(tmp_path):
    """Forgotten, they would wait for the end of their lease, ten minutes here."""
    settings = OutboxSettings(busy_timeout_s=0.1)
    async with open_store(tmp_path, settings=settings, clock=SystemClock(), backends=["one"]) as store:
        await store.recording.record_push(a_push("a.example"))
        claims = await store.work.claim("one", limit=1, lease_s=600.0)
        hand = Hand(store.work)
        hand.owe(claims)
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            with pytest.raises(OutboxUnavailable, match="locked"):
                await hand.give_back()
            foreign.execute("ROLLBACK")
        assert not hand.is_free

        await hand.give_back()

        assert hand.is_free
        (again,) = await store.work.claim("one", limit=1, lease_s=600.0)
        assert "a.example" == again.name
