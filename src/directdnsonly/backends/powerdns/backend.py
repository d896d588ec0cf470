"""The PowerDNS backend that uses the HTTP API.

A new zone is created whole. An existing one is read, and the RRsets that differ are replaced and deleted in one PATCH,
which is one transaction there: never a delete and a create, between which the zone would not be served. That is one
way for all versions; docs/backends/powerdns.md says why not PUT, which 4.9 has. What holds a backslash is read back: some
versions store something else than they are told, and say 204.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.backends.powerdns.api import READERS, TOLD, PowerDnsApi, Reply, ZoneFault
from directdnsonly.backends.powerdns.records import grouped, our_type, records_in, why_signed, why_unfit, written
from directdnsonly.backends.powerdns.settings import PowerDnsSettings
from directdnsonly.backends.powerdns.spelling import Spellings, named_in
from directdnsonly.errors import BackendUnavailable, NameRefused
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import records_of

CORRECTIONS = 50  # spellings of one zone that PowerDNS may want otherwise
LOOKS = 2  # at what was stored otherwise than told; the level of backslashes may be another zone's discovery meanwhile
FLUSHED = 8  # challenges of one zone that are flushed one by one
AHEAD = 2  # zones that are read while others are written
ACCOUNT = "directdnsonly"  # the mark of what we made, in the zone's own field of that name
TRANSFERRED = frozenset({"slave", "secondary", "consumer"})
_APPLIED = Outcome(kind=OutcomeKind.APPLIED)
Item = TypeVar("Item")
Result = TypeVar("Result")
Key = tuple[str, str]  # owner and type of an RRset


@dataclass(frozen=True, slots=True)
class Sent:
    """A write and its answer; `careful`: RRsets that need a look at what was stored, as PowerDNS may change them."""

    reply: Reply
    careful: frozenset[Key] = frozenset()


class PowerDnsBackend:
    """The backend `powerdns`: one PowerDNS, by its HTTP API. Raises as `Backend` says."""

    def __init__(self, name: str, settings: PowerDnsSettings) -> None:
        self.name = name
        self.servers = settings.servers(ServerAddress(host="127.0.0.1"))
        self.capabilities = Capabilities(batch_size=settings.batch_size, concurrency=4, observes=True, rewrites=True)
        self._settings = settings
        self._spellings = Spellings()
        self._api = PowerDnsApi(
            name, url=settings.api_url, server_id=settings.server_id, key=settings.api_key,
            key_file=settings.api_key_file, ca=settings.api_ca, timeout_s=settings.command_timeout_s,
            writers=settings.writers,
        )  # fmt: skip

    # -- Backend

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each.

        Changes of one zone keep their order; while `writers` of the zones are written, the next are read.
        """
        outcomes: dict[int, Outcome] = {}
        by_zone: dict[ZoneName, list[int]] = {}
        for number, change in enumerate(changes):
            by_zone.setdefault(change.name, []).append(number)

        async def apply(numbers: list[int]) -> None:
            for number in numbers:
                outcomes[number] = await self._apply_one(changes[number])

        await _each(by_zone.values(), apply, at_once=min(len(by_zone), self._settings.writers + AHEAD))
        return [outcomes[number] for number in range(len(changes))]

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable.

        One list; it tells serials, not counts.
        """
        for zone in await self._api.zones():
            if zone["account"] != ACCOUNT:
                continue
            try:
                name = ZoneName.parse(zone["name"])
            except NameRefused:
                continue  # no zone of ours
            yield ZoneObserved(name=name, serial=zone["serial"])

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable."""
        counted = self._settings.verify != "serial"
        return await _each(names, lambda name: self._observe_one(name, counted=counted), at_once=READERS)

    async def _observe_one(self, name: ZoneName, *, counted: bool) -> ZoneObserved | None:
        try:
            zone = await self._api.zone(name, rrsets=counted)
        except ZoneFault:
            return ZoneObserved(name=name, whole=False)  # it holds something that PowerDNS itself cannot read
        if zone is None:
            return None
        return ZoneObserved(name=name, serial=zone["serial"], records=len(_served(zone)) if counted else None)

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None when absent. Raises BackendUnavailable."""
        try:
            zone = await self._api.zone(name)
        except ZoneFault:
            return []
        return None if zone is None else list(records_in(zone))

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason."""
        await self._api.server()

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""
        await self._api.aclose()

    # -- one change

    async def _apply_one(self, change: ZoneChange) -> Outcome:
        try:
            return await self._deliver(change)
        except ZoneFault as fault:
            return Outcome(kind=OutcomeKind.RETRY, reason=str(fault))
        except _HeldByOperator as held:
            return Outcome(kind=OutcomeKind.HELD, reason=str(held))

    async def _deliver(self, change: ZoneChange) -> Outcome:
        if change.text is None:
            return await self._delete(change)
        records = list(records_of(change.text))
        if signed := why_signed(record.type for record in records):
            reason = f"the zone is signed ({signed} records), and PowerDNS cannot be told so by its API (PRESIGNED)"
            return Outcome(kind=OutcomeKind.REFUSED, reason=reason)
        if unfit := why_unfit(records):
            return Outcome(kind=OutcomeKind.REFUSED, reason=unfit)
        return await self._until_stored(change, records)

    async def _until_stored(self, change: ZoneChange, records: list[Record]) -> Outcome:
        """Write; spell otherwise what is refused for its spelling; look whether it is stored as it was meant."""
        refused, looks, tried = "", 0, set[tuple[str, str]]()
        for _ in range(CORRECTIONS):
            strips = self._spellings.strips
            sent = await self._put(change, records)
            reply = sent.reply
            if reply.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                return Outcome(kind=OutcomeKind.RETRY, reason=f"something else is changing the zone: {reply.error}")
            if not reply.ok:
                refused = refused or reply.error
                if self._spellings.learn(reply.error, named_in(reply.error, records), tried):
                    continue
                break
            differs = await self._stored_otherwise(change.name, records, sent.careful)
            if not differs:
                return _APPLIED
            refused, looks = f"PowerDNS reported success but stored something else: {differs}", looks + 1
            if looks > LOOKS:
                break
            self._spellings.strips = not strips
        return Outcome(kind=OutcomeKind.REFUSED, reason=refused[:TOLD])

    async def _stored_otherwise(self, name: ZoneName, records: list[Record], careful: frozenset[Key]) -> str:
        """What differs in the RRsets that were told with backslashes; empty when nothing does."""
        if not careful:
            return ""
        zone = await self._api.zone(name)
        stored = grouped(records_in(zone)) if zone is not None else {}
        wanted = grouped(records)
        return "; ".join(told for key in sorted(careful) if (told := difference(wanted[key], stored.get(key, ()))))

    async def _put(self, change: ZoneChange, records: list[Record]) -> Sent:
        """Change what is there, create what is not; the hint tells what to try first."""
        if change.known:
            return await self._change(change, records) or await self._create(change.name, records)
        sent = await self._create(change.name, records)
        if sent.reply.status != HTTPStatus.CONFLICT:
            return sent
        return await self._change(change, records) or sent

    async def _create(self, name: ZoneName, records: list[Record]) -> Sent:
        rrsets = grouped(records)
        reply = await self._api.create(
            {
                "name": name.absolute,
                "kind": "Master" if self._settings.kind == "Primary" else "Native",  # what every version reads
                "account": ACCOUNT,
                "soa_edit_api": "",  # the default replaces the serial by one of its own
                "nameservers": [],
                "rrsets": [self._rrset(rrset) for rrset in rrsets.values()],
            }
        )
        return Sent(reply, _careful(rrsets.values()))

    async def _change(self, change: ZoneChange, records: list[Record]) -> Sent | None:
        """Make the existing zone hold these records; None when there is no such zone. Raises _HeldByOperator."""
        name = change.name
        zone = await self._api.zone(name)
        if zone is None:
            return None
        if where := _why_not_ours(zone, known=change.known):
            raise _HeldByOperator(where)
        if zone.get("soa_edit_api") or zone["account"] != ACCOUNT:  # it would change the serial at each PATCH
            await self._api.set_up(name, {"soa_edit_api": "", "account": ACCOUNT})
        gone, written_anew = self._difference(zone, records)
        todo = gone + [self._rrset(rrset) for rrset in written_anew]
        todo.sort(key=lambda rrset: not rrset["name"].startswith("_acme-challenge."))  # to be flushed first
        reply = await self._api.change(name, todo) if todo else Reply(status=HTTPStatus.NO_CONTENT)
        if reply.ok:
            await self._flush(name, todo)
        return None if reply.status == HTTPStatus.NOT_FOUND else Sent(reply, _careful(written_anew))

    async def _delete(self, change: ZoneChange) -> Outcome:
        name = change.name
        zone = await self._api.zone(name, rrsets=False)
        if zone is not None and (where := _why_not_ours(zone, known=change.known)):
            raise _HeldByOperator(where)
        reply = await self._api.delete(name)
        if reply.status == HTTPStatus.NOT_FOUND:
            await self._api.flush(name.absolute)
            return _APPLIED
        return _APPLIED if reply.ok else Outcome(kind=OutcomeKind.RETRY, reason=reply.error)

    async def _flush(self, name: ZoneName, changed: Sequence[Mapping[str, Any]]) -> None:
        """PowerDNS purges what it changes; but a query that read the old records may fill its cache just after that.

        So challenges are flushed once more, and so is the apex when a change comes again that is stored already: then
        the proof has seen an old answer.
        """
        challenges = [rrset["name"] for rrset in changed if rrset["name"].startswith("_acme-challenge.")]
        for owner in challenges[:FLUSHED] if changed else [name.absolute]:
            await self._api.flush(owner)

    # -- RRsets

    def _difference(self, zone: Any, records: list[Record]) -> tuple[list[dict[str, Any]], list[list[Record]]]:
        """What to delete, and which RRsets to write, so that the zone holds the records, and only them."""
        wanted = grouped(records)
        there = {(str(rrset["name"]).lower(), our_type(rrset["type"])): rrset for rrset in zone["rrsets"]}
        gone = [
            {"name": rrset["name"], "type": rrset["type"], "changetype": "DELETE"}
            for key, rrset in there.items()
            if key not in wanted
        ]
        return gone, [rrset for key, rrset in wanted.items() if key not in there or self._differs(rrset, there[key])]

    def _differs(self, records: list[Record], there: Any) -> bool:
        """Whether an RRset must be sent. Mostly PowerDNS shows the very text that we would send, which is quickly seen."""
        if any(record["disabled"] for record in there["records"]):
            return True
        told = [record["content"] for record in there["records"]]
        wanted = [self._spellings.meant(record) for record in records]
        if there["ttl"] == min(record.ttl for record in records) and sorted(told) == sorted(wanted):
            return False
        return bool(difference(records, records_in({"rrsets": [there]})))

    def _rrset(self, records: list[Record]) -> dict[str, Any]:
        kind = written(records[0].type, records[0].rdata)[0]
        return {
            "name": records[0].owner,
            "type": kind,
            "ttl": min(record.ttl for record in records),
            "changetype": "REPLACE",
            "records": [{"content": self._spellings.sent(record), "disabled": False} for record in records],
        }


class _HeldByOperator(Exception):
    """PowerDNS has a zone of this name that we did not make. The text says so."""


def _why_not_ours(zone: Any, *, known: bool) -> str:
    """Why a zone is not ours; empty when it is. `known`: we have written it before, perhaps without our mark."""
    kind, account = str(zone["kind"]), str(zone["account"])
    if kind.lower() in TRANSFERRED:
        how = f"PowerDNS transfers the zone from elsewhere (kind {kind})"
    elif account == ACCOUNT or (known and not account):
        return ""
    else:
        how = f"PowerDNS has the zone with account {account!r}, kind {kind}"
    return f"{HELD_BY_OPERATOR}: {how}; it stays as it is (to hand it over: pdnsutil set-account ZONE {ACCOUNT})"


def build(name: str, settings: PowerDnsSettings, data_dir: Path) -> PowerDnsBackend:
    """The backend of these settings."""
    del data_dir
    return PowerDnsBackend(name, settings)


async def _each(items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], *, at_once: int) -> list[Result]:
    """The results in order, `at_once` at a time. Raises BackendUnavailable when one does."""
    todo = iter(enumerate(items))
    results: dict[int, Result] = {}

    async def worker() -> None:
        for number, item in todo:  # shared: each worker takes the next
            results[number] = await work(item)

    try:
        async with asyncio.TaskGroup() as workers:
            for number in range(at_once):
                workers.create_task(worker(), name=f"powerdns:{number}")
    except BaseExceptionGroup as errors:
        # Not `except*`: up to Python 3.11.3 (Debian 12 has 3.11.2) what is raised in there comes out in a group again.
        away, others = errors.split(BackendUnavailable)
        if away is None or others is not None:
            raise
        first = _first(away)
        raise first from first.__cause__  # which tells dispatch whether a connection broke
    return [result for _, result in sorted(results.items(), key=lambda found: found[0])]


def _careful(rrsets: Iterable[Sequence[Record]]) -> frozenset[Key]:
    """Those whose content holds a backslash: what it means depends on PowerDNS's version."""
    return frozenset(
        (rrset[0].owner, rrset[0].type)
        for rrset in rrsets
        if any("\\" in record.rdata and "\\" in written(record.type, record.rdata)[1] for record in rrset)
    )


def _served(zone: Any) -> list[Any]:
    return [record for rrset in zone["rrsets"] for record in rrset["records"] if not record["disabled"]]


def _first(errors: BaseExceptionGroup[BackendUnavailable]) -> BackendUnavailable:
    error = errors.exceptions[0]
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
