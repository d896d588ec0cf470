"""One connection to a MySQL or MariaDB server: aiomysql's log-in, with our own sending and reading of commands.

    connection = Connection(host=..., ..., joins=True)
    await connection.open()                    # logged in, and the session is as we need it
    results, error = await connection.run(sql) # of several statements one Result each, up to the first that failed
    connection.joins                           # after `open`: whether several statements may stand in one `sql`, between semicolons
    connection.close()

aiomysql's cursor reads a packet of a few octets in two waits and makes some objects of it: 1.2 to 1.8 times our CPU for
a zone; and of a SELECT it does not tell whether the transaction is still open. We take what has come and cut it
up: docs/adr/0008 has the figures, and the private members that this rests on.

The server stops at the first statement that fails: what stands behind it, a COMMIT above all, is not carried out. `open`
finds out whether several statements are taken at all: `run` of those that set up the session is the proof.

A member of Galera is given one statement at a time. It takes transactions back to let another member's pass, and when it
does that between two statements of one command, it says nothing and carries out the rest without a transaction: in 2,400
changes of 12 zones by two nodes, three times the records of a new zone stayed without the zone (MariaDB 10.11.19). Group
Replication takes transactions back too; we could not try it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import aiomysql
import pymysql.err
from pymysql.connections import TEXT_TYPES
from pymysql.constants import CLIENT, COMMAND, SERVER_STATUS
from pymysql.converters import through

LOCK_WAIT_S = 3
CLEAR = "mysql_clear_password"
SET_UP = (
    f"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = {LOCK_WAIT_S}",
    f"SET SESSION sql_notes = 0, group_concat_max_len = {2**20}",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'group_replication_group_name') AND Value NOT IN ('OFF', '')",
    "SELECT @@sql_mode, @@max_allowed_packet",
)
MOST = 2**24 - 1  # octets in one packet; a longer payload goes on in the next one
BINARY = 63  # the character set of what is no text
_OK, _NULL, _TWO, _THREE, _EOF, _ERR = 0x00, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_EOF_OCTETS = 9  # an EOF packet is shorter; a row that begins with the same octet is longer than 2**24

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one statement. `changed`: rows changed; `in_transaction`: whether a transaction was open afterwards."""

    changed: int = 0
    rows: Rows
    in_transaction: bool


class Connection(aiomysql.Connection):  # type: ignore[misc]
    """One connection, one command at a time. It never falls back to plain text."""

    max_packet = 2**20
    is_member = False  # of a cluster that certifies transactions

    def __init__(self, *, joins: bool, **keys: Any) -> None:
        super().__init__(**keys)
        self.joins = joins
        self.is_encrypted = keys.get("ssl") is not None
        self.is_private = self.is_encrypted or keys.get("unix_socket") is not None  # nobody between us reads it
        self.proving = False  # while `open` finds out about `joins`
        if not joins:
            self.client_flag &= ~CLIENT.MULTI_STATEMENTS

    async def open(self) -> None:
        """Connect, log in, and set up the session. Raises what `run` returns."""
        await self._connect()
        results: list[Result] = []
        if self.joins:
            self.proving = True
            results, _ = await self.run(";".join(SET_UP))
            self.proving = False
            self.joins = len(results) == len(SET_UP)
        if not self.joins:
            results = [await self._one(statement) for statement in SET_UP]
        *_, cluster, session = results
        self.is_member = bool(cluster.rows)
        self.joins = self.joins and not self.is_member
        ((mode, self.max_packet),) = session.rows
        if "STRICT_ALL_TABLES" not in mode or "NO_BACKSLASH_ESCAPES" in mode:
            raise pymysql.err.OperationalError(1231, "the server does not let us have our sql_mode")

    @property
    def is_dead(self) -> bool:
        """Whether the server has closed it while it was idle."""
        reader = self._reader
        return self.closed or reader.at_eof() or reader.eof_received or reader.exception() is not None

    async def run(self, sql: str) -> tuple[list[Result], pymysql.err.MySQLError | None]:
        """The results of the statements in `sql`, and the error of the first that failed.

        Raises MySQLError (no error of the server's: the connection is of no use any more), OSError.
        """
        octets = sql.encode("utf-8", "surrogateescape")
        await self._execute_command(COMMAND.COM_QUERY, octets)
        packets = _Packets(self._reader, first=1 + (1 + len(octets)) // MOST)
        results: list[Result] = []
        try:
            more = True
            while more:
                result, more = await self._result_of(packets)
                results.append(result)
            packets.end()
        except _Failed as failed:
            return results, failed.error
        except (IndexError, ValueError, struct.error) as error:
            _broken(f"it does not speak as a MySQL server does ({error})")
        return results, None

    async def _result_of(self, packets: _Packets) -> tuple[Result, bool]:
        """The next result, and whether another one follows. Raises _Failed."""
        first = await packets.next()
        if first[0] == _OK:
            return _changed(first)
        if first[0] == _NULL:
            _broken("it wants a file of ours")
        fields = [_field(await packets.next(), self.decoders) for _ in range(_length(first, 0)[0])]
        await packets.next()  # EOF
        rows: Rows = []
        while not _is_eof(payload := await packets.next()):
            rows.append(_row(payload, fields))
        in_transaction, goes_on = _flags(payload, 3)
        return Result(rows=rows, in_transaction=in_transaction), goes_on

    async def _one(self, sql: str) -> Result:
        results, error = await self.run(sql)
        if error is not None:
            raise error
        return results[0]

    async def _request_authentication(self) -> None:
        """Aiomysql would send the log-in in plain text when the server (or somebody between) says it has no TLS."""
        if self.is_encrypted and not self.server_capabilities & CLIENT.SSL:
            raise pymysql.err.OperationalError(2026, "the server has no TLS, and ssl: true forbids to go without")
        if not self.is_private and self._server_auth_plugin == CLEAR:
            raise pymysql.err.OperationalError(2059, "the server wants the password in plain text: set ssl: true")
        await super()._request_authentication()

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        if plugin_name == CLEAR.encode() and not self.is_private:
            raise pymysql.err.OperationalError(2059, "the server wants the password in plain text: set ssl: true")
        return await super()._process_auth(plugin_name, auth_packet)


class _Failed(Exception):
    """The server's error, as it came."""

    def __init__(self, payload: bytearray) -> None:
        try:
            pymysql.err.raise_mysql_exception(bytes(payload))
        except pymysql.err.MySQLError as error:
            self.error = error


class _Packets:
    """The packets that answer one command, as they come. Protocol: MySQL's "Client/Server Protocol", text results."""

    def __init__(self, reader: asyncio.StreamReader, *, first: int) -> None:
        """`first`: the number of the first packet: the command's own packets count, too (from 0, in one byte)."""
        self._reader = reader
        self._octets = bytearray()
        self._at = 0
        self._number = first % 256

    async def next(self) -> bytearray:
        """The next payload, never empty. Raises _Failed if it is an error."""
        payload = await self._part()
        part = payload
        while len(part) == MOST:
            part = await self._part()
            payload += part
        if not payload:
            _broken("an empty packet")
        if payload[0] == _ERR:
            raise _Failed(payload)
        return payload

    def end(self) -> None:
        """Check that the answer is complete and nothing is left."""
        if self._at != len(self._octets):
            _broken("more than the answer")

    async def _part(self) -> bytearray:
        while True:
            octets, at = self._octets, self._at
            if len(octets) >= at + 4:
                end = at + 4 + (octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16)
                if len(octets) >= end:
                    if octets[at + 3] != self._number:  # MySQL 8 tells its own end by a packet with the number 0
                        _broken("a packet out of order")
                    self._number = (self._number + 1) % 256
                    self._at = end
                    return octets[at + 4 : end]
            more = await self._reader.read(2**18)
            if not more:
                raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
            if at:
                del octets[:at]
                self._at = 0
            octets += more


def _broken(what: str) -> NoReturn:
    raise pymysql.err.OperationalError(2013, f"Lost connection to MySQL server during query: {what}")


def _changed(payload: bytearray) -> tuple[Result, bool]:
    changed, at = _length(payload, 1)
    _last_id, at = _length(payload, at)
    in_transaction, goes_on = _flags(payload, at)
    return Result(changed=changed, rows=[], in_transaction=in_transaction), goes_on


def _flags(payload: bytearray, at: int) -> tuple[bool, bool]:
    """By the status there: whether a transaction is open, and whether another result follows."""
    flags: int = struct.unpack_from("<H", payload, at)[0]
    return bool(flags & SERVER_STATUS.SERVER_STATUS_IN_TRANS), bool(flags & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS)


def _is_eof(payload: bytearray) -> bool:
    return payload[0] == _EOF and len(payload) < _EOF_OCTETS


Convert = Callable[[Any], Any] | None
Field = tuple[str, Convert]  # the encoding, empty for octets; what makes a value of the text


def _field(payload: bytearray, decoders: dict[int, Callable[[Any], Any]]) -> Field:
    """How the values of a column are read. The last 12 octets: character set, length, type, flags, decimals, two unused."""
    charset, _, kind = struct.unpack_from("<HIB", payload, len(payload) - 12)
    convert = decoders.get(kind)
    if kind in TEXT_TYPES and charset == BINARY:
        return "", None
    return ("utf-8" if kind in TEXT_TYPES else "ascii"), None if convert is through else convert


def _row(payload: bytearray, fields: list[Field]) -> tuple[Any, ...]:
    row: list[Any] = []
    at = 0
    for encoding, convert in fields:
        size = payload[at]
        if size == _NULL:
            row.append(None)
            at += 1
            continue
        if size < _NULL:
            at += 1
        else:
            size, at = _length(payload, at)
        value: Any = payload[at : at + size]
        at += size
        value = value.decode(encoding) if encoding else bytes(value)
        row.append(convert(value) if convert else value)
    return tuple(row)


def _length(payload: bytearray, at: int) -> tuple[int, int]:
    """A length-encoded integer, and where it ends."""
    first = payload[at]
    if first < _NULL:
        return first, at + 1
    width = {_TWO: 2, _THREE: 3}.get(first, 8)
    return int.from_bytes(payload[at + 1 : at + 1 + width], "little"), at + 1 + width
