"""Models of the JSON API: zones, their placements, and changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from directdnsonly.advice import NO_ADDRESS
from directdnsonly.operate.status import shown_state
from directdnsonly.outbox.changes import Became, Kind, Receipt
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.kept import ZoneSummary
from directdnsonly.outbox.lifecycle import State
from directdnsonly.shapes import Moment, OwnerView
from directdnsonly.zone.warn import ZoneWarning

VERSION_ID = (
    "The version as every instance knows it, which has been told the same: of content, published serial and owner. The"
    " last four digits count how often it was pushed again"
)


class PlacementView(BaseModel):
    """One zone on one backend."""

    backend: str
    state: State | Literal["stored"] = Field(
        description="`verified`: its name servers have proven it; `stored`: it is there, and nobody can be asked for"
        " proof, because no address of a name server is known",
    )
    want_version: int = Field(description="Version to be served there")
    want_kind: Kind
    verified_version: int = Field(
        description="Newest version that the name servers have proven (stored: that was stored)"
    )
    applied_version: int
    served_serial: int | None
    attempts: int = Field(description="Failed attempts in a row")
    due_at: Moment | None
    verified_at: Moment | None
    reason: str = Field(description="Why it is not verified yet, for people")

    @classmethod
    def of(cls, placement: Placement, unasked: Collection[str] = ()) -> PlacementView:
        """The view of a record. `unasked`: backends without an address of a name server."""
        state = shown_state(placement, unasked)
        return cls(
            backend=placement.backend,
            state=state,
            want_version=placement.want_version,
            want_kind=placement.want_kind,
            verified_version=placement.verified_version,
            applied_version=placement.applied_version,
            served_serial=placement.served_serial,
            attempts=placement.attempts,
            due_at=placement.due_at,
            verified_at=placement.verified_at,
            reason=NO_ADDRESS if state == "stored" else placement.reason,
        )


class WarningView(BaseModel):
    """Something about a zone that every name server loads and that is probably a mistake."""

    rule: str = Field(description="Look it up in docs/refusals.md", examples=["mx-address"])
    text: str
    owner: str = Field(description="Owner name of the record; empty: the zone as a whole")
    type: str
    line: int = Field(description="Line of the pushed text; 0: none")

    @classmethod
    def all_of(cls, warnings: Sequence[ZoneWarning]) -> list[WarningView]:
        """The views of a zone's warnings."""
        return [cls(rule=one.rule, text=one.text, owner=one.owner, type=one.type, line=one.line) for one in warnings]


class ZoneView(BaseModel):
    """The newest version of a zone."""

    zone: str
    version: int
    version_id: str = Field(description=VERSION_ID)
    kind: Kind
    serial: int = Field(description="As published on the name servers")
    pushed_serial: int = Field(description="As pushed")
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
            version_id=zone.stated,
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
    version_id: str = Field("", description=f"{VERSION_ID}. Empty where the change made no version")
    kind: Kind
    changed: bool = Field(description="False: there is nothing to deliver; `result` says why")
    result: Became = Field(description="The outcome, as named in the log and the metrics")
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
            version_id=receipt.stated,
            kind=receipt.kind,
            changed=receipt.changed,
            result=receipt.became,
            serial=receipt.serial,
            ignored=receipt.ignored,
            warnings=WarningView.all_of(warnings),
        )


class ChangeView(ReceiptView):
    """A change and how far it has come. A newer version of the zone that is proven counts as well."""

    done: bool = Field(description="On every backend it (or a newer version) is proven, stored or dead")
    verified: bool = Field(
        description="Every backend has proven it (or a newer version); false if one can only store it"
    )
    placements: list[PlacementView]
