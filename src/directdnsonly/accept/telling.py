"""Reports the outcome of pushes and deletes: one canonical log line each, metrics, and audit events.

Events go through the journal, which is passed in: this package, and those between it and `operate`, know it by the Protocol
below. What was committed stays committed, even if reporting it fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from directdnsonly.accept.counting import PushRecorder
from directdnsonly.accept.parsing import ParserFailed
from directdnsonly.accept.senders import KnownMasters
from directdnsonly.accept.told import ToldLately
from directdnsonly.clock import Clock
from directdnsonly.errors import OwnershipRefused, PushRefused
from directdnsonly.outbox.changes import Became, Kind, Origin, Priority, Receipt, Source, Withheld
from directdnsonly.zone.model import Zone

LONGEST_NAME: Final = 300  # characters of what was sent as a name
# Of what changes nothing the audit keeps one line an hour: whoever repeats it must not fill the disk.
REPEATED: Final = frozenset({"delete.ignored", "delete.pinned", "push.pinned", "push.refused", "push.withheld"})
PRIORITIES: Final = {priority: priority.name.lower() for priority in Priority}
PUSHED: Final = {
    Became.ACCEPTED: "push.accepted",
    Became.UNCHANGED: "push.unchanged",
    Became.PINNED: "push.pinned",
}

log = structlog.get_logger()


class Journal(Protocol):
    """Logs lines and keeps audit events; never raises, because what it reports has been done. Implemented by `operate.journal`."""

    async def tell(
        self,
        event: str,
        *,
        zone: str = "",
        actor: str = "",
        address: str = "",
        detail: str = "",
        line: Mapping[str, object] | None = None,
        warn: bool = False,
    ) -> None:
        """Log a line and keep the event. `line`: facts for the log only; `warn`: log it as a warning, a person may be needed."""
        ...

    async def keep(self, event: str, *, zone: str = "", actor: str = "", address: str = "", detail: str = "") -> None:
        """Keep an event whose line is already in the log."""
        ...


class Telling:
    """Reports outcomes. Use within one event loop. `started_at`: when the push or delete came, epoch seconds by the same clock."""

    def __init__(self, *, clock: Clock, journal: Journal, recorder: PushRecorder) -> None:
        self._clock = clock
        self._journal = journal
        self._recorder = recorder
        self._masters = KnownMasters()
        self._lately = ToldLately()

    def count(self, origin: Origin, result: str, started_at: float) -> None:
        """Count an answer for the metrics. `result`: a value of Became, or "refused" or "failed"."""
        self._recorder.answered(origin.source, result, max(self._clock.now_s() - started_at, 0.0))

    async def pushed(
        self, receipt: Receipt, zone: Zone, origin: Origin, started_at: float, *, octets: int, notes: Sequence[str]
    ) -> None:
        """A push was committed. `octets`: the size of its body; `notes`: oddities of the request."""
        became = receipt.became
        self.count(origin, became, started_at)
        facts = _facts(receipt, origin)
        facts["records"] = zone.records
        facts["warnings"] = len(zone.warnings)
        facts["priority"] = PRIORITIES[receipt.priority]
        facts["bytes"] = octets
        facts["elapsed_ms"] = self._since(started_at)
        if notes:
            facts["notes"] = list(notes)
        log.info(PUSHED[became], **facts)
        if receipt.ignored:
            await self._keep("push.pinned", origin, zone=receipt.name, detail=receipt.ignored)
        if receipt.notices:
            await self.notices(receipt, origin)
        await self._sender(receipt, origin)

    def overtaken(self, receipt: Receipt, origin: Origin) -> None:
        """A pulled or approved zone was not recorded: a newer version came meanwhile."""
        log.info("push.overtaken", reason=receipt.ignored, **_facts(receipt, origin))

    async def withheld(self, receipt: Receipt, held: Withheld, origin: Origin, started_at: float) -> None:
        """A push is committed and waits for approval; the old version stays served."""
        self.count(origin, receipt.became, started_at)
        tell = log.warning if held.anew else log.info
        tell("push.withheld", zone=str(receipt.name), rule=str(held.rule), reason=held.reason, **_origin_facts(origin))
        if held.anew:
            detail = f"{held.reason}; digest {held.digest[:16]}"
            await self._keep("push.withheld", origin, zone=receipt.name, detail=detail)

    def refused(
        self, refusal: PushRefused, domain: str, origin: Origin, started_at: float, *, octets: int, kept: bool
    ) -> None:
        """A push was answered error=1. `kept`: the store keeps it for the operator. Audited if the zone belongs to another server."""
        log.warning(
            "push.refused",
            zone=domain[:LONGEST_NAME],
            rule=refusal.rule,
            reason=refusal.reason,
            faults=len(refusal.faults),
            bytes=octets,
            kept=kept,
            elapsed_ms=self._since(started_at),
            exc_info=refusal if isinstance(refusal, ParserFailed) else None,
            **_origin_facts(origin),
        )

    def count_refused(self, refusal: PushRefused, origin: Origin, started_at: float) -> None:
        """Count a refusal for the metrics, before anything of it is kept."""
        self.count(origin, "refused", started_at)
        self._recorder.refused(refusal.rule)

    async def anothers(self, refusal: OwnershipRefused, zone: str, origin: Origin) -> None:
        """Audit an attempt to change a zone that belongs to another server."""
        await self._keep("push.refused", origin, zone=zone, detail=refusal.reason)

    async def deleted(self, receipt: Receipt, origin: Origin, started_at: float, *, notes: Sequence[str]) -> None:
        """A delete was committed, or there was nothing to delete."""
        self.count(origin, receipt.became, started_at)
        facts = _facts(receipt, origin) | {"elapsed_ms": self._since(started_at)} | _noted(notes)
        if receipt.changed:
            log.info("delete.accepted", **facts)
        elif receipt.ignored:
            event = "delete.pinned" if receipt.waits else "delete.ignored"
            log.warning(event, reason=receipt.ignored, **facts)
            await self._keep(event, origin, zone=receipt.name, detail=receipt.ignored)
        else:
            log.info("delete.ignored", reason="the zone is not held", **facts)
        await self.notices(receipt, origin)

    async def not_deleted(self, refusal: OwnershipRefused, zone: str, origin: Origin, started_at: float) -> None:
        """A delete was ignored because the zone belongs to another server."""
        self.count(origin, Became.IGNORED, started_at)
        log.warning("delete.ignored", zone=str(zone), reason=refusal.reason, **_origin_facts(origin))
        await self._keep("delete.ignored", origin, zone=zone, detail=refusal.reason)

    def failed(self, kind: Kind, reason: str, domain: str, origin: Origin, started_at: float) -> None:
        """We could not record a push or a delete."""
        self.count(origin, "failed", started_at)
        event = "push.failed" if kind is Kind.PUT else "delete.failed"
        facts = {"zone": domain[:LONGEST_NAME], "elapsed_ms": self._since(started_at)}
        log.error(event, reason=reason, **facts, **_origin_facts(origin))

    def unexplained(self, zone: str, reason: str) -> None:
        """The description of a held push could not be kept; the push still waits and can be approved without it."""
        log.error("event.lost", lost="difference", zone=zone, reason=reason)

    async def notices(self, receipt: Receipt, origin: Origin) -> None:
        """Report the notices that came with the store's decision: take-overs, overlaps, dropped holds."""
        for notice in receipt.notices:
            line = {"zone": str(receipt.name), "detail": notice.detail} | _origin_facts(origin)
            await self._tell(notice.event, receipt, origin, notice.detail, line=line, warn=not notice.planned)

    async def _sender(self, receipt: Receipt, origin: Origin) -> None:
        """Report a host name that is new for its credential."""
        owner = origin.owner
        if origin.source is Source.DIRECTADMIN and self._masters.is_news(owner.credential, owner.hostname):
            line = {"zone": receipt.name} | _origin_facts(origin)
            await self._tell("credential.new_hostname", receipt, origin, owner.hostname, line=line, warn=True)

    async def _tell(
        self, event: str, receipt: Receipt, origin: Origin, detail: str, *, line: dict[str, Any], warn: bool
    ) -> None:
        actor, address = origin.owner.credential, origin.address
        await self._journal.tell(
            event, zone=receipt.name, actor=actor, address=address, detail=detail, line=line, warn=warn
        )

    async def _keep(self, event: str, origin: Origin, *, zone: str, detail: str) -> None:
        """Keep an audit event; one that a sender may repeat without end is kept once an hour."""
        actor = origin.owner.credential
        if event not in REPEATED or not self._lately.is_told((event, zone, actor, detail), self._clock.now_s()):
            await self._journal.keep(event, zone=zone, actor=actor, address=origin.address, detail=detail)

    def _since(self, started_at: float) -> float:
        return round((self._clock.now_s() - started_at) * 1000, 2)


def _origin_facts(origin: Origin) -> dict[str, Any]:
    return {
        "change_id": origin.change_id,
        "source": str(origin.source),
        "credential": origin.owner.credential,
        "hostname": origin.owner.hostname,
        "username": origin.owner.username,
        "address": origin.address,
    }


def _facts(receipt: Receipt, origin: Origin) -> dict[str, Any]:
    owner = origin.owner
    return {  # written out: a fifth of the time that the line of a push takes went into putting two of them together
        "zone": str(receipt.name),
        "version": receipt.version,
        "serial": receipt.serial,
        "result": str(receipt.became),
        "change_id": origin.change_id,
        "source": str(origin.source),
        "credential": owner.credential,
        "hostname": owner.hostname,
        "username": owner.username,
        "address": origin.address,
    }


def _noted(notes: Sequence[str]) -> dict[str, Any]:
    """The oddities of a request as a log field; no field if there are none."""
    return {"notes": list(notes)} if notes else {}
