"""Who may, through the door and the store: what two DirectAdmin servers, a person and a pass of reconciliation do to a zone.

The table of all cases is docs/ownership.md (tests/unit/test_ownership.py); here it is acted out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from directdnsonly.accept.policy import Policy
from directdnsonly.errors import DoesNotFit, PushRefused
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Kind, NewPin, Owner, Source
from directdnsonly.outbox.drift import HoldRule
from directdnsonly.zone.name import ZoneName
from tests.support.directadmin import StandIn
from tests.support.reconciling import Rig, reconciling, server_of

ME = Operator(name="me")
A = Owner(credential="c1", hostname="s1.host.example", username="alice")
B = Owner(credential="c2", hostname="s2.host.example", username="bob")
C = Owner(credential="c3", hostname="s3.host.example", username="carl")
POLICIES = ["transfer", "hold", "reject"]


def text(name: str, serial: int = 1, extra: str = "") -> bytes:
    return (
        f"$TTL 3600\n@ IN SOA ns1.host.test. hostmaster.host.test. {serial} 3600 3600 1209600 86400\n"
        f'@ IN NS ns1.host.test.\n@ IN TXT "{name} {serial}"\n{extra}'
    ).encode()  # fmt: skip


@asynccontextmanager
async def door(folder: Path, takeover: str) -> AsyncIterator[Rig]:
    async with reconciling(folder, policy=Policy(takeover=takeover)) as rig:  # type: ignore[arg-type]
        yield rig


async def push(rig: Rig, name: str, owner: Owner, serial: int = 1, extra: str = "", **more) -> str:
    """What became of it, in a word: recorded, held, or the rule by which it was refused."""
    try:
        accepted = await rig.acceptance.push(name, text(name, serial, extra), owner=owner, **more)
    except PushRefused as refusal:
        return refusal.rule
    return "held" if accepted.receipt.ignored.startswith("held for approval") else "recorded"


async def owner_of(rig: Rig, name: str) -> str:
    found = await rig.store.looking.zone(ZoneName.parse(name))
    return found.owner.hostname if found is not None and found.kind is Kind.PUT else ""


async def events(rig: Rig, name: str) -> list[str]:
    return [event.event for event in await rig.store.looking.events(zone=name)]


async def waiting(rig: Rig) -> list[tuple[str, str]]:
    return [(held.name, held.owner.hostname) for held in await rig.store.approval.held_pushes()]


@pytest.mark.parametrize(
    ("takeover", "outcome", "event"),
    [
        ("transfer", "recorded", "zone.overlaps"),
        ("hold", "held", "push.withheld"),
        ("reject", "overlap", "push.refused"),
    ],
)
@pytest.mark.parametrize(
    ("theirs", "pushed"),
    [
        ("parent.example", "www.parent.example"),
        ("parent.example", "a.b.c.www.parent.example"),
        ("child.parent.example", "parent.example"),
        ("a.b.c.child.parent.example", "example"),
    ],
    ids=["below it", "far below it", "above it", "far above it"],
)
async def test_a_new_zone_above_or_below_another_servers_is_by_policy_and_always_told(
    tmp_path, takeover, outcome, event, theirs, pushed
):
    """A owns the one, B pushes the other: at any depth, both ways."""
    async with door(tmp_path, takeover) as rig:
        await push(rig, theirs, A)

        assert outcome == await push(rig, pushed, B)

        assert event in await events(rig, pushed)
        assert ("s2.host.example" if outcome == "recorded" else "") == await owner_of(rig, pushed)
        assert "s1.host.example" == await owner_of(rig, theirs)


@pytest.mark.parametrize("takeover", POLICIES)
async def test_a_server_makes_what_it_likes_above_and_below_its_own_zones(tmp_path, takeover):
    """DirectAdmin pushes subdomains as zones of their own: the same server is never held up, whichever user it is."""
    async with door(tmp_path, takeover) as rig:
        other_user = Owner(credential="c1", hostname="s1.host.example", username="anna")
        names = ["parent.example", "www.parent.example", "a.b.www.parent.example", "example"]
        for name, owner in zip(names, (A, A, other_user, other_user), strict=True):
            assert "recorded" == await push(rig, name, owner)
        assert "recorded" == await push(rig, "deep.parent.example", Owner(credential="c1"))  # without its host name

        told = [event for name in names for event in await events(rig, name)]
        assert [] == [event for event in told if event != "credential.new_hostname"]


async def test_what_is_between_two_zones_of_one_server_is_that_servers(tmp_path):
    """The nearest zone above counts: A's own, though B holds one further up."""
    async with door(tmp_path, "reject") as rig:
        await push(rig, "b.parent.example", A)
        async with rig_of(rig, "transfer") as free:
            await push(free, "parent.example", B)
        assert "recorded" == await push(rig, "a.b.parent.example", A)
        assert "overlap" == await push(rig, "c.parent.example", A)


@asynccontextmanager
async def rig_of(rig: Rig, takeover: str) -> AsyncIterator[Rig]:
    """The same store with another policy, as after a restart with another setting."""
    before, rig.acceptance.policy = rig.acceptance.policy, Policy(takeover=takeover)  # type: ignore[arg-type]
    yield rig
    rig.acceptance.policy = before


@pytest.mark.parametrize("takeover", POLICIES)
async def test_a_zone_that_is_there_is_not_judged_again_by_its_neighbours(tmp_path, takeover):
    """Both servers go on pushing what they have, whatever the policy is by now."""
    async with door(tmp_path, "transfer") as rig:
        await push(rig, "parent.example", A)
        await push(rig, "www.parent.example", B)
        async with rig_of(rig, takeover):
            assert "recorded" == await push(rig, "www.parent.example", B, 2)
            assert "recorded" == await push(rig, "parent.example", A, 2)


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ("www IN A 192.0.2.1\n", "held"),
        ('x.y.www IN TXT "below"\n', "held"),
        ("*.www IN A 192.0.2.1\n", "held"),
        ("* IN A 192.0.2.1\n", "recorded"),
        ("awww IN A 192.0.2.1\nwww.b IN A 192.0.2.1\nb IN CNAME www.parent.example.\n", "recorded"),
        ("www IN NS ns1.elsewhere.example.\n", "recorded"),
        ("www IN NS ns.www\nns.www IN A 192.0.2.1\n", "recorded"),
    ],
    ids=["at it", "below it", "a wildcard below it", "a wildcard above it", "others", "delegated", "delegated with glue"],
)  # fmt: skip
async def test_a_new_zone_takes_no_answers_away_from_another_servers_zone(tmp_path, records, outcome):
    """With `transfer`, too: names that the parent zone serves are held for approval, unless it delegates them."""
    async with door(tmp_path, "transfer") as rig:
        await push(rig, "parent.example", A, extra=records)

        assert outcome == await push(rig, "www.parent.example", B)

        if outcome == "held":
            assert [("www.parent.example", "s2.host.example")] == await waiting(rig)
            approvals = rig.approvals
            (held,) = await approvals.waiting(10)
            assert (HoldRule.OVERLAP, "+ www.parent.example. 3600 NS ns1.host.test.") == (
                held.rule, held.difference.split("\n")[0],
            )  # fmt: skip
            assert (await approvals.approve(held, ME)).changed
            assert "s2.host.example" == await owner_of(rig, "www.parent.example")
        assert [] == await waiting(rig)


async def test_a_name_that_is_delegated_further_up_is_not_the_parents(tmp_path):
    async with door(tmp_path, "transfer") as rig:
        await push(rig, "parent.example", A, extra="b IN NS ns.c.b\nns.c.b IN A 192.0.2.1\n")
        assert "recorded" == await push(rig, "c.b.parent.example", B)


async def test_users_move_between_the_servers_of_a_cluster(tmp_path):
    """With `transfer` the new server pushes what the old one had, in any order, and late deletes remove nothing."""
    names = ["sub.parent.example", "parent.example", "x.sub.parent.example"]
    async with door(tmp_path, "transfer") as rig:
        for name in names:
            await push(rig, name, A, extra="sub IN A 192.0.2.1\n")
        for name in names:
            assert "recorded" == await push(rig, name, B, 2)
        for name in names:
            await rig.acceptance.delete(name, owner=A)

        assert ["s2.host.example"] * 3 == [await owner_of(rig, name) for name in names]
        assert ["delete.ignored", "zone.taken_over"] == await events(rig, "sub.parent.example")


@pytest.mark.parametrize("takeover", ["hold", "reject"])
async def test_an_announced_move_reaches_the_zones_above_and_below(tmp_path, takeover):
    """What is new beside zones that are still the old server's is part of the move."""
    async with door(tmp_path, takeover) as rig:
        approvals = rig.approvals
        await push(rig, "parent.example", A, extra="www IN A 192.0.2.1\n")
        zones = [ZoneName.parse("parent.example")]
        await approvals.open_migration("s1.host.example", "s2.host.example", zones, lasts_s=60, who=ME)

        assert "recorded" == await push(rig, "www.parent.example", B)
        assert "recorded" == await push(rig, "parent.example", B, 2)
        assert "recorded" != await push(rig, "parent.example", C, 3)


async def test_only_the_owners_delete_gives_way_to_a_take_over_that_waits(tmp_path):
    """B waits for A's zone. C, who never had it, deletes: nothing changes. A deletes: B's is served, and was never away."""
    async with door(tmp_path, "hold") as rig:
        await push(rig, "a.example", A)
        assert "held" == await push(rig, "a.example", B, 2)

        assert (await rig.acceptance.delete("a.example", owner=C)).ignored
        assert ("s1.host.example", 1) == (await owner_of(rig, "a.example"), len(await waiting(rig)))

        assert (await rig.acceptance.delete("a.example", owner=A)).ignored.startswith("late delete")
        assert ("s2.host.example", []) == (await owner_of(rig, "a.example"), await waiting(rig))


async def test_a_take_over_that_waited_does_not_come_back_with_the_zone(tmp_path):
    """A person deletes the zone, its owner makes it again: what B had waiting is over, and that was told."""
    async with door(tmp_path, "hold") as rig:
        await push(rig, "a.example", A)
        await push(rig, "a.example", B, 2)

        await rig.acceptance.delete("a.example", owner=Owner(credential="anna"), source=Source.API)

        assert "push.dropped" in await events(rig, "a.example")
        await push(rig, "a.example", A, 3)
        assert [] == await waiting(rig)
        await rig.acceptance.delete("a.example", owner=A)
        assert "" == await owner_of(rig, "a.example")


@pytest.mark.parametrize("there", [True, False], ids=["a take-over", "a new zone"])
async def test_a_server_takes_back_what_it_had_waiting(tmp_path, there):
    """B's push waits, then B deletes the domain: A's later delete must not bring it to life."""
    async with door(tmp_path, "hold") as rig:
        await push(rig, "a.example" if there else "example", A)
        assert "held" == await push(rig, "a.example", B, 2)

        await rig.acceptance.delete("a.example", owner=B)

        assert [] == await waiting(rig)
        assert "push.dropped" in await events(rig, "a.example")
        await rig.acceptance.delete("a.example", owner=A)
        assert "" == await owner_of(rig, "a.example")


async def test_a_delete_without_its_servers_name_is_judged_by_the_credential(tmp_path):
    """A zone pushed without a host name is deleted by its own credential, and by no other."""
    async with door(tmp_path, "transfer") as rig:
        silent = Owner(credential="c1")
        await push(rig, "a.example", silent)

        receipt = await rig.acceptance.delete("a.example", owner=Owner(credential="c2"))
        named = await rig.acceptance.delete("a.example", owner=B)

        assert (False, False) == (receipt.changed, named.changed)
        assert "belongs to c1" in receipt.ignored
        assert (await rig.acceptance.delete("a.example", owner=silent)).changed


@pytest.mark.parametrize("source", [Source.API, Source.ROLLBACK])
async def test_a_bound_credential_is_judged_when_it_is_recorded(tmp_path, source):
    """Its body was on the way when A's push came: what is served stays A's. A delete and a rollback are judged alike."""
    async with door(tmp_path, "transfer") as rig:
        bound = Owner(credential="api-b", hostname="s2.host.example")
        async with asyncio.TaskGroup() as group:
            group.create_task(rig.acceptance.push("a.example", text("a.example"), owner=A))
            late = group.create_task(push(rig, "a.example", bound, 9, source=source))
        with pytest.raises(PushRefused, match="belongs to s1"):
            await rig.acceptance.delete("a.example", owner=bound, source=Source.API)

        assert "credential-zone" == late.result()
        assert '"a.example 1"' in (await rig.store.looking.text(ZoneName.parse("a.example")) or "")
        assert ["delete.ignored", "push.refused"] == await events(rig, "a.example")


async def test_what_a_pin_holds_belongs_to_who_pushed_last(tmp_path):
    """Of a pinned zone the newest version counts: B has taken it, so A's delete is late, and B's waits behind the pin."""
    async with door(tmp_path, "transfer") as rig:
        await push(rig, "a.example", A)
        await rig.store.recording.pin(NewPin(name=ZoneName.parse("a.example"), actor="me"))
        await push(rig, "a.example", B, 2)

        assert (await rig.acceptance.delete("a.example", owner=A)).ignored.startswith("late delete")
        assert (await rig.acceptance.delete("a.example", owner=B)).ignored.startswith("the zone is pinned")


async def test_an_approval_of_a_pinned_zone_waits_behind_the_pin(tmp_path):
    """It is recorded, and says that it waits."""
    async with door(tmp_path, "hold") as rig:
        approvals = rig.approvals
        await push(rig, "a.example", A)
        await rig.store.recording.pin(NewPin(name=ZoneName.parse("a.example"), actor="me"))
        await push(rig, "a.example", B, 2)
        (held,) = await approvals.waiting(10)

        receipt = await approvals.approve(held, ME)

        assert (False, True) == (receipt.overtaken, receipt.ignored.startswith("the zone is pinned"))
        assert "push.approved" in await events(rig, "a.example")


async def test_what_does_not_wait_any_more_is_not_approved(tmp_path):
    """Somebody looked at it, then its server pushed another content: that one waits, unseen."""
    async with door(tmp_path, "hold") as rig:
        approvals = rig.approvals
        await push(rig, "a.example", A)
        await push(rig, "a.example", B, 2)
        (held,) = await approvals.waiting(10)
        await push(rig, "a.example", B, 3)

        with pytest.raises(DoesNotFit, match="that push does not wait any more"):
            await approvals.approve(held, ME)

        assert "s1.host.example" == await owner_of(rig, "a.example")
        assert "push.approved" not in await events(rig, "a.example")


async def test_another_servers_push_in_its_place_is_told(tmp_path):
    """One push of a zone waits: C's takes the place of B's, which was acknowledged. The same again is told once."""
    async with door(tmp_path, "hold") as rig:
        await push(rig, "a.example", A)
        await push(rig, "a.example", B, 2)
        await push(rig, "a.example", C, 3)
        await push(rig, "a.example", C, 3)

        assert [("a.example", "s3.host.example")] == await waiting(rig)
        assert 1 == (await events(rig, "a.example")).count("push.dropped")
        assert 2 == (await events(rig, "a.example")).count("push.withheld")


@pytest.fixture
def da():
    with StandIn() as running:
        running.host(["own.example", "parent.example", "www.parent.example"])
        yield running


@pytest.mark.parametrize(("takeover", "told"), [("hold", "push.withheld"), ("reject", "push.refused")])
async def test_a_pass_does_not_bring_in_what_a_push_may_not(tmp_path, da, takeover, told):
    """The zone stands in a server's list, so it is missed, and pulled: judged like a push."""
    async with reconciling(tmp_path, server_of(da), policy=Policy(takeover=takeover)) as rig:  # type: ignore[arg-type]
        await rig.push(da, "own.example")
        await push(rig, "parent.example", C)
        for _ in range(2):
            await rig.turn()

        assert "" == await owner_of(rig, "www.parent.example")
        assert [told] == await events(rig, "www.parent.example")


async def test_a_zone_that_waits_is_let_in_by_a_pass_when_nothing_is_in_its_way(tmp_path):
    """A's zone above is gone: B, who will not push again by itself, is served."""
    async with door(tmp_path, "hold") as rig:
        await push(rig, "parent.example", A)
        await push(rig, "www.parent.example", B)
        assert [] == (await rig.turn()).done.released
        await rig.acceptance.delete("parent.example", owner=A)

        assert ["www.parent.example"] == (await rig.turn()).done.released

        assert "s2.host.example" == await owner_of(rig, "www.parent.example")
        assert 1 == (await events(rig, "www.parent.example")).count("push.withheld")
