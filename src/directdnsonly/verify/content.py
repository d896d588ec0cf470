"""Read what a name server serves, record by record: a whole zone by AXFR, or a sample of its RRsets by query."""

from __future__ import annotations

import asyncio
import secrets
import struct
from dataclasses import replace

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from directdnsonly.verify.transfer import LARGEST_TRANSFER, TransferRefused
from directdnsonly.verify.wire import AXFR, question
from directdnsonly.zone.diff import RRset, rrsets
from directdnsonly.zone.model import Record
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference, record_of

SAMPLED = 8  # RRsets of one zone; challenges and what changed come first
MOST_CHANGED = 32  # of these, spread over all that changed
QUERY_S = 2.0


async def read_zone(host: str, port: int, name: ZoneName, *, timeout_s: float) -> list[Record]:
    """Every record by AXFR, in normal form, the closing SOA left out.

    Raises TransferRefused, OSError, TimeoutError (also for what is no transfer at all).
    """
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            asked = question(name, AXFR, secrets.randbelow(65536))
            writer.write(struct.pack("!H", len(asked)) + asked)
            records: list[Record] = []
            size = 0
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                size += length
                if size > LARGEST_TRANSFER:
                    raise OSError("the transfer does not end")
                message = dns.message.from_wire(await reader.readexactly(length), xfr=True, one_rr_per_rrset=True)
                if message.rcode() != dns.rcode.NOERROR:
                    raise TransferRefused(dns.rcode.to_text(message.rcode()))
                records += _records(message)
                if len(records) > 1 and records[-1].type == "SOA":
                    return records[:-1]
        except (asyncio.IncompleteReadError, dns.exception.DNSException) as error:
            raise OSError(f"the transfer of {name} broke off: {type(error).__name__}") from error
        finally:
            writer.close()


async def sample(host: str, port: int, text: str, *, before: str | None = None) -> str:
    """What differs in a sample of the RRsets of a normalised zone, asked one by one; empty when nothing does.

    What changed against `before` (the version that was proven last) is asked first, also whether what went is gone.
    UDP first, TCP where the answer is cut. Delegated names and what lies below a wildcard's own label are not asked:
    the answer to them is rightly another one. Raises OSError, TimeoutError when there is no answer.
    """
    told: list[str] = []
    for rrset in _sampled(text, before):
        query = dns.message.make_query(
            dns.name.from_text(rrset.owner), dns.rdatatype.from_text(rrset.type), use_edns=0, payload=1232, flags=0
        )
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(query, host, port=port, timeout=QUERY_S)
        except dns.exception.DNSException as error:
            raise OSError(f"{rrset.owner} {rrset.type}: {error}") from error
        wanted = [Record(rrset.owner, rrset.ttl, rrset.type, data) for data in rrset.rdata]
        found = [
            record_of(found.name.to_text(), found.ttl, dns.rdatatype.to_text(found.rdtype), data.to_text())
            for found in answer.answer
            if dns.rdatatype.to_text(found.rdtype) in {rrset.type, "SPF"}
            for data in found
        ]
        if differs := difference(wanted, [record for record in found if record.owner == rrset.owner]):
            told.append(differs)
    return "; ".join(told)


def _sampled(text: str, before: str | None) -> list[RRset]:
    """The challenges, what changed, and some others spread over the zone. An RRset that went has no rdata."""
    found = rrsets(text)
    apex = next(iter(found.values())).owner
    cuts = {rrset.owner for rrset in found.values() if rrset.type in {"NS", "DNAME"} and rrset.owner != apex}

    def answered(rrset: RRset) -> bool:
        below = any(rrset.owner == cut or rrset.owner.endswith(f".{cut}") for cut in cuts)
        return not below and rrset.type not in {"RRSIG", "NSEC", "NSEC3"}

    old = rrsets(before) if before is not None else found
    went = [replace(old[key], rdata=()) for key in old.keys() - found.keys() if not _is_covered(old[key].owner, found)]
    differing = [rrset for key, rrset in found.items() if old.get(key) != rrset]
    changed = [rrset for rrset in [*differing, *sorted(went, key=_key)] if answered(rrset)]
    others = [rrset for key, rrset in found.items() if old.get(key) == rrset and answered(rrset)]
    urgent = [rrset for rrset in [*changed, *others] if _is_challenge(rrset)]
    chosen = urgent[:SAMPLED] + _spread([rrset for rrset in changed if not _is_challenge(rrset)], MOST_CHANGED)
    return chosen + _spread([rrset for rrset in others if not _is_challenge(rrset)], max(SAMPLED - len(chosen), 1))


def _spread(some: list[RRset], most: int) -> list[RRset]:
    return some[:: max(len(some) // most, 1)][:most]


def _key(rrset: RRset) -> tuple[str, str]:
    return rrset.owner, rrset.type


def _is_challenge(rrset: RRset) -> bool:
    return rrset.owner.startswith("_acme-challenge.")


def _is_covered(owner: str, found: dict[tuple[str, str], RRset]) -> bool:
    """Whether a wildcard may answer for a name that has gone."""
    return any(name.startswith("*.") and owner.endswith(name[1:]) for name, _ in found)


def _records(message: dns.message.Message) -> list[Record]:
    return [
        record_of(rrset.name.to_text(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), data.to_text())
        for rrset in message.answer
        for data in rrset
    ]
