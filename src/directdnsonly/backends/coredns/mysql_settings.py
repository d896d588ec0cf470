"""Settings of a CoreDNS that reads its zones from MySQL or MariaDB."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from directdnsonly.backends.settings import one_or_many
from directdnsonly.backends.tables.settings import Identifier, MysqlSettings
from directdnsonly.effect import AtReload


class CorednsMysqlSettings(MysqlSettings):
    """One database of CoreDNS: the tables `zones` and `records`."""

    type: AtReload[Literal["coredns_mysql"]] = Field(
        "coredns_mysql", description="The type of backend; may be omitted if the backend's name begins with it."
    )
    plugin: AtReload[Literal["mysql_extend", "mysqlzones"]] = Field(
        "mysql_extend",
        description="Which plug-in of CoreDNS reads the tables: coredns_mysql_extend (as the original wants it), or "
        "ours (deploy/coredns), which is fully authoritative and forgets deleted zones.",
    )
    # With 100 a change cost 10 % less of our CPU than with 50 or 200 (eight runs of 3,000 zones), and of the database's.
    batch_size: AtReload[int] = Field(100, ge=1, le=1000, description="Zones per transaction.")
    zones_table: AtReload[Identifier] = Field("zones", description="The table of zones, as in the Corefile.")
    records_table: AtReload[Identifier] = Field("records", description="The table of records, as in the Corefile.")
    create_schema: AtReload[bool] = Field(True, description="Create missing tables; existing ones are never changed.")
    authoritative: AtReload[bool] = Field(
        True, description="Proof by DNS wants the AA flag; for mysql_extend the Corefile must hold `header { set aa }`."
    )
    transfers: AtReload[bool] = Field(
        False,
        description="mysqlzones: the name servers let us transfer zones, so that records are counted and compared by AXFR.",
    )
    catch_all: AtReload[bool] = Field(
        True,
        description="mysql_extend: keep a zone row without a name, or a CNAME that leads outside is answered SERVFAIL.",
    )
    signed_zones: AtReload[Literal["refuse", "write"]] = Field(
        "refuse",
        description="A signed zone cannot be served truly: refuse it with the reason, or write it all the same.",
    )
    on_delete: AtReload[Annotated[tuple[str, ...], BeforeValidator(one_or_many)]] = Field(
        (),
        description="A command (program and arguments) to run after each batch with deletions, e.g. one that restarts a CoreDNS with "
        "mysql_extend, which answers deleted zones from memory until then.",
    )
    on_delete_timeout_s: AtReload[float] = Field(
        10.0, gt=0, description="Longest time that the command may take, in seconds."
    )

    @property
    def tables(self) -> tuple[str, str]:
        """The configured names of the tables for zones and records."""
        return self.zones_table, self.records_table
