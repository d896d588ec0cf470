"""The one judgement over the service: what is unready, what is degraded, in which words, and since when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from directdnsonly.readiness import BackendFacts, Facts, PeerFacts, ReasonKind, ServiceState, Verdict, judge

DAY = 86_400.0
WELL = Facts(now=1000.0, started_at=900.0, backends=(BackendFacts(name="bind"),))
DOWN = BackendFacts(name="bind", down="connection refused", down_since=950.0)
PAUSED = BackendFacts(name="bind", is_paused=True, paused_by="anna", paused_reason="moving", paused_at=10.0)
LOST = {"lost": 3, "lost_zone": "a.example", "lost_reason": "the disk is full", "lost_at": 990.0}


def test_all_well_is_ready_since_the_start():
    """No reasons, and the title says so."""
    assert Verdict(state=ServiceState.READY, since=900.0) == judge(WELL)
    assert "ready" == judge(WELL).headline


@pytest.mark.parametrize(
    ("facts", "state", "kind", "since", "headline", "words"),
    [
        ({"store": "only 49 MB are free"}, "unready", "store", 1000.0,
         "not ready: pushes are refused: only 49 MB are free", "pushes are refused: only 49 MB are free"),
        ({"actors": ["dispatch:bind:bulk0 has ended"]}, "unready", "actor", 1000.0,
         "not ready: dispatch:bind:bulk0 has ended", "dispatch:bind:bulk0 has ended"),
        ({"backends": [DOWN]}, "degraded", "backend", 950.0,
         "degraded: bind down", "bind is down: connection refused (dadns probe bind asks it now)"),
        ({"backends": [PAUSED]}, "degraded", "paused", 10.0,
         "degraded: bind paused", "bind is paused by anna: moving (dadns resume bind)"),
        ({"backends": [replace(PAUSED, paused_by="", paused_reason="")]}, "degraded", "paused", 10.0,
         "degraded: bind paused", "bind is paused (dadns resume bind)"),
        ({"backends": [BackendFacts(name="bind", dead=1)]}, "degraded", "given-up", 1000.0,
         "degraded: 1 given up on bind", "1 zone was given up on bind: dadns outbox --dead, then dadns revive"),
        ({"backends": [BackendFacts(name="bind", heard_here_only="127.0.0.1:5300")]}, "degraded", "loopback", 1000.0,
         "degraded: bind on loopback only", ("bind answers on 127.0.0.1:5300 only, where nobody else can ask it, and"
         " pushes come from outside: set dns.backends.bind.listen and port, or verify_address to where resolvers query it")),
        (LOST, "degraded", "lost", 990.0, "degraded: 3 not recorded",
         "3 pushes were not recorded and must be sent again (dadns lost), the newest of a.example: the disk is full"),
        ({"config_failed_at": 995.0, "config_problems": ["app.x: is not a key"], "config_loaded_at": 0.0}, "degraded",
         "configuration", 995.0, "degraded: configuration wrong", ("the configuration cannot be reloaded, the one read at"
         " 1970-01-01 00:00:00 UTC is still in force: app.x: is not a key: correct it, then dadns reload")),
        ({"held": 1, "held_since": 77.0}, "degraded", "held", 77.0,
         "degraded: 1 held", "1 push waits for approval: dadns held"),
        ({"alarms": ["no-list da1: HTML"]}, "degraded", "alarm", 1000.0,
         "degraded: 1 alarm", "alarm: no-list da1: HTML"),
        ({"certificate_ends_at": 1000.0 + 5 * DAY}, "degraded", "certificate", 1000.0,
         "degraded: certificate ends in 5 days",
         "our TLS certificate expires in 5 days, on 1970-01-06: is its renewal failing?"),
        ({"certificate_ends_at": 999.0}, "degraded", "certificate", 1000.0, "degraded: certificate expired",
         "our TLS certificate expired on 1970-01-01: renew it; no restart is needed"),
    ],
)  # fmt: skip
def test_each_fault_has_its_state_its_words_and_its_time(facts, state, kind, since, headline, words):
    """A thing that knows since when it lasts says so; else it lasts since it was seen."""
    verdict = judge(replace(WELL, **facts))

    assert (state, headline, words) == (verdict.state, verdict.headline, verdict.why)
    assert [(kind, since)] == [(one.kind, one.since) for one in verdict.reasons]
    assert since == verdict.since


def test_a_certificate_with_time_left_is_none_of_it():
    """Three weeks and a day."""
    assert ServiceState.READY is judge(replace(WELL, certificate_ends_at=1000.0 + 22 * DAY)).state


def test_the_worst_comes_first_and_nothing_is_left_out():
    """However many there are at once; the title of an unready service is its worst reason."""
    nsd = BackendFacts(name="nsd", down="mute", down_since=1.0, dead=2, is_paused=True)
    facts = replace(
        WELL, store="locked", actors=["reconcile has ended"], backends=[PAUSED, nsd], held=1, alarms=["x", "y"]
    )

    verdict = judge(facts)

    assert ["store", "actor", "backend", "given-up", "paused", "paused", "held", "alarm", "alarm"] == [
        one.kind for one in verdict.reasons
    ]
    assert "not ready: pushes are refused: locked" == verdict.headline
    degraded = judge(replace(facts, store="", actors=()))
    assert "degraded: nsd down, 2 given up on nsd, bind paused, nsd paused, 1 held, 2 alarms" == degraded.headline


def test_since_is_when_the_state_began_not_when_it_was_asked():
    """Also while its reasons come and go; another state begins anew."""
    first = judge(replace(WELL, store="locked"))
    later = judge(replace(WELL, now=1100.0, store="the disk is full", backends=[DOWN]), first)
    degraded = judge(replace(WELL, now=1200.0, backends=[DOWN]), later)
    ready = judge(replace(WELL, now=1300.0), degraded)

    assert (1000.0, 1000.0) == (later.since, later.reasons[0].since)
    assert (ServiceState.DEGRADED, 950.0) == (degraded.state, degraded.since)
    assert (ServiceState.READY, 1300.0) == (ready.state, ready.since)


def test_every_kind_can_be_a_reason():
    """So that no label of the metrics is one that never counts anything."""
    bad = replace(DOWN, dead=1, is_paused=True, heard_here_only="::1:5300")
    everything = Facts(now=1.0, started_at=0.0, store="x", actors=["y"], backends=[bad], held=1, alarms=["z"], peers=[PeerFacts(name="ns2", away="it is down")],
                       certificate_ends_at=0.0, lost=1, config_failed_at=1.0)  # fmt: skip

    assert set(ReasonKind) == {one.kind for one in judge(everything).reasons}


@pytest.mark.parametrize(
    ("peer", "headline", "what"),
    [
        (PeerFacts(name="ns2"), "ready", ""),
        (PeerFacts(name="ns2", away="no route"), "degraded: peer ns2 away", "peer ns2 cannot be asked: no route (dadns peers)"),
        (PeerFacts(name="ns2", differs=3), "degraded: 3 zones differ from ns2", "3 zones differ from peer ns2, and nothing tells"),
        (PeerFacts(name="ns2", differs=1), "degraded: 1 zone differs from ns2", "1 zone differs from peer ns2"),
        (PeerFacts(name="ns2", too_many=12, plan="3b1f"), "degraded: 12 deletes of ns2 stopped", "12 zones of ours are deleted on peer ns2, more than may go at once, and stay here: dadns peers, then dadns peers approve ns2 3b1f,"),
        (PeerFacts(name="ns2", behind=2), "degraded: peer ns2 behind", "peer ns2 does not take 2 zones that it lacks"),
    ],
    ids=str,
)  # fmt: skip
def test_a_peer_that_wants_a_person_is_told_in_words(peer, headline, what):
    """Pushes are safe meanwhile: never more than degraded."""
    verdict = judge(replace(WELL, peers=[replace(peer, since=980.0)]))

    assert headline == verdict.headline
    assert verdict.why.startswith(what)
    assert [980.0] * len(verdict.reasons) == [one.since for one in verdict.reasons]
