"""Models of the JSON API: refused and lost pushes, and the audit."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from directdnsonly.errors import Fault
from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.kept import Event, LostPush, Refused
from directdnsonly.shapes import Moment, OwnerView


class FaultView(BaseModel):
    """One thing that is wrong with a push."""

    rule: str = Field(description="Look it up in docs/refusals.md", examples=["cname-and-other"])
    reason: str
    line: int = Field(description="Line of the pushed text; 0: none, or unknown")
    owner: str = Field(description="Owner name of the records; may be empty")

    @classmethod
    def all_of(cls, faults: Sequence[Fault]) -> list[FaultView]:
        """The views of a push's faults."""
        return [cls(rule=one.rule, reason=one.reason, line=one.line, owner=one.owner) for one in faults]


class RefusedView(BaseModel):
    """A push that was answered with error=1."""

    id: int
    change_id: str
    zone: str = Field(description="The zone's name as it was sent")
    rule: str = Field(description="That of the first fault")
    reason: str = Field(description="That of the first fault, with its line")
    faults: list[FaultView] = Field(description="Every fault found, up to ten")
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
