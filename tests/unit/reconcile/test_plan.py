"""The plan, against a model that knows everything at once; and the orphans' long way."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.drift import Held, Sighting, SightingState
from directdnsonly.reconcile.answers import WholeList
from directdnsonly.reconcile.orphans import Rules, Step, advance, plan_id
from directdnsonly.reconcile.plan import Planner
from directdnsonly.zone.name import ZoneName

NAMES = {"s1": "s1", "one.example": "s1", "s2": "s2"}
ASKED_AT = 1000.0
RULES = Rules(absences=3, absent_s=100, grace_s=100, max_orphans=50, max_share=0.02)


def held(name, hostname="s1", *, at=1.0, kind=Kind.PUT, source=Source.DIRECTADMIN, version=1, serial=5):
    return Held(
        name=ZoneName.parse(name),
        version=version,
        kind=kind,
        serial=serial,
        pushed_serial=serial,
        owner=Owner(credential="h1", hostname=hostname),
        source=source,
        pushed_at=at,
    )


def listing(server, names):
    return WholeList(hostname=server, zones=sorted(map(ZoneName.parse, names)), asked_at=ASKED_AT, pages=1)


def plan_of(rows, lists, *, page=3, watched=(), least_share=0.0, failed=None):
    planner = Planner(lists, names=NAMES, watched=frozenset(watched), least_share=least_share)
    rows = sorted(rows, key=lambda row: row.name)
    for start in range(0, len(rows), page):
        planner.feed(rows[start : start + page])
    return planner.finish(made_at=2000.0, failed=failed or {})


zones = st.sampled_from([f"{letter}.example" for letter in "abcdefghijkl"])


@given(
    st.dictionaries(
        zones, st.tuples(st.sampled_from(["s1", "s2", "one.example", "", "x"]), st.sampled_from([1.0, 2000.0]))
    ),
    st.sets(zones),
    st.sets(zones),
    st.integers(1, 5),
)
def test_a_walk_in_pages_finds_what_a_look_at_everything_finds(rows, at_one, at_two, page):
    """Whatever the pages, the order and the mixture: absent, missed and migrated are exactly these."""
    lists = [listing("s1", at_one), listing("s2", at_two)]

    plan = plan_of([held(name, host, at=at) for name, (host, at) in rows.items()], lists, page=page)

    listed = at_one | at_two
    known = {name: NAMES[host] for name, (host, at) in rows.items() if host in NAMES and at < ASKED_AT}
    here = {"s1": at_one, "s2": at_two}
    lacking = {name for name, server in known.items() if name not in here[server]}
    assert lacking - listed == {one.name for one in plan.absent}
    assert lacking & listed == {one.name for one in plan.migrated}
    assert listed - set(rows) == {one.name for one in plan.missed}
    assert {name for name, (host, _) in rows.items() if host not in NAMES and name not in listed} == {
        one.name for one in plan.ownerless_first
    }


def test_a_server_without_a_list_has_no_absent_zones():
    plan = plan_of([held("a.example"), held("b.example", "s2")], [listing("s2", ["c.example"])], failed={"s1": "down"})

    assert ["b.example"] == [one.name for one in plan.absent]
    assert ["down", ""] == [one.reason for one in plan.servers]


def test_a_watched_zone_whose_server_gives_no_list_stays_as_it_was():
    """Neither counted on nor forgotten: absences in a row are of whole lists."""
    plan = plan_of([held("a.example")], [], watched=[ZoneName.parse("a.example")], failed={"s1": "down"})
    planned = plan_of(
        [held("a.example")],
        [listing("s2", ["c.example"])],
        watched=[ZoneName.parse("a.example")],
        failed={"s1": "down"},
    )

    assert (frozenset(), frozenset()) == (plan.present, planned.present)


def test_a_foreign_list_is_not_believed():
    rows = [held(f"a{number}.example") for number in range(20)]

    plan = plan_of(rows, [listing("s1", [f"x{number}.example" for number in range(20)])], least_share=0.5)

    assert ([], []) == (list(plan.absent), list(plan.missed))
    assert "another server's list" in plan.servers[0].reason


def test_rfc1982_3_2_a_stale_serial_counts():
    planner = Planner([listing("s1", ["a.example", "b.example"])], names=NAMES, least_share=0.5)
    asked = planner.feed([held("a.example", serial=2**32 - 1), held("b.example", serial=5)])["s1"]

    planner.serials("s1", asked, [3, 5])

    assert [("a.example", 3)] == [(one.name, one.theirs) for one in planner.finish(made_at=0, failed={}).stale]


def test_many_zones_take_the_memory_of_what_was_found():
    """The rows are not kept."""
    zones = [f"zone-{number:06d}.example" for number in range(10_000)]
    lists = [listing("s1", zones)]
    planner = Planner(lists, names=NAMES, least_share=0.5)
    tracemalloc.start()

    for start in range(0, len(zones), 1000):
        planner.feed([held(name) for name in zones[start : start + 1000]])

    plan = planner.finish(made_at=0, failed={})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (10_000, 0, 0) == (plan.seen, len(plan.absent), len(plan.missed))
    assert peak < 2**20


def absent_plan(count=1, of=1000, version=1, at=1.0):
    rows = [held(f"gone-{number}.example", version=version, at=at) for number in range(count)]
    rows += [held(f"here-{number}.example") for number in range(of - count)]
    return plan_of(rows, [listing("s1", [f"here-{number}.example" for number in range(of - count)])], page=1000)


def sighting(name="gone-0.example", **changes):
    one = Sighting(name=ZoneName.parse(name), version=1, server="s1", absences=2, first_at=2000.0, last_at=2050.0)
    return replace(one, **changes)


def next_step(known=None, *, now, plan=None, rules=RULES):
    found = advance(plan or absent_plan(), {one.name: one for one in known or []}, rules, now=now)
    return found.steps[0]


def test_the_steps_of_one_orphan():
    """Counted, ripe by number and time, quarantined, due."""
    assert Step.COUNT is next_step(now=2000).step
    assert Step.COUNT is next_step([sighting()], now=2060).step, "three lists, but too close together"
    assert Step.COUNT is next_step([sighting(absences=1)], now=9000).step, "long ago, but only two lists"
    assert Step.QUARANTINE is next_step([sighting()], now=2100).step
    away = sighting(state=SightingState.QUARANTINED, quarantined_at=2100.0, absences=3)
    assert Step.WAIT is next_step([away], now=2199).step
    assert Step.DELETE is next_step([away], now=2200).step
    assert Step.KEEP is next_step([replace(away, state=SightingState.KEPT)], now=9999).step


def test_a_push_or_another_version_begins_anew():
    assert 1 == next_step([sighting()], now=5000, plan=absent_plan(version=2)).sighting.absences
    assert 1 == next_step([sighting(first_at=0.5)], now=5000, plan=absent_plan(at=0.9)).sighting.absences


def test_over_the_cap_nothing_moves_and_an_approval_names_the_set():
    known = [sighting(f"gone-{number}.example") for number in range(21)]
    plan = absent_plan(21)

    found = advance(plan, {one.name: one for one in known}, RULES, now=5000)

    assert {Step.BLOCK} == {one.step for one in found.steps}
    assert {"s1": plan_id([one.zone for one in found.steps])} == dict(found.blocked)
    assert plan_id([one.zone for one in found.steps[1:]]) != found.blocked["s1"]
    approved = {one.name: replace(one, approved=True) for one in known}
    assert {Step.QUARANTINE} == {one.step for one in advance(plan, approved, RULES, now=5000).steps}


def test_zones_in_quarantine_count_against_the_cap():
    """A server that shrinks a little every pass does not slip through."""
    known = [
        sighting(f"gone-{number}.example", state=SightingState.QUARANTINED, quarantined_at=2100.0)
        for number in range(20)
    ]
    known.append(sighting("gone-20.example"))

    found = advance(absent_plan(21), {one.name: one for one in known}, RULES, now=5000)

    assert {Step.BLOCK} == {one.step for one in found.steps}
