"""The verdict on a zone, by table: facts in, words out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import permutations

import pytest

from directdnsonly.advice import (
    NO_ADDRESS,
    Cause,
    Edition,
    Facts,
    Heard,
    Live,
    Orphan,
    Pinned,
    Place,
    Setback,
    Stop,
    Unclaimed,
    Waiting,
    judge_zone,
    standing,
)
from directdnsonly.wording import Calendar

DAY = 1_800_000_000.0 - 1_800_000_000.0 % 86_400
NOW = DAY + 8 * 3600
FIRST, SECOND = DAY + 7 * 3600, DAY + 7 * 3600 + 60  # 07:00:00, 07:01:00
LATER = DAY + 7 * 3600 + 120  # 07:02:00
CALENDAR = Calendar(now=NOW, timezone=UTC)
V1 = Edition(version=1, serial=1, at=FIRST)
V2 = Edition(version=2, serial=2, at=SECOND)
DELETED = Edition(version=2, serial=1, at=SECOND, deleted=True)


def says(serial: int | None = 2, *, wanted: int | None = 2, server: str = "192.0.2.1#53", **more) -> Heard:
    """An answer, proven when it is the wanted one."""
    facts = {"proven": serial == wanted, "answered": True, "said": "REFUSED", "reason": f"{server} is wrong"} | more
    return Heard(server=server, serial=serial, **{**facts, "reason": "" if facts["proven"] else facts["reason"]})


SILENT = Heard(server="192.0.2.1#53", proven=False, answered=False, reason="192.0.2.1#53 does not answer")


def place(backend: str = "bind", **more) -> Place:
    """Where version 2 is proven, and nothing is wrong."""
    given = {"state": "verified", "want_version": 2, "verified_version": 2, "verified_at": SECOND, "answers": [says()]}
    return Place(backend=backend, **(given | more))


def waits(backend: str = "bind", **more) -> Place:
    """Where version 2 waits and version 1 is served."""
    return place(backend, **({"state": "pending", "verified_version": 1, "answers": [says(1)]} | more))


def zone(*places: Place, newest: Edition = V2, **more) -> Facts:
    given = {"name": "z.example", "versions": [V2, V1], "places": places or (place(),)}
    return Facts(newest=newest, **(given | more))


REFUSED = Setback(at=LATER, reason="line 37: no address, rule syntax")
LOST = Setback(at=LATER, reason="the disk is full")
HELD = Waiting(at=LATER, reason="it loses 9 of 20 records", digest="ab" * 32)
PINNED = Pinned(actor="anna", reason="", at=FIRST, version=1, waiting=V2)
PINNED_ZONE = zone(place(want_version=1, verified_version=1, answers=[says(1, wanted=1)]), newest=V1, pin=PINNED)
ORPHAN = Orphan(server="da1", absences=2, first_at=LATER, due_at=DAY + 86_400 * 2)
STOP = Stop(actor="anna", reason="moving", at=LATER)
DOWN = {"down": True, "down_since": LATER, "down_reason": "no answer"}

CASES = {
    "fine": (zone(), "live", "fine", "LIVE: every name server answers version 2 of 07:01:00"),
    "nothing known": (Facts(name="z.example"), "unknown", "unheard", "UNKNOWN: no zone z.example was ever pushed"),
    "refused": (
        zone(refused=REFUSED), "not live", "refused",
        "NOT LIVE: the push of 07:02:00 was refused (line 37: no address, rule syntax); customers get version 2 of 07:01:00",
    ),
    "refused by another": (
        zone(refused=replace(REFUSED, sender="da2")), "not live", "refused", "the push of 07:02:00 by da2 was refused"
    ),
    "refused, by a clock that is behind that of the last accepted": (
        zone(refused=replace(REFUSED, at=FIRST - 1)), "not live", "refused", "NOT LIVE: the push of 06:59:59 was refused"
    ),
    "refused, and nothing was ever accepted": (
        Facts(name="z.example", refused=REFUSED), "not live", "refused", "customers get no answer for it from us"
    ),
    "lost": (zone(lost=LOST), "not live", "lost", "the push of 07:02:00 was lost: we could not record it (the disk is full)"),
    "a lost delete": (zone(lost=replace(LOST, what="delete")), "not live", "lost", "the delete of 07:02:00 was lost"),
    "lost, by a clock that is behind": (zone(lost=replace(LOST, at=FIRST - 1)), "not live", "lost", "NOT LIVE: the push of 06:59:59"),
    "held": (zone(held=HELD), "not live", "held", "waits for approval: it loses 9 of 20 records; customers get version 2"),
    "held, and nothing was ever accepted": (
        Facts(name="z.example", held=HELD), "not live", "held", "customers get no answer for it from us"
    ),
    "pinned": (
        PINNED_ZONE, "not live", "pinned",
        "pinned at version 1 by anna since 07:00:00; version 2 of 07:01:00 waits; customers get version 1 of 07:00:00",
    ),
    "pinned, a delete waits": (
        replace(PINNED_ZONE, pin=replace(PINNED, waiting=DELETED)), "not live", "pinned", "(a delete) waits"
    ),
    "pinned, nothing waits": (replace(PINNED_ZONE, pin=replace(PINNED, waiting=None)), "live", "fine", "version 1"),
    "given up": (
        zone(waits(state="dead", attempts=5, reason="too long")), "not live", "given-up",
        "version 2 of 07:01:00: given up on bind after 5 attempts: too long; customers get version 1 of 07:00:00",
    ),
    "given up, and served": (zone(waits(state="dead", attempts=1, answers=[says()])), "live", "given-up", "served now"),
    "given up, and the serial tells nothing": (
        zone(waits(state="dead", attempts=1, answers=[says()]), versions=[V2, replace(V1, serial=2)]),
        "not live", "given-up", "NOT LIVE",
    ),
    "failing": (zone(waits(attempts=2, reason="busy", due_at=NOW)), "not live", "failing", "2 attempts failed on bind: busy"),
    "paused": (zone(waits(paused=STOP)), "not live", "paused", "bind is paused by anna since 07:02:00: moving; customers get"),
    "paused, nothing waits": (zone(place(paused=STOP)), "live", "fine", "LIVE"),
    "paused, sent again": (zone(waits(paused=STOP, verified_version=2, answers=[says()])), "live", "fine", "LIVE"),
    "down": (zone(waits(**DOWN)), "not live", "down", "bind is down since 07:02:00: no answer"),
    "down, nothing waits": (zone(place(**DOWN)), "live", "fine", "LIVE"),
    "silent": (zone(place(answers=[SILENT], **DOWN)), "unknown", "silent", "UNKNOWN: 192.0.2.1#53 does not answer"),
    "one of two is silent": (
        zone(place(), place("ns2", answers=[SILENT])), "unknown", "silent",
        "customers get version 2 of 07:01:00 from bind, no answer from ns2",
    ),
    "wrong": (
        zone(place(answers=[says(None)])), "not live", "wrong",
        "NOT LIVE: proven on bind at 07:01:00, but 192.0.2.1#53 is wrong; customers get no zone (REFUSED)",
    ),
    "other records": (
        zone(place(answers=[says(proven=False, same_serial=True)])), "not live", "wrong", "of 07:01:00, with other records"
    ),
    "cannot be read": (
        zone(place(answers=[says(proven=False, unread=True, reason="its records cannot be read")])), "unknown", "silent",
        "UNKNOWN: its records cannot be read; customers get version 2 of 07:01:00 (judging by its serial)",
    ),
    "wrong in the database": (
        zone(place(stored=Heard(server="bind", proven=False, answered=True, reason="rows are gone"))), "not live", "wrong",
        "but rows are gone; customers get version 2 of 07:01:00 (judging by its serial)",
    ),
    "the database cannot be read": (
        zone(place(stored=Heard(server="bind", proven=False, answered=False))), "live", "fine", "LIVE"
    ),
    "an older one": (zone(place(answers=[says(1)])), "not live", "wrong", "customers get version 1 of 07:00:00"),
    "a strange one": (zone(place(answers=[says(77)])), "not live", "wrong", "get serial 77 (not a version that we keep)"),
    "two servers of one backend": (
        zone(place(answers=[says(), says(1, server="192.0.2.2#53")])), "not live", "wrong",
        "version 2 of 07:01:00 from bind (192.0.2.1#53), version 1 of 07:00:00 from bind (192.0.2.2#53)",
    ),
    "nobody to ask": (zone(place(answers=[])), "unknown", "unproven", f"UNKNOWN: bind: {NO_ADDRESS}"),
    "nobody to ask, rows are gone": (
        zone(place(answers=[], stored=Heard(server="bind", proven=False, answered=True, reason="no rows"))),
        "not live", "wrong", "stored on bind at 07:01:00, but no rows",
    ),
    "no backend": (zone(places=[]), "unknown", "unproven", "UNKNOWN: no backend is enabled; customers get nothing"),
    "on its way": (zone(waits()), "not live", "on-its-way", "version 2 of 07:01:00 is on its way to bind; customers get version 1"),
    "on its way, first version": (
        zone(waits(verified_version=0, answers=[says(None)])), "not live", "on-its-way", "customers get no zone (REFUSED)"
    ),
    "deleted": (
        zone(place(answers=[says(None, wanted=None)]), newest=DELETED), "live", "fine",
        "LIVE: deleted at 07:01:00, and no name server answers for it any longer",
    ),
    "deleted, from memory": (
        zone(place(answers=[Heard(server="s", proven=True, answered=True, serial=1, reason="s remembers")]), newest=DELETED),
        "not live", "memory", "NOT LIVE: deleted, but s remembers; customers get version 1 of 07:00:00",
    ),
    "deleted, and served": (
        zone(waits(), newest=DELETED), "not live", "on-its-way", "customers get version 1 of 07:00:00"
    ),
    "deleted, and the operator has a zone of that name": (
        zone(place(answers=[says(77, wanted=None)], reason="held by the operator: it was there; it stays as it is"), newest=DELETED),
        "live", "operators",
        "LIVE: deleted at 07:01:00; bind: held by the operator: it was there; it stays as it is; customers get serial 77",
    ),
    "deleted, the operator had a zone of that name": (
        zone(place(answers=[says(None, wanted=None)], reason="held by the operator: it was there"), newest=DELETED),
        "live", "fine", "LIVE: deleted at 07:01:00, and no name server answers for it any longer",
    ),
    "orphan": (
        zone(orphan=ORPHAN), "live", "orphan",
        "LIVE: da1 no longer lists it (2 complete lists since 07:02:00): it will be deleted at 2027-01-17 00:00:00 at the earliest",
    ),
    "orphan over the cap": (
        zone(orphan=replace(ORPHAN, plan="p1")), "live", "orphan", "it will be deleted when plan p1 is approved"
    ),
    "ownerless": (
        zone(unclaimed=Unclaimed(hostname="da9", credential="c")), "live", "ownerless", "LIVE: pushed by da9: no configured server is responsible"
    ),
    "ownerless, by API": (
        zone(unclaimed=Unclaimed(hostname="", credential="anna")), "live", "ownerless", "pushed by the credential anna"
    ),
    "yesterday": (
        zone(newest=replace(V2, at=DAY - 1)), "live", "fine", "version 2 of 2027-01-14 23:59:59"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_the_facts_decide_state_cause_and_words(name):
    """Each fault by itself."""
    facts, live, cause, words = CASES[name]

    told = judge_zone(facts, CALENDAR)

    assert (live, cause) == (told.live, told.reasons[0].cause)
    assert words in told.headline
    assert told.headline.startswith(f"{told.live.upper()}: ")


# The order of judgement: of any two that hold at once, the first of this list is the verdict and the other is told as well.
ORDER = {
    Cause.REFUSED: {"refused": REFUSED},
    Cause.LOST: {"lost": LOST},
    Cause.PINNED: {"pin": PINNED},
    Cause.GIVEN_UP: {"places": [waits("ns1", state="dead", attempts=1)]},
    Cause.FAILING: {"places": [waits("ns2", attempts=1)]},
    Cause.PAUSED: {"places": [waits("ns3", paused=STOP)]},
    Cause.DOWN: {"places": [waits("ns4", **DOWN)]},
    Cause.WRONG: {"places": [place("ns5", answers=[says(None)])]},
    Cause.ON_ITS_WAY: {"places": [waits("ns6")]},
    Cause.SILENT: {"places": [place("ns7", answers=[SILENT])]},
    Cause.UNPROVEN: {"places": [place("ns8", answers=[])]},
    Cause.ORPHAN: {"orphan": ORPHAN},
    Cause.OWNERLESS: {"unclaimed": Unclaimed(hostname="da9", credential="c")},
}


@pytest.mark.parametrize(("one", "other"), list(permutations(ORDER, 2)))
def test_the_nearest_cause_is_the_verdict_and_the_others_are_told(one, other):
    """Whatever makes the zone not live comes before what makes it unknown, and that before what is only to be known."""
    first, second = ORDER[one], ORDER[other]
    places = [*first.get("places", []), *second.get("places", [])] or [place()]
    facts = zone(*places, **{key: value for key, value in {**first, **second}.items() if key != "places"})

    told = judge_zone(facts, CALENDAR)

    expected = sorted((one, other), key=list(ORDER).index)
    assert expected == [reason.cause for reason in told.reasons if reason.cause is not Cause.FINE]
    assert told.live is told.reasons[0].live


def test_what_is_wrong_has_something_to_do_and_what_is_fine_has_not():
    for name, (facts, live, cause, _) in CASES.items():
        told = judge_zone(facts, CALENDAR)
        if cause == "fine":
            assert not told.reasons[0].do, name
        elif live != "live":
            assert told.reasons[0].do, name


def test_only_live_zones_are_called_fine():
    """Nothing is fine beside what is wrong."""
    for name, (facts, _, _, _) in CASES.items():
        told = judge_zone(facts, CALENDAR)
        if told.live is not Live.LIVE:
            assert Cause.FINE not in {reason.cause for reason in told.reasons}, name


def test_it_stands_stored_where_nobody_can_be_asked():
    assert ("proven", NO_ADDRESS, "dead") == (
        standing(place()), standing(place(answers=[])), standing(waits(state="dead")),
    )  # fmt: skip
