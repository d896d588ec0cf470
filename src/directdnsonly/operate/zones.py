"""Write, delete, pin, unpin and roll back one zone on behalf of a person."""

from __future__ import annotations

from collections.abc import Mapping

from directdnsonly.accept.acceptance import Acceptance, Accepted
from directdnsonly.errors import NotHere, ZonePolicyError
from directdnsonly.operate.journal import Journal, Operator
from directdnsonly.outbox.changes import FREELY, Kind, NewPin, Owner, Receipt, Source, Terms
from directdnsonly.outbox.kept import Pin
from directdnsonly.outbox.store.looking import Looking
from directdnsonly.outbox.store.recording import Recording
from directdnsonly.zone.name import ZoneName


class Zones:
    """Acts on one zone. Use within one event loop. Every write takes the same path as DirectAdmin's pushes.

    All acts raise OutboxUnavailable. `hostnames`: the DirectAdmin server to which each credential is bound.
    """

    def __init__(
        self,
        *,
        recording: Recording,
        looking: Looking,
        acceptance: Acceptance,
        journal: Journal,
        hostnames: Mapping[str, str],
    ) -> None:
        self._recording = recording
        self._looking = looking
        self._acceptance = acceptance
        self._journal = journal
        self._hostnames = hostnames

    async def put(self, name: ZoneName, body: bytes, who: Operator, *, terms: Terms = FREELY) -> Accepted:
        """Create or replace a zone. Raises PushRefused, VersionConflict, KeyTaken."""
        accepted = await self._acceptance.push(
            name, body, owner=self._owner(who), address=who.address, source=Source.API, terms=terms
        )
        if accepted.receipt.changed or accepted.receipt.ignored:
            await self._keep("zone.put", accepted.receipt, who)
        return accepted

    async def delete(self, name: ZoneName, who: Operator, *, terms: Terms = FREELY) -> Receipt:
        """Remove a zone everywhere. Raises NotHere, OwnershipRefused, VersionConflict, KeyTaken."""
        found = await self._looking.zone(name)
        if found is None or found.kind is Kind.DELETE:
            raise NotHere(f"zone {name} is unknown: there is nothing to delete")
        receipt = await self._acceptance.delete(
            name, owner=self._owner(who), address=who.address, source=Source.API, terms=terms
        )
        await self._keep("zone.delete", receipt, who)
        return receipt

    async def pin(self, name: ZoneName, who: Operator, *, reason: str = "", version: int | None = None) -> Pin:
        """Pin the zone to the wanted version; pushes and deletes are recorded, but wait.

        Raises NotHere, and ZonePolicyError if `version` is given and is not the wanted one.
        """
        new = NewPin(name=name, actor=who.name, address=who.address, reason=reason, version=version)
        pin = await self._recording.pin(new)
        if pin is None:
            raise NotHere(f"zone {name} is unknown, or deleted: there is nothing to pin")
        await self._journal.did(who, "zone.pinned", zone=name, detail=f"version {pin.version}: {reason}")
        return pin

    async def unpin(self, name: ZoneName, who: Operator) -> Receipt:
        """Release a pinned zone: the newest version that came meanwhile is served. Raises NotHere if it is not pinned."""
        released = await self._acceptance.unpin(name, owner=self._owner(who), address=who.address)
        if released is None:
            raise NotHere(f"{name} is not pinned")
        await self._journal.did(who, "zone.released", zone=name, detail=_what_is_next(released))
        return released

    async def roll_back(self, name: ZoneName, version: int, who: Operator, *, pin: bool = False) -> Accepted:
        """Serve the content of an old version again, as a new version; `pin` holds it there.

        Raises NotHere if that version has no content, VersionDamaged, and PushRefused for a pinned zone, for another
        server's, or for a signed one whose serial would have to be rewritten.
        """
        pinned = await self._looking.pin_of(name)
        if pinned is not None:
            raise ZonePolicyError(f"{name} is pinned at version {pinned.version}: release it first", rule="pin")
        text = await self._looking.published_text(name, version)
        if text is None:
            raise NotHere(f"version {version} of {name} has no content")
        accepted = await self._acceptance.push(
            name, text.encode("ascii"), owner=self._owner(who), address=who.address, source=Source.ROLLBACK
        )
        done = f"to version {version}, as version {accepted.receipt.version}"
        await self._journal.did(who, "zone.rolled_back", zone=name, detail=done)
        if pin:
            await self.pin(name, who, reason=f"rolled back {done}", version=accepted.receipt.version)
        return accepted

    def _owner(self, who: Operator) -> Owner:
        return Owner(credential=who.name, hostname=self._hostnames.get(who.name, ""))

    async def _keep(self, event: str, receipt: Receipt, who: Operator) -> None:
        """Audit the change; its log line was written when it was accepted."""
        what = receipt.ignored or ("" if receipt.changed else "unchanged, ") + f"version {receipt.version}"
        detail = f"{what}, change {receipt.change_id}"
        await self._journal.keep(event, zone=receipt.name, actor=who.name, address=who.address, detail=detail)


def _what_is_next(receipt: Receipt) -> str:
    if not receipt.changed:
        return f"version {receipt.version} stays served: nothing came meanwhile"
    return f"version {receipt.version} ({receipt.kind}) is wanted now"
