"""PowerDNS by the MySQL or MariaDB database that it reads (`launch=gmysql`).

A batch is one transaction: the zones' rows in `domains` are locked in the order of their names, what `records` holds is
read, and only the rows that differ are deleted and inserted. Readers see each RRset as it was or as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from directdnsonly.backends._mysql import DataRefused, MysqlServer, Session
from directdnsonly.backends._mysql_batch import deliver
from directdnsonly.backends._powerdns_api import PowerDnsApi
from directdnsonly.backends._powerdns_records import why_signed
from directdnsonly.backends._powerdns_rows import COLUMNS, Row, rows_of
from directdnsonly.backends._powerdns_schema import TABLES
from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.backends.powerdns_mysql_settings import PowerDnsMysqlSettings
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import record_of
from directdnsonly.zone.text import records_of

PAGE = 1000  # ids or names in one statement
FLUSHED = 8  # names of one zone whose cached answers are flushed
OURS = frozenset({"NATIVE", "MASTER"})
_TYPE, _OWNER = COLUMNS.index("type"), COLUMNS.index("name")
_SELECT = (
    "SELECT d.id, d.name, COUNT(r.id), MAX(IF(r.type = 'SOA', CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(r.content, ' ', 3),"
    " ' ', -1) AS UNSIGNED), NULL)) FROM {domains} d LEFT JOIN records r"
    " ON r.domain_id = d.id AND r.type IS NOT NULL AND r.disabled = 0 GROUP BY d.id ORDER BY d.id"
)
_OURS = "SELECT id, name FROM domains WHERE type IN ('NATIVE', 'MASTER') AND"


class PowerDnsMysqlBackend:
    """See `Backend`."""

    def __init__(self, name: str, settings: PowerDnsMysqlSettings) -> None:
        self.name = name
        self.servers = settings.servers(ServerAddress(host="127.0.0.1"))
        self.capabilities = Capabilities(
            batch_size=settings.batch_size,
            concurrency=settings.connections,
            observes=True,
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
        """See Backend. Of two changes of one zone in one batch, only the last is written."""
        await self._set_up()
        refusals = {number: reason for number, change in enumerate(changes) if (reason := _why_refused(change))}
        good = [change for number, change in enumerate(changes) if number not in refusals]
        touched: dict[ZoneName, list[str]] = {}

        async def write(session: Session, batch: Sequence[ZoneChange]) -> None:
            await self._write(session, {change.name: change for change in batch}, touched)

        delivered = iter(await deliver(self._database, good, write, explain=_explained))
        outcomes = [
            Outcome(kind=OutcomeKind.REFUSED, reason=refusals[number]) if number in refusals else next(delivered)
            for number in range(len(changes))
        ]
        await self._flush(touched)
        return outcomes

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        """See Backend."""
        await self._set_up()
        select = _SELECT.format(domains=f"({_OURS} id > %s ORDER BY id LIMIT {PAGE})")
        rows = await self._database.query(select, (0,))
        while rows:
            for _, name, count, serial in rows:
                yield _observed(name, count, serial)
            rows = await self._database.query(select, (rows[-1][0],))

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        """See Backend."""
        await self._set_up()
        found: dict[str, ZoneObserved] = {}
        for part in _pages(names):
            select = _SELECT.format(domains=f"({_OURS} name IN ({_places(part)}))")
            rows = await self._database.query(select, part)
            found |= {name.lower(): _observed(name, count, serial) for _, name, count, serial in rows}
        return [found.get(name) for name in names]

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        """See Backend."""
        await self._set_up()
        rows = await self._database.query(
            "SELECT r.name, r.ttl, r.type, r.content FROM domains d LEFT JOIN records r ON r.domain_id = d.id"
            " AND r.type IS NOT NULL AND r.disabled = 0 WHERE d.name = %s",
            (name,),
        )
        if not rows:
            return None
        return [record_of(f"{owner}.", ttl, kind, content) for owner, ttl, kind, content in rows if owner is not None]

    async def ready(self) -> None:
        """See Backend. The tables are there, and the caches can be flushed where that is asked for."""
        await self._set_up()
        await self._database.query("SELECT id, name, type FROM domains LIMIT 0")
        await self._database.query(f"SELECT id, {', '.join(COLUMNS)} FROM records LIMIT 0")
        for api in self._apis:
            await api.server()

    async def aclose(self) -> None:
        """See Backend."""
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
        self, session: Session, changes: dict[ZoneName, ZoneChange], touched: dict[ZoneName, list[str]]
    ) -> None:
        ids = await self._lock(session, sorted(changes))
        fresh = [name for name in sorted(changes) if name not in ids and not changes[name].is_delete]
        if fresh:
            kind = "MASTER" if self._settings.kind == "Primary" else "NATIVE"
            await session.insert("domains", ("name", "type"), [(str(name), kind) for name in fresh])
            ids |= await self._lock(session, fresh)
        gone = {name: ids[name] for name, change in changes.items() if change.is_delete and name in ids}
        await _remove(session, gone.values())
        kept = [ids[name] for name, change in changes.items() if not change.is_delete]
        signed = await self._signed(session, kept)
        present = await _present(session, kept)
        surplus: list[int] = []
        missing: list[Sequence[Any]] = []
        for name, change in changes.items():
            touched[name] = []
            if change.text is not None:
                wanted = rows_of(records_of(change.text), name.absolute, signed=ids[name] in signed)
                extra, new = _difference(present.get(ids[name], []), wanted)
                surplus += extra
                missing += [(ids[name], *row) for row in new]
                touched[name] = [f"{row.name}." for row in new]
        for part in _pages(surplus):
            await session.execute(f"DELETE FROM records WHERE id IN ({_places(part)})", part)
        await session.insert("records", COLUMNS, missing)

    async def _lock(self, session: Session, names: Sequence[ZoneName]) -> dict[ZoneName, int]:
        """The ids of the zones that exist. Their rows stay locked: whoever writes a zone locks its row first."""
        rows = await session.rows(
            f"SELECT id, name, type FROM domains WHERE name IN ({_places(names)}) ORDER BY name FOR UPDATE", names
        )
        foreign = next((row for row in rows if row[2].upper() not in OURS), None)
        if foreign is not None:
            reason = f"PowerDNS transfers {foreign[1]} from elsewhere (type {foreign[2]})"
            raise DataRefused(reason, backend=self.name)
        return {ZoneName.trusted(name.lower()): number for number, name, _ in rows}

    async def _signed(self, session: Session, ids: Sequence[int]) -> set[int]:
        """Those of the zones that PowerDNS signs itself."""
        signed: set[int] = set()
        for part in _pages(ids):
            rows = await session.rows(
                f"SELECT k.domain_id, d.name, m.content FROM cryptokeys k JOIN domains d ON d.id = k.domain_id LEFT JOIN"
                f" domainmetadata m ON m.domain_id = d.id AND m.kind = 'NSEC3PARAM' WHERE k.domain_id IN ({_places(part)})",
                part,
            )
            hashed = next((name for _, name, parameters in rows if parameters), None)
            if hashed is not None:
                reason = f"PowerDNS signs {hashed} with NSEC3, whose hashes we do not write: use type powerdns for it"
                raise DataRefused(reason, backend=self.name)
            signed |= {row[0] for row in rows}
        return signed

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


async def _present(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[int, Row]]]:
    """The rows of the zones, by zone, each with its id."""
    found: dict[int, list[tuple[int, Row]]] = {}
    for part in _pages(ids):
        rows = await session.rows(
            f"SELECT id, {', '.join(COLUMNS)} FROM records WHERE domain_id IN ({_places(part)})", part
        )
        for number, domain, *values in rows:
            found.setdefault(domain, []).append((number, Row(*values)))
    return found


async def _remove(session: Session, ids: Iterable[int]) -> None:
    """Zones with everything that PowerDNS keeps about them."""
    for part in _pages(ids):
        for table in ("records", "comments", "domainmetadata", "cryptokeys"):
            await session.execute(f"DELETE FROM {table} WHERE domain_id IN ({_places(part)})", part)
        await session.execute(f"DELETE FROM domains WHERE id IN ({_places(part)})", part)


def _difference(present: Iterable[tuple[int, Row]], wanted: set[Row]) -> tuple[list[int], list[Row]]:
    """Ids of the rows that are too many (also the second of two equal ones), and the rows that are missing."""
    left = Counter(wanted)
    surplus = []
    for number, row in present:
        if left[row] > 0:
            left[row] -= 1
        else:
            surplus.append(number)
    return surplus, sorted(left.elements(), key=lambda row: (row.name, row.type or "", row.content or ""))


def _why_refused(change: ZoneChange) -> str:
    signed = why_signed(record.type for record in records_of(change.text or ""))
    reason = "PowerDNS would need to be told (PRESIGNED) and the order of its NSEC, which we do not write"
    return f"the zone is signed ({signed} records): {reason}" if signed else ""


def _explained(error: DataRefused) -> str:
    """The record that does not fit, by name and type."""
    if error.row is None or len(error.row) != len(COLUMNS):
        return error.reason
    return f"the {error.row[_TYPE]} record of {error.row[_OWNER]} does not fit the table records: {error.reason}"


def _observed(name: str, count: int, serial: int | None) -> ZoneObserved:
    return ZoneObserved(name=ZoneName.trusted(name.lower()), serial=serial, records=count, whole=serial is not None)


def _pages(values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    rest = iter(values)
    while part := tuple(islice(rest, PAGE)):
        yield part


def _places(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))
