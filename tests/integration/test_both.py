"""Many zones at once: jobs are drawn when there is room, and what ends the run is told as itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from directdnsonly.errors import OutboxUnavailable
from directdnsonly.verify.both import run
from directdnsonly.zone.name import ZoneName


async def test_no_more_jobs_are_drawn_than_have_room():
    """So a list of any length, with its texts, needs no memory."""
    drawn, done = 0, 0
    most = 0

    def jobs() -> Iterator[tuple[ZoneName, str | None]]:
        nonlocal drawn
        for number in range(50):
            drawn += 1
            yield ZoneName.trusted(f"z{number}.example"), None

    async def one(_zone: ZoneName, _text: str | None) -> None:
        nonlocal done, most
        most = max(most, drawn - done)
        await asyncio.sleep(0)
        done += 1

    await run(jobs(), one, at_once=3)

    assert (50, 3) == (done, most)


async def test_the_error_of_a_job_ends_all_and_is_raised_itself():
    """The commands know it by its class."""
    names = [(ZoneName.trusted(f"z{number}.example"), None) for number in range(5)]

    async def one(zone: ZoneName, _text: str | None) -> None:
        if zone == "z1.example":
            raise OutboxUnavailable("gone")
        await asyncio.Event().wait()

    with pytest.raises(OutboxUnavailable, match="gone"):
        await run(names, one, at_once=2)
