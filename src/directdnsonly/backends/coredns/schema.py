"""The tables that CoreDNS's MySQL plug-ins read: existing ones are used as they are, new ones have our wider form.

The plug-in mysql_extend creates narrow ones by itself (VARCHAR(1024) for data, no index for its own question, INT ids)
and reads columns by name, so that it works on ours as well. Ours also carry what a person wants to know of a zone
(serial, number of records), what `observe` compares with the records as they are (version, checksum), and the stamp by
which the plug-in mysqlzones notices a change.
"""

from __future__ import annotations

from dataclasses import dataclass

from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.mysql.server import MysqlServer, Session

ZONES = """CREATE TABLE IF NOT EXISTS `{table}` (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  zone_name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  serial INT UNSIGNED NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 0,
  records INT UNSIGNED NOT NULL DEFAULT 0,
  checksum BIGINT UNSIGNED NOT NULL DEFAULT 0,
  stamp BIGINT NOT NULL DEFAULT 0,
  UNIQUE KEY zone_name (zone_name)) ENGINE=InnoDB"""
RECORDS = """CREATE TABLE IF NOT EXISTS `{table}` (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  zone_id BIGINT NOT NULL,
  hostname VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  data MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ttl INT UNSIGNED NOT NULL,
  online TINYINT NOT NULL DEFAULT 1,
  KEY k_lookup (zone_id, hostname, type)) ENGINE=InnoDB"""
OURS = frozenset({"serial", "version", "records", "checksum", "stamp"})
# Of the records of a zone as they are (r), the same number as `checksum` of `rows`; doubled rows count twice.
CHECKSUM = "SUM(CRC32(CONCAT_WS(' ', r.hostname, r.type, r.ttl, r.data)))"
NEEDED_OF_ZONES = frozenset({"id", "zone_name"})
NEEDED_OF_RECORDS = frozenset({"id", "zone_id", "hostname", "type", "data", "ttl", "online"})
COLUMNS = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name IN (%s, %s)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The form of the tables. `ours`: they have the columns of our wider form."""

    ours: bool


async def find_schema(server: MysqlServer, settings: CorednsMysqlSettings, *, backend: str) -> Schema:
    """The form of the tables, which are created if they are missing and we may. Raises BackendUnavailable."""
    columns = await _columns(server, settings)
    if settings.create_schema and not all(columns.values()):
        await server.query(ZONES.format(table=settings.zones_table))
        await server.query(RECORDS.format(table=settings.records_table))
        columns = await _columns(server, settings)
    zones, records = columns[settings.zones_table], columns[settings.records_table]
    for table, found, needed in (
        (settings.zones_table, zones, NEEDED_OF_ZONES),
        (settings.records_table, records, NEEDED_OF_RECORDS),
    ):
        if not found:
            raise BackendUnavailable(f"{settings.place}: the table {table} is missing", backend=backend)
        if not needed <= found:
            lacks = ", ".join(sorted(needed - found))
            raise BackendUnavailable(f"{settings.place}: the table {table} lacks {lacks}", backend=backend)
    if settings.plugin == "mysqlzones" and not zones >= OURS:
        lacks = ", ".join(sorted(OURS - zones))
        reason = f"{settings.place}: the table {settings.zones_table} lacks {lacks}, which mysqlzones needs"
        raise BackendUnavailable(f"{reason}: see docs/backends/coredns_mysql.md", backend=backend)
    if settings.plugin == "mysql_extend" and settings.catch_all:
        await server.transaction(lambda session: _catch_all(session, settings))
    return Schema(ours=zones >= OURS)


async def _columns(server: MysqlServer, settings: CorednsMysqlSettings) -> dict[str, frozenset[str]]:
    tables = (settings.zones_table, settings.records_table)
    rows = await server.query(COLUMNS, tables)
    return {table: frozenset(str(column).lower() for name, column in rows if name == table) for table in tables}


async def _catch_all(session: Session, settings: CorednsMysqlSettings) -> None:
    """The zone without a name, for which mysql_extend finds no record: so a CNAME to outside is answered alone."""
    if not await session.rows(f"SELECT id FROM `{settings.zones_table}` WHERE zone_name = ''"):
        session.insert(settings.zones_table, ["zone_name"], [[""]])
