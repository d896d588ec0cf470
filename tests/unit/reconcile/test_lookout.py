"""When an orphan would be deleted, and whom nobody answers for."""

from __future__ import annotations

from dataclasses import replace

from directdnsonly.outbox.changes import Kind, Owner, Source
from directdnsonly.outbox.drift import Sighting, SightingState
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.reconcile.lookout import Lookout
from directdnsonly.reconcile.settings import ReconciliationSettings
from directdnsonly.zone.name import ZoneName

HOUR = 3600.0
SERVER = {"hostname": "da1.example", "password": "x", "pushed_as": ["da1.old.example"]}
RULES = {"absences": 3, "absent_minutes": 180, "grace_minutes": 1440, "interval_minutes": 60}
LOOKOUT = Lookout(ReconciliationSettings.model_validate({"directadmin_servers": [SERVER], **RULES}))
ZONE = ZoneSummary(
    name=ZoneName.parse("z.example"), version=4, kind=Kind.PUT, serial=1, pushed_serial=1, records=2, digest="",
    signed=False, owner=Owner(credential="c", hostname="da1.example"), source=Source.DIRECTADMIN, change_id="",
    pushed_at=0.0, changed_at=0.0,
)  # fmt: skip
SEEN = Sighting(name=ZONE.name, version=4, server="da1.example", absences=1, first_at=HOUR, last_at=HOUR)


def due_at(sighting: Sighting) -> float:
    found = LOOKOUT.orphan(ZONE, sighting)
    assert found is not None
    return found.due_at / HOUR


def test_the_date_is_the_earliest_at_which_a_pass_may_delete_it():
    """Absent often enough, long enough, and then the grace."""
    assert 1 + 3 + 24 == due_at(SEEN)  # two more passes would do after two hours, the stretch wants three
    assert 5 + 1 + 24 == due_at(replace(SEEN, absences=2, last_at=5 * HOUR))  # one more pass
    assert 9 + 24 == due_at(replace(SEEN, absences=3, last_at=9 * HOUR))
    quarantined = replace(SEEN, absences=3, state=SightingState.QUARANTINED, quarantined_at=10 * HOUR)
    assert 10 + 24 == due_at(quarantined)


def test_what_is_kept_pushed_since_or_another_version_is_no_orphan():
    assert LOOKOUT.orphan(ZONE, None) is None
    assert LOOKOUT.orphan(ZONE, replace(SEEN, state=SightingState.KEPT)) is None
    assert LOOKOUT.orphan(replace(ZONE, pushed_at=2 * HOUR), SEEN) is None
    assert LOOKOUT.orphan(replace(ZONE, version=5), SEEN) is None
    assert LOOKOUT.orphan(replace(ZONE, kind=Kind.DELETE), SEEN) is None
    dry = Lookout(ReconciliationSettings.model_validate({"directadmin_servers": [SERVER], "dry_run": True}))
    assert dry.orphan(ZONE, SEEN) is None


def test_a_plan_over_the_cap_waits_for_its_approval():
    blocked = LOOKOUT.orphan(ZONE, replace(SEEN, plan="p1"))
    approved = LOOKOUT.orphan(ZONE, replace(SEEN, plan="p1", approved=True))

    assert blocked is not None
    assert approved is not None
    assert ("p1", "") == (blocked.plan, approved.plan)


def test_nobody_answers_for_a_host_name_that_no_server_has():
    """Where no server is configured at all there is nothing to say."""
    stranger = replace(ZONE, owner=Owner(credential="c", hostname="DA9.example."))
    by_api = replace(ZONE, owner=Owner(credential="anna"))

    assert LOOKOUT.unclaimed(ZONE) is None
    assert LOOKOUT.unclaimed(replace(ZONE, owner=Owner(credential="c", hostname="DA1.old.example."))) is None
    assert LOOKOUT.unclaimed(replace(stranger, kind=Kind.DELETE)) is None
    assert Lookout(ReconciliationSettings()).unclaimed(stranger) is None
    for zone, hostname in ((stranger, "da9.example"), (by_api, "")):
        found = LOOKOUT.unclaimed(zone)
        assert found is not None
        assert (hostname, zone.owner.credential) == (found.hostname, found.credential)
