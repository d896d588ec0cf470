"""A clock that was wrong for a while, and is put right at a restart: the verdict on a zone goes by what came after what."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from bench.service import Service

from tests.support.programs import require_program
from tests.support.verdicts import BAD, QUICK, SERIAL, Expected, Stage

YEAR = 365 * 86_400


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    require_program("named")
    with Service(extra=QUICK) as service:
        stage = Stage(service)
        yield stage
        stage.http.close()


def restarted_with_the_clock_put_right(stage: Stage, *, by: int) -> None:
    """What the service before us wrote, it wrote by a clock that was ahead by so much, or behind."""
    stage.service.stop()
    with closing(sqlite3.connect(stage.service.folder / "data/queues/outbox.sqlite")) as store, store:
        store.execute("UPDATE zone SET pushed_at = pushed_at + ?1, changed_at = changed_at + ?1", (by,))
        store.execute("UPDATE version SET at = at + ?", (by,))
        store.execute("UPDATE refused SET at = at + ?", (by,))
    stage.service.start()


@pytest.mark.parametrize(("by", "zone"), [(YEAR, "ahead.example"), (-YEAR, "behind.example")])
def test_a_refusal_after_an_accepted_push_is_told_and_one_before_it_is_not(stage, by, zone):
    """The accepted push carries a time that lies a year after the refusal (or before it); and the other way round."""
    stage.proven(zone)
    made_good = f"good-{zone}"
    assert stage.push(made_good, text=BAD).startswith("error=1")
    restarted_with_the_clock_put_right(stage, by=by)

    assert stage.push(zone, text=BAD).startswith("error=1")
    stage.proven(made_good, SERIAL + 1)

    stage.look(
        Expected(asked=zone, live="not live", verdict="refused", words=["was refused", "customers get version 1 of "])
    )
    stage.look(Expected(asked=made_good, live="live", verdict="fine"))
