"""Shapes of the JSON API."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from directdnsonly.advice import NO_ADDRESS
from directdnsonly.errors import Fault
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.records import Became, Event, Kind, LostPush, Placement, Receipt, Refused, ZoneSummary
from directdnsonly.readiness import Reason, ReasonKind, ServiceState
from directdnsonly.shapes import Moment, OwnerView
from directdnsonly.zone.warn import ZoneWarning


class PlacementView(BaseModel):
    """One zone on one backend."""

    backend: str
    state: State | Literal["stored"] = Field(
        description="`verified`: its name servers have proven it; `stored`: it is there, and nobody can be asked for"
        " proof, because no address of a name server is known",
    )
    want_version: int = Field(description="Version that shall be served there")
    want_kind: Kind
    verified_version: int = Field(description="Newest version that the name server has proven (stored: that is there)")
    applied_version: int
    served_serial: int | None
    attempts: int = Field(description="Failed attempts in a row")
    due_at: Moment | None
    verified_at: Moment | None
    reason: str = Field(description="Why it is not verified yet, for people")

    @classmethod
    def of(cls, placement: Placement, unasked: Collection[str] = ()) -> PlacementView:
        """The view of a record. `unasked`: backends without an address of a name server."""
        stored = placement.state is State.VERIFIED and placement.backend in unasked
        return cls(
            backend=placement.backend,
            state="stored" if stored else placement.state,
            want_version=placement.want_version,
            want_kind=placement.want_kind,
            verified_version=placement.verified_version,
            applied_version=placement.applied_version,
            served_serial=placement.served_serial,
            attempts=placement.attempts,
            due_at=placement.due_at,
            verified_at=placement.verified_at,
            reason=NO_ADDRESS if stored else placement.reason,
        )


class WarningView(BaseModel):
    """Something about a zone that every name server loads and that is probably a mistake."""

    rule: str = Field(description="Look it up in docs/refusals.md", examples=["mx-address"])
    text: str
    owner: str = Field(description="Owner name of the record; empty: the zone as a whole")
    type: str
    line: int = Field(description="In the text that was pushed; 0: of no line")

    @classmethod
    def all_of(cls, warnings: Sequence[ZoneWarning]) -> list[WarningView]:
        """The views of a zone's warnings."""
        return [cls(rule=one.rule, text=one.text, owner=one.owner, type=one.type, line=one.line) for one in warnings]


class ZoneView(BaseModel):
    """The newest version of a zone."""

    zone: str
    version: int
    kind: Kind
    serial: int = Field(description="As published on the name servers")
    pushed_serial: int = Field(description="As it was pushed")
    records: int
    signed: bool
    digest: str
    owner: OwnerView
    source: str
    change_id: str
    pushed_at: Moment
    changed_at: Moment
    warnings: list[WarningView]

    @classmethod
    def of(cls, zone: ZoneSummary) -> ZoneView:
        """The view of a record."""
        return cls(
            zone=str(zone.name),
            version=zone.version,
            kind=zone.kind,
            serial=zone.serial,
            pushed_serial=zone.pushed_serial,
            records=zone.records,
            signed=zone.signed,
            digest=zone.digest,
            owner=OwnerView.of(zone.owner),
            source=zone.source,
            change_id=zone.change_id,
            pushed_at=zone.pushed_at,
            changed_at=zone.changed_at,
            warnings=WarningView.all_of(zone.warnings),
        )


class ZoneDetail(ZoneView):
    """A zone with its state on each backend."""

    placements: list[PlacementView]


class ReceiptView(BaseModel):
    """What an accepted change became."""

    change_id: str
    zone: str
    version: int
    kind: Kind
    changed: bool = Field(description="False: no backend has work; `result` says why")
    result: Became = Field(description="The word of the log and the metrics")
    serial: int
    ignored: str = ""
    warnings: list[WarningView] = []

    @classmethod
    def of(cls, receipt: Receipt, warnings: tuple[ZoneWarning, ...] = ()) -> ReceiptView:
        """The view of a record."""
        return cls(
            change_id=receipt.change_id,
            zone=str(receipt.name),
            version=receipt.version,
            kind=receipt.kind,
            changed=receipt.changed,
            result=receipt.became,
            serial=receipt.serial,
            ignored=receipt.ignored,
            warnings=WarningView.all_of(warnings),
        )


class ChangeView(ReceiptView):
    """A change and how far it has come. A newer version of the zone that is proven counts as well."""

    done: bool = Field(
        description="Every backend has proven it (or a newer version), has stored it, or has given it up"
    )
    verified: bool = Field(
        description="Every backend has proven it (or a newer version); false where one can only store it"
    )
    placements: list[PlacementView]


class FaultView(BaseModel):
    """One thing that is wrong with a push."""

    rule: str = Field(description="Look it up in docs/refusals.md", examples=["cname-and-other"])
    reason: str
    line: int = Field(description="In the text that was pushed; 0: of no line, or unknown")
    owner: str = Field(description="Owner name of the records; may be empty")

    @classmethod
    def all_of(cls, faults: Sequence[Fault]) -> list[FaultView]:
        """The views of a push's faults."""
        return [cls(rule=one.rule, reason=one.reason, line=one.line, owner=one.owner) for one in faults]


class RefusedView(BaseModel):
    """A push that was answered with error=1."""

    id: int
    change_id: str
    zone: str = Field(description="Its name as it was sent")
    rule: str = Field(description="Of the first fault")
    reason: str = Field(description="Of the first fault, with its line")
    faults: list[FaultView] = Field(description="Everything that was found, up to ten")
    owner: OwnerView
    address: str
    at: Moment

    @classmethod
    def of(cls, refused: Refused) -> RefusedView:
        """The view of a record."""
        return cls(
            id=refused.id,
            change_id=refused.change_id,
            zone=refused.name,
            rule=refused.rule,
            reason=refused.reason,
            faults=FaultView.all_of(refused.faults),
            owner=OwnerView.of(refused.owner),
            address=refused.address,
            at=refused.at,
        )


class EventView(BaseModel):
    """One line of the audit."""

    id: int
    at: Moment
    event: str
    zone: str
    actor: str
    address: str
    detail: str

    @classmethod
    def of(cls, event: Event) -> EventView:
        """The view of a record."""
        return cls(
            id=event.id,
            at=event.at,
            event=event.event,
            zone=event.zone,
            actor=event.actor,
            address=event.address,
            detail=event.detail,
        )


class NameServerStatus(BaseModel):
    """A bundled name server."""

    state: str
    since: Moment
    reason: str


class PauseView(BaseModel):
    """Who has stopped the work for a backend, when and why."""

    by: str = Field(examples=["anna"])
    at: Moment
    reason: str = Field(description="As it was given; may be empty", examples=["moving the machine"])


class BackendStatus(BaseModel):
    """One backend as an operator needs it."""

    name: str
    state: str = Field(
        description="ok, busy, degraded, down or paused; removed: not configured any more", examples=["ok"]
    )
    paused: str = Field("", description="Who has stopped it and why, as a sentence; empty when it works")
    pause: PauseView | None = Field(None, description="The same as fields; null when it works")
    breaker: str
    since: Moment = Field(description="Since when it is in this state; of a paused one, when it was paused")
    reason: str = Field(description="Why it is in this state; empty when it is ok or busy")
    pending: int
    leased: int
    dead: int
    oldest_s: float | None = Field(description="Age of the oldest outstanding delivery, in seconds")
    zones_proven: int = Field(0, description="Zones whose newest version it has proven, of all `zones`; from the store")
    proven: int = Field(description="Deliveries proven since the service started")
    failed: int = Field(description="Attempts that failed since the service started")
    median_proven_ms: float | None = Field(description="Median of the newest push-to-proven times")
    sweeping: bool = Field(False, description="It is compared with the store just now")
    batch_zones: int = Field(0, description="Deliveries that it has taken since it last had nothing to do")
    nameserver: NameServerStatus | None


class StoreStatus(BaseModel):
    """The outbox."""

    size_bytes: int
    free_bytes: int = Field(0, description="By how much it can grow: on its disk, and below outbox.max_store_mb")
    reserve_bytes: int = Field(0, description="Below so much on the disk pushes are refused (outbox.disk_reserve_mb)")
    sqlite: str
    commits: int
    writes: int
    waiting: int


class ReasonView(BaseModel):
    """One thing that is not as it should be."""

    kind: ReasonKind = Field(examples=["backend"])
    state: ServiceState = Field(description="What it makes of the service", examples=["degraded"])
    subject: str = Field(description="The backend, actor or server that it is about; may be empty", examples=["bind"])
    what: str = Field(description="A sentence, with what to do", examples=["bind is down: connection refused"])
    since: Moment

    @classmethod
    def of(cls, reason: Reason) -> ReasonView:
        """The view of a reason that was judged."""
        return cls(
            kind=reason.kind, state=reason.state, subject=reason.subject, what=reason.what, since=reason.since or 0.0
        )


class LostView(BaseModel):
    """The newest push or delete of a zone that was answered error=1 because it could not be recorded."""

    zone: str
    kind: Kind
    at: Moment
    reason: str
    owner: OwnerView
    address: str
    change_id: str

    @classmethod
    def of(cls, lost: LostPush) -> LostView:
        """The view of a record."""
        return cls(
            zone=str(lost.name),
            kind=lost.kind,
            at=lost.at,
            reason=lost.reason,
            owner=OwnerView.of(lost.owner),
            address=lost.address,
            change_id=lost.change_id,
        )


class StatusView(BaseModel):
    """The whole service."""

    version: str
    state: ServiceState = Field(
        description="ready; degraded: pushes are accepted and safe, but a person should look; unready: pushes are refused",
        examples=["ready"],
    )
    since: Moment = Field(description="Since when it is in this state")
    headline: str = Field(description="The state in words, as the page's title", examples=["degraded: bind down"])
    reasons: list[ReasonView] = Field(description="Why it is not ready, the worst first; empty when it is")
    started_at: Moment
    zones: int = Field(description="Living zones")
    pushes: dict[str, int] = Field(
        {},
        description="Pushes and deletes since start by what became of them",
        examples=[{"accepted": 3, "refused": 1}],
    )
    held: int = Field(0, description="Pushes that wait for approval")
    lost: int = Field(0, description="Zones whose newest push could not be recorded: they must be pushed again")
    lost_newest: LostView | None = None
    alarms: list[str] = Field(description="What reconciliation found that a person must look at")
    store: StoreStatus
    backends: list[BackendStatus]


class FieldError(BaseModel):
    """What is wrong with one field or parameter."""

    pointer: str = Field(
        description="A JSON pointer into the body (`#/rrsets/0/ttl`), or the place and name of a parameter (`query/limit`)",
        examples=["#/rrsets/0/ttl"],
    )
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    rule: str | None = Field(None, description="Of a refused zone or name: look it up in docs/refusals.md")
    faults: list[FaultView] | None = Field(
        None, description="Of a refused zone or name: everything that was found, up to ten; `detail` tells the first"
    )
    instance: str | None = Field(None, description="The change that it is about, where there is one")
    errors: list[FieldError] | None = Field(None, description="Every field and parameter that does not fit")
