"""The connection of the backends on a database, on a real MariaDB: its faults, limits, TLS, no secrets in errors."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from directdnsonly.backends.tables.settings import MysqlSettings
from directdnsonly.errors import BackendUnavailable
from directdnsonly.mysql.server import DataRefused, MysqlServer, Session, TransactionLost
from tests.support.mariadb import MariaDb
from tests.support.programs import require_program

PASSWORD = "s3cret-of-the-test"
TABLE = "CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) UNIQUE, n INT) ENGINE=InnoDB"


def settings(mariadb: MariaDb, **changed: object) -> MysqlSettings:
    given = {"host": "127.0.0.1", "port": mariadb.port, "database": "d", "username": "u", "password": PASSWORD}
    return MysqlSettings(**{**given, **changed})


@pytest.fixture
async def mariadb(tmp_path: Path) -> AsyncIterator[MariaDb]:
    server = MariaDb(tmp_path)
    await server.start()
    server.account("u", PASSWORD, "d")
    server.sql(TABLE)
    yield server
    server.kill()


@pytest.fixture
async def server(mariadb: MariaDb) -> AsyncIterator[MysqlServer]:
    server = MysqlServer("db", settings(mariadb))
    yield server
    await server.aclose()


async def insert(session: Session, *rows: tuple[str | None, int]) -> None:
    session.insert("t", ["name", "n"], rows)


async def test_a_transaction_is_whole_or_nothing(server, mariadb):
    """What raises leaves nothing behind."""
    await server.transaction(lambda session: insert(session, ("a", 1), ("b", 2)))

    async def breaks(session: Session) -> None:
        await insert(session, ("c", 3))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await server.transaction(breaks)

    assert [("a", 1), ("b", 2)] == await server.query("SELECT name, n FROM t ORDER BY id")


async def test_every_character_comes_back_as_it_was(server):
    """We write the values into the statement ourselves."""
    texts = [chr(number) for number in (*range(1, 128), 0, 233)] + ["%s", "%", "x'),('y", "\\'", "\\\\", None]
    rows = [(text and f"{n} {text}", n) for n, text in enumerate(texts)]  # unique where letters compare without case

    await server.transaction(lambda session: insert(session, *rows))

    assert rows == await server.query("SELECT name, n FROM t ORDER BY n")


async def test_many_rows_are_one_packet(server, mariadb):
    """The driver's executemany would send five thousand."""

    def inserts() -> int:
        return int(mariadb.sql("SHOW GLOBAL STATUS LIKE 'Com_insert'")[0][1])

    before = inserts()
    await server.transaction(lambda session: insert(session, *((f"n{n} 'q\\", n) for n in range(5000))))

    assert 1 == inserts() - before
    assert [(5000, "n7 'q\\")] == await server.query("SELECT COUNT(*), MAX(IF(n = 7, name, '')) FROM t")


@pytest.mark.parametrize("mode", ["''", "'STRICT_ALL_TABLES'"])
async def test_what_does_not_fit_is_refused_and_named(server, mariadb, mode):
    """Never cut, whatever the server's own sql_mode is."""
    mariadb.sql(f"SET GLOBAL sql_mode = {mode}")

    with pytest.raises(DataRefused, match="Data too long") as refused:
        await server.transaction(lambda session: insert(session, ("a", 1), ("x" * 21, 2), ("b", 3)))

    assert ("name", ("x" * 21, 2)) == (refused.value.column, refused.value.row)
    assert [] == await server.query("SELECT * FROM t")


async def test_a_deadlock_is_repeated_until_both_have_passed(server, mariadb):
    """Error 1213, made on purpose: two transactions lock two rows in opposite order."""
    await server.transaction(lambda session: insert(session, ("a", 0), ("b", 0)))
    both = asyncio.Barrier(2)
    runs = 0

    async def crossing(session: Session, first: str, second: str) -> None:
        nonlocal runs
        runs += 1
        await session.execute("UPDATE t SET n = n + 1 WHERE name = %s", (first,))
        if runs <= 2:
            await both.wait()
        await session.execute("UPDATE t SET n = n + 1 WHERE name = %s", (second,))

    await asyncio.gather(
        server.transaction(lambda session: crossing(session, "a", "b")),
        server.transaction(lambda session: crossing(session, "b", "a")),
    )

    assert runs > 2
    assert [(2,), (2,)] == await server.query("SELECT n FROM t")


async def test_a_lock_that_is_never_given_is_a_failure_of_the_transaction(server, mariadb):
    """Error 1205: no outage; others can work meanwhile."""
    await server.transaction(lambda session: insert(session, ("a", 0), ("b", 0)))
    holder = mariadb.connect("d")
    holder.begin()
    holder.cursor().execute("UPDATE t SET n = 9 WHERE name = 'a'")

    def update(name: str):
        return server.transaction(
            lambda session: session.execute("UPDATE t SET n = 1 WHERE name = %s", (name,)), tries=1
        )

    lost, passed = await asyncio.gather(update("a"), update("b"), return_exceptions=True)
    holder.close()

    assert isinstance(lost, TransactionLost)
    assert 1 == passed
    assert 1 == await update("a")


async def test_a_restarted_server_is_found_again(server, mariadb):
    """The idle connection is dead; nobody notices."""
    await server.ready()
    await mariadb.stop()
    with pytest.raises(BackendUnavailable, match="cannot connect"):
        await server.ready()
    await mariadb.start()

    await server.transaction(lambda session: insert(session, ("a", 1)))

    assert [("a",)] == await server.query("SELECT name FROM t")


async def test_a_server_killed_in_the_middle_of_a_transaction(server, mariadb):
    """It is unavailable, nothing of the transaction is kept, and the repetition works."""

    async def interrupted(session: Session) -> None:
        await insert(session, ("a", 1))
        mariadb.kill()
        await insert(session, ("b", 2))

    with pytest.raises(BackendUnavailable):
        await server.transaction(interrupted)
    await mariadb.start()

    assert [] == await server.query("SELECT * FROM t")
    await server.transaction(lambda session: insert(session, ("a", 1), ("b", 2)))
    assert [(2,)] == await server.query("SELECT COUNT(*) FROM t")


async def test_a_server_that_hangs_costs_its_time_limit(mariadb):
    """aiomysql has no limit of its own: under a statement, and at the log-in."""
    server = MysqlServer("db", settings(mariadb, command_timeout_s=2, connect_timeout_s=2))
    await server.ready()
    await mariadb.freeze()
    with pytest.raises(BackendUnavailable, match="no answer in 2 s"):
        await server.ready()
    with pytest.raises(BackendUnavailable, match="no answer in 2 s"):
        await server.ready()
    mariadb.signal(signal.SIGCONT)
    for _ in range(100):  # on a busy machine two seconds may be too short once or twice
        try:
            await server.transaction(lambda session: insert(session, ("a", 1)))
            break
        except BackendUnavailable:
            await asyncio.sleep(0.05)
    else:
        pytest.fail("the server that goes on is not used again")
    await server.aclose()


async def test_a_cancelled_transaction_gives_its_locks_back(server, mariadb):
    """And its connection is not used again."""
    await server.transaction(lambda session: insert(session, ("a", 0)))
    locked = asyncio.Event()

    async def holds(session: Session) -> None:
        await session.execute("UPDATE t SET n = 1 WHERE name = 'a'")
        locked.set()
        await session.rows("SELECT SLEEP(20)")

    task = asyncio.create_task(server.transaction(holds))
    await locked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [(0,)] == await server.query("SELECT n FROM t")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"password": "wr0ng-s3cret"}, "Access denied .* check username and password"),
        ({"database": "nowhere"}, r"\(1044\)|\(1049\)"),
        ({"port": 1}, "cannot connect"),
        ({"password": "", "password_file": Path("/nonexistent/pw")}, "/nonexistent/pw cannot be read: No such file"),
        ({"ssl": True, "ssl_ca": Path("/nonexistent/ca")}, "ssl_ca /nonexistent/ca cannot be used"),
    ],
)
async def test_a_wrong_setting_is_told_without_the_password(mariadb, wrong, told):
    """The operator reads these at night."""
    server = MysqlServer("db", settings(mariadb, **wrong))

    with pytest.raises(BackendUnavailable, match=told) as error:
        await server.ready()

    assert PASSWORD not in str(error.value)
    assert "wr0ng" not in str(error.value)


async def test_a_server_without_tls_is_not_spoken_to(tmp_path):
    """From 11.4 on MariaDB has a certificate of its own, unless it is told not to."""
    mariadb = MariaDb(tmp_path, "skip-ssl")
    await mariadb.start()
    mariadb.account("u", PASSWORD, "d")

    with pytest.raises(BackendUnavailable, match="the server has no TLS"):
        await MysqlServer("db", settings(mariadb, ssl=True)).ready()
    mariadb.kill()


async def test_missing_tables_and_rights_are_the_operators_to_repair(server, mariadb):
    """Not the zone's fault: nothing is burned."""
    with pytest.raises(BackendUnavailable, match=r"1146.*create the tables"):
        await server.query("SELECT * FROM missing")
    mariadb.account("u", PASSWORD, "d", rights="SELECT")
    mariadb.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM u@'%'", "GRANT SELECT ON d.* TO u@'%'")
    with pytest.raises(BackendUnavailable, match=r"1142.*grant the account"):
        await server.transaction(lambda session: insert(session, ("a", 1)))


async def test_something_else_on_the_port(mariadb):
    """A web server, or one that says nothing at all."""

    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    web = await asyncio.start_server(chatter, "127.0.0.1", 0)
    mute = socket.create_server(("127.0.0.1", 0))
    ports = [web.sockets[0].getsockname()[1], mute.getsockname()[1]]
    for port, told in zip(ports, ("127.0.0.1", "no answer in 0.5 s"), strict=True):
        server = MysqlServer("db", settings(mariadb, port=port, connect_timeout_s=0.5))
        with pytest.raises(BackendUnavailable, match=told):
            await server.ready()
    web.close()
    await web.wait_closed()
    mute.close()


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Key and self-signed certificate for 127.0.0.1."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=db", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


async def test_tls_is_spoken_and_checked(tmp_path):
    """Encrypted with the right certificate; not at all with another one."""
    key, cert = certificate(tmp_path, "server")
    _, other = certificate(tmp_path, "other")
    mariadb = MariaDb(tmp_path, f"ssl-key={key}", f"ssl-cert={cert}", "require-secure-transport=on")
    await mariadb.start()
    mariadb.account("u", PASSWORD, "d")

    for trusted in ({"ssl_ca": cert}, {"ssl_verify": False}):
        server = MysqlServer("db", settings(mariadb, ssl=True, **trusted))
        ((_, cipher),) = await server.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        assert cipher
        await server.aclose()
    for untrusted in ({"ssl_ca": other}, {}):
        with pytest.raises(
            BackendUnavailable,
            match=r"TLS: the certificate is not accepted: self.signed .*: name the server's in ssl_ca",
        ):
            await MysqlServer("db", settings(mariadb, ssl=True, **untrusted)).ready()
    with pytest.raises(BackendUnavailable, match="wants TLS"):
        await MysqlServer("db", settings(mariadb)).ready()
    mariadb.kill()
