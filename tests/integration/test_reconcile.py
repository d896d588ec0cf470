"""The reconciler against a DirectAdmin stand-in over HTTP: the real client, plan, store and acceptance."""

from __future__ import annotations

import asyncio

import pytest

from directdnsonly.errors import NotHere
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import NewPin, Owner, Source
from directdnsonly.zone.name import ZoneName
from tests.support.directadmin import Fault, StandIn
from tests.support.fake_backend import FakeBackend, Served
from tests.support.reconciling import BACKEND, reconciling, server_of, with_lane

ZONES = [f"zone-{number}.example" for number in range(1500)]
ME = Operator(name="me")
FEW = ZONES[:40]
GHOST = ZoneName.parse("ghost.example")
SOON = {"absent_minutes": 100.0, "grace_minutes": 100.0}  # three hourly lists, then the grace


@pytest.fixture
def da():
    with StandIn() as running:
        yield running


async def filled(rig, da, names):
    """The same zones on both sides."""
    da.host(names)
    await asyncio.gather(*(rig.push(da, name) for name in names))


FAULTS = [
    pytest.param(fault, id=str(fault))
    for fault in Fault
    if fault is not Fault.SLOW  # a row of its own, with a short patience
]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A store that holds 1,500 zones of one server, to be copied."""
    folder = tmp_path_factory.mktemp("many")

    async def fill():
        with StandIn() as da:
            async with reconciling(folder, server_of(da)) as rig:
                await filled(rig, da, ZONES)

    asyncio.run(fill())
    return folder


@pytest.fixture
def store_of_many(many, tmp_path):
    for file in many.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_list_that_proves_nothing_deletes_nothing(store_of_many, da, fault):
    """Fault D1, for each way in which a list can go wrong: 0 of 1,500 zones are deleted however long it lasts."""
    da.host(ZONES)
    async with reconciling(store_of_many, server_of(da), absent_minutes=0, grace_minutes=0) as rig:
        good = await rig.turn()
        assert "" == good.plan.servers[0].reason
        da.fault = fault

        passes = [await rig.turn() for _ in range(6)]

        assert 1500 == await rig.living()
        assert [] == await rig.store.drift.sightings()
        assert ["no-list"] == rig.alarms()
        assert all(one.plan.servers[0].reason for one in passes)
        assert [("alarm.raised", 1)] == [(event.event, 1) for event in await rig.store.looking.events()]
        da.fault = None
        await rig.turn()
        assert [] == rig.alarms()


async def test_a_server_that_is_down_or_slow_deletes_nothing(store_of_many, da):
    """Fault D1: no answer, and no answer in time."""
    da.host(ZONES)
    da.slow_s = 30
    server = server_of(da)
    async with reconciling(store_of_many, server, absent_minutes=0, grace_minutes=0, timeout_s=0.3) as rig:
        da.fault = Fault.SLOW
        slow = await rig.turn()
        da.__exit__()
        down = await rig.turn()

        assert "no whole answer in 0.3 s" in slow.plan.servers[0].reason
        assert "cannot be asked" in down.plan.servers[0].reason
        assert (1500, ["no-list"]) == (await rig.living(), rig.alarms())
        da.__enter__()  # for the fixture to end


async def test_a_removed_zone_goes_after_three_sightings_and_its_grace(tmp_path, da):
    """Not before, and not while it might still be there; the tombstone says who did it."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        del da.zones["zone-7.example"]

        first, second, third = [await rig.turn() for _ in range(3)]
        assert ([], [], ["zone-7.example"]) == tuple(one.done.quarantined for one in (first, second, third))
        assert await rig.holds("zone-7.example")
        fourth = await rig.turn()
        assert [] == fourth.done.deleted
        fifth = await rig.turn()

        assert ["zone-7.example"] == fifth.done.deleted
        assert 39 == await rig.living()
        tombstone = await rig.store.looking.zone(ZoneName.parse("zone-7.example"))
        assert Source.RECONCILE is tombstone.source
        assert ["orphan.deleted", "orphan.quarantined"] == [
            event.event for event in await rig.store.looking.events(zone="zone-7.example")
        ]
        assert [] == await rig.store.drift.sightings()
        assert "restored" == await rig.asked.undo(ZoneName.parse("zone-7.example"), ME)
        assert await rig.holds("zone-7.example")
        for _ in range(6):
            await rig.turn()
        assert await rig.holds("zone-7.example"), "what an operator brought back stays"


async def test_lists_in_quick_succession_do_not_hasten_an_orphan(tmp_path, da):
    """Three lists within a minute are one sighting in truth."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        del da.zones["zone-7.example"]

        for _ in range(10):
            done = (await rig.turn(minutes=0.2)).done
            assert [] == done.quarantined


async def test_what_returns_during_the_grace_is_forgotten(tmp_path, da):
    """Listed again: it stays, and a later absence is counted from the start."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        gone = da.zones.pop("zone-7.example")
        for _ in range(3):
            await rig.turn()
        da.zones["zone-7.example"] = gone

        back = await rig.turn()

        assert ["zone-7.example"] == back.done.returned
        assert [] == await rig.store.drift.sightings()
        del da.zones["zone-7.example"]
        assert "absent in 1 lists, next: count" == (await rig.turn()).plan.orphaned[0].detail


async def test_a_pass_without_a_list_neither_counts_nor_forgets(tmp_path, da):
    """Absences in a row are of whole lists; an outage between them is not one of them."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        del da.zones["zone-7.example"]
        for _ in range(2):
            await rig.turn()
        da.fault = Fault.ERROR_500
        for _ in range(3):
            assert [] == (await rig.turn()).done.quarantined
        da.fault = None

        assert ["zone-7.example"] == (await rig.turn()).done.quarantined


async def test_a_zone_that_is_newer_on_directadmin_is_pulled(tmp_path, da):
    """Its serial on the server's own name server is newer than ours, and stays so: the push was missed."""
    async with FakeBackend() as its_dns:
        (address,) = its_dns.servers
        server = server_of(da, dns_address=f"{address.host}#{address.port}")
        async with reconciling(tmp_path, server) as rig:
            await filled(rig, da, FEW)
            for name, hosted in da.zones.items():
                its_dns.zones[ZoneName.parse(name)] = Served(1, hosted.serial, 11, "")
            assert 0 == (await rig.turn()).plan.counts["stale"]
            da.zones["zone-7.example"].serial = its_dns.zones[ZoneName.parse("zone-7.example")].serial = 2026112507

            view = await rig.turn()

            assert (1, 1) == (view.plan.counts["stale"], view.done.pulled)
            zone = await rig.store.looking.zone(ZoneName.parse("zone-7.example"))
            assert (2026112507, "alice") == (zone.pushed_serial, zone.owner.username)
            assert 0 == (await rig.turn()).plan.counts["stale"], "plan again, expect nothing"
            its_dns.silent = True
            assert not (await rig.turn()).plan.servers[0].serials


async def test_a_pinned_zone_is_compared_by_its_newest_push(tmp_path, da):
    """What waits behind the pin is not stale, in no pass; and it is a pull of its own that waits, when that was missed."""
    async with FakeBackend() as its_dns:
        (address,) = its_dns.servers
        server = server_of(da, dns_address=f"{address.host}#{address.port}")
        async with reconciling(tmp_path, server) as rig:
            await filled(rig, da, FEW)
            name = ZoneName.parse("zone-7.example")
            for zone, hosted in da.zones.items():
                its_dns.zones[ZoneName.parse(zone)] = Served(1, hosted.serial, 11, "")
            await rig.store.recording.pin(NewPin(name=name, actor="anna"))
            da.zones[name].serial = its_dns.zones[name].serial = 2026112507
            await rig.push(da, name)

            passes = [await rig.turn(), await rig.turn()]

            assert [0, 0] == [one.plan.counts["stale"] for one in passes]
            da.zones[name].serial = its_dns.zones[name].serial = 2026112508
            missed = await rig.turn()
            assert (1, 1, 0) == (missed.plan.counts["stale"], missed.done.pulled, missed.done.overtaken)
            assert 0 == (await rig.turn()).plan.counts["stale"]
            (newest,), pin = await rig.store.drift.held([name]), await rig.store.looking.pin_of(name)
            assert (2026112508, 1, 3) == (newest.pushed_serial, pin.version, pin.waiting_version)
            assert 2026112500 == (await rig.store.looking.zone(name)).pushed_serial


async def test_orphans_and_healing_in_one_pass_do_not_disturb_each_other(tmp_path, da):
    """Fault D10: what is deleted stays deleted, what is missing comes back."""
    async with FakeBackend(BACKEND) as backend, with_lane(tmp_path, backend, server_of(da), **SOON) as (rig, drain):
        await filled(rig, da, FEW)
        await drain()
        assert 40 == len(backend.zones)
        del da.zones["zone-7.example"]
        for _ in range(4):
            await rig.turn()
        for name in FEW[10:30]:
            del backend.zones[ZoneName.parse(name)]
        backend.zones[GHOST] = Served(1, 1, 1, "")

        view = await rig.turn()
        await drain()

        assert (["zone-7.example"], 20, 1) == (view.done.deleted, view.done.healed, view.plan.counts["extra"])
        assert {*FEW, GHOST} - {"zone-7.example"} == {str(name) for name in backend.zones}


async def test_what_was_deleted_and_lingers_and_what_was_given_up_are_done_again(tmp_path, da):
    """A backup brought a deleted zone back; a backend refused a zone until it was repaired."""
    async with FakeBackend(BACKEND) as backend, with_lane(tmp_path, backend, server_of(da)) as (rig, drain):
        backend.refuse = {FEW[3]: "told to refuse"}
        await filled(rig, da, FEW)
        await drain()
        ghost = backend.zones[ZoneName.parse(FEW[7])]
        da.zones.pop(FEW[7])
        await rig.acceptance.delete(FEW[7], owner=Owner(credential="h1", hostname=da.hostname))
        await drain()
        assert 38 == len(backend.zones)
        backend.zones[ZoneName.parse(FEW[7])] = ghost
        backend.refuse = {}
        seen = (await rig.turn(live=False)).plan
        assert [(FEW[7], "is deleted, but still there")] == [(line.zone, line.detail) for line in seen.missing]

        view = await rig.turn()
        await drain()

        assert (1, 1, 0) == (view.done.healed, view.done.revived, view.plan.counts["extra"])
        assert set(FEW) - {FEW[7]} == {str(name) for name in backend.zones}


async def test_a_zone_that_cannot_be_taken_is_kept_as_refused_once(tmp_path, da):
    """Not in every pass, and not as a missed push; a repaired one comes in."""
    async with reconciling(tmp_path, server_of(da), missed_alarm=1) as rig:
        da.host(FEW)
        da.zones[FEW[3]].extra = "www\t3600\tIN\tCNAME\tother\n"

        views = [await rig.turn() for _ in range(3)]

        assert [(39, 1), (0, 1), (0, 1)] == [(view.done.pulled, view.done.pulls_refused) for view in views]
        assert (1, []) == (len(await rig.store.looking.refused()), rig.alarms())
        da.zones[FEW[3]].extra = ""
        assert 1 == (await rig.turn()).done.pulled


async def test_a_lost_store_deletes_no_extra_zones_and_is_told(tmp_path, da):
    """Most of what the name server serves is unknown: rather the store lacks it. It stays, whatever `extra_zones` says."""
    async with FakeBackend(BACKEND) as backend, with_lane(tmp_path, backend, extra_zones="delete") as (rig, drain):
        backend.zones |= {ZoneName(name): Served(1, 1, 1, "") for name in FEW}
        da.host(FEW)
        await rig.push(da, *FEW[:3])
        await drain()

        views = [await rig.turn() for _ in range(3)]
        await drain()

        assert [0, 0, 0] == [view.done.extra_deleted for view in views]
        assert len(FEW) == len(backend.zones)
        assert ["unknown-zones"] == rig.alarms()
        (alarm,) = rig.reconciler.alarms()
        assert BACKEND == alarm.subject
        assert f"{len(FEW) - 3} zones are served there that the store does not know" in alarm.reason

        await rig.push(da, *FEW)
        await drain()
        await rig.turn()
        assert [] == rig.alarms()


async def test_extra_zones_are_deleted_only_when_configured(tmp_path, da):
    """As an ordinary tombstone that the lane carries out; a later push makes the zone ours."""
    async with FakeBackend(BACKEND) as backend, with_lane(tmp_path, backend, extra_zones="delete") as (rig, drain):
        da.host(FEW[:1])
        await rig.push(da, FEW[0])
        await drain()
        backend.zones[GHOST] = Served(1, 1, 1, "")
        assert 0 == (await rig.turn(live=False)).done.extra_deleted

        view = await rig.turn()
        await drain()

        assert (1, {FEW[0]}) == (view.done.extra_deleted, {str(name) for name in backend.zones})
        da.host([GHOST])
        await rig.push(da, GHOST)
        await drain()
        assert [FEW[0], GHOST] == list(backend.zones)


async def test_doubt_at_the_last_moment_keeps_the_zone(tmp_path, da):
    """The list lacks it, yet the server gives the zone itself out: it is not deleted."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        da.hidden.add("zone-7.example")

        passes = [await rig.turn() for _ in range(6)]

        assert ["zone-7.example"] == passes[-1].done.doubtful
        assert (40, []) == (await rig.living(), passes[-1].done.quarantined)


async def test_too_many_orphans_at_once_wait_for_approval(tmp_path, da):
    """Over the cap nothing is deleted; an approval is bound to this very set."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        for name in FEW[:10]:
            del da.zones[name]
        for _ in range(6):
            blocked = await rig.turn()
        assert (40, ["over-cap"]) == (await rig.living(), rig.alarms())
        (plan,) = blocked.plan.approvals.values()

        with pytest.raises(NotHere, match="no zone waits for plan '000000000000'"):
            await rig.asked.approve("000000000000", ME)
        assert 10 == await rig.asked.approve(plan, ME)
        await rig.turn()
        assert 40 == await rig.living(), "the grace is kept"
        await rig.turn()
        await rig.turn()

        assert (30, []) == (await rig.living(), rig.alarms())


async def test_a_zone_pushed_while_the_list_was_read_is_not_judged_by_it(tmp_path, da):
    """Fault D8: the list is older than the push."""
    async with reconciling(tmp_path, server_of(da), absent_minutes=0, grace_minutes=0, absences=2) as rig:
        await filled(rig, da, FEW)
        da.host(["late.example"])
        da.hidden.add("late.example")
        await rig.push(da, "late.example")

        for _ in range(5):  # time stands still: no list is younger than the push
            view = await rig.turn(minutes=0)

        assert 0 == view.plan.counts["orphaned"]
        assert await rig.holds("late.example")


async def test_a_push_between_plan_and_delete_wins(tmp_path, da):
    """The delete is compare-and-set on the version that was absent."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        hosted = da.zones.pop("zone-7.example")
        for _ in range(4):
            await rig.turn()
        (sighting,) = await rig.store.drift.sightings()
        hosted.serial += 1
        da.zones["zone-7.example"] = hosted
        await rig.push(da, "zone-7.example")
        del da.zones["zone-7.example"]  # the list of this pass is from before

        await rig.turn(minutes=120)

        assert await rig.holds("zone-7.example")
        assert sighting.version < (await rig.store.looking.zone(ZoneName.parse("zone-7.example"))).version


@pytest.mark.parametrize("shown", [str.upper, "{}.".format, str.title], ids=["upper", "dot", "title"])
async def test_odd_spellings_in_the_list_are_one_normal_form(tmp_path, da, shown):
    """Fault D9: mixed case and final dots are no orphans and no missed zones."""
    da.shown = shown
    async with reconciling(tmp_path, server_of(da)) as rig:
        await filled(rig, da, FEW)

        view = await rig.turn()

        assert (0, 0, 40) == (view.plan.counts["orphaned"], view.plan.counts["missed"], view.plan.servers[0].present)


async def test_an_international_name_is_the_same_zone(tmp_path, da):
    """Fault D9: U-labels in the list, A-labels here."""
    async with reconciling(tmp_path, server_of(da)) as rig:
        await filled(rig, da, [*FEW, "xn--mnchen-3ya.example"])
        da.shown = lambda name: name.replace("xn--mnchen-3ya", "münchen")

        view = await rig.turn()

        assert (0, 0) == (view.plan.counts["orphaned"], view.plan.counts["missed"])


async def test_another_host_name_in_pushes_is_named_and_nothing_is_deleted(tmp_path, da):
    """Fault D9: the configuration knows the server under another name than its pushes carry."""
    server = server_of(da, pushed_as=())
    async with reconciling(tmp_path, server, absent_minutes=0, grace_minutes=0) as rig:
        await filled(rig, da, FEW)
        for name in FEW[:20]:
            del da.zones[name]

        for _ in range(6):
            view = await rig.turn()

        assert (40, ["hostname"]) == (await rig.living(), rig.alarms())
        assert "s1.host.example" == view.plan.servers[0].pushes_as
        da.host(["new.example"])
        await rig.turn()
        pulled = await rig.store.looking.zone(ZoneName.parse("new.example"))
        assert "s1.host.example" == pulled.owner.hostname, "its own later delete must find it"


async def test_missed_pushes_are_pulled_with_their_owner(tmp_path, da):
    """Fault D3: in DirectAdmin's list, not here; many of them raise an alarm."""
    async with reconciling(tmp_path, server_of(da)) as rig:
        await filled(rig, da, FEW)
        da.host([f"missed-{number}.example" for number in range(50)], user="bob")

        view = await rig.turn()

        assert (50, 90, ["missed"]) == (view.done.pulled, await rig.living(), rig.alarms())
        zone = await rig.store.looking.zone(ZoneName.parse("missed-3.example"))
        assert Owner(credential="h1", hostname="s1.host.example", username="bob") == zone.owner
        assert Source.PULL is zone.source
        again = await rig.turn()
        assert (0, []) == (again.done.pulled, rig.alarms()), "plan again, expect nothing"


@pytest.mark.parametrize("how", ["records", "legacy", "evolution", "csrf"])
async def test_zones_are_pulled_from_every_kind_of_server(tmp_path, da, how):
    """Records instead of a zone file; the older list; a skin that wants a session."""
    da.raw, da.legacy = how != "records", how == "legacy"
    da.evolution = how in {"evolution", "csrf"}
    async with reconciling(tmp_path, server_of(da)) as rig:
        da.host(FEW)

        view = await rig.turn()

        assert (40, [], "") == (view.done.pulled, view.done.failures, view.plan.servers[0].reason)
        assert 2026112500 == (await rig.store.looking.zone(ZoneName.parse(FEW[0]))).pushed_serial


async def test_a_pull_never_overwrites_a_push_that_came_meanwhile(tmp_path, da):
    """Newest wins: the pulled text was read before the push arrived."""
    async with reconciling(tmp_path, server_of(da)) as rig:
        da.host(["a.example"])
        old = da.text("a.example").encode()
        da.zones["a.example"].serial += 5
        await rig.push(da, "a.example")

        accepted = await rig.acceptance.push(
            "a.example", old, owner=Owner(hostname="s1.host.example"), source=Source.PULL, only_if_version=0
        )

        assert "version 1 came meanwhile" == accepted.receipt.ignored
        assert 2026112505 == (await rig.store.looking.zone(ZoneName.parse("a.example"))).pushed_serial


async def test_what_a_person_deleted_is_not_brought_back(tmp_path, da):
    """DirectAdmin still lists it; the deletion by API was meant."""
    async with reconciling(tmp_path, server_of(da)) as rig:
        await filled(rig, da, FEW)
        await rig.acceptance.delete("zone-7.example", owner=Owner(credential="me"), source=Source.API)

        view = await rig.turn()

        assert (0, 1, 39) == (view.done.pulled, view.plan.counts["withheld"], await rig.living())


async def test_leave_dns_zones_stay(tmp_path, da):
    """Listed, though nobody owns it any more."""
    async with reconciling(tmp_path, server_of(da), absent_minutes=0, grace_minutes=0) as rig:
        await filled(rig, da, FEW)
        da.zones["zone-7.example"].user = ""

        for _ in range(5):
            await rig.turn()

        assert 40 == await rig.living()


async def test_a_late_delete_after_a_migration_is_ignored(tmp_path, da):
    """Fault D4: A pushes, B pushes, A deletes late; B's zone stays, also when only B lists it."""
    with StandIn(hostname="s2.host.example", address="127.0.0.2") as other:
        async with reconciling(tmp_path, server_of(da), server_of(other), absent_minutes=0, grace_minutes=0) as rig:
            await filled(rig, da, FEW)
            other.host([*FEW[:20], *(f"b-{number}.example" for number in range(20))])
            await rig.push(other, *other.zones)
            for name in FEW[:20]:
                del da.zones[name]
                receipt = await rig.acceptance.delete(name, owner=Owner(credential="h1", hostname=da.hostname))
                assert receipt.ignored.startswith("late delete")

            for _ in range(5):
                await rig.turn()

            assert 60 == await rig.living()
            assert "s2.host.example" == (await rig.store.looking.zone(ZoneName.parse(FEW[0]))).owner.hostname


async def test_a_migration_whose_push_was_missed_is_followed(tmp_path, da):
    """Only the new server lists it: pulled from there, and its from now on."""
    with StandIn(hostname="s2.host.example", address="127.0.0.2") as other:
        async with reconciling(tmp_path, server_of(da), server_of(other)) as rig:
            await filled(rig, da, FEW)
            other.host(["zone-7.example"], serial=2026112509)
            del da.zones["zone-7.example"]

            view = await rig.turn()

            assert (1, 1) == (view.plan.counts["migrated"], view.done.pulled)
            zone = await rig.store.looking.zone(ZoneName.parse("zone-7.example"))
            assert ("s2.host.example", 2026112509) == (zone.owner.hostname, zone.pushed_serial)


async def test_a_list_that_shrank_may_be_accepted_by_an_operator(tmp_path, da):
    """Below the share of the last whole list it is no list, until somebody vouches for it."""
    async with reconciling(tmp_path, server_of(da)) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        for name in FEW[10:]:
            del da.zones[name]
        assert "the last whole one had 40" in (await rig.turn()).plan.servers[0].reason

        await rig.asked.accept_list("127.0.0.1", ME)
        view = await rig.turn()

        assert ("", 30) == (view.plan.servers[0].reason, view.plan.counts["orphaned"])


async def test_a_list_that_an_operator_has_accepted_is_what_later_ones_are_compared_with(tmp_path, da):
    """Accepted once: the zones go their long way, with sightings, cap and grace; then the usual share holds again."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        for name in FEW[10:]:
            del da.zones[name]
        await rig.turn()
        await rig.asked.accept_list("127.0.0.1", ME)

        for _ in range(2):
            view = await rig.turn()
            assert ("", {}) == (view.plan.servers[0].reason, view.plan.approvals)
        plan = (await rig.turn()).plan.approvals["127.0.0.1"]  # the third sighting; 30 of 40 are over the cap
        assert plan
        assert 40 == await rig.living()
        await rig.asked.approve(plan, ME)
        await rig.turn()
        assert 40 == await rig.living()  # in quarantine
        await rig.turn()
        await rig.turn()

        assert 10 == await rig.living()
        assert "no-list" not in rig.alarms()
        await rig.turn()
        assert [0] == [one.vouched for one in await rig.store.drift.baselines()]


async def test_a_list_that_shrinks_again_or_is_another_servers_is_not_believed_by_what_was_accepted(tmp_path, da):
    """Below the share of the accepted list, or with none of its zones: no list, nothing is concluded."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        for name in FEW[10:]:
            del da.zones[name]
        await rig.asked.accept_list("127.0.0.1", ME)
        await rig.turn()
        kept = dict(da.zones)
        for name in FEW[6:10]:
            del da.zones[name]
        assert "" == (await rig.turn()).plan.servers[0].reason  # 6 of the accepted 10

        da.host([f"other-{number}.example" for number in range(4)])
        for name in FEW[4:6]:
            del da.zones[name]
        assert "only 4 of the 40 zones" in (await rig.turn()).plan.servers[0].reason  # 8 zones, 4 of ours
        for name in FEW[:4]:
            del da.zones[name]
        da.host([f"more-{number}.example" for number in range(4)])
        assert "only 0 of the 40 zones" in (await rig.turn()).plan.servers[0].reason
        da.zones = kept
        assert "" == (await rig.turn()).plan.servers[0].reason
        assert 40 == await rig.living()


async def test_a_list_with_none_of_its_zones_is_believed_once_and_no_more(tmp_path, da):
    """Any list of another server would be as good as it."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        await rig.turn()
        da.zones.clear()
        da.host([f"other-{number}.example" for number in range(10)])
        await rig.asked.accept_list("127.0.0.1", ME)

        assert "" == (await rig.turn()).plan.servers[0].reason
        assert "only 10 of the 50 zones" in (await rig.turn()).plan.servers[0].reason  # with those that were pulled


async def test_a_plan_changes_nothing(tmp_path, da):
    """Neither zones nor sightings nor the record of passes."""
    async with reconciling(tmp_path, server_of(da), **SOON) as rig:
        await filled(rig, da, FEW)
        del da.zones["zone-7.example"]
        da.host(["missed.example"])
        writes = rig.store.engine.commits.writes

        rig.clock.advance(3600)
        job = rig.reconciler.request(live=False)
        view = await rig.reconciler.run_once(job)

        assert (1, 1) == (view.plan.counts["orphaned"], view.plan.counts["missed"])
        assert writes == rig.store.engine.commits.writes


async def test_other_settings_are_taken_up_between_two_passes(tmp_path, da):
    """Servers, caps and name servers; what stood about a server that is there no more is over."""
    da.host(FEW)
    async with reconciling(tmp_path, server_of(da), interval_minutes=60, initial_delay_minutes=60) as rig:
        running = asyncio.create_task(rig.reconciler.run())
        da.fault = next(iter(Fault))
        first = rig.reconciler.request(live=True)
        await asyncio.wait_for(first.done.wait(), 60)
        assert ["no-list"] == rig.alarms()

        other = rig.reconciler.settings.model_copy(update={"directadmin_servers": [], "interval_minutes": 1.0})
        rig.reconciler.follow(other, ())
        await asyncio.wait_for(rig.reconciler.taken_up(), 60)

        assert other is rig.reconciler.settings
        second = rig.reconciler.request(live=True)
        await asyncio.wait_for(second.done.wait(), 60)
        assert [] == rig.alarms()
        assert [] == list(second.result.plan.servers)
        assert rig.reconciler.next_at <= rig.clock.now_s() + 60
        off = other.model_copy(update={"enabled": False})
        rig.reconciler.follow(off, ())
        await asyncio.wait_for(rig.reconciler.taken_up(), 60)
        assert rig.reconciler.next_at is None
        assert not running.done()
        running.cancel()


async def test_a_pass_that_is_under_way_ends_by_the_settings_with_which_it_began(tmp_path, da):
    """And until then `taken_up` waits, so that nobody closes what it looks at."""
    da.host(FEW)
    da.slow_s, da.fault = 0.5, Fault.SLOW
    async with reconciling(tmp_path, server_of(da), timeout_s=60) as rig:
        running = asyncio.create_task(rig.reconciler.run())
        job = rig.reconciler.request(live=True)
        while rig.reconciler.running is None:
            await asyncio.sleep(0.01)

        rig.reconciler.follow(rig.reconciler.settings.model_copy(update={"directadmin_servers": []}), ())
        waiting = asyncio.create_task(rig.reconciler.taken_up())
        await asyncio.wait({waiting, asyncio.create_task(job.done.wait())}, return_when=asyncio.FIRST_COMPLETED)

        assert job.done.is_set()
        assert 1 == len(job.result.plan.servers)
        await asyncio.wait_for(waiting, 60)
        running.cancel()
