"""The backends on a database with two members of a Galera cluster, written at the same time."""

from __future__ import annotations

import asyncio
import random

import pytest
import structlog.testing

from directdnsonly.backends.contract import OutcomeKind
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.backends.coredns.mysql_settings import CorednsMysqlSettings
from directdnsonly.mysql.server import MysqlServer, Session, TransactionLost
from tests.integration.test_coredns_mysql import gone, put
from tests.support.galera import two_nodes
from tests.support.mysql_proxy import mysql_proxy

pytestmark = pytest.mark.slow
ACCOUNT = {"host": "127.0.0.1", "database": "d", "username": "u", "password": "pw"}
ZONES, WORKERS, ROUNDS = 12, 6, 60
# Of each zone, whether its row says of its records what they are: both are written in one transaction.
WHOLE = (
    "SELECT z.zone_name, z.records = COUNT(r.id) AND z.checksum = SUM(CRC32(CONCAT_WS(' ', r.hostname, r.type, r.ttl, r.data)))"
    " FROM zones z LEFT JOIN records r ON r.zone_id = z.id GROUP BY z.id ORDER BY z.zone_name"
)
ORPHANS = "SELECT COUNT(*) FROM records WHERE zone_id NOT IN (SELECT id FROM zones)"


async def test_two_writers_at_two_nodes_leave_nothing_half_done(tmp_path):
    """Conflicts come at any statement: each is told, or the transaction would go on without being one."""
    chance = random.Random(3)
    async with two_nodes(tmp_path) as nodes:
        nodes[0].account("u", "pw", "d")
        backends = [
            coredns_mysql.build(
                "c", CorednsMysqlSettings(**ACCOUNT, port=node.port, plugin="mysqlzones", connections=4), tmp_path
            )
            for node in nodes
        ]
        await backends[0].ready()
        await until(lambda: nodes[1].sql("SHOW TABLES", database="d"))

        async def worker(number: int) -> None:
            for _ in range(ROUNDS):
                names = [f"z{n}.example" for n in chance.sample(range(ZONES), 5)]
                changes = [
                    gone(name) if chance.random() < 0.15 else put(name, chance.randrange(2, 2**20), RECORDS)
                    for name in names
                ]
                outcomes = await backends[number % 2].apply(changes)
                assert {OutcomeKind.APPLIED} >= {outcome.kind for outcome in outcomes} - {OutcomeKind.RETRY}

        await asyncio.gather(*(worker(number) for number in range(WORKERS)))

        await until(lambda: nodes[0].sql(WHOLE, database="d") == nodes[1].sql(WHOLE, database="d"))
        assert {1} == {whole for _, whole in nodes[0].sql(WHOLE, database="d")}
        assert ((0,),) == nodes[0].sql(ORPHANS, database="d")
        for backend in backends:
            await backend.aclose()


async def test_a_transaction_that_a_member_ended_is_lost(tmp_path):
    """The other node's change wins while ours is open: our next statement fails, and nothing of ours is committed.

    Each statement is a command of its own: between two of one command the end of the transaction is not told.
    """
    async with two_nodes(tmp_path) as (one, two), mysql_proxy(one.port) as proxy:
        one.account("u", "pw", "d")
        one.sql("CREATE TABLE d.t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB", "INSERT INTO d.t VALUES (1, 0), (2, 0)")
        await until(lambda: two.sql("SELECT * FROM t", database="d") if two.sql("SHOW TABLES", database="d") else ())
        server = MysqlServer("db", CorednsMysqlSettings(**ACCOUNT, port=proxy.port))

        async def work(session: Session) -> None:
            await session.execute("UPDATE t SET n = 1 WHERE id = 1")
            two.sql("UPDATE t SET n = 2 WHERE id = 1", database="d")
            await until(lambda: one.sql("SELECT n FROM t WHERE id = 1", database="d") == ((2,),))
            session.write("UPDATE t SET n = 1 WHERE id = 2")

        with structlog.testing.capture_logs() as logs, pytest.raises(TransactionLost):
            await server.transaction(work, tries=1)

        set_up, *commands = proxy.commands
        assert ";" in set_up
        assert ["BEGIN", "UPDATE", "UPDATE", "ROLLBACK"] == [sql.split(" ")[0] for sql in commands]
        assert not any(";" in sql for sql in commands)
        assert [] == logs

        assert ((1, 2), (2, 0)) == one.sql("SELECT * FROM t ORDER BY id", database="d")
        await server.aclose()


RECORDS = "".join(f"h{n} 60 IN A 192.0.2.{n}\n" for n in range(12))


async def until(condition) -> None:
    """It holds, or two minutes are over."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.05)
