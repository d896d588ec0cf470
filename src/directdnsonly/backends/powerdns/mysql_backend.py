"""The PowerDNS backend that writes the MySQL or MariaDB database which PowerDNS reads (`launch=gmysql`).

A batch is one transaction: the zones' rows in `domains` are locked in the order of their names, what `records` holds is
read, and only the rows that differ are deleted and inserted. Readers see each RRset as it was or as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.backends.powerdns.api import PowerDnsApi
from directdnsonly.backends.powerdns.mysql_settings import PowerDnsMysqlSettings
from directdnsonly.backends.powerdns.records import read, why_signed, why_unfit
from directdnsonly.backends.powerdns.rows import COLUMNS, Row, rows_of
from directdnsonly.backends.powerdns.schema import TABLES
from directdnsonly.backends.tables.batch import deliver
from directdnsonly.backends.tables.difference import difference
from directdnsonly.mysql.errors import HeldByOperator
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session
from directdnsonly.mysql.text import Made, Value
from directdnsonly.mysql.wire import Rows
from directdnsonly.wording import HELD_BY_OPERATOR
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of

PAGE = 1000  # ids or names in one statement
FLUSHED = 8  # names of one zone whose cached answers are flushed
OURS = frozenset({"NATIVE", "MASTER"})
_NAME, _KIND = Row._fields.index("name"), Row._fields.index("type")
_SELECT = (
    "SELECT d.id, d.name, COUNT(r.id), MAX(IF(r.type = 'SOA', CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(r.content, ' ', 3),"
    " ' ', -1) AS UNSIGNED), NULL)) FROM {domains} d LEFT JOIN records r"
    " ON r.domain_id = d.id AND r.type IS NOT NULL AND r.disabled = 0 GROUP BY d.id ORDER BY d.id"
)
ACCOUNT = "directdnsonly"  # the mark of what we made
_LOCK = "SELECT id, name, type, COALESCE(account, '') FROM domains WHERE name IN"
_KEYS = (
    "SELECT k.domain_id, d.name, m.content FROM domains d JOIN cryptokeys k ON k.domain_id = d.id"
    " LEFT JOIN domainmetadata m ON m.domain_id = d.id AND m.kind = 'NSEC3PARAM'"
)
_ROWS = f"SELECT r.id, {', '.join(f'r.{column}' for column in COLUMNS)} FROM domains d STRAIGHT_JOIN records r ON r.domain_id = d.id"
_NOT_TRANSFERRED = "SELECT id, name FROM domains WHERE type IN ('NATIVE', 'MASTER') AND"
_MADE = f"{_NOT_TRANSFERRED} account = '{ACCOUNT}' AND"


Held = dict[int | Made, list[tuple[int, Row]]]  # the rows of zones, each with its id, by the id of the zone


class PowerDnsMysqlBackend:
    """The backend `powerdns_mysql`: the database that PowerDNS reads. Raises as `Backend` says."""

    def __init__(self, name: str, settings: PowerDnsMysqlSettings) -> None:
        self.name = name
        self.servers = settings.servers(ServerAddress(host="127.0.0.1"))
        self.capabilities = Capabilities(
            batch_size=settings.batch_size,
            concurrency=settings.connections,
            observes=True,
            rewrites=True,
            visible_s=settings.visible_within_s,
        )
        self._settings = settings
        self._database = MysqlServer(name, settings)
        self._is_set_up = not settings.create_schema
        self._apis = [
            PowerDnsApi(
                name, url=url, server_id=settings.server_id, key=settings.api_key, key_file=settings.api_key_file,
                ca=settings.api_ca, timeout_s=settings.command_timeout_s, writers=1,
            )
            for url in settings.api_urls
        ]  # fmt: skip

    # -- Backend

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        """Make the name server take the changes, in order; one outcome each.

        Of two changes of one zone in one batch, only the last is written.
        """
        await self._set_up()
        records = {(change.name, change.version): list(records_of(change.text or "")) for change in changes}
        why = (_why_refused(records[change.name, change.version]) for change in changes)
        refusals = {number: reason for number, reason in enumerate(why) if reason}
        good = [change for number, change in enumerate(changes) if number not in refusals]
        touched: dict[ZoneName, list[str]] = {}

        async def write(session: Session, batch: Sequence[ZoneChange]) -> None:
            await self._write(session, {change.name: change for change in batch}, records, touched)

        delivered = iter(await deliver(self._database, good, write, explain=_explained) if good else ())
        outcomes = [
            Outcome(kind=OutcomeKind.REFUSED, reason=refusals[number]) if number in refusals else next(delivered)
            for number in range(len(changes))
        ]
        await self._flush(touched)
        return outcomes

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """Every zone of ours that is stored there, cheaply, in any order. Raises BackendUnavailable."""
        await self._set_up()
        select = _SELECT.format(domains=f"({_MADE} id > %s ORDER BY id LIMIT {PAGE})")
        rows = await self._database.query(select, (0,))
        while rows:
            for _, name, count, serial in rows:
                yield _observed(name, count, serial)
            rows = await self._database.query(select, (rows[-1][0],))

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """These zones as stored there, in order, None where absent. Raises BackendUnavailable."""
        await self._set_up()
        found: dict[str, ZoneObserved] = {}
        for part in _pages(names):
            select = _SELECT.format(domains=f"({_NOT_TRANSFERRED} name IN ({_places(part)}))")
            rows = await self._database.query(select, part)
            found |= {name.lower(): _observed(name, count, serial) for _, name, count, serial in rows}
        return [found.get(name) for name in names]

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """Every record of a zone as stored there, in our normal form; None when absent. Raises BackendUnavailable."""
        await self._set_up()
        rows = await self._database.query(
            "SELECT r.name, r.ttl, r.type, r.content FROM domains d LEFT JOIN records r ON r.domain_id = d.id"
            " AND r.type IS NOT NULL AND r.disabled = 0 WHERE d.name = %s",
            (name,),
        )
        if not rows:
            return None
        return [read(f"{owner}.", ttl, kind, content) for owner, ttl, kind, content in rows if owner is not None]

    async def ready(self) -> None:
        """Return when changes can be applied now; raises BackendUnavailable with the reason.

        The tables are there, and the caches can be flushed where that is asked for.
        """
        await self._set_up()
        await self._database.query("SELECT id, name, type FROM domains LIMIT 0")
        await self._database.query(f"SELECT id, {', '.join(COLUMNS)} FROM records LIMIT 0")
        for api in self._apis:
            await api.server()

    async def aclose(self) -> None:
        """Release connections. No method is called afterwards."""
        await self._database.aclose()
        for api in self._apis:
            await api.aclose()

    async def _set_up(self) -> None:
        if not self._is_set_up:
            for statement in TABLES:
                await self._database.query(statement)
            self._is_set_up = True

    # -- one transaction

    async def _write(
        self,
        session: Session,
        changes: dict[ZoneName, ZoneChange],
        records: Mapping[tuple[ZoneName, int], Sequence[Record]],
        touched: dict[ZoneName, list[str]],
    ) -> None:
        kept = sorted(name for name, change in changes.items() if not change.is_delete)
        ids, signed, present = await self._held(session, changes, kept)
        _remove(session, [ids[name] for name, change in changes.items() if change.is_delete and name in ids])
        numbers = {**ids, **await self._insert_zones(session, [name for name in kept if name not in ids])}
        surplus: list[int] = []
        missing: list[Sequence[Value]] = []
        for name, change in changes.items():
            touched[name] = []
            if not change.is_delete:
                wanted = rows_of(records[name, change.version], name.absolute, signed=numbers[name] in signed)
                written, left = difference(present.get(numbers[name], ()), wanted, place=itemgetter(_NAME, _KIND))
                surplus += left
                missing += [(number, numbers[name], *row) for number, row in written]
                touched[name] = [f"{row.name}." for _, row in written]
        for part in _pages(surplus):
            session.write(f"DELETE FROM records WHERE id IN ({_places(part)})", part)
        session.insert("records", ("id", *COLUMNS), missing, over=True)

    async def _held(
        self, session: Session, changes: Mapping[ZoneName, ZoneChange], kept: Sequence[ZoneName]
    ) -> tuple[dict[ZoneName, int], set[int], Held]:
        """The ids of the zones that exist, those that PowerDNS signs itself, and the rows of those that are kept.

        The rows of the zones stay locked: whoever writes a zone locks its row first. All is asked in one command, and
        answered when the locks are ours. Raises HeldByOperator.
        """
        names = sorted(changes)
        asked: list[tuple[str, Sequence[Value]]] = [(f"{_LOCK} ({_places(names)}) ORDER BY name FOR UPDATE", names)]
        if kept:
            asked += [(f"{select} WHERE d.name IN ({_places(kept)})", kept) for select in (_KEYS, _ROWS)]
        domains, *more = await session.selects(*asked)
        unmarked = []
        for number, name, kind, account in domains:
            known = changes[ZoneName.trusted(name.lower())].known
            if why := _why_not_ours(kind, account, known=known):
                raise HeldByOperator(f"{HELD_BY_OPERATOR}: {why}; it stays as it is", backend=self.name)
            unmarked += [] if account else [number]
        for part in _pages(unmarked):
            session.write(f"UPDATE domains SET account = '{ACCOUNT}' WHERE id IN ({_places(part)})", part)
        keys, rows = more or ([], [])
        hashed = next((name for _, name, parameters in keys if parameters), None)
        if hashed is not None:
            reason = f"PowerDNS signs {hashed} with NSEC3, whose hashes we do not write: use type powerdns for it"
            raise DataRefused(reason, backend=self.name)
        present: Held = {}
        for number, domain, *values in rows:
            present.setdefault(domain, []).append((number, Row(*values)))
        return _ids(domains), {row[0] for row in keys}, present

    async def _insert_zones(self, session: Session, names: Sequence[ZoneName]) -> dict[ZoneName, int | Made]:
        """Rows for new zones; their ids."""
        if not names:
            return {}
        kind = "MASTER" if self._settings.kind == "Primary" else "NATIVE"
        session.insert("domains", ("name", "type", "account"), [(name, kind, ACCOUNT) for name in names])
        if len(names) == 1:
            session.keep_id()
            return dict.fromkeys(names, Made.ID)
        return {**_ids(await session.rows(f"{_LOCK} ({_places(names)})", names))}

    async def _flush(self, touched: dict[ZoneName, list[str]]) -> None:
        """Make PowerDNS forget what it cached of the zones and of the changed names, challenges first."""
        for api in self._apis:
            for name, owners in touched.items():
                first = sorted(dict.fromkeys(owners), key=lambda owner: not owner.startswith("_acme-challenge."))
                for owner in dict.fromkeys([name.absolute, *first[:FLUSHED]]):
                    await api.flush(owner)


def build(name: str, settings: PowerDnsMysqlSettings, data_dir: Path) -> PowerDnsMysqlBackend:
    """The backend of these settings."""
    del data_dir
    return PowerDnsMysqlBackend(name, settings)


def _remove(session: Session, ids: Iterable[int]) -> None:
    """Zones with everything that PowerDNS keeps about them."""
    for part in _pages(ids):
        for table in ("records", "comments", "domainmetadata", "cryptokeys"):
            session.write(f"DELETE FROM {table} WHERE domain_id IN ({_places(part)})", part)
        session.write(f"DELETE FROM domains WHERE id IN ({_places(part)})", part)


def _ids(rows: Rows) -> dict[ZoneName, int]:
    return {ZoneName.trusted(name.lower()): number for number, name, *_ in rows}


def _why_not_ours(kind: str, account: str, *, known: bool) -> str:
    """How PowerDNS has a zone that is not ours; empty when it is. `known`: we have written it, perhaps before we marked."""
    if kind.upper() not in OURS:
        return f"PowerDNS transfers the zone from elsewhere (type {kind})"
    if account == ACCOUNT or (known and not account):
        return ""
    return f"the table domains has the zone with account {account!r} (to hand it over: account = '{ACCOUNT}')"


def _why_refused(records: Sequence[Record]) -> str:
    signed = why_signed(record.type for record in records)
    reason = "PowerDNS would need to be told (PRESIGNED) and the order of its NSEC, which we do not write"
    return f"the zone is signed ({signed} records): {reason}" if signed else why_unfit(records)


def _explained(error: DataRefused) -> str:
    """The record that does not fit, by name and type."""
    if error.row is None or len(error.row) != len(COLUMNS) + 1:
        return error.reason
    row = Row(*error.row[2:])
    return f"the {row.type} record of {row.name} does not fit into the table records: {error.reason}"


def _observed(name: str, count: int, serial: int | None) -> ZoneObserved:
    return ZoneObserved(name=ZoneName.trusted(name.lower()), serial=serial, records=count, whole=serial is not None)


def _pages(values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    rest = iter(values)
    while part := tuple(islice(rest, PAGE)):
        yield part


def _places(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))
