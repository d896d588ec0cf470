"""Acts on held pushes, moves, plans, lists, tokens and lost pushes, without HTTP, on a real store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from directdnsonly.accept.policy import Policy
from directdnsonly.errors import DoesNotFit, NotAllowed, NotHere
from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Kind, Owner
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.kept import LostPush
from directdnsonly.zone.name import ZoneName
from tests.support.made import a_delete, a_push
from tests.support.operating import Operated, operated

ANNA = Operator(name="anna", address="192.0.2.7", roles=frozenset({"operate", "read"}))
NAME = ZoneName("a.example")
A, B = Owner(credential="h1", hostname="s1.host.example"), Owner(credential="h2", hostname="s2.host.example")


def body(serial: int, address: str = "192.0.2.10") -> bytes:
    return (
        f"$TTL 3600\n@ IN SOA ns1.host.example. h.host.example. {serial} 3600 3600 1209600 86400\n"
        f"@ IN NS ns1.host.example.\nwww IN A {address}\n"
    ).encode()


@dataclass(frozen=True)
class Held:
    """A take-over that waits."""

    digest: str


async def hold(it: Operated) -> Held:
    await it.acceptance.push(NAME, body(1), owner=A)
    await it.acceptance.push(NAME, body(2, "192.0.2.99"), owner=B)
    (held,) = await it.acts.approvals.waiting(10)
    return Held(held.digest)


async def told_of(it: Operated, *events: str) -> list[tuple[str, str, str, str, str]]:
    return [one for one in await it.told() if one[0] in events]


async def test_a_held_push_is_approved_or_rejected_by_somebody_who_is_told(tmp_path: Path) -> None:
    """With the digest of what was looked at, and from where."""
    async with operated(tmp_path / "approve", policy=Policy(takeover="hold")) as it:
        held = await hold(it)
        receipt = await it.acts.approvals.approve(await it.acts.approvals.find(NAME, held.digest[:12]), ANNA)
        assert (True, 2) == (receipt.changed, receipt.version)
        ((_, zone, actor, address, detail),) = await told_of(it, "push.approved")
        assert ("a.example", "anna", "192.0.2.7") == (zone, actor, address)
        assert detail.endswith(f"; digest {held.digest[:16]}")
    async with operated(tmp_path / "reject", policy=Policy(takeover="hold")) as it:
        held = await hold(it)
        await it.acts.approvals.reject(await it.acts.approvals.find(NAME, held.digest), ANNA)
        assert [] == await it.acts.approvals.waiting(10)
        assert ["anna"] == [actor for _, _, actor, *_ in await told_of(it, "push.rejected")]


async def test_an_approval_of_what_is_not_there_any_more_does_nothing(tmp_path: Path) -> None:
    """Not found by another content; overtaken when another content came after the look."""
    async with operated(tmp_path, policy=Policy(takeover="hold")) as it:
        held = await hold(it)
        for digest in ("", held.digest[:11], "0" * 16):
            with pytest.raises(NotHere, match=r"no push of 'a\.example' with that content waits: look again"):
                await it.acts.approvals.find(NAME, digest)
        looked_at = await it.acts.approvals.find(NAME, held.digest)
        await it.acceptance.push(NAME, body(3, "192.0.2.98"), owner=B)

        with pytest.raises(DoesNotFit, match=r"a\.example: that push does not wait any more"):
            await it.acts.approvals.approve(looked_at, ANNA)
        assert [] == await told_of(it, "push.approved")


async def test_a_move_is_announced_and_ended(tmp_path: Path) -> None:
    async with operated(tmp_path) as it:
        acts = it.acts.approvals
        move = await acts.open_migration("s1.host.example", "s2.host.example", [NAME], lasts_s=60, who=ANNA)
        assert [move] == await acts.migrations()
        await acts.close_migration(move.id, ANNA)

        with pytest.raises(NotHere, match=f"move {move.id} is not open"):
            await acts.close_migration(move.id, ANNA)
        assert [
            ("migration.opened", "", "anna", "192.0.2.7", "s1.host.example to s2.host.example, 1 zone, 60 s"),
            ("migration.closed", "", "anna", "192.0.2.7", str(move.id)),
        ] == await it.told()


async def test_a_pass_and_a_plan_are_asked_for(tmp_path: Path) -> None:
    """Live only where it may be; one that nobody asked for is not there."""
    async with operated(tmp_path) as it:
        acts = it.acts.reconciling
        plan, run = acts.plan(), acts.run()

        assert [(False, plan), (not it.dry_run, run)] == [(plan.live, acts.job(plan.id)), (run.live, acts.job(run.id))]
        with pytest.raises(NotHere, match="job 99 is unknown"):
            acts.job(99)


async def test_the_deletions_of_a_plan_are_approved_by_its_name(tmp_path: Path) -> None:
    async with operated(tmp_path) as it:
        await it.store.recording.record_push(a_push(NAME))
        seen = Sighting(
            name=NAME, version=1, server="da1", state=SightingState.ABSENT, absences=3, first_at=1.0, last_at=2.0,
            plan="3b1f0c9a7d52",
        )  # fmt: skip
        await it.store.drift.save_sightings([seen], [])

        assert 1 == await it.acts.reconciling.approve("3b1f0c9a7d52", ANNA)

        assert [True] == [one.approved for one in await it.store.drift.sightings()]
        with pytest.raises(NotHere, match="no zone waits for plan '000000000000': it may have changed since"):
            await it.acts.reconciling.approve("000000000000", ANNA)
        assert [("orphan.approved", "", "anna", "192.0.2.7", "plan 3b1f0c9a7d52: 1 zone")] == await it.told()


async def test_somebody_vouches_for_the_list_of_a_server_of_the_configuration(tmp_path: Path) -> None:
    """However its name is typed."""
    async with operated(tmp_path) as it:
        await it.acts.reconciling.accept_list("DA1.host.example", ANNA)

        assert [("da1.host.example", True)] == [(one.server, one.accepted) for one in await it.store.drift.baselines()]
        with pytest.raises(NotHere, match="'DA9' is not one of"):
            await it.acts.reconciling.accept_list("DA9", ANNA)
        assert [("list.accepted", "", "anna", "192.0.2.7", "da1.host.example")] == await it.told()


async def test_an_orphan_is_kept_and_a_deleted_one_comes_back(tmp_path: Path) -> None:
    """A zone that was never there is neither."""
    async with operated(tmp_path) as it:
        await it.acceptance.push(NAME, body(1), owner=A)

        assert "kept" == await it.acts.reconciling.undo(NAME, ANNA)
        assert [(NAME, SightingState.KEPT)] == [(one.name, one.state) for one in await it.store.drift.sightings()]
        await it.acceptance.delete(NAME, owner=A)
        assert "restored" == await it.acts.reconciling.undo(NAME, ANNA)

        zone = await it.store.looking.zone(NAME)
        assert zone is not None
        assert (Kind.PUT, "s1.host.example") == (zone.kind, zone.owner.hostname)
        (newest,) = await it.store.looking.versions(NAME, limit=1)
        assert ("s1.host.example", "rollback") == (newest.pusher.hostname, newest.source)
        assert ["kept", "restored"] == [detail for *_, detail in await told_of(it, "orphan.undone")]
        await it.store.recording.record_delete(a_delete("b.example"))
        for name in ("b.example", "nobody.example"):
            with pytest.raises(NotHere, match=f"zone {name} is unknown, or its text is not kept any more"):
                await it.acts.reconciling.undo(ZoneName(name), ANNA)


async def test_nobody_gives_a_token_more_roles_than_they_have(tmp_path: Path) -> None:
    """The audit has the token's name and number, never its secret."""
    async with operated(tmp_path) as it:
        with pytest.raises(NotAllowed, match="nobody can give a token roles that they do not have themselves"):
            await it.acts.tokens.create("script", ANNA, roles=["push"], networks=[], days=None)
        with pytest.raises(NotAllowed):
            await it.acts.tokens.create("script", Operator(name="nobody"), roles=["read"], networks=[], days=None)

        token, secret = await it.acts.tokens.create("script", ANNA, roles=["read"], networks=["192.0.2.0/24"], days=1)
        assert it.tokens.find(secret) is not None
        assert [token] == it.acts.tokens.all()
        await it.acts.tokens.revoke(token.id, ANNA)

        assert it.tokens.find(secret) is None
        with pytest.raises(NotHere, match=f"there is no token '{token.id}'"):
            await it.acts.tokens.revoke(token.id, ANNA)
        assert [
            ("token.created", "", "anna", "192.0.2.7", f"script ({token.id}): read"),
            ("token.revoked", "", "anna", "192.0.2.7", token.id),
        ] == await it.told()


async def test_lost_pushes_are_forgotten_by_somebody_who_has_looked(tmp_path: Path) -> None:
    """Of one zone or all; of none nothing is told."""
    async with operated(tmp_path) as it:
        for name in ("a.example", "b.example", "c.example"):
            lost = LostPush(
                name=ZoneName(name), kind=Kind.PUT, change_id=name, reason="full", owner=A, address="", at=1.0
            )
            it.acceptance.lost.note(lost)

        acts = it.acts.deliveries
        assert [1, 2, 0] == [
            await acts.forget_lost(NAME, ANNA, asked="A.example"),
            await acts.forget_lost(None, ANNA),
            await acts.forget_lost(None, ANNA),
        ]
        assert [
            ("lost.forgotten", "A.example", "anna", "192.0.2.7", "1 lost push"),
            ("lost.forgotten", "", "anna", "192.0.2.7", "2 lost pushes"),
        ] == await it.told()
