"""Compares what a name server serves record by record: a whole zone by AXFR, or some of its RRsets by query."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import replace

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from directdnsonly.verify.ask import ask
from directdnsonly.verify.transfer import LARGEST_TRANSFER, TransferRefused
from directdnsonly.verify.wire import AXFR, NOERROR, RCODES, Found, MalformedAnswer, TransferCount, question, records_in
from directdnsonly.wording import words_of
from directdnsonly.zone.diff import RRset, rrsets
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference, record_of

SAMPLED = 8  # RRsets of one zone; challenges and what changed come first
MOST_CHANGED = 32  # of these, spread over all that changed
QUERY_S = 2.0
LARGE = 64 * 1024  # octets of a transfer that are read in a thread: 15 records are 650 of them, and cost 2 ms


async def read_zone(host: str, port: int, name: ZoneName, *, stall_s: float) -> list[Record]:
    """Every record by AXFR, in normal form, without the closing SOA. `stall_s`: the longest pause allowed, in seconds.

    Raises TransferRefused, OSError, TimeoutError (also for what is no transfer at all).
    """
    async with asyncio.timeout(stall_s):
        reader, writer = await asyncio.open_connection(host, port)
    try:
        asked = question(name, AXFR, secrets.randbelow(65536))
        writer.write(len(asked).to_bytes(2, "big") + asked)
        messages: list[bytes] = []
        count, size = TransferCount(), 0
        while not count.complete:
            async with asyncio.timeout(stall_s):
                length = int.from_bytes(await reader.readexactly(2), "big")
                message = await reader.readexactly(length)
            size += length
            if size > LARGEST_TRANSFER:
                raise OSError("the transfer never ends")
            count.feed(message, asked)
            messages.append(message)
        if count.rcode:
            raise TransferRefused(RCODES.get(count.rcode, str(count.rcode)))
        return await asyncio.to_thread(_read, messages) if size > LARGE else _read(messages)
    except TimeoutError:
        raise TimeoutError(f"no record of its transfer came in {stall_s:g} s") from None
    except (asyncio.IncompleteReadError, MalformedAnswer) as error:
        raise OSError(f"its transfer broke off: {words_of(error)}") from error
    finally:
        writer.transport.abort()


def _read(messages: Iterable[bytes]) -> list[Record]:
    """The records of a whole transfer, without the closing SOA."""
    return [_record(found, message) for message in messages for found in records_in(message)][:-1]


async def sample(host: str, port: int, text: str, *, before: str | None = None, limit_s: float = QUERY_S) -> str:
    """What differs in a sample of the RRsets of a normalised zone; empty if nothing does. Raises as `asked` does.

    What changed against `before` (the version that was proven last) is asked first, also whether what went is gone.
    """
    return await asked(host, port, _sampled(text, before), limit_s=limit_s)


async def rewritten(host: str, port: int, text: str, *, limit_s: float = QUERY_S) -> str:
    """What differs in the RRsets whose text a name server may interpret differently; empty if nothing does, or there are none."""
    return await asked(host, port, _spread(_suspects(text), MOST_CHANGED), limit_s=limit_s)


async def asked(host: str, port: int, some: Iterable[RRset], *, limit_s: float) -> str:
    """What differs in these RRsets, queried one by one: UDP first, TCP if the answer is truncated.

    Raises OSError when one has no answer in `limit_s`.
    """
    told: list[str] = []
    for rrset in some:
        rcode, answers = await read_answer(host, port, rrset.owner, rrset.type, limit_s=limit_s)
        wanted = [Record(rrset.owner, rrset.ttl, rrset.type, data) for data in rrset.rdata]
        found = [one for one in answers if one.owner == rrset.owner and one.type in {rrset.type, "SPF"}]
        if differs := difference(wanted, found):
            said = f" ({RCODES.get(rcode, rcode)})" if rcode != NOERROR else ""
            told.append(differs + said)
    return "; ".join(told)


async def read_answer(host: str, port: int, owner: str, kind: str, *, limit_s: float) -> tuple[int, list[Record]]:
    """The code of the answer about one owner and type, and the records in it. Raises OSError, which names both."""
    try:
        wire = dns.name.from_text(owner).to_wire() or b""
        message = await ask(host, port, wire, dns.rdatatype.from_text(kind), limit_s=limit_s)
        return message[3] & 0x0F, [_record(one, message) for one in records_in(message)]
    except (OSError, TimeoutError, MalformedAnswer) as error:
        raise OSError(f"{owner} {kind}: {words_of(error)}") from error


def answerable(text: str) -> list[RRset]:
    """The RRsets of a normalised zone that a question for them is answered with: not those at or below a delegation."""
    found = rrsets(text)
    cuts = _cuts(found)
    return [rrset for rrset in found.values() if _is_answered(rrset, cuts)]


def _sampled(text: str, before: str | None) -> list[RRset]:
    """A sample of RRsets: ACME challenges, changed ones, and others spread over the zone. A removed RRset has no rdata."""
    found = rrsets(text)
    cuts = _cuts(found)
    old = rrsets(before) if before is not None else found
    went = [replace(old[key], rdata=()) for key in old.keys() - found.keys() if not _is_covered(old[key].owner, found)]
    differing = [rrset for key, rrset in found.items() if old.get(key) != rrset]
    changed = [rrset for rrset in [*differing, *sorted(went, key=_key)] if _is_answered(rrset, cuts)]
    others = [rrset for key, rrset in found.items() if old.get(key) == rrset and _is_answered(rrset, cuts)]
    urgent = [rrset for rrset in [*changed, *others] if _is_challenge(rrset)]
    chosen = urgent[:SAMPLED] + _spread([rrset for rrset in changed if not _is_challenge(rrset)], MOST_CHANGED)
    return chosen + _spread([rrset for rrset in others if not _is_challenge(rrset)], max(SAMPLED - len(chosen), 1))


def _suspects(text: str) -> list[RRset]:
    """The RRsets with an escape (or the generic form), or an IPv6 address written with dots."""
    if "\\" not in text and "AAAA ::" not in text:
        return []  # the usual zone
    found = rrsets(text)
    cuts = _cuts(found)
    return [rrset for rrset in found.values() if _is_suspect(rrset) and _is_answered(rrset, cuts)]


def _is_suspect(rrset: RRset) -> bool:
    if rrset.type == "AAAA":
        return any("." in data for data in rrset.rdata) or "\\" in rrset.owner
    return "\\" in rrset.owner or any("\\" in data for data in rrset.rdata)


def _cuts(found: dict[tuple[str, str], RRset]) -> set[str]:
    apex = next(iter(found.values())).owner
    return {rrset.owner for rrset in found.values() if rrset.type in {"NS", "DNAME"} and rrset.owner != apex}


def _is_answered(rrset: RRset, cuts: set[str]) -> bool:
    """Whether a query for the RRset should be answered with it, which is not so at or below a delegation."""
    below = any(rrset.owner == cut or rrset.owner.endswith(f".{cut}") for cut in cuts)
    return not below and rrset.type not in {"RRSIG", "NSEC", "NSEC3"}


def _spread(some: list[RRset], most: int) -> list[RRset]:
    return some[:: max(len(some) // most, 1)][:most]


def _key(rrset: RRset) -> tuple[str, str]:
    return rrset.owner, rrset.type


def _is_challenge(rrset: RRset) -> bool:
    return rrset.owner.startswith("_acme-challenge.")


def _is_covered(owner: str, found: dict[tuple[str, str], RRset]) -> bool:
    """Whether a wildcard may answer for a removed name."""
    return any(name.startswith("*.") and owner.endswith(name[1:]) for name, _ in found)


def _record(found: Found, message: bytes) -> Record:
    """A record of a message in normal form; RDATA that cannot be parsed is kept in the generic form. Raises MalformedAnswer."""
    kind = dns.rdatatype.RdataType.make(found.type)
    try:
        owner, _ = dns.name.from_wire(message, found.owner_at)
    except (dns.exception.DNSException, ValueError) as error:
        raise MalformedAnswer(words_of(error)) from error
    try:
        data = dns.rdata.from_wire(dns.rdataclass.IN, kind, message, found.rdata_at, found.length).to_text()
    except (dns.exception.DNSException, ValueError):
        data = f"\\# {found.length} {message[found.rdata_at : found.rdata_at + found.length].hex()}"
    return record_of(owner.to_text(), found.ttl, dns.rdatatype.to_text(kind), data)
