"""Whole instances that are each other's peers: what one misses comes from the other, in its own time and beside the line."""

from __future__ import annotations

import hashlib
import ssl

import httpx
import pytest

from directdnsonly.operate.journal import Operator
from directdnsonly.outbox.changes import Kind, Source
from directdnsonly.outbox.peering import Standing
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.peers.standing import PeerState
from directdnsonly.reload import Reloader
from directdnsonly.zone.name import ZoneName
from tests.component.peers.test_client import certificate
from tests.component.peers.test_decisions import delete_orphan
from tests.support.instances import PASSWORD, USER, equal, instances, wait_for
from tests.support.made import H2

EQUAL, BEHIND, DIFFERS, UNREACHABLE = PeerState.EQUAL, PeerState.BEHIND, PeerState.DIFFERS, PeerState.UNREACHABLE


def test_what_came_while_one_was_down_is_there_soon_after_its_start(tmp_path):
    """Pushes, edits and deletes; both sides come to the same text, id and serial, and nothing that was deleted comes back."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for number in range(20):
            for one in (ns1, ns2):
                one.put(f"z{number}.example", 1)
        ns1.until("ns2", EQUAL)
        ns2.stop()
        for number in range(10, 30):
            ns1.put(f"z{number}.example", 2)
        for number in range(5):
            ns1.delete(f"z{number}.example")
        ns1.until("ns2", UNREACHABLE)

        ns2.start()

        wait_for(lambda: equal(ns1, ns2))
        assert ns1.zones() == ns2.zones()
        assert 25 == len(ns2.zones())
        assert 25 == ns2.until("ns1", EQUAL).taken
        assert 0 == ns1.until("ns2", EQUAL).taken
        assert ns2.service is not None
        (newest, *_) = ns2.look(ns2.service.store.looking.versions(ZoneName.parse("z12.example")))
        assert (Source.PEER, "ns1") == (newest.source, newest.address)
        told = ns1.events("peer.unreachable", "peer.reached")
        assert ["peer.unreachable", "peer.reached"] == [one.split()[0] for one in told]


def test_a_new_instance_is_filled_by_its_peers():
    """It begins empty and takes nothing away; how far it is can be seen."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        for number in range(300):
            ns1.put(f"z{number}.example", 1)

        ns2.start()

        wait_for(lambda: equal(ns1, ns2))
        assert ns1.zones() == ns2.zones()
        assert 300 == len(ns1.zones())


def test_a_conflict_is_listed_with_both_versions_until_a_person_takes_one():
    """On the side that is wrong; the other one then agrees by itself. Audit and state tell of it."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for one in (ns1, ns2):
            one.put("a.example", 1)
        ns1.until("ns2", EQUAL)
        ns2.stop()
        ns1.put("a.example", 2, "here")
        ns1.stop()
        ns2.start()
        ns2.put("a.example", 2, "there", owner=H2)

        ns1.start()

        found = ns1.until("ns2", DIFFERS)
        ns2.until("ns1", DIFFERS)
        (listed,) = found.zones
        assert (1, 0, Standing.CONFLICT) == (found.conflicts, found.lacking, listed.difference.standing)
        assert (2, 2) == (listed.difference.ours.serial, listed.difference.theirs.serial)
        assert 'www.a.example. 3600 IN TXT "here"' in str(ns1.zones()["a.example"][2])
        assert any("a.example" in one for one in ns1.events("peer.differs"))

        (told,) = ns1.api("GET", "/peers/ns2/zones").json()["items"]
        assert ("a.example", "conflict", 2, 2) == (
            told["zone"], told["standing"], told["ours"]["serial"], told["theirs"]["serial"]
        )  # fmt: skip
        assert ("h1.example", "h2.example") == (
            told["ours"]["owner"]["hostname"], told["theirs"]["owner"]["hostname"]
        )  # fmt: skip
        status = ns1.api("GET", "/status").json()
        assert ("degraded", ["peer"]) == (status["state"], [one["kind"] for one in status["reasons"]])
        page = httpx.get(f"{ns1.url}/status", auth=(USER, PASSWORD), trust_env=False).text
        assert 'id="peers"' in page
        assert "differs since" in page
        metrics = httpx.get(f"{ns1.url}/metrics", auth=(USER, PASSWORD), trust_env=False).text
        assert 'directdnsonly_peer_differs{peer="ns2"} 1.0' in metrics

        answer = ns1.api("POST", "/peers/ns2/take", json={"zone": "a.example"})

        assert (200, True, 3) == (answer.status_code, answer.json()["changed"], answer.json()["serial"])
        assert any("from ns2" in one for one in ns1.events("peer.zone_chosen"))
        wait_for(lambda: equal(ns1, ns2))
        assert ns1.zones() == ns2.zones()
        assert 'IN TXT "there"' in str(ns1.zones()["a.example"][2])
        ns1.until("ns2", EQUAL)
        assert ns1.events("peer.agrees")
        assert "ready" == ns1.api("GET", "/status").json()["state"]
        again = ns1.api("POST", "/peers/ns2/take", json={"zone": "a.example"})
        assert (409, True) == (again.status_code, "nothing of a.example is taken" in again.json()["detail"])


def text_of(one, zone: str) -> str | None:
    """The text that its name servers are to serve."""
    assert one.service is not None
    return one.look(one.service.store.looking.published_text(ZoneName.parse(zone)))


def serve(version: str, *instances, zone: str = "a.example") -> bool:
    return all(f'"{version}"' in str(text_of(one, zone)) for one in instances)


def test_a_pin_and_its_release_act_on_both_instances():
    """What is pushed to both meanwhile waits on both."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for one in (ns1, ns2):
            one.put("a.example", 1)
        ns1.until("ns2", EQUAL)
        assert 200 == ns1.api("PUT", "/zones/a.example/pin", json={"reason": "a test"}).status_code

        wait_for(lambda: ns2.api("GET", "/zones/a.example/pin").status_code == 200)

        pin = ns2.api("GET", "/zones/a.example/pin").json()
        assert (USER, "a test") == (pin["actor"], pin["reason"])
        for one in (ns1, ns2):
            one.put("a.example", 2)
        assert serve("v1", ns1, ns2)

        assert 200 == ns2.api("DELETE", "/zones/a.example/pin").status_code

        wait_for(lambda: serve("v2", ns1, ns2))
        assert 404 == ns1.api("GET", "/zones/a.example/pin").status_code
        wait_for(lambda: equal(ns1, ns2))


def test_of_two_pins_that_were_set_during_a_cut_a_person_takes_one():
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for one in (ns1, ns2):
            one.put("a.example", 1)
        ns1.until("ns2", EQUAL)
        ns2.stop()
        ns1.api("PUT", "/zones/a.example/pin")
        ns1.stop()
        ns2.start()
        ns2.put("a.example", 2)
        ns2.api("PUT", "/zones/a.example/pin")

        ns1.start()

        ns1.until("ns2", DIFFERS)
        assert serve("v1", ns1)
        assert serve("v2", ns2)
        assert 200 == ns1.api("POST", "/peers/ns2/take", json={"zone": "a.example"}).status_code
        assert serve("v2", ns1)
        wait_for(lambda: equal(ns1, ns2))
        ns1.until("ns2", EQUAL)


def test_a_push_that_waits_on_one_instance_waits_on_the_other_and_is_let_in_on_both():
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.app = ns2.app = {"takeover": "hold"}
        ns1.start()
        ns2.start()
        for one in (ns1, ns2):
            one.put("a.example", 1)
        ns1.until("ns2", EQUAL)
        ns1.put("a.example", 2, owner=H2)

        wait_for(lambda: ns2.api("GET", "/held").json()["items"])

        (waits,) = ns2.api("GET", "/held").json()["items"]
        assert [waits["digest"]] == [one["digest"] for one in ns1.api("GET", "/held").json()["items"]]
        assert serve("v1", ns1, ns2)

        assert 200 == ns2.api("POST", f"/held/a.example/approve/{waits['digest']}").status_code

        wait_for(lambda: serve("v2", ns1, ns2) and equal(ns1, ns2))
        assert [[], []] == [one.api("GET", "/held").json()["items"] for one in (ns1, ns2)]


def test_an_orphan_that_is_deleted_on_one_instance_is_deleted_as_one_on_the_other():
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for one in (ns1, ns2):
            one.put("a.example", 1)
        ns1.until("ns2", EQUAL)

        ns2.look(delete_orphan(ns2.service.store, ns2.service.clock.now_s()))

        wait_for(lambda: not ns1.zones())
        (newest, *_) = ns1.look(ns1.service.store.looking.versions(ZoneName.parse("a.example")))
        assert (Kind.DELETE, Source.RECONCILE, "ns2") == (newest.kind, newest.source, newest.address)


def test_of_too_many_deletes_none_is_taken_until_a_person_approves_exactly_these():
    """It is told once, with the plan and what to do; what else is new there is taken meanwhile."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        for number in range(25):
            for one in (ns1, ns2):
                one.put(f"z{number}.example", 1)
        ns1.until("ns2", EQUAL)
        ns1.stop()
        for number in range(12):
            ns2.delete(f"z{number}.example")
        ns2.put("new.example", 1)

        ns1.start()

        for _ in range(3):
            found = ns1.until("ns2", DIFFERS)
        assert (12, 0, 0) == (found.too_many, found.conflicts, found.lacking)
        assert 26 == len(ns1.zones())
        (told,) = ns1.events("peer.deletes_stopped")
        assert f"12 zones of ours are deleted there, 10 at most may go at once: plan {found.plan}" in told
        assert [] == ns1.events("peer.differs")
        do = f"dadns peers approve ns2 {found.plan}"
        listed = ns1.api("GET", "/peers/ns2/zones").json()["items"]
        assert [("deleted there", True)] * 12 == [(one["standing"], do in one["reason"]) for one in listed]
        (reason,) = ns1.api("GET", "/status").json()["reasons"]
        assert ("peer", True) == (reason["kind"], do in reason["what"])
        page = httpx.get(f"{ns1.url}/status", auth=(USER, PASSWORD), trust_env=False).text
        assert do in page
        assert "dadns peers take" not in page
        metrics = httpx.get(f"{ns1.url}/metrics", auth=(USER, PASSWORD), trust_env=False).text
        assert 'directdnsonly_peer_deletes_stopped{peer="ns2"} 12.0' in metrics
        assert 'directdnsonly_peer_differs{peer="ns2"} 0.0' in metrics
        for wrong in ("ns2/approve/000000000000", f"ns9/approve/{found.plan}"):
            assert 404 == ns1.api("POST", f"/peers/{wrong}").status_code

        answer = ns1.api("POST", f"/peers/ns2/approve/{found.plan}")

        assert (200, {"zones": 12}) == (answer.status_code, answer.json())
        wait_for(lambda: equal(ns1, ns2))
        assert 14 == len(ns1.zones())
        assert [f"peer.deletes_approved ns2: plan {found.plan}: 12 zones"] == ns1.events("peer.deletes_approved")
        after = ns1.until("ns2", EQUAL)
        assert (0, "") == (after.too_many, after.plan)


def test_what_is_approved_is_that_plan_and_no_other():
    """Where the peer has deleted more by then, nothing goes."""
    with instances("ns1", "ns2", interval_s=3600) as (ns1, ns2):
        ns1.start()
        ns2.start()
        for number in range(25):
            for one in (ns1, ns2):
                one.put(f"z{number}.example", 1)
        ns1.stop()
        for number in range(12):
            ns2.delete(f"z{number}.example")
        ns1.start()
        wait_for(lambda: ns1.status("ns2").too_many == 12)
        plan = ns1.status("ns2").plan
        ns2.delete("z12.example")

        assert 200 == ns1.api("POST", f"/peers/ns2/approve/{plan}").status_code

        wait_for(lambda: ns1.status("ns2").too_many == 13)
        assert plan != ns1.status("ns2").plan
        assert 25 == len(ns1.zones())
        assert 2 == len(ns1.events("peer.deletes_stopped"))


def test_what_our_own_store_has_no_room_for_is_not_called_equal():
    """It is not known then how it stands; and it is taken when there is room again."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        ns2.start()
        ns1.put("a.example", 1)
        ns2.until("ns1", EQUAL)
        wait_for(lambda: equal(ns1, ns2))
        ns2.until("ns1", EQUAL)
        assert ns2.service is not None
        upkeep = ns2.service.store.upkeep
        ns2.look(upkeep.follow(OutboxSettings(disk_reserve_mb=10**9)))

        ns1.put("b.example", 1)

        found = ns2.until("ns1", PeerState.UNKNOWN)
        assert "our own store" in found.reason
        assert "reserve" in found.reason
        assert ["a.example"] == list(ns2.zones())
        ns2.look(upkeep.follow(OutboxSettings(disk_reserve_mb=0)))
        wait_for(lambda: equal(ns1, ns2))
        assert "" == ns2.until("ns1", EQUAL).reason


def test_an_instance_that_is_its_own_peer_is_told_so():
    """As where both have the same file. It was equal to itself, for ever."""
    with instances("ns1", "ns2") as (ns1, _ns2):
        ns1.peers = [ns1]
        ns1.start()

        found = ns1.until("ns1", UNREACHABLE)

        assert "it is this instance itself" in found.reason


@pytest.mark.parametrize("what", ["password", "none"])
def test_a_peer_that_does_not_let_us_in_changes_nothing_and_is_told_as_away(what):
    with instances("ns1", "ns2") as (ns1, ns2):
        if what == "password":
            ns2.password = "another"
        if what == "none":
            ns2.peers = []
        ns1.start()
        ns2.start()
        ns1.put("a.example", 1)
        ns2.put("b.example", 1)
        found = ns1.until("ns2", UNREACHABLE)

        wanted = {"password": "HTTP 401", "none": "no peer is configured there"}[what]
        assert wanted in found.reason
        assert ["a.example"] == list(ns1.zones())
        assert (0, None) == (found.taken, found.exchanged_at)


def test_a_reload_adds_and_removes_peers_and_without_one_no_buckets_are_kept():
    """The first one has the zones made comparable, the last one has that undone; one that stays goes on as it was."""
    with instances("ns1", "ns2", "ns3") as (ns1, ns2, ns3):
        ns1.peers = []
        for one in (ns1, ns2, ns3):
            one.start()
        ns1.put("a.example", 1)
        service = ns1.service

        def reload(*peers) -> list[str]:
            ns1.peers = list(peers)
            reloader = Reloader(service, read=lambda _before: ns1.settings())
            return list(ns1.look(reloader.reload(Operator(name="anna"))).changed)

        async def lost_actors() -> list[str]:
            return service.lost_actors()

        def ready() -> bool:
            return bool(ns1.look(service.store.peering.summary()).ready)

        assert not ready()
        assert ["peers.ns2 (added)"] == reload(ns2)
        ns1.until("ns2", EQUAL, BEHIND)
        assert ready()
        first = service.neighbours.one("ns2")
        assert ["peers.ns3 (added)"] == reload(ns2, ns3)
        assert first is service.neighbours.one("ns2")
        ns1.until("ns3", EQUAL, BEHIND)
        wait_for(lambda: equal(ns1, ns2, ns3))
        assert [] == ns1.look(lost_actors())
        assert ["peers.ns2 (removed)", "peers.ns3 (removed)"] == reload()
        assert [] == service.neighbours.statuses()
        assert not ready()
        wait_for(lambda: not any(ns1.look(service.store.peering.summary()).digests))
        assert [] == ns1.look(lost_actors())
        assert ["peers.ns2 (added)"] == reload(ns2)
        ns1.until("ns2", EQUAL)
        assert equal(ns1, ns2)


def test_what_cannot_be_taken_is_told_and_changes_nothing():
    """A peer that is not configured, one that is away, a zone that it does not know, and a name that is none."""
    with instances("ns1", "ns2") as (ns1, ns2):
        ns1.start()
        away = ns1.api("POST", "/peers/ns2/take", json={"zone": "a.example"})
        ns2.start()
        answers = {
            "strange": ns1.api("POST", "/peers/ns9/take", json={"zone": "a.example"}),
            "unknown": ns1.api("POST", "/peers/ns2/take", json={"zone": "a.example"}),
            "no name": ns1.api("POST", "/peers/ns2/take", json={"zone": "a b"}),
            "no zone": ns1.api("POST", "/peers/ns2/take", json={}),
        }

        assert (409, True) == (away.status_code, "cannot be asked" in away.json()["detail"])
        assert {"strange": 404, "unknown": 409, "no name": 422, "no zone": 422} == {
            what: answer.status_code for what, answer in answers.items()
        }
        assert "ns2 knows nothing of a.example" in answers["unknown"].json()["detail"]
        assert [404, 404] == [ns1.api("GET", f"/peers/ns9{rest}").status_code for rest in ("", "/zones")]
        assert {} == ns1.zones()


@pytest.mark.parametrize("by", ["authority", "fingerprint", "another fingerprint", "nobody"])
def test_over_https_only_the_peer_with_the_right_certificate_is_told_our_password(tmp_path, by):
    """Its own door, with a certificate that it made itself."""
    pem, key = certificate(tmp_path, "ns2")
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read_text())).hexdigest()
    with instances("ns1", "ns2") as (ns1, ns2):
        ns2.pair = (pem, key)
        ns2.trust = {
            "authority": {"ca_file": pem},
            "fingerprint": {"fingerprint": found.upper()},
            "another fingerprint": {"fingerprint": "0" * 64},
            "nobody": {},
        }[by]
        ns2.start()
        ns2.put("a.example", 1)
        ns1.start()

        if by in ("authority", "fingerprint"):
            ns1.until("ns2", EQUAL)
            assert ns1.zones() == ns2.zones() != {}
        else:
            assert "certificate" in ns1.until("ns2", UNREACHABLE).reason.lower()
            assert {} == ns1.zones()
        assert [] == ns2.events("login.failed")
