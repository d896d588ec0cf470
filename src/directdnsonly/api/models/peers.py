"""Models of the JSON API: peers, and zones that differ from them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from directdnsonly.outbox.changes import Kind
from directdnsonly.outbox.peering import Standing, Stated
from directdnsonly.peers.standing import Listed, PeerState, PeerStatus, Progress
from directdnsonly.shapes import Moment, OwnerView, ZoneText


class PeerProgressView(BaseModel):
    """An exchange that is going on."""

    began_at: Moment
    done: int = Field(description="Parts of what differed that were looked at")
    total: int = Field(description="All of them; 0 as long as that is not known")
    taken: int = Field(description="Zones that were taken")
    ends_in_s: float | None = Field(description="Seconds that are left, by what was done so far; null: not known yet")

    @classmethod
    def of(cls, progress: Progress) -> PeerProgressView:
        """The view of it."""
        return cls.model_validate(progress, from_attributes=True)


class PeerView(BaseModel):
    """How it stands with one peer."""

    name: str = Field(examples=["ns2"])
    url: str = Field(examples=["https://ns2.example.com:2222"])
    state: PeerState = Field(
        description="equal; behind: it has only to take what we have; differs: a person has to decide about zones;"
        " unreachable; unknown: not asked yet",
        examples=["equal"],
    )
    since: Moment = Field(description="Since when it has been in this state")
    reason: str = Field(description="Why it cannot be asked, or compared; may be empty")
    asked_at: Moment | None = Field(description="When the last exchange began")
    exchanged_at: Moment | None = Field(description="When the last one ended well")
    next_at: Moment | None = Field(description="When it is asked next")
    taken: int = Field(description="Zones that were taken from it since the service started")
    behind: int = Field(description="Zones that it has to take from us, by the last exchange")
    conflicts: int = Field(description="Zones of which nothing tells which version is newer")
    lacking: int = Field(description="Zones that are only there and may have been deleted here long ago")
    too_many: int = Field(
        description="Zones of ours that are deleted there, more than may go at once: none goes until `plan` is approved"
    )
    plan: str = Field(description="The plan of exactly these deletes; empty: none waits", examples=["3b1f0c9a7d52"])
    progress: PeerProgressView | None = Field(description="The exchange that is going on; null: none")

    @classmethod
    def of(cls, status: PeerStatus) -> PeerView:
        """The view of its status."""
        return cls(
            name=status.name,
            url=status.url,
            state=status.state,
            since=status.since,
            reason=status.reason,
            asked_at=status.asked_at,
            exchanged_at=status.exchanged_at,
            next_at=status.next_at,
            taken=status.taken,
            behind=status.behind,
            conflicts=status.conflicts,
            lacking=status.lacking,
            too_many=status.too_many,
            plan=status.plan,
            progress=PeerProgressView.of(status.progress) if status.progress else None,
        )


class StatedView(BaseModel):
    """A version of a zone, as one of two instances states it."""

    id: str = Field(description="Its version id", examples=["5b0f2c6e1b8f4a1d9c3e7a5b2d4c0001"])
    kind: Kind = Field(description="put, or delete: its tombstone", examples=["put"])
    serial: int = Field(description="As published")
    pushed_serial: int = Field(description="As DirectAdmin sent it")
    owner: OwnerView

    @classmethod
    def of(cls, stated: Stated) -> StatedView:
        """The view of it."""
        return cls(
            id=stated.stated.hex(),
            kind=stated.kind,
            serial=stated.serial,
            pushed_serial=stated.pushed_serial,
            owner=OwnerView.of(stated.owner),
        )


class DifferenceView(BaseModel):
    """A zone that differs from a peer until a person takes one of both versions, or approves the peer's deletes."""

    zone: str = Field(examples=["example.com"])
    standing: Standing = Field(
        description="conflict; only there; or deleted there, with so many others that a person looks first",
        examples=["conflict"],
    )
    reason: str = Field(description="Why it is not taken from there")
    since: Moment = Field(description="When that was seen first")
    ours: StatedView | None = Field(description="null: nothing is known of it here")
    theirs: StatedView | None

    @classmethod
    def of(cls, listed: Listed) -> DifferenceView:
        """The view of it."""
        one = listed.difference
        return cls(
            zone=str(one.name),
            standing=one.standing,
            reason=one.reason,
            since=listed.since,
            ours=StatedView.of(one.ours) if one.ours else None,
            theirs=StatedView.of(one.theirs) if one.theirs else None,
        )


class TakeRequest(BaseModel):
    """Which zone."""

    model_config = ConfigDict(extra="forbid")

    zone: ZoneText = Field(min_length=1, examples=["example.com"])


class TakenView(BaseModel):
    """What was taken."""

    zone: str
    peer: str
    change_id: str
    version: int
    kind: Kind
    serial: int = Field(description="As published here; newer than what was published before")
    changed: bool = Field(description="Whether name servers are given another content")


class DeletesApproved(BaseModel):
    """The result of an approval."""

    zones: int = Field(description="How many go with the next exchange, which begins now")
