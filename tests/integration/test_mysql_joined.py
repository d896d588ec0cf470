"""Several statements in one command, on a real MariaDB: two ways for a transaction, all of it or nothing, no way in for values."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import structlog.testing

from directdnsonly.errors import BackendUnavailable
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session, TransactionLost
from tests.integration.test_mysql import TABLE, insert, settings
from tests.support.mariadb import MariaDb
from tests.support.mysql_proxy import Act, MysqlProxy, mysql_proxy

PASSWORD = "s3cret-of-the-test"
HOSTILE = [
    "'; DROP TABLE t; -- ", "\\'; DROP TABLE t; -- ", "\\\\'; DROP TABLE t; #", '"; DROP TABLE t; -- ', "`; DROP TABLE t; -- `",
    "x'); DROP TABLE t; -- ", "x', 1); DROP TABLE t; -- ", "\x00'; DROP TABLE t; -- ", "\x1a';DROP TABLE t;--\n", "\n'; DROP TABLE t",
    "/*! DROP TABLE t */", "*/ DROP TABLE t; /*", "%s'; DROP TABLE t; -- ", "%(a)s %% %", "\u00bf'; DROP TABLE t; -- ",
    "\u02bc; DROP TABLE t", "\uff07; DROP TABLE t", "\\", "\\\\", "'", "''", "\\'", "';", ";", "@made", "LAST_INSERT_ID()", "NULL", "0x41",
]  # fmt: skip


@pytest.fixture
async def mariadb(tmp_path: Path) -> AsyncIterator[MariaDb]:
    server = MariaDb(tmp_path)
    await server.start()
    server.account("u", PASSWORD, "d")
    server.sql(TABLE)
    yield server
    server.kill()


@pytest.fixture
async def proxy(mariadb: MariaDb) -> AsyncIterator[MysqlProxy]:
    async with mysql_proxy(mariadb.port) as proxy:
        yield proxy


@pytest.fixture
async def server(mariadb: MariaDb, proxy: MysqlProxy) -> AsyncIterator[MysqlServer]:
    server = MysqlServer("db", settings(mariadb, port=proxy.port))
    yield server
    await server.aclose()


def seen(mariadb: MariaDb) -> list[tuple[str, int]]:
    """What another connection sees."""
    return list(mariadb.sql("SELECT name, n FROM t ORDER BY id", database="d"))


def counted(mariadb: MariaDb, *kinds: str) -> int:
    """Statements of these kinds that the server has carried out, or tried to."""
    named = ", ".join(f"'Com_{kind}'" for kind in kinds)
    return sum(int(row[1]) for row in mariadb.sql(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({named})"))


async def test_a_transaction_costs_two_ways_to_the_server(server, proxy, mariadb):
    """BEGIN with what is read, COMMIT with what is written; of many rows too."""

    async def work(session: Session) -> None:
        first, second = await session.selects(("SELECT n FROM t WHERE name = %s", ("a",)), ("SELECT 7", ()))
        assert ([], [(7,)]) == (first, second)
        session.write("DELETE FROM t WHERE name = %s", ("a",))
        await insert(session, *((f"n{n}", n) for n in range(500)))
        session.write("UPDATE t SET n = n + 1 WHERE n = %s", (7,))

    await server.ready()
    del proxy.commands[:]
    await server.transaction(work)

    assert ["BEGIN", "DELETE"] == [sql.split(" ", 1)[0].partition(";")[0] for sql in proxy.commands]
    assert proxy.commands[1].endswith(";COMMIT")
    assert (500, ("n7", 8)) == (len(seen(mariadb)), seen(mariadb)[7])


async def test_what_is_too_much_for_one_packet_goes_in_several(mariadb, proxy):
    """Rows of twice the server's packet: more commands, one transaction."""
    mariadb.sql("SET GLOBAL max_allowed_packet = 65536", "ALTER TABLE d.t MODIFY name VARCHAR(2000)")
    server = MysqlServer("db", settings(mariadb, port=proxy.port))

    await server.transaction(lambda session: insert(session, *((f"{n} {'x' * 1000}", n) for n in range(130))))

    sent = proxy.commands[1:]  # behind those that set up the session
    assert 2 < len(sent)
    assert max(map(len, sent)) < 65536
    assert 1 == sum("COMMIT" in sql for sql in sent)
    assert 130 == len(seen(mariadb))
    await server.aclose()


@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize(
    ("statement", "raised", "told"),
    [
        ("INSERT INTO t (name, n) VALUES ('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 2)", DataRefused, "Data too long"),
        ("INSERT INTO t (name, n) VALUES ('there', 2)", TransactionLost, "Duplicate"),
        ("DELETE FROM missing", BackendUnavailable, "1146"),
        ("DELETE FROM", BackendUnavailable, "1064"),
    ],
)
async def test_a_statement_that_fails_in_the_middle_commits_nothing(
    server, proxy, mariadb, statement, raised, told, strips
):
    """Neither what stands before it nor what stands behind it; and the next transaction is whole."""
    proxy.strips = strips
    await server.transaction(lambda session: insert(session, ("there", 0)))

    async def work(session: Session) -> None:
        await insert(session, ("before", 1))
        session.write(statement)
        await insert(session, ("behind", 3))

    with pytest.raises(raised, match=told):
        await server.transaction(work, tries=1)
    assert [("there", 0)] == seen(mariadb)

    await server.transaction(lambda session: insert(session, ("after", 4)))
    assert [("there", 0), ("after", 4)] == seen(mariadb)


@pytest.mark.parametrize("strips", [False, True])
async def test_a_transaction_that_ends_under_our_hands_is_told(server, proxy, mariadb, strips):
    """Here by a CREATE TABLE, as it is by a member of a cluster: what came behind stands alone, so it is no success."""
    proxy.strips = strips

    async def work(session: Session) -> None:
        await session.execute("CREATE TABLE IF NOT EXISTS other (id INT)")
        await insert(session, ("a", 1))

    with pytest.raises(TransactionLost, match="ended the transaction by itself"):
        await server.transaction(work, tries=1)


async def test_the_row_that_does_not_fit_is_named_wherever_it_stands(server):
    """The third statement of one command, its second row."""

    async def work(session: Session) -> None:
        await insert(session, ("a", 1), ("b", 2))
        session.write("DELETE FROM t WHERE n = 2")
        await insert(session, ("c", 3), ("x" * 21, 4), ("d", 5))

    with pytest.raises(DataRefused) as refused:
        await server.transaction(work)

    assert ("name", ("x" * 21, 4)) == (refused.value.column, refused.value.row)


async def test_a_server_that_takes_one_statement_at_a_time_is_noticed_once(mariadb, proxy):
    """Told in the log once, for all connections; everything works, statement by statement."""
    proxy.strips = True
    server = MysqlServer("db", settings(mariadb, port=proxy.port))
    with structlog.testing.capture_logs() as logs:
        await asyncio.gather(
            *(server.transaction(lambda session, n=n: insert(session, (f"b{n}", n))) for n in range(4))
        )
        for n in range(3):
            await server.transaction(lambda session, n=n: insert(session, (f"a{n}", n)))

    assert [("backend.limited", "warning", "db")] == [(log["event"], log["log_level"], log["backend"]) for log in logs]
    assert 7 == len(seen(mariadb))
    assert 1 <= sum(";" in sql for sql in proxy.commands) <= 2, "the proof at the first connections, and no other"
    assert 7 == proxy.commands.count("BEGIN") == proxy.commands.count("COMMIT")
    await server.aclose()


@pytest.mark.parametrize("act", [Act.BREAK, Act.REFUSE, Act.ONLY, Act.FIRST])
async def test_a_proxy_that_fails_under_several_statements_is_noticed_once(mariadb, proxy, act):
    """It ends the connection, says that this is no SQL, or gives the first answer only; at the log-in, and those that can later."""
    for begins in ("SET", "BEGIN") if act in {Act.REFUSE, Act.ONLY} else ("SET",):
        proxy.acts = lambda sql, begins=begins: act if sql.startswith(begins) and ";" in sql else Act.PASS
        server = MysqlServer("db", settings(mariadb, port=proxy.port, command_timeout_s=3))
        with structlog.testing.capture_logs() as logs:
            for n in range(3):
                await server.transaction(lambda session, n=n, begins=begins: insert(session, (f"{begins}{n}", n)))
        assert ["backend.limited"] == [log["event"] for log in logs]
        assert 3 == sum(name.startswith(begins) for name, _ in seen(mariadb))
        await server.aclose()


@pytest.mark.parametrize(("act", "committed"), [(Act.BREAK, False), (Act.FIRST, True), (Act.SILENT, True)], ids=str)
async def test_a_connection_lost_before_the_last_answer_is_never_taken_for_success(
    mariadb, proxy, server, act, committed
):
    """The COMMIT may have been carried out or not: it is told as unavailable, and the repetition makes it right."""

    async def work(session: Session) -> None:
        there = await session.rows("SELECT name FROM t WHERE name = 'a' FOR UPDATE")
        session.write("UPDATE t SET n = 1 WHERE name = 'a'")
        if not there:
            await insert(session, ("a", 1))

    proxy.acts = lambda sql: act if sql.endswith(";COMMIT") else Act.PASS
    with pytest.raises(BackendUnavailable, match="Lost connection"):
        await server.transaction(work)
    assert ([("a", 1)] if committed else []) == seen(mariadb)

    proxy.acts = lambda _sql: Act.PASS
    await server.transaction(work)
    assert [("a", 1)] == seen(mariadb)


async def test_an_idle_connection_that_breaks_under_the_writes_is_replaced(mariadb, proxy, server):
    """The transaction is done again from its beginning, and nothing of the first attempt stays."""
    await server.ready()
    broken = []

    def acts(sql: str) -> Act:
        if sql.endswith(";COMMIT") and not broken:
            broken.append(sql)
            return Act.BREAK
        return Act.PASS

    proxy.acts = acts
    await server.transaction(lambda session: insert(session, ("a", 1)))

    assert broken
    assert [("a", 1)] == seen(mariadb)


@pytest.mark.parametrize("strips", [False, True])
async def test_no_value_becomes_a_statement(mariadb, proxy, server, strips):
    """By every way into SQL: each value comes back as it was, and the server has carried out what we wrote, no more."""
    proxy.strips = strips
    mariadb.sql("ALTER TABLE d.t MODIFY name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    chance = random.Random(7)
    values = HOSTILE + [
        "".join(chance.choices("'\"\\;%`-#/*!\x00\n\r\x1a ab\u00bf\U0001f600", k=12)) for _ in range(300)
    ]
    values = [f"{n}{value}" for n, value in enumerate(values)] + [f"{value}{n}" for n, value in enumerate(values)]

    async def work(session: Session) -> None:
        await insert(session, *((value, n) for n, value in enumerate(values)))
        for n, value in enumerate(values):
            session.write("UPDATE t SET n = %s WHERE name = %s AND n = %s", (n + 10_000, value, n))
        found.extend(await session.selects(*(("SELECT %s, n FROM t WHERE name = %s", (v, v)) for v in values)))
        assert 1 == await session.execute("DELETE FROM t WHERE name = %s", (values[0],))

    found: list[list[tuple[str, int]]] = []
    await server.ready()
    kinds = ("insert", "update", "delete", "drop_table", "alter_table", "create_table", "truncate")
    before = counted(mariadb, *kinds)
    await server.transaction(work)

    assert [[(value, n + 10_000)] for n, value in enumerate(values)] == found
    assert 1 + len(values) + 1 == counted(mariadb, *kinds) - before
    assert 0 == counted(mariadb, "drop_table")
    assert values[1:] == [name for name, _ in seen(mariadb)]


async def test_answers_are_read_however_they_come(mariadb, proxy, server):
    """One octet at a time: rows, numbers, NULL, empty, long and very long values, errors."""
    proxy.chops = True
    select = "SELECT 1, NULL, '', REPEAT('a', 300), -5, 18446744073709551615, CAST('x' AS BINARY), 1.50, 'ä€😀'"

    async def work(session: Session) -> None:
        found.extend(
            await session.selects((select, ()), ("SELECT n FROM t WHERE n = 1", ()), (f"{select} LIMIT 0", ()))
        )
        await insert(session, ("a", 1), ("x" * 21, 2))

    found: list[list[tuple[object, ...]]] = []
    with pytest.raises(DataRefused, match="Data too long"):
        await server.transaction(work)

    row = (1, None, "", "a" * 300, -5, 2**64 - 1, b"x", Decimal("1.50"), "ä€😀")
    assert [[row], [], []] == found


@pytest.mark.parametrize("octets", [70_000, 2**24 - 10, 2**24 + 10])
async def test_a_value_of_any_length_is_read_and_written(mariadb, octets):
    """Past 64 KiB, and past the 16 MiB of one packet: what follows is read as well."""
    mariadb.sql(f"SET GLOBAL max_allowed_packet = {2**26}", "CREATE TABLE d.l (v LONGTEXT) ENGINE=InnoDB")
    server = MysqlServer("db", settings(mariadb, command_timeout_s=60))

    async def work(session: Session) -> list[list[tuple[object, ...]]]:
        session.insert("l", ["v"], [["x" * octets]])
        return await session.selects(("SELECT v, 7 FROM l", ()), ("SELECT 8", ()))

    assert [[("x" * octets, 7)], [(8,)]] == await server.transaction(work)
    await server.aclose()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00\x00\x01", b"\x01\x00\x00\x01\x00", b"\x01\x00\x00\x00\x00", b"\x01\x00\x00\x01\xfb", b"\x01\x00\x00\x01\xfc",
        b"\x01\x00\x00\x01\x01\x02\x00\x00\x02xx", b"\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00more", b"\x02\x00\x00\x01\xff\x01",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_no_zones_fault(proxy, server, garbage):
    """Whatever comes: the connection is given up, in the time of a statement at most."""
    proxy.garbage = garbage
    proxy.acts = lambda sql: Act.GARBLE if sql == "SELECT 1" else Act.PASS
    server._settings = server._settings.model_copy(update={"command_timeout_s": 0.5})

    with pytest.raises(BackendUnavailable):
        await server.ready()

    proxy.acts = lambda _sql: Act.PASS
    await server.ready()
