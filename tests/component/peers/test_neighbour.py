"""A peer's actor over two real stores: what it takes, and whom it wakes."""

from __future__ import annotations

from directdnsonly.operate.journal import Journal
from directdnsonly.outbox.changes import Receipt
from directdnsonly.peers.neighbour import Neighbour, Surroundings
from directdnsonly.peers.settings import PeeringSettings, PeerSettings
from directdnsonly.zone.model import Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse
from tests.component.peers.test_decisions import a_pin, release, served
from tests.component.peers.test_exchange import NAME, Two, Wire, real_push, two
from tests.support.made import a_change_id, a_delete

__all__ = ["two"]  # the fixture


async def parsed(text: str, name: ZoneName) -> Zone:
    return parse(text, name)


def neighbour_of(two: Two, taken: list[Receipt], decided: list[Receipt], **peering: float) -> Neighbour:
    around = Surroundings(
        peering=two.here.peering,
        clock=two.clock,
        journal=Journal(two.here.recording, two.clock),
        parse=parsed,
        change_id=a_change_id,
        on_taken=taken.append,
        on_decided=decided.append,
    )
    settings = PeerSettings(name="peer", url="https://peer.example", username="u", password="p")
    return Neighbour(settings, PeeringSettings(**peering), around)


async def test_whoever_delivers_is_woken_by_what_a_peer_has_decided(two):
    """A pin of what is served changes nothing; its release lets out what was pushed meanwhile."""
    taken: list[Receipt] = []
    decided: list[Receipt] = []
    actor = neighbour_of(two, taken, decided)
    await two.both(real_push("a.example", 1))
    await a_pin(two.there)
    await actor.run_once(Wire(two.there))
    assert [(NAME, False)] == [(one.name, one.changed) for one in decided]
    await two.both(real_push("a.example", 2))
    assert ("put", 1, "v1") == await served(two.here)
    await release(two.there)

    await actor.run_once(Wire(two.there))

    assert [] == taken
    assert [(NAME, True)] == [(one.name, one.changed) for one in decided[1:]]
    assert ("put", 2, "v2") == await served(two.here)


async def test_how_many_deletes_go_at_once_is_a_setting(two):
    actor = neighbour_of(two, [], [], max_deletes=1)
    await two.both(real_push("a.example", 1), real_push("b.example", 1))
    for name in ("a.example", "b.example"):
        await two.there.recording.record_delete(a_delete(name))

    await actor.run_once(Wire(two.there))

    assert 2 == actor.status.too_many
    assert 2 == actor.approve(actor.status.plan)
    await actor.run_once(Wire(two.there))
    assert (0, "", 0) == (actor.status.too_many, actor.status.plan, await two.here.peering.living())
