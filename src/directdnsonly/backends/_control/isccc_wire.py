"""The bytes of BIND's control protocol ("isccc", what rndc speaks). Pure.

Frame = u32 length, u32 version 1, table. Table entry = u8 key length, key, u8 type, u32 length, value. A message is a
table of `_auth` (HMAC), `_ctrl` and `_data`; the HMAC covers everything behind the `_auth` entry.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Table = dict[str, "Value"]
Value = str | Table | list[Any]

VERSION = 1
STRING, BINARY, TABLE, LIST = 0, 1, 2, 3
LARGEST_FRAME = 64 * 2**20
MAX_DEPTH = 8
_AUTH_OCTETS = 110  # 1+5 "_auth" +1+4 table +1+4 "hsha" +1+4 header +1 algorithm +88 padded digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """An HMAC of the protocol: its number on the wire and its hash."""

    code: int
    hash: Callable[..., Any]


ALGORITHMS: Mapping[str, Algorithm] = {
    "hmac-sha1": Algorithm(code=161, hash=hashlib.sha1),
    "hmac-sha224": Algorithm(code=162, hash=hashlib.sha224),
    "hmac-sha256": Algorithm(code=163, hash=hashlib.sha256),
    "hmac-sha384": Algorithm(code=164, hash=hashlib.sha384),
    "hmac-sha512": Algorithm(code=165, hash=hashlib.sha512),
}


class MalformedFrame(ValueError):
    """The bytes are no message of this protocol, or its signature is wrong."""


def encode(message: Table, *, algorithm: Algorithm, secret: bytes) -> bytes:
    """A signed frame with its length."""
    body = _table(message)
    digest = base64.b64encode(hmac.new(secret, body, algorithm.hash).digest()).ljust(88, b"\0")
    signature = bytes((4,)) + b"hsha" + struct.pack("!BI", BINARY, 89) + bytes((algorithm.code,)) + digest
    auth = bytes((5,)) + b"_auth" + struct.pack("!BI", TABLE, len(signature)) + signature
    frame = struct.pack("!I", VERSION) + auth + body
    return struct.pack("!I", len(frame)) + frame


def decode(frame: bytes, *, algorithm: Algorithm, secret: bytes) -> Table:
    """The message in a frame (without its length). Raises MalformedFrame."""
    if len(frame) < 4 + _AUTH_OCTETS or frame[:4] != struct.pack("!I", VERSION):
        raise MalformedFrame("not a frame of version 1")
    body = frame[4 + _AUTH_OCTETS :]
    given = frame[4 + 22 : 4 + _AUTH_OCTETS].rstrip(b"\0").rstrip(b"=")
    wanted = base64.b64encode(hmac.new(secret, body, algorithm.hash).digest()).rstrip(b"=")
    if not hmac.compare_digest(given, wanted):
        raise MalformedFrame("the signature is wrong")
    try:
        return _read_table(body, 0)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise MalformedFrame("the message ends too early") from None


def _table(values: Table) -> bytes:
    return b"".join(_entry(key, value) for key, value in values.items())


def _entry(key: str, value: Value) -> bytes:
    name = key.encode("ascii")
    if isinstance(value, dict):
        kind, octets = TABLE, _table(value)
    elif isinstance(value, str):
        kind, octets = BINARY, value.encode("utf-8")
    else:
        raise TypeError("only strings and tables are sent")
    return bytes((len(name),)) + name + struct.pack("!BI", kind, len(octets)) + octets


def _read_table(octets: bytes, depth: int) -> Table:
    if depth > MAX_DEPTH:
        raise MalformedFrame("nested too deep")
    found: Table = {}
    position = 0
    while position < len(octets):
        length = octets[position]
        key = octets[position + 1 : position + 1 + length].decode("ascii")
        value, position = _read_value(octets, position + 1 + length, depth)
        found[key] = value
    return found


def _read_value(octets: bytes, position: int, depth: int) -> tuple[Value, int]:
    kind, length = struct.unpack_from("!BI", octets, position)
    start, end = position + 5, position + 5 + length
    if end > len(octets):
        raise MalformedFrame("a value ends behind the message")
    part = octets[start:end]
    if kind == TABLE:
        return _read_table(part, depth + 1), end
    if kind == LIST:
        values: list[Any] = []
        inner = 0
        while inner < len(part):
            value, inner = _read_value(part, inner, depth + 1)
            values.append(value)
        return values, end
    return part.decode("utf-8", "replace"), end
