"""/api/v1/peers: how it stands with each, which zones differ, and the choice of a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from directdnsonly.api.models.peers import DeletesApproved, DifferenceView, PeerView, TakenView, TakeRequest
from directdnsonly.api.parts import ApiParts
from directdnsonly.shapes import LARGEST_PAGE, AfterName, Limit, Page, failures
from directdnsonly.zone.name import ZoneName

PeerPath = Annotated[str, Path(max_length=64, description="The peer's name in the configuration", examples=["ns2"])]


def router(parts: ApiParts) -> APIRouter:
    """The routes over the acts."""
    api = APIRouter(prefix="/api/v1/peers", tags=["peers"])
    peers = parts.acts.peers

    @api.get("", summary="Every peer in order of name: its state, the last exchange, what differs")
    async def list_peers(after: AfterName = "", limit: Limit = LARGEST_PAGE) -> Page[PeerView]:
        later = [one for one in peers.all() if one.name > after]
        return Page[PeerView].cut(later, limit, view=PeerView.of, key=lambda one: one.name)

    @api.get("/{peer}", summary="One peer", responses=failures(404))
    async def get_peer(peer: PeerPath) -> PeerView:
        return PeerView.of(peers.one(peer))

    @api.get("/{peer}/zones", summary="Its zones about which a person has to decide", responses=failures(404))
    async def list_differences(peer: PeerPath, after: AfterName = "", limit: Limit = 100) -> Page[DifferenceView]:
        """With both versions, by the last exchange, in order of name. A thousand are named at most; `conflicts`, `lacking` and `too_many` of the peer count all."""
        later = [one for one in peers.differing(peer) if one.difference.name > after]
        return Page[DifferenceView].cut(later, limit, view=DifferenceView.of, key=lambda one: one.difference.name)

    @api.post(
        "/{peer}/take",
        summary="Take the peer's version of a zone in the place of ours",
        responses=failures(400, 404, 409, 503),
    )
    async def take_zone(peer: PeerPath, wanted: TakeRequest, request: Request) -> TakenView:
        """For a zone that differs and of which nothing tells which version is newer. Ours stays in the history."""
        receipt = await peers.take(ZoneName.parse(wanted.zone), peer, parts.asks(request))
        return TakenView(
            zone=str(receipt.name),
            peer=peer,
            change_id=receipt.change_id,
            version=receipt.version,
            kind=receipt.kind,
            serial=receipt.serial,
            changed=receipt.changed,
        )

    @api.post(
        "/{peer}/approve/{plan}",
        summary="Approve the deletes of a plan that exceeded the cap",
        responses=failures(404),
    )
    async def approve_deletes(
        peer: PeerPath, plan: Annotated[str, Path(max_length=64, examples=["3b1f0c9a7d52"])], request: Request
    ) -> DeletesApproved:
        """Of exactly these zones at these versions: if the peer deletes more meanwhile, that is another plan."""
        return DeletesApproved(zones=await peers.approve(peer, plan, parts.asks(request)))

    return api
