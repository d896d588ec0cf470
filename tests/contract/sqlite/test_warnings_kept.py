"""Warnings over SQLite."""

from __future__ import annotations

from tests.contract.store_exercises.warnings_kept import *  # the exercise
from tests.support.made import a_push


async def test_a_push_without_warnings_costs_no_statement_more(store):
    """One that reads and one that writes, for a zone that is there; none of them is about warnings."""
    await store.recording.record_push(a_push(serial=1))
    seen: list[str] = []
    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(seen.append))

    await store.recording.record_push(a_push(serial=2))

    await store.engine.commits._connection.call(lambda raw: raw.set_trace_callback(None))
    assert ["BEGIN", "SELECT", "INSERT", "COMMIT"] == [sql.split()[0] for sql in dict.fromkeys(seen)]
