"""What a name server serves, zone by zone, in a form that two versions of it can be compared by."""

from __future__ import annotations

import hashlib
import queue
import socket
import struct
import threading
from collections.abc import Iterable, Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype

ADDRESS = "127.0.0.1"
# NSD answers with small letters or as it was written: AMTRELAY 4.12 (not 4.6, 4.15), IPSECKEY 4.6 and 4.12 (not 4.15).
NAMES_IN_ANY_LETTERS = {dns.rdatatype.AMTRELAY, dns.rdatatype.IPSECKEY}
PATIENCE_S = 30.0  # of a machine that is busy with other things


def served(zones: Iterable[str], port: int) -> dict[str, str]:
    """By zone: a digest of all its records (owner, TTL, type, RDATA), or in words why there is none."""
    return {zone: _one(zone, port) for zone in zones}


def _one(zone: str, port: int) -> str:
    rcode, serial = _soa(zone, port)
    if serial is None:
        return rcode
    try:
        return _by_transfer(zone, port)
    except (dns.exception.DNSException, ValueError, EOFError, OSError) as error:
        # dnspython reads no SVCB in AliasMode that has a parameter, and no digest of another length than the RFC's.
        return f"serial {serial}, no transfer that can be read ({type(error).__name__})"


def _soa(zone: str, port: int) -> tuple[str, int | None]:
    """The word of the answer, and the serial where it has authority."""
    reply = dns.query.tcp(dns.message.make_query(zone, "SOA", flags=0), ADDRESS, port=port, timeout=PATIENCE_S)
    for rrset in reply.answer:
        if rrset.rdtype == dns.rdatatype.SOA and reply.flags & dns.flags.AA:
            return "NOERROR", int(rrset[0].serial)
    return dns.rcode.to_text(reply.rcode()), None


def _by_transfer(zone: str, port: int) -> str:
    lines: list[str] = []
    soas = 0
    for message in _messages(zone, port):
        reply = dns.message.from_wire(message, xfr=True, one_rr_per_rrset=True)
        for rrset in reply.answer:
            soas += rrset.rdtype == dns.rdatatype.SOA
            kind = dns.rdatatype.to_text(rrset.rdtype)
            lines.append(f"{str(rrset.name).lower()} {rrset.ttl} {kind} {_octets(rrset[0])}")
        if soas > 1 or not reply.answer:
            break
    if soas < 2:
        raise EOFError(f"the transfer ended after {len(lines)} records")
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    return f"{len(lines) - 1} records {digest}"


def _messages(zone: str, port: int) -> Iterator[bytes]:
    """Those of a transfer. Read ahead by a thread: Knot ends one whose reader is half a second behind (tcp-remote-io-timeout)."""
    read: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    query = dns.message.make_query(zone, "AXFR", flags=0).to_wire()
    with socket.create_connection((ADDRESS, port), timeout=PATIENCE_S) as connection:
        connection.sendall(struct.pack("!H", len(query)) + query)
        stream = connection.makefile("rb")

        def run() -> None:
            try:
                while head := stream.read(2):
                    read.put(stream.read(*struct.unpack("!H", head)))
            except (OSError, struct.error):
                pass  # closed, by either side
            read.put(b"")

        reader = threading.Thread(target=run, daemon=True)
        reader.start()
        try:
            while message := read.get(timeout=PATIENCE_S):
                yield message
        finally:
            connection.shutdown(socket.SHUT_RDWR)
            reader.join()


def _octets(rdata: dns.rdata.Rdata) -> str:
    if rdata.rdtype in NAMES_IN_ANY_LETTERS:
        return rdata.to_text().lower()  # the same name (RFC 4343)
    return (rdata.to_wire() or b"").hex()
