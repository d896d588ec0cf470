"""How long a DirectAdmin server is asked for its zones that answers about none of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from structlog.testing import capture_logs

from directdnsonly.clock import ManualClock
from directdnsonly.reconcile.answers import NotReadable
from directdnsonly.reconcile.plan import Missed, Plan
from directdnsonly.reconcile.repair import GIVE_UP_AFTER, Repair, Result
from directdnsonly.reconcile.settings import DirectAdminServer, ReconciliationSettings
from directdnsonly.reconcile.survey import Surveyed
from directdnsonly.zone.name import ZoneName

ZONES = 30
SERVER = DirectAdminServer(hostname="s1.host.example", username="admin", password="secret")
UNREADABLE, UNFORESEEN, DENIED = NotReadable("no answer"), KeyError("a fault"), NotReadable("no such", absent=True)


class Failing:
    """A DirectAdmin server, of whose zones each one asked for ends in the next of these errors."""

    server = SERVER

    def __init__(self, errors: Iterable[Exception]) -> None:
        self.errors = iter(errors)
        self.asked = 0

    async def __aenter__(self) -> Failing:
        return self

    async def __aexit__(self, *_error: object) -> None:
        return

    async def owners(self) -> dict[ZoneName, str]:
        return {}

    async def zone(self, _name: ZoneName) -> bytes:
        self.asked += 1
        raise next(self.errors)


@pytest.mark.parametrize(
    ("errors", "asked"),
    [
        pytest.param([UNREADABLE] * ZONES, GIVE_UP_AFTER, id="it is away"),
        pytest.param([UNFORESEEN] * ZONES, GIVE_UP_AFTER, id="whatever it answers is a fault of ours"),
        pytest.param([UNREADABLE, UNFORESEEN] * ZONES, GIVE_UP_AFTER, id="either"),
        pytest.param([DENIED] * ZONES, ZONES, id="it has none of them any more: an answer"),
        pytest.param(([UNREADABLE] * (GIVE_UP_AFTER - 1) + [DENIED]) * ZONES, ZONES, id="it answers now and then"),
        pytest.param(
            [UNFORESEEN] * 5 + [DENIED] + [UNFORESEEN] * ZONES, 6 + GIVE_UP_AFTER, id="it goes away in the middle"
        ),
    ],
)
async def test_a_server_is_given_up_after_ten_zones_in_a_row_without_an_answer(errors, asked):
    """Until the next pass: thousands of requests that all run into their time limit would hold up the others."""
    client, nothing = Failing(errors), None
    names = [ZoneName.parse(f"z{number}.example") for number in range(ZONES)]
    plan = Plan(made_at=0.0, missed=tuple(Missed(name=name, server=SERVER.hostname) for name in names))
    parts: dict[str, Any] = dict.fromkeys(("drift", "approval", "journal", "intake"), nothing)  # nothing comes so far
    settings = ReconciliationSettings(directadmin_servers=[SERVER], pulls_at_once=1)
    repair = Repair(settings=settings, clock=ManualClock(), open_client=lambda _: client, **parts)  # type: ignore[arg-type,return-value]
    result = Result()

    with capture_logs():
        await repair.pull(
            Surveyed(plan=plan, sightings={}, baselines=[], silent=()), result, lambda _what, _count: None
        )

    assert asked == client.asked
    assert {SERVER.hostname: asked} == result.failed
