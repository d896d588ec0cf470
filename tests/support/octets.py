"""The octets of a record in our text, as a reader that is not ours understands it."""

from __future__ import annotations

import base64
import re
import struct

import dns.exception
import dns.rdata

from directdnsonly.zone.model import Record

# Types of which dnspython wants more than the name servers do: the numbers before the hexadecimal field.
_NUMBERS = {"DS": "!HBB", "CDS": "!HBB", "TLSA": "!BBB", "SMIMEA": "!BBB", "SSHFP": "!BB", "ZONEMD": "!IBB"}
_ECH = re.compile(r' ech="([^"]*)"')
_ECH_KEY = 5


def octets_of(record: Record) -> bytes:
    """By dnspython, and by hand where it refuses what the name servers load."""
    try:
        return dns.rdata.from_text("IN", record.type, record.rdata, relativize=False).to_wire() or b""
    except dns.exception.DNSException:
        if record.rdata.startswith("\\# "):
            return bytes.fromhex(record.rdata.split(" ", 2)[2])
    if record.type in _NUMBERS:
        *numbers, digits = record.rdata.split(" ", len(_NUMBERS[record.type]) - 1)
        return struct.pack(_NUMBERS[record.type], *map(int, numbers)) + bytes.fromhex(digits)
    if record.type == "URI" and record.rdata.endswith(' ""'):
        return struct.pack("!HH", *map(int, record.rdata.split(" ")[:2]))
    if record.type == "MINFO":
        return octets_of(record._replace(type="RP"))
    assert record.type in {"HTTPS", "SVCB"}, record
    return _service(record)


def _service(record: Record) -> bytes:
    """In AliasMode with parameters, or with an ech that is none."""
    priority, rest = record.rdata.split(" ", 1)
    ech = _ECH.search(rest)
    usual = dns.rdata.from_text("IN", record.type, f"1 {_ECH.sub('', rest)}", relativize=False).to_wire() or b""
    octets = struct.pack("!H", int(priority)) + usual[2:]
    if ech is None:
        return octets
    value = base64.b64decode(ech[1])
    end = octets.index(b"\0", 2) + 1
    while end < len(octets) and int.from_bytes(octets[end : end + 2], "big") < _ECH_KEY:
        end += 4 + int.from_bytes(octets[end + 2 : end + 4], "big")
    return octets[:end] + struct.pack("!HH", _ECH_KEY, len(value)) + value + octets[end:]
