"""The state of an accepted change, with a long poll that sleeps until something is written."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from directdnsonly.api.models.zones import ChangeView, PlacementView, ReceiptView
from directdnsonly.door.place import NoPlace, Place
from directdnsonly.outbox.changes import Receipt
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.store.looking import Looking


async def follow(
    looking: Looking,
    receipt: Receipt,
    *,
    wait_s: float,
    who: str = "",
    place: Place | None = None,
    unasked: Collection[str] = (),
) -> ChangeView:
    """The state of a change now, or once it is done, after at most `wait_s` seconds.

    Returns earlier if another client needs the connection, or if the credential has too many long polls.
    `unasked`: backends without an address of a name server, where nothing is ever proven.
    """
    with looking.settled.watching(receipt.name) as written, (place or NoPlace()).waiting(who, written.set) as wait:
        wait_s = min(wait_s, wait.longest_s)
        try:
            async with asyncio.timeout(wait_s if wait_s > 0 else None):
                while True:
                    written.clear()
                    view = _view(receipt, await looking.placements(receipt.name), unasked)
                    if view.done or wait.over or wait_s <= 0:
                        return view
                    await written.wait()
        except TimeoutError:
            return _view(receipt, await looking.placements(receipt.name), unasked)


def _view(receipt: Receipt, placements: list[Placement], unasked: Collection[str]) -> ChangeView:
    verified = all(
        placement.verified_version >= receipt.version and placement.backend not in unasked for placement in placements
    )
    given_up = all(
        placement.verified_version >= receipt.version or placement.state is State.DEAD for placement in placements
    )
    shown = [PlacementView.of(placement, unasked) for placement in placements]
    for view in shown:
        if view.want_version > receipt.version and view.verified_version < receipt.version:
            view.state = State.SUPERSEDED  # a newer version took its place before it was proven
    idle = not receipt.changed and not placements
    return ChangeView(
        **ReceiptView.of(receipt, receipt.warnings).model_dump(),
        done=given_up or idle or bool(receipt.ignored),
        verified=verified and not receipt.ignored,
        placements=shown,
    )
