"""What is decided about a zone on one instance acts on the other: pins, pushes that wait, orphans, kept zones; and deletes, a few at once."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from directdnsonly.outbox.changes import Kind, Loss, NewDeletion, NewPin, NewVersion, Origin, Owner, Source
from directdnsonly.outbox.drift import HeldPush, HoldRule, Sighting, SightingState
from directdnsonly.outbox.peering import Standing
from directdnsonly.outbox.sqlite.store import SqliteStore
from directdnsonly.peers.exchange import DeleteCap, Exchange, Exchanged
from directdnsonly.peers.wire import NotAPeer
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.component.peers.test_exchange import NAME, Two, Wire, contents, mangled, real_push, record, two
from tests.support.made import H1, H2, a_change_id, a_delete

__all__ = ["two"]  # the fixture


async def settle(two: Two) -> None:
    """Each asks the other until nothing is taken any more."""
    for _ in range(10):
        done = [await two.exchange(), await two.exchange(back=True)]
        if not any(one.taken or one.decided for one in done):
            return
    raise AssertionError("they take from each other without an end")


async def served(store: SqliteStore, name: ZoneName = NAME) -> tuple[str, int, str] | None:
    """Kind, serial and text of what is wanted on the backend."""
    text = await store.looking.published_text(name)
    placements = await store.looking.placements(name)
    if text is None or not placements:
        return None
    zone = parse(text, name)
    return placements[0].want_kind.value, zone.serial, zone.text.split('"')[1]


def an_origin(source: Source = Source.API) -> Origin:
    return Origin(change_id=a_change_id(), source=source, owner=H1)


async def a_pin(store: SqliteStore) -> None:
    assert await store.recording.pin(NewPin(name=NAME, actor="anna", address="192.0.2.1", reason="a test"))


async def release(store: SqliteStore) -> None:
    await store.recording.unpin(NAME, an_origin())


async def test_a_pin_and_its_release_act_on_the_other_instance(two):
    """With who set it and why. What is pushed to both meanwhile waits on both, and comes out of both under one serial."""
    await two.both(real_push("a.example", 1))
    await a_pin(two.there)
    assert 1 == (await two.exchange()).decided
    pin = await two.here.looking.pin_of(NAME)
    assert pin is not None
    assert ("anna", "192.0.2.1", "a test") == (pin.actor, pin.address, pin.reason)

    await two.both(real_push("a.example", 2))
    assert ("put", 1, "v1") == await served(two.here) == await served(two.there)
    assert await two.equal()

    await release(two.here)
    await two.exchange(back=True)
    assert ("put", 2, "v2") == await served(two.here) == await served(two.there)
    assert None is await two.there.looking.pin_of(NAME)
    assert await two.equal()


@pytest.mark.parametrize("gone", [False, True], ids=["pushed", "deleted"])
async def test_a_pin_that_was_set_during_a_cut_takes_back_what_was_published_meanwhile(two, gone):
    """Under a serial that secondaries follow, the same on both; what came meanwhile waits on both, and is let out by a release."""
    await two.both(real_push("a.example", 1))
    await a_pin(two.there)
    await two.both(a_delete("a.example") if gone else real_push("a.example", 5))
    assert ("put", 1, "v1") == await served(two.there)

    await settle(two)

    here, there = await served(two.here), await served(two.there)
    assert here == there
    assert here is not None
    assert (True, "v1") == (here[1] > (1 if gone else 5), here[2])
    assert await two.equal()
    await release(two.there)
    await settle(two)
    if gone:
        assert [] == await two.here.looking.zones() == await two.there.looking.zones()
    else:
        here = await served(two.here)
        assert here == await served(two.there)
        assert (True, "v5") == (here[1] > 6, here[2])
    assert await two.equal()


async def test_pins_at_different_versions_stay_and_are_named(two):
    await two.both(real_push("a.example", 1))
    await a_pin(two.there)
    await record(two.here, real_push("a.example", 2))
    await a_pin(two.here)
    await two.exchange(back=True)

    done = await two.exchange()

    (one,) = done.differs
    assert (Standing.CONFLICT, 1) == (one.standing, done.conflicts)
    assert "release it on one side" in one.reason
    await release(two.there)
    await settle(two)
    assert ("put", 2, "v2") == await served(two.here) == await served(two.there)
    assert await two.equal()


def a_loss(name: str = "a.example", serial: int = 2, version: int = 1) -> NewVersion:
    push = real_push(name, serial)
    return replace(push, loss=Loss(version=version, reason="loses 9 of 20 records"), body=push.zone.text.encode())


async def held(store: SqliteStore) -> HeldPush | None:
    return await store.approval.held_push(NAME)


async def approve(store: SqliteStore, push: HeldPush) -> None:
    zone = parse(push.body.decode(), push.name)
    origin = replace(an_origin(Source.DIRECTADMIN), owner=push.owner)
    await store.recording.record_push(
        NewVersion(zone=zone, origin=origin, approves=push.digest, only_if_version=push.version)
    )


async def test_a_push_that_waits_there_waits_here_and_is_approved_here(two):
    await two.both(real_push("a.example", 1))
    await record(two.there, a_loss())
    await two.there.approval.explain_held(NAME, (await held(two.there)).digest, "- www")

    await two.exchange()

    push, original = await held(two.here), await held(two.there)
    assert push is not None
    assert (original.digest, original.reason, original.difference, original.body, original.owner, original.at) == (
        push.digest, push.reason, "- www", push.body, push.owner, push.at,
    )  # fmt: skip
    assert await two.equal()
    await approve(two.here, push)
    await two.exchange(back=True)
    assert ("put", 2, "v2") == await served(two.here) == await served(two.there)
    assert None is await held(two.there)
    await two.exchange()  # both have noted its end, each by an id of its own: one of the two is taken
    assert await two.equal()


async def test_a_push_that_is_rejected_here_waits_no_longer_there(two):
    """And does not come back from there, nor from who was away meanwhile."""
    await two.both(real_push("a.example", 1))
    await two.both(a_loss())
    await settle(two)

    await two.here.approval.drop_held(NAME)
    await settle(two)

    assert (None, None) == (await held(two.here), await held(two.there))
    assert ("put", 1, "v1") == await served(two.here) == await served(two.there)
    assert await two.equal()


async def test_a_take_over_of_a_zone_that_is_not_here_waits_here(two):
    """It lies above another server's zone; there is no version of it anywhere."""
    push = replace(real_push("a.example", 1, owner=H2), takeover="hold", body=b"")
    push = replace(push, body=push.zone.text.encode())
    await two.both(real_push("b.a.example", 1))
    await record(two.there, push)
    assert (await held(two.there)) is not None

    await two.exchange()

    waiting = await held(two.here)
    assert waiting is not None
    assert (HoldRule.OVERLAP, H2) == (waiting.rule, waiting.owner)
    assert await two.equal()
    await two.here.approval.drop_held(NAME)
    await two.exchange(back=True)
    assert None is await held(two.there)
    assert await two.equal()


async def delete_orphan(store: SqliteStore, now: float) -> None:
    zone = await store.looking.zone(NAME)
    sighting = Sighting(
        name=NAME, version=zone.version, server="h1.example", absences=3, first_at=now, last_at=now,
        state=SightingState.QUARANTINED, quarantined_at=now,
    )  # fmt: skip
    await store.drift.save_sightings([sighting], [])
    origin = replace(an_origin(Source.RECONCILE), owner=Owner(hostname="h1.example"))
    assert await store.drift.record_orphan_delete(sighting, NewDeletion(name=NAME, origin=origin))


async def test_an_orphan_that_was_deleted_there_is_one_here_and_is_not_judged_again(two):
    """Its history says why it was deleted, and by whom; what was seen of it here is over."""
    await two.both(real_push("a.example", 1))
    now = two.clock.now_s()
    seen = Sighting(name=NAME, version=1, server="h1.example", absences=2, first_at=now, last_at=now)
    await two.here.drift.save_sightings([seen], [])
    await delete_orphan(two.there, now)

    await two.exchange()

    last = (await two.here.looking.versions(NAME))[0]
    assert (Kind.DELETE, Source.RECONCILE, "peer") == (last.kind, last.source, last.address)
    assert [] == await two.here.drift.sightings()
    assert await two.equal()


async def test_a_zone_that_a_person_keeps_is_kept_on_both_and_is_nobodys_orphan(two):
    await two.both(real_push("a.example", 1), real_push("b.example", 1))
    assert await two.here.drift.keep(NAME)
    now = two.clock.now_s()
    await delete_orphan(two.there, now)

    done = await two.exchange()

    (one,) = done.differs
    assert (0, NAME) == (done.taken, one.name)
    assert "a person keeps it" in one.reason
    assert ("put", 1, "v1") == await served(two.here)

    kept = ZoneName.parse("b.example")
    await two.here.drift.keep(kept)
    await two.exchange(back=True)
    assert [SightingState.KEPT] == [one.state for one in await two.there.drift.sightings() if one.name == kept]
    await two.there.drift.save_sightings([], [kept])
    await two.exchange()
    assert kept not in {one.name for one in await two.here.drift.sightings()}


# -- how many zones may go at once


class Capped:
    """The same exchange again and again, with a cap."""

    def __init__(self, two: Two, **cap: float) -> None:
        async def parsed(text: str, name: ZoneName) -> Zone:
            return parse(text, name)

        self.exchange = Exchange(
            "peer", peering=two.here.peering, peer=two.wire, parse=parsed, change_id=a_change_id, deletes=DeleteCap(**cap)
        )  # fmt: skip

    async def run(self, approved: str = "") -> Exchanged:
        return await self.exchange.run(approved=approved)


async def deleted_there(two: Two, zones: int, deleted: int) -> None:
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(zones)))
    await asyncio.gather(*(record(two.there, a_delete(f"z{number}.example")) for number in range(deleted)))


@pytest.mark.parametrize(
    ("zones", "deleted", "stay"), [(12, 10, False), (12, 11, True), (150, 15, False), (150, 16, True)]
)
async def test_of_too_many_deletes_none_is_taken_and_everything_else_is(two, zones, deleted, stay):
    """Ten always, else a tenth of our zones. Nobody gets round it by asking again."""
    await deleted_there(two, zones, deleted)
    await record(two.there, real_push("new.example", 1))
    capped = Capped(two)

    done, again = await capped.run(), await capped.run()

    assert (zones + 1 if stay else zones + 1 - deleted) == await two.here.looking.count_zones()
    assert (deleted if stay else 0) == done.too_many == again.too_many == len(done.differs)
    if stay:
        one = done.differs[0]
        assert (Standing.TOO_MANY, Kind.PUT, Kind.DELETE) == (one.standing, one.ours.kind, one.theirs.kind)
        assert f"{deleted} zones of ours are deleted there" in one.reason
        assert f"dadns peers approve peer {done.plan}" in one.reason
        (notice,) = done.notices
        assert "peer.deletes_stopped" == notice.event
        assert "z0.example" in notice.detail
        assert () == again.notices  # it is told once


async def test_a_person_lets_exactly_these_deletes_through(two):
    """Not another set, nor the same with another version."""
    await deleted_there(two, 30, 20)
    capped = Capped(two)
    plan = (await capped.run()).plan
    await record(two.there, a_delete("z20.example"))

    done = await capped.run(plan)
    assert (21, 0, 30) == (done.too_many, done.taken, await two.here.looking.count_zones())
    assert plan != done.plan

    assert 21 == (await capped.run(done.plan)).taken
    assert await two.equal()


async def test_a_peer_that_changes_its_word_when_the_texts_are_asked_for_deletes_nothing(two):
    """It tells of pushes first."""
    await two.both(*(real_push(f"z{number}.example", 1) for number in range(20)))
    await asyncio.gather(*(record(two.there, real_push(f"z{number}.example", 2)) for number in range(20)))

    def lies(tree: dict) -> None:
        for one in tree["zones"]:
            one.update(kind="delete", id="80" + "00" * 15, text=None)

    two.wire.change = lambda asked, body: mangled(lies)(body) if asked == "texts" else body
    done = await two.exchange()

    assert (0, False, 20) == (done.taken, done.whole, await two.here.looking.count_zones())


async def test_zones_that_go_by_the_release_of_a_pin_are_counted_as_well(two):
    """They are deleted already, behind their pins."""
    names = [f"z{number}.example" for number in range(12)]
    await two.both(*(real_push(name, 1) for name in names))
    for name in names:
        await two.there.recording.pin(NewPin(name=ZoneName.parse(name), actor="anna"))
    await two.exchange()
    await two.both(*(a_delete(name) for name in names))
    await settle(two)
    assert 12 == await two.here.looking.count_zones()
    for name in names:
        await two.there.recording.unpin(ZoneName.parse(name), an_origin())

    done = await two.exchange()

    assert (12, 12) == (done.too_many, await two.here.looking.count_zones())


async def test_a_peer_whose_store_went_back_or_is_another_ones_takes_little_away(two, tmp_path):
    """All of our zones are deleted in it, by whatever happened there; what it holds beside that is taken."""
    await deleted_there(two, 200, 200)
    for number in range(200):
        await record(two.there, real_push(f"foreign{number}.example", 1, owner=H2))

    done = await Capped(two).run()

    assert (200, 200, 400) == (done.too_many, done.taken, await two.here.looking.count_zones())


# -- what does not fit together


def decision(edit: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """Of the first zone, the first decision."""
    return mangled(lambda tree: edit(tree["zones"][0]["decided"][0]))


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a matter that is none": ("states", decision(lambda one: one.update(matter="seize"))),
    "a matter twice": ("states", mangled(lambda tree: tree["zones"][0]["decided"].extend(tree["zones"][0]["decided"]))),
    "a pin of nothing": ("states", decision(lambda one: one.update(about=""))),
    "a release of something": ("states", decision(lambda one: one.update(stands=False))),
    "an id that is none": ("states", decision(lambda one: one.update(id="zz"))),
    "a past that is cut": ("states", decision(lambda one: one.update(past="AAAA"))),
    "a past without an end": ("states", decision(lambda one: one.update(past="A" * 10_000))),
    "something more": ("states", decision(lambda one: one.update(url="https://other.example/"))),
    "a reason without an end": ("texts", decision(lambda one: one["pin"].update(reason="x" * 10_000))),
    "an actor without an end": ("texts", decision(lambda one: one["pin"].update(actor="x" * 10_000))),
    "no text": ("texts", decision(lambda one: one["pin"].update(text=None))),
    "no pin": ("texts", decision(lambda one: one.update(pin=None))),
    "another text": ("texts", decision(lambda one: one["pin"].update(text=one["pin"]["text"].replace("v1", "evil")))),
    "another serial": ("texts", decision(lambda one: one.update(serial=9))),
    "a text with an include": ("texts", decision(lambda one: one["pin"].update(text="$INCLUDE /etc/passwd\n"))),
    "a moment before all": ("states", mangled(lambda tree: tree["zones"][0].update(at=-5.0))),
    "an orphan that lives": ("states", mangled(lambda tree: tree["zones"][0].update(orphan=True))),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_decision_that_does_not_fit_acts_on_nothing(two, case):
    await two.both(real_push("a.example", 1))
    await a_pin(two.there)
    await two.both(real_push("a.example", 2))
    before, (question, change) = await contents(two.here), HOSTILE[case]
    two.wire.change = lambda asked, body: change(body) if asked == question else body

    try:
        done = await two.exchange()
        told = "not whole" if (0, False) == (done.decided, done.whole) else ""
    except NotAPeer as error:
        told = str(error)

    assert 5 < len(told) < 400
    assert before == await contents(two.here)
    assert None is await two.here.looking.pin_of(NAME)
    two.wire = Wire(two.there)
    await two.exchange()
    assert await two.here.looking.pin_of(NAME)


HELD: dict[str, Callable[[dict], object]] = {
    "another body": lambda one: one["hold"].update(body=packed(json.dumps({"evil": 1}))),
    "a moment that is none": lambda one: one["hold"].update(at=1e300),
    "no body": lambda one: one["hold"].update(body=""),
    "a body that is no base64": lambda one: one["hold"].update(body="!"),
    "another digest": lambda one: one["hold"].update(digest="00" * 32),
    "another owner": lambda one: one["hold"]["owner"].update(hostname="evil.example"),
    "a rule that is none": lambda one: one["hold"].update(rule="whim"),
    "a difference without an end": lambda one: one["hold"].update(difference="x" * 100_000),
    "a base that is none": lambda one: one["hold"].update(base="00"),
    "not what is told": lambda one: one.update(hold=None),
}


@pytest.mark.parametrize("case", HELD)
async def test_a_push_that_does_not_fit_waits_nowhere(two, case):
    await two.both(real_push("a.example", 1))
    await record(two.there, a_loss())
    two.wire.change = lambda asked, body: decision(HELD[case])(body) if asked == "texts" else body

    with contextlib.suppress(NotAPeer):
        assert not (await two.exchange()).whole

    assert None is await held(two.here)
    two.wire = Wire(two.there)
    await two.exchange()
    assert await held(two.here)
