"""What an operator sees, without HTTP: the service's figures, its verdict, and the explanation of one zone."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from directdnsonly.errors import NotHere, OutboxUnavailable
from directdnsonly.operate.asking import answers
from directdnsonly.operate.explain import Explainer
from directdnsonly.operate.journal import Operator
from directdnsonly.operate.looking import Readiness
from directdnsonly.operate.status import removed_of
from directdnsonly.readiness import ServiceState
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.reconcile.settings import ReconciliationSettings
from directdnsonly.verify.compare import Finding
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_push
from tests.support.operating import Operated, operated

ANNA = Operator(name="anna", address="192.0.2.7")
NAME = ZoneName("a.example")
BODY = b"""$TTL 3600
@ IN SOA ns1.host.example. h.host.example. 7 3600 3600 1209600 86400
@ IN NS ns1.host.example.
www IN A 192.0.2.10
"""


def explainer_of(it: Operated) -> Explainer:
    return Explainer(it.running, Lookout(ReconciliationSettings()), ZoneInfo("UTC"))


async def deliver(it: Operated, *names: str) -> None:
    for name in names or it.running.lanes:
        while await it.running.lanes[name].run_once():
            pass


async def test_a_name_in_a_zone_is_explained_by_what_the_name_servers_answer(tmp_path: Path) -> None:
    """Proven on one, down to nothing on the other; with the records that the verdict stands on."""
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, BODY, ANNA)
        await deliver(it, "one")

        told = await explainer_of(it).explain("https://www.a.example/index.html")

        assert ("a.example", True, "not live") == (told.zone, told.within, told.judged.live)
        assert told.about is not None
        assert (1, "anna") == (told.about.version, told.about.owner.credential)
        one, two = told.places
        assert (("one", "verified", "proven"), ("two", "pending")) == (
            (one.placement.backend, one.state, one.standing), (two.placement.backend, two.state),
        )  # fmt: skip
        assert [("one", 7, Finding.PROVEN)] == [(said.backend, said.serial, said.finding) for said in one.answers]
        assert [Finding.PROVEN] != [said.finding for said in two.answers]
        assert ["zone.put"] == [event.event for event in told.events]
        await deliver(it)
        assert "live" == (await explainer_of(it).explain("a.example")).judged.live


async def test_a_name_that_nobody_holds_is_explained_as_unknown(tmp_path: Path) -> None:
    async with operated(tmp_path) as it:
        told = await explainer_of(it).explain("nobody.example")

        assert ("unknown", None, []) == (told.judged.live, told.about, list(told.places))
        with pytest.raises(NotHere, match=r"zone nobody\.example is unknown: it was never pushed to us"):
            await answers(it.store.looking, it.running.lanes, ZoneName("nobody.example"))


async def test_the_figures_are_those_of_store_and_lanes_together(tmp_path: Path) -> None:
    """One backend has delivered, one was stopped by somebody; the verdict names the one that was stopped."""
    async with operated(tmp_path) as it:
        await it.acts.zones.put(NAME, BODY, ANNA)
        it.clock.advance(60)
        paused_at = it.clock.now_s()
        await it.acts.backends.pause("two", ANNA, reason="moving")
        it.clock.advance(60)
        await deliver(it, "one")

        verdict, figures = await Readiness(it.running).readable()

        assert (1, 0, 0) == (figures.zones, figures.held, figures.lost)
        one, two = figures.backends
        assert (("one", "ok", 1, 0), ("two", "paused", 0, 1)) == (
            (one.name, one.state, one.zones_proven, one.pending), (two.name, two.state, two.zones_proven, two.pending),
        )  # fmt: skip
        assert two.pause is not None
        assert ("anna", "moving", paused_at) == (two.pause.actor, two.pause.reason, two.pause.at)
        assert ("moving", paused_at) == (two.reason, two.since)
        assert (ServiceState.DEGRADED, ["two"]) == (verdict.state, [reason.subject for reason in verdict.reasons])


async def test_a_backend_that_is_configured_no_more_is_shown_with_what_to_do(tmp_path: Path) -> None:
    async with operated(tmp_path, names=("one", "old")) as it:
        await it.store.recording.record_push(a_push(NAME))
    async with operated(tmp_path, names=("one",)) as it:
        (removed,) = await removed_of(it.running)

        assert ("old", "removed") == (removed.name, removed.state)
        assert "1 delivery is kept" in removed.reason
        assert removed.reason.endswith("dadns backends forget old")


async def test_a_store_that_cannot_be_read_leaves_a_verdict_and_no_figures(tmp_path: Path) -> None:
    """Nothing is made up."""
    async with operated(tmp_path) as it:
        readiness = Readiness(it.running)
        assert (await readiness.look()).status is not None
    seen = await readiness.look()

    assert (ServiceState.UNREADY, None) == (seen.verdict.state, seen.status)
    with pytest.raises(OutboxUnavailable, match="the store is clos"):
        await readiness.readable()
