#!/bin/sh
# aiomysql 0.3.2 with PyMySQL 1.1.3, MariaDB 10.11: a pool closes a connection that comes back in an open transaction, but not
# when only SELECTs have opened it: the next borrower reads the first one's snapshot.
#
# Done:     a pool of one connection (autocommit off, the default). A borrower SELECTs a row and gives the connection back;
#           somebody else changes the row and commits; the next borrower SELECTs it. Then the same with an UPDATE in front.
# Seen:     after a SELECT, `get_transaction_status()` is False though the server says SERVER_STATUS_IN_TRANS in the packet that
#           ends the rows: the flags of that packet are not kept, those of an OK packet are. So `Pool.release` puts the
#           connection back, and the second borrower is told the old value, from a transaction that it never began. After
#           an UPDATE the same call is True, and the pool closes the connection.
# Expected: the same for both; the method's name promises it.
# Way out:  `autocommit=True` and BEGIN by hand, or ROLLBACK before giving back.
# Needs:    mariadbd (Debian: mariadb-server-core).
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" || :; wait; rm -rf "$folder"' EXIT
PATH="$PATH:/usr/sbin:/usr/local/sbin"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check aiomysql==0.3.2 PyMySQL==1.1.3
mkdir "$folder/data"
chmod 755 "$folder"
user=$(id -un)
mariadbd --no-defaults --user="$user" --skip-grant-tables --skip-networking --datadir="$folder/data" --socket="$folder/s" \
    >"$folder/log" 2>&1 &
server=$!
SOCKET="$folder/s" "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import os
import time

import aiomysql

SOCKET = os.environ["SOCKET"]


async def one(connection: aiomysql.Connection, sql: str) -> object:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        return await cursor.fetchone()


async def main() -> None:
    end = time.monotonic() + 30
    while not os.path.exists(SOCKET):
        assert time.monotonic() < end, "mariadbd does not start"
        await asyncio.sleep(0.1)
    other = await aiomysql.connect(unix_socket=SOCKET, user="root", autocommit=True)
    print("server:", await one(other, "SELECT VERSION()"))
    for sql in ("CREATE DATABASE d", "CREATE TABLE d.t (v INT) ENGINE=InnoDB", "INSERT INTO d.t VALUES (1)"):
        await one(other, sql)
    pool = await aiomysql.create_pool(minsize=1, maxsize=1, unix_socket=SOCKET, user="root")
    async with pool.acquire() as first:
        before = await one(first, "SELECT v FROM d.t")
        told = first.get_transaction_status()
        (open_now,) = await one(first, "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID()")
    await one(other, "UPDATE d.t SET v = 2")
    async with pool.acquire() as second:
        after = await one(second, "SELECT v FROM d.t")
        is_same = first is second
    print("told after a SELECT:", told, "- the server has a transaction open:", open_now)
    print("first borrower:", before, "- second, after the change:", after, "- same connection:", is_same)
    assert (False, 1, (1,), (1,), True) == (told, open_now, before, after, is_same)
    async with pool.acquire() as third:
        await third.rollback()
        await one(third, "UPDATE d.t SET v = 3")
        told = third.get_transaction_status()
    print("told after an UPDATE:", told, "- given back and closed:", third.closed)
    assert told and third.closed
    pool.close()
    await pool.wait_closed()
    other.close()
    print("as described")


asyncio.run(main())
PYTHON
