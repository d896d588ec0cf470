"""The stored and shown form of a plan and its result, with lists cut so that a huge drift stays readable."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.reconcile.orphans import Orphans
from directdnsonly.reconcile.plan import Drift, Plan
from directdnsonly.shapes import Moment

SHOWN = 500  # entries of each list that are kept; the counts are always whole


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class ServerView(_Report):
    """What was found in one DirectAdmin server's list."""

    server: str
    listed: int
    owned: int = Field(description="Zones of ours that belong to it")
    present: int = Field(description="Of these, those that it lists")
    reason: str = Field("", description="Why its list proves nothing; empty when it is believed")
    pushes_as: str = Field("", description="A host name under which it pushes and that the configuration does not know")
    serials: bool = Field(True, description="Its own name server told its serials")


class ZoneLine(_Report):
    """One zone that differs."""

    zone: str
    where: str = Field(description="DirectAdmin server or backend")
    detail: str = ""


class PlanView(_Report):
    """The differences of a plan. Counts are complete, lists are cut."""

    made_at: Moment
    servers: list[ServerView] = []
    counts: dict[str, int] = {}
    orphaned: list[ZoneLine] = []
    missed: list[ZoneLine] = []
    stale: list[ZoneLine] = []
    migrated: list[ZoneLine] = []
    missing: list[ZoneLine] = []
    extra: list[ZoneLine] = []
    ownerless: list[ZoneLine] = []
    approvals: dict[str, str] = Field({}, description="Plan that waits for approval, by server")
    unreachable: dict[str, str] = Field({}, description="Backends that could not be compared, with the reason")


class Done(_Report):
    """What one pass did."""

    pulled: int = 0
    pulls_refused: int = 0
    overtaken: int = Field(0, description="Pulls and deletions that a push made needless")
    quarantined: list[str] = []
    deleted: list[str] = []
    released: list[str] = Field(
        [], description="Held take-overs that are served now: the former server lists them no more"
    )
    returned: list[str] = Field([], description="Zones in quarantine that are listed or pushed again")
    doubtful: list[str] = Field([], description="Orphans that were not deleted: DirectAdmin did not deny having them")
    healed: int = Field(0, description="Zones queued again for a name server")
    revived: int = Field(0, description="Deliveries that were given up and get another round")
    extra_deleted: int = 0
    failures: list[str] = []


class PassView(_Report):
    """One pass."""

    id: int = 0
    started_at: Moment
    ended_at: Moment
    dry_run: bool
    plan: PlanView
    done: Done


def view_of(
    plan: Plan, orphans: Orphans, *, silent: Sequence[str], missing: Sequence[Drift], drifted: int, extra: Sequence[Drift],
    extras: int, unreachable: dict[str, str],
) -> PlanView:  # fmt: skip
    """The view of a plan. `drifted` and `extras` are the totals of which `missing` and `extra` show the first."""
    return PlanView(
        made_at=plan.made_at,
        servers=[
            ServerView(
                server=one.server,
                listed=one.listed,
                owned=one.owned,
                present=one.present,
                reason=one.reason,
                pushes_as=one.pushes_as,
                serials=one.server not in silent,
            )
            for one in plan.servers
        ],
        counts={
            "orphaned": len(plan.absent),
            "missed": len(plan.missed),
            "stale": len(plan.stale),
            "migrated": len(plan.migrated),
            "missing": drifted,
            "extra": extras,
            "ownerless": plan.ownerless,
            "withheld": plan.withheld,
        },
        orphaned=[
            ZoneLine(
                zone=one.zone.name,
                where=one.zone.server,
                detail=f"absent in {one.sighting.absences} lists, next: {one.step}",
            )
            for one in orphans.steps[:SHOWN]
        ],
        missed=[
            ZoneLine(zone=one.name, where=one.server, detail="deleted here" if one.version else "never pushed")
            for one in plan.missed[:SHOWN]
        ],
        stale=[
            ZoneLine(zone=one.name, where=one.server, detail=f"serial {one.ours} here, {one.theirs} there")
            for one in plan.stale[:SHOWN]
        ],
        migrated=[
            ZoneLine(zone=one.name, where=one.server, detail=f"pushed by {one.former}") for one in plan.migrated[:SHOWN]
        ],
        missing=[ZoneLine(zone=one.zone, where=one.backend, detail=one.reason) for one in missing[:SHOWN]],
        extra=[ZoneLine(zone=one.zone, where=one.backend, detail=one.reason) for one in extra[:SHOWN]],
        ownerless=[ZoneLine(zone=one.name, where=one.hostname) for one in plan.ownerless_first[:SHOWN]],
        approvals=dict(orphans.blocked),
        unreachable=unreachable,
    )
