"""Acts on backends, without HTTP: done, told with who asked, and refused in the words that everybody shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from directdnsonly.errors import DoesNotFit, NotHere
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.lifecycle import State
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_push
from tests.support.operating import operated

ANNA = Operator(name="anna", address="192.0.2.7")
BOB = Operator(name="bob", address="192.0.2.8")
NAME = ZoneName("a.example")


async def test_a_pause_stops_the_lane_is_kept_and_told_until_it_is_resumed(tmp_path: Path) -> None:
    """Who did so first stays, whoever repeats it; the lane, the store and the audit agree."""
    async with operated(tmp_path) as it:
        first = await it.acts.backends.pause("one", ANNA, reason="moving the machine")
        again = await it.acts.backends.pause("one", BOB)

        assert [("anna", False), ("anna", True)] == [(one.pause.actor, one.already) for one in (first, again)]
        assert "paused by anna: moving the machine" == it.running.lanes["one"].status().paused
        assert ["anna"] == [pause.actor for pause in (await it.store.operators.pauses()).values()]
        assert "" == it.running.lanes["two"].status().paused

        await it.acts.backends.resume("one", BOB)

        assert ("", {}) == (it.running.lanes["one"].status().paused, await it.store.operators.pauses())
        assert [
            ("backend.paused", "", "anna", "192.0.2.7", "one: moving the machine"),
            ("backend.paused", "", "bob", "192.0.2.8", "one (already paused by anna: moving the machine)"),
            ("backend.resumed", "", "bob", "192.0.2.8", "one"),
        ] == await it.told()


async def test_a_probe_says_why_work_cannot_flow_and_is_no_event(tmp_path: Path) -> None:
    """It looks and changes nothing."""
    async with operated(tmp_path) as it:
        assert "" == (await it.acts.backends.probe("one")).reason
        it.backends["one"].down = "connection refused"

        assert "connection refused" in (await it.acts.backends.probe("one")).reason
        assert [] == await it.told()


@pytest.mark.parametrize("name", ["off", "nobody"])
async def test_there_is_no_act_on_a_backend_that_is_not_enabled(tmp_path: Path, name: str) -> None:
    """Also where the configuration has it: nothing runs for it."""
    async with operated(tmp_path, configured=["off"]) as it:
        for asked in (
            it.acts.backends.pause(name, ANNA),
            it.acts.backends.resume(name, ANNA),
            it.acts.backends.probe(name),
        ):
            with pytest.raises(NotHere, match=f"there is no enabled backend '{name}'"):
                await asked
        assert ([], {}) == (await it.told(), await it.store.operators.pauses())


async def test_only_what_is_configured_no_more_is_forgotten(tmp_path: Path) -> None:
    """With the number of its deliveries; a repetition finds nothing, and tells nothing."""
    async with operated(tmp_path, names=("one", "old")) as it:
        await it.store.recording.record_push(a_push(NAME))
    async with operated(tmp_path, names=("one",), configured=["off"]) as it:
        for name in ("one", "off"):
            with pytest.raises(
                DoesNotFit, match=f"take dns.backends.{name} out of the configuration, dadns reload, repeat"
            ):
                await it.acts.backends.forget(name, ANNA)

        assert [1, 0, 0] == [await it.acts.backends.forget(name, ANNA) for name in ("old", "old", "nobody")]
        assert [("backend.forgotten", "", "anna", "192.0.2.7", "old: 1 delivery")] == await it.told()
        assert ["one"] == [one.backend for one in await it.store.looking.placements(NAME)]


async def test_what_was_done_is_done_though_the_audit_cannot_be_kept(tmp_path: Path) -> None:
    """Nothing is raised: whoever asked must not try again what stands."""
    async with operated(tmp_path) as it:
        await it.fill_audit()

        await it.acts.backends.pause("one", ANNA)

        assert "paused by anna" == it.running.lanes["one"].status().paused
        assert [] == await it.told()


async def test_given_up_deliveries_are_revived_by_zone_backend_or_all(tmp_path: Path) -> None:
    """The lanes are told how urgent it is; where there was nothing to revive, nothing is told."""
    async with operated(tmp_path) as it:
        await it.bury("a.example", "b.example", "c.example")

        acts = it.acts.deliveries
        assert 1 == await acts.revive(ANNA, name=NAME)
        assert 0 == await acts.revive(ANNA, backend="two")
        assert 2 == await acts.revive(ANNA)

        assert ["INTERACTIVE", "BULK"] == [priority.name for priority in it.woken]
        assert [
            ("delivery.revived", "a.example", "anna", "192.0.2.7", "1 delivery, backend all"),
            ("delivery.revived", "", "anna", "192.0.2.7", "2 deliveries, backend all"),
        ] == await it.told()
        with pytest.raises(NotHere, match="backend 'nobody' is not configured"):
            await acts.revive(ANNA, backend="nobody")
        with pytest.raises(NotHere, match=r"zone nobody\.example is unknown: it was never pushed to us"):
            await acts.revive(ANNA, name=ZoneName("nobody.example"))


async def test_a_zone_is_delivered_once_more_to_one_backend_or_to_all(tmp_path: Path) -> None:
    """What is given up is due again; what is on its way counts as such."""
    async with operated(tmp_path) as it:
        await it.bury("a.example")

        one = await it.acts.deliveries.redeliver(NAME, ANNA, backend="one")
        every = await it.acts.deliveries.redeliver(NAME, ANNA)

        assert (["one"], 1) == (one.backends, one.requeued)
        assert ["one", "two"] == every.backends
        states = {placement.backend: placement.state for placement in await it.store.looking.placements(NAME)}
        assert {"one": State.PENDING, "two": State.PENDING} == states
        assert ["one", "one, two"] == [detail for *_, detail in await it.told()]
        with pytest.raises(NotHere, match="there is no enabled backend 'nobody'"):
            await it.acts.deliveries.redeliver(NAME, ANNA, backend="nobody")
        with pytest.raises(NotHere, match="is unknown"):
            await it.acts.deliveries.redeliver(ZoneName("nobody.example"), ANNA)
