"""Pushes that wait for approval, take-overs that wait for the former server, and announced moves."""

from __future__ import annotations

import pytest

from directdnsonly.accept.policy import Policy
from directdnsonly.errors import DoesNotFit, NotHere, PushRefused
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Owner
from directdnsonly.zone.name import ZoneName
from tests.support.directadmin import StandIn
from tests.support.reconciling import reconciling, server_of

A = Owner(credential="h1", hostname="s1.host.example", username="alice")
B = Owner(credential="h2", hostname="s2.host.example", username="alice")
ME = Operator(name="me", address="192.0.2.7")
NAME = ZoneName.parse("a.example")
TAIL = "www\t3600\tIN\tA\t192.0.2.10\n"


@pytest.fixture
def da():
    with StandIn() as running:
        running.host(["a.example", "b.example"])
        yield running


def text(da, serial, *, drop="", extra=""):
    """The stand-in's zone with another serial, without the lines that hold `drop`."""
    da.zones["a.example"].serial = serial
    da.zones["a.example"].extra = extra
    lines = da.text("a.example").splitlines(keepends=True)
    return "".join(line for line in lines if not drop or drop not in line).encode()


async def serial(rig):
    return (await rig.store.looking.zone(NAME)).pushed_serial


@pytest.mark.parametrize(
    ("drop", "reason"),
    [("\tA\t", "loses 6 of 11 records"), ("\tMX\t", "loses its MX records")],
)
async def test_a_push_that_loses_much_is_held_and_the_old_version_stays(tmp_path, da, drop, reason):
    """error=0, committed, not served; an approval of this very content serves it."""
    async with reconciling(tmp_path, policy=Policy(hold_losses=True)) as rig:
        await rig.acceptance.push("a.example", text(da, 2026112501), owner=A)
        approvals = rig.approvals

        accepted = await rig.acceptance.push("a.example", text(da, 2026112502, drop=drop), owner=A)

        assert f"held for approval: {reason}" in accepted.receipt.ignored
        assert 2026112501 == await serial(rig)
        (held,) = await approvals.waiting(10)
        assert held.difference.startswith("- ")
        assert "push.withheld" in [event.event for event in await rig.store.looking.events(zone=NAME)]
        for another in ("00" * 16, ""):
            with pytest.raises(NotHere, match="with that content waits: look again"):
                await approvals.find(NAME, another)
        receipt = await approvals.approve(await approvals.find(NAME, held.digest[:16]), ME)
        assert (receipt.changed, 2026112502) == (True, await serial(rig))
        assert [] == await approvals.waiting(10)


async def test_an_approval_after_a_newer_push_is_void(tmp_path, da):
    """The zone that was looked at is not the zone any more."""
    async with reconciling(tmp_path, policy=Policy(hold_losses=True)) as rig:
        approvals = rig.approvals
        await rig.acceptance.push("a.example", text(da, 2026112501), owner=A)
        await rig.acceptance.push("a.example", text(da, 2026112502, drop="\tA\t"), owner=A)
        (held,) = await approvals.waiting(10)
        await rig.acceptance.push("a.example", text(da, 2026112503, extra=TAIL.replace("www", "new")), owner=A)

        assert [] == await approvals.waiting(10)
        with pytest.raises(DoesNotFit, match="came meanwhile"):
            await approvals.approve(held, ME)
        assert 2026112503 == await serial(rig)


async def test_a_rejected_push_is_forgotten(tmp_path, da):
    async with reconciling(tmp_path, policy=Policy(hold_losses=True)) as rig:
        approvals = rig.approvals
        await rig.acceptance.push("a.example", text(da, 2026112501), owner=A)
        await rig.acceptance.push("a.example", text(da, 2026112502, drop="\tA\t"), owner=A)
        (held,) = await approvals.waiting(10)

        await approvals.reject(held, ME)

        assert ([], 2026112501) == (await approvals.waiting(10), await serial(rig))


async def test_a_takeover_waits_while_the_former_server_lists_the_zone(tmp_path, da):
    """Fault D4 with the policy `hold`: A's pushes go on, B's is served once A's whole list lacks the zone."""
    async with reconciling(tmp_path, server_of(da), policy=Policy(takeover="hold")) as rig:
        await rig.push(da, "a.example", "b.example")
        await rig.acceptance.push("a.example", text(da, 2026112505), owner=B)
        await rig.turn()
        assert ("s1.host.example", 2026112500) == (
            (await rig.store.looking.zone(NAME)).owner.hostname,
            await serial(rig),
        )
        await rig.acceptance.push("a.example", text(da, 2026112504), owner=A)
        assert 2026112504 == await serial(rig)
        del da.zones["a.example"]

        view = await rig.turn()

        assert ["a.example"] == view.done.released
        assert ("s2.host.example", 2026112505) == (
            (await rig.store.looking.zone(NAME)).owner.hostname,
            await serial(rig),
        )


async def test_the_former_servers_delete_lets_the_waiting_takeover_in(tmp_path, da):
    """A deletes after its migration: the zone is never gone."""
    async with reconciling(tmp_path, server_of(da), policy=Policy(takeover="hold")) as rig:
        await rig.push(da, "a.example")
        await rig.acceptance.push("a.example", text(da, 2026112505), owner=B)

        receipt = await rig.acceptance.delete("a.example", owner=A)

        assert receipt.ignored.startswith("late delete")
        assert ("s2.host.example", 2026112505) == (
            (await rig.store.looking.zone(NAME)).owner.hostname,
            await serial(rig),
        )


async def test_an_announced_move_flows(tmp_path, da):
    """Neither held nor refused, for the named zones and as long as it is open."""
    async with reconciling(tmp_path, policy=Policy(takeover="reject")) as rig:
        approvals = rig.approvals
        await rig.push(da, "a.example", "b.example")
        move = await approvals.open_migration("s1.host.example", "s2.host.example", [NAME], lasts_s=3600, who=ME)
        assert [move] == await approvals.migrations()

        await rig.acceptance.push("a.example", text(da, 2026112505), owner=B)

        assert "s2.host.example" == (await rig.store.looking.zone(NAME)).owner.hostname
        with pytest.raises(PushRefused, match="takeover is set to reject"):
            await rig.acceptance.push("b.example", da.text("b.example").encode(), owner=B)
        with pytest.raises(PushRefused):
            await rig.acceptance.push("a.example", text(da, 2026112506), owner=A)
        rig.clock.advance(3601)
        assert [] == await approvals.migrations()
        again = await approvals.open_migration("s2.host.example", "s1.host.example", [], lasts_s=3600, who=ME)
        await rig.acceptance.push("a.example", text(da, 2026112507), owner=A)
        await approvals.close_migration(again.id, ME)
        with pytest.raises(NotHere, match=f"move {again.id} is not open"):
            await approvals.close_migration(again.id, ME)
