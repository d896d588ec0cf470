"""The bytes of BIND's control protocol ("isccc", what rndc speaks). Pure.

Frame = u32 length, u32 version 1, table. Table entry = u8 key length, key, u8 type, u32 length, value. A message is a
table of `_auth` (HMAC), `_ctrl` and `_data`; the HMAC covers everything behind the `_auth` entry.
"""

from __future__ import annotations

import base64
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Table = dict[str, "Value"]
Value = str | Table | list[Any]

VERSION = 1
STRING, BINARY, TABLE, LIST = 0, 1, 2, 3
_NESTED = frozenset({TABLE, LIST})
LARGEST_FRAME = 64 * 2**20
MAX_DEPTH = 8
_ENTRY = struct.Struct("!BI")
_VERSION = struct.pack("!I", VERSION)
_AUTH_OCTETS = 110  # 1+5 "_auth" +1+4 table +1+4 "hsha" +1+4 header +1 algorithm +88 padded digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """An HMAC of the protocol: its number on the wire and its hash."""

    code: int
    hash: str


ALGORITHMS: Mapping[str, Algorithm] = {
    "hmac-sha1": Algorithm(code=161, hash="sha1"),
    "hmac-sha224": Algorithm(code=162, hash="sha224"),
    "hmac-sha256": Algorithm(code=163, hash="sha256"),
    "hmac-sha384": Algorithm(code=164, hash="sha384"),
    "hmac-sha512": Algorithm(code=165, hash="sha512"),
}


class MalformedFrame(ValueError):
    """The octets are not a message of this protocol, or its signature is wrong."""


class SigningKey:
    """An algorithm with a secret, which is in no repr.

    Copied for each message: cheaper than `hmac.digest`, which also lets other threads run in between.
    """

    def __init__(self, algorithm: str, secret: bytes) -> None:
        """`algorithm`: a key of ALGORITHMS."""
        self.code = ALGORITHMS[algorithm].code
        self._keyed = hmac.new(secret, digestmod=ALGORITHMS[algorithm].hash)

    def sign(self, body: bytes) -> bytes:
        """The signature of a message, in base64."""
        signed = self._keyed.copy()
        signed.update(body)
        return base64.b64encode(signed.digest())


def encode(message: Table, key: SigningKey) -> bytes:
    """A signed frame with its length."""
    body = _table(message)
    frame = b"".join((_VERSION, _auth_head(key.code), key.sign(body).ljust(88, b"\0"), body))
    return len(frame).to_bytes(4, "big") + frame


def decode(frame: bytes, key: SigningKey) -> Table:
    """The message in a frame (without its length). Raises MalformedFrame."""
    if len(frame) < 4 + _AUTH_OCTETS or frame[:4] != _VERSION:
        raise MalformedFrame("not a frame of version 1")
    body = frame[4 + _AUTH_OCTETS :]
    given = frame[4 + 22 : 4 + _AUTH_OCTETS].rstrip(b"\0").rstrip(b"=")
    if not hmac.compare_digest(given, key.sign(body).rstrip(b"=")):
        raise MalformedFrame("the signature is wrong")
    try:
        return _read_table(body, 0, len(body), 0)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise MalformedFrame("the message ends too early") from None


@cache
def _auth_head(code: int) -> bytes:
    """What comes before the padded digest."""
    signature = _head("hsha", BINARY) + (89).to_bytes(4, "big") + bytes((code,))
    return _head("_auth", TABLE) + (len(signature) + 88).to_bytes(4, "big") + signature


@cache
def _head(key: str, kind: int) -> bytes:
    """The begin of an entry, up to its length. The keys are ours and few."""
    name = key.encode("ascii")
    return bytes((len(name),)) + name + bytes((kind,))


def _table(values: Table) -> bytes:
    parts: list[bytes] = []
    for key, value in values.items():
        if isinstance(value, str):
            kind, octets = BINARY, value.encode("utf-8")
        elif isinstance(value, dict):
            kind, octets = TABLE, _table(value)
        else:
            raise TypeError("only strings and tables are sent")
        parts += (_head(key, kind), len(octets).to_bytes(4, "big"), octets)
    return b"".join(parts)


def _read_table(octets: bytes, position: int, end: int, depth: int) -> Table:
    """The table that lies between two positions."""
    found: Table = {}
    while position < end:
        start = position + 1 + octets[position]
        kind, length = _ENTRY.unpack_from(octets, start)
        key = octets[position + 1 : start].decode("ascii")
        start += 5
        position = start + length
        if position > end:
            raise MalformedFrame("a value ends behind the message")
        found[key] = _read_value(octets, kind, start, position, depth)
    return found


def _read_value(octets: bytes, kind: int, start: int, end: int, depth: int) -> Value:
    """The value that lies between two positions."""
    if kind not in _NESTED:
        return octets[start:end].decode("utf-8", "replace")
    if depth >= MAX_DEPTH:
        raise MalformedFrame("nested too deep")
    if kind == TABLE:
        return _read_table(octets, start, end, depth + 1)
    values: list[Any] = []
    while start < end:
        kind, length = _ENTRY.unpack_from(octets, start)
        start += 5
        if start + length > end:
            raise MalformedFrame("a value ends behind the message")
        values.append(_read_value(octets, kind, start, start + length, depth + 1))
        start += length
    return values
