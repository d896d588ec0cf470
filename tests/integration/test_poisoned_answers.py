"""A DirectAdmin server that answers what no DirectAdmin answers: no list of it, an alarm, and everything else goes on.

The inputs are harmless to the JSON reader of Python, which refuses them or is more patient than JSON is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from directdnsonly.accept.acceptance import Acceptance
from directdnsonly.accept.parsing import ZoneParser
from directdnsonly.backends.contract import ZoneObserved
from directdnsonly.clock import SystemClock
from directdnsonly.errors import OutboxUnavailable
from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import open_store
from directdnsonly.reconcile import answers
from directdnsonly.reconcile.answers import NotReadable
from directdnsonly.reconcile.job import Job
from directdnsonly.reconcile.pulled import PulledZones
from directdnsonly.reconcile.reconciler import Reconciler
from directdnsonly.reconcile.seams import Swept
from directdnsonly.reconcile.settings import ReconciliationSettings
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.support.directadmin import StandIn
from tests.support.reconciling import reconciling, server_of


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def listed(row: str, info: str = '"total_pages": 1, "rows": 1') -> str:
    return f'{{"0": {{"domain": {row}}}, "info": {{{info}}}}}'


LISTS = {
    "nested": nested(2000),
    "nested in a row": listed(nested(2000)),
    "nested a little": nested(900),
    "an error that is nested": f'{{"error": {nested(900)}}}',
    "a huge number of pages": listed('"a.example"', f'"total_pages": {"9" * 5000}'),
    "infinitely many pages": listed('"a.example"', '"total_pages": 1e999'),
    "pages that are no number": listed('"a.example"', '"total_pages": NaN'),
    "pages that are a list": listed('"a.example"', '"total_pages": []'),
    "a name that is a number": listed("1"),
    "a row that is null": '{"0": null, "info": {"total_pages": 1}}',
    "a row that stands twice": '{"0": {"domain": "a.example"}, "0": {"domain": "b.example"}, "info": {"total_pages": 1}}',
    "half a surrogate pair": listed('"\\ud800.example"'),
    "an error with half a surrogate pair": '{"error": "1", "text": "\\udc00"}',
    "an enormous name": listed(json.dumps("a" * 5_000_000)),
    "an enormous foreign name": listed(json.dumps("\u00e4" * 1_000_000)),
    "a key that is a digit elsewhere": '{"\u00b2": {"domain": 7}, "info": {"total_pages": 1}}',
    "octets": "\x00\x01",
    "nothing": "",
}


@pytest.mark.parametrize("body", LISTS.values(), ids=LISTS.keys())
async def test_a_poisoned_list_costs_only_its_own_server(tmp_path, body):
    """No list of that server, told as an alarm; the other one's missed zone is pulled in the same pass."""
    with StandIn() as bad, StandIn(hostname="s2.host.example", address="127.0.0.2") as good:
        bad.host(["kept.example"])
        good.host(["missed.example", "known.example"])
        async with reconciling(tmp_path, server_of(bad), server_of(good), absences=2, absent_minutes=0) as rig:
            await rig.push(bad, "kept.example")
            await rig.push(good, "known.example")
            bad.said["cmd_dns_admin"] = body

            with capture_logs() as lines:
                view = await rig.turn()

            assert [True, False] == [bool(found.reason) for found in view.plan.servers]
            assert "no-list" in rig.alarms()
            assert await rig.holds("missed.example")
            assert await rig.holds("kept.example")
            assert not [line for line in lines if line["event"] == "reconcile.failed"], "it is foreseen"
            view.model_dump_json()


ZONES = {
    "nested": nested(2000),
    "a nested value": f'{{"records": [{{"type": "TXT", "name": "a", "value": {nested(900)}}}]}}',
    "a huge number": f'{{"records": [], "default_ttl": {"9" * 5000}}}',
    "an infinite time": '{"records": [], "default_ttl": 1e999}',
    "half a surrogate pair": '{"records": [{"type": "SOA", "name": "@", "value": "\\ud800", "ttl": 1}]}',
    "text for rows": '{"records": "SOA"}',
    "numbers for rows": '{"records": [1, 2]}',
}


@pytest.mark.parametrize("body", ZONES.values(), ids=ZONES.keys())
async def test_a_poisoned_zone_costs_only_itself(tmp_path, body):
    with StandIn(raw=False) as da:
        da.host(["missed.example", "known.example"])
        async with reconciling(tmp_path, server_of(da)) as rig:
            await rig.push(da, "known.example")
            da.said["cmd_api_dns_control"] = body

            view = await rig.turn()

            assert 1 == len(view.done.failures)
            assert ["pull"] == rig.alarms()
            with pytest.raises(NotReadable):
                answers.text_of_records(body, ZoneName.parse("missed.example"))


@pytest.mark.parametrize(
    "body", [nested(2000), '{"a": NaN}', '{"a": -1e999}', '{"a": 1, "a": 2}', "9" * 5000, "\ud800"]
)
def test_whatever_is_no_tree_is_one_kind_of_error(body):
    with pytest.raises(ValueError, match=r"."):
        answers.tree_of(body)


class Lane:
    """A backend whose comparison ends in an error that nobody has thought of, as long as it is told to."""

    name = "one"

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    async def sweep(self, *, repair: bool) -> Swept:
        del repair
        if self.error is not None:
            raise self.error
        return Swept()

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        for nothing in ():
            yield nothing


async def test_an_error_in_one_backends_turn_costs_only_that_turn(tmp_path):
    """Told with its whole story in the log, and the pass ends as others do."""
    with StandIn() as da:
        da.host(["missed.example", "known.example"])
        async with reconciling(tmp_path, server_of(da), lanes=[Lane(KeyError("nobody thought of it"))]) as rig:
            await rig.push(da, "known.example")

            with capture_logs() as lines:
                view = await rig.turn()

            assert "unforeseen error (KeyError)" in view.plan.unreachable["one"]
            assert await rig.holds("missed.example")
            (told,) = [line for line in lines if line["event"] == "reconcile.failed"]
            assert isinstance(told["exc_info"], KeyError)


@pytest.mark.parametrize(
    ("error", "alarms"), [(OutboxUnavailable("the store is full"), []), (SystemError("a bug"), ["pass-failed"])]
)
async def test_a_pass_that_comes_to_no_end_is_told_and_the_next_one_is_made(tmp_path: Path, error, alarms):
    """Also when a task group brings the error, which is then a group of errors."""
    lane, clock = Lane(OutboxUnavailable("the store is full")), SystemClock()

    class Broken(Reconciler):
        """Its passes fail where none of its parts would catch it."""

        async def run_once(self, job: Job | None = None):  # type: ignore[override]
            if lane.error is not None:
                raise ExceptionGroup("a task group", [error])
            return await super().run_once(job)

    settings = OutboxSettings(disk_reserve_mb=0)
    async with open_store(tmp_path, settings=settings, clock=clock, backends=["one"]) as store:
        await store.upkeep.adopt_backends(["one"])
        journal = Journal(store.recording, clock)
        acceptance = Acceptance(
            recording=store.recording,
            looking=store.looking,
            approval=store.approval,
            parser=ZoneParser(parse),
            clock=clock,
            journal=journal,
            notify=lambda _: None,
        )
        reconciler = Broken(
            settings=ReconciliationSettings(enabled=False),
            drift=store.drift,
            work=store.work,
            approval=store.approval,
            clock=clock,
            journal=journal,
            intake=PulledZones(acceptance, lambda _: None),
            lanes=[lane],
        )
        task = asyncio.ensure_future(reconciler.run())
        first = reconciler.request(live=True)
        await first.done.wait()
        assert first.failure
        assert alarms == [str(one.kind) for one in reconciler.alarms()]

        lane.error = None
        second = reconciler.request(live=True)
        await second.done.wait()

        assert not second.failure
        assert not reconciler.alarms()
        assert not task.done()
        task.cancel()
