"""Whether two name servers, OLD and NEW, serve a zone alike. Pure: what each of them said goes in, what differs comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from directdnsonly.verify.wire import NOERROR, NOTAUTH, NXDOMAIN, RCODES, REFUSED, Answer
from directdnsonly.zone.diff import RRset
from directdnsonly.zone.model import Record
from directdnsonly.zone.records import folded
from directdnsonly.zone.serial import is_newer

MOST_TOLD = 50  # differences of one zone that are kept; how many more there are is told
Key = tuple[str, str]  # owner and type


class Standing(StrEnum):
    """What one name server said of a zone when it was asked for the SOA."""

    SERVED = "served"  # the SOA, with authority
    ABSENT = "absent"  # an answer without it: NXDOMAIN, that of a parent zone
    REFUSED = "refused"  # it does not serve the zone, or does not let us ask: which of both, the rest of the run tells
    UNKNOWN = "unknown"  # silence, SERVFAIL, no authority, a transfer that breaks off: neither presence nor absence


class Parity(StrEnum):
    """What came of one zone."""

    EQUAL = "equal"
    NEWER = "newer serial"  # the records are equal, the serial of NEW comes after that of OLD: secondaries follow
    OLDER = "older serial"  # the records are equal, the serial of NEW comes before: secondaries do not follow it
    DIFFERENT = "different"
    NOT_NEW = "missing at NEW"
    NOT_OLD = "missing at OLD"
    NEITHER = "missing at both"
    UNKNOWN = "unknown"  # could not be judged


class Kind(StrEnum):
    """How an RRset differs."""

    ONLY_OLD = "only at OLD"
    ONLY_NEW = "only at NEW"
    CHANGED = "changed"  # other records; the TTL may differ as well
    TTL = "ttl"  # the same records
    ANSWER = "answer"  # no records at either; the answers differ (NXDOMAIN, NOERROR)


class How(StrEnum):
    """How the records were compared."""

    TRANSFER = "transfer"  # all of them
    SAMPLE = "sample"  # RRsets that were asked for, one by one: what nobody asked for is not seen
    NOT = "not"  # the answers to the first question told enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Records of one zone as one server gives them, without the serial. `codes`: of questions that had no record, the answer's code."""

    serial: int
    records: int
    rrsets: Mapping[Key, RRset]
    codes: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One server's part of the outcome. `records`: counted by transfer; `reason` for people, empty when it is served."""

    standing: Standing
    serial: int | None = None
    records: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One RRset that differs: RDATA and TTL of both; of `Kind.ANSWER` the codes stand in place of RDATA."""

    owner: str
    type: str
    kind: Kind
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    old_ttl: int | None = None
    new_ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was seen of one zone. `rrsets`: how many were compared; `more`: differences that are counted, but not kept."""

    zone: str
    old: Side
    new: Side
    how: How = How.NOT
    rrsets: int = 0
    differences: tuple[Difference, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which of the servers has answered for any zone of the run: its REFUSED then means that it does not serve this one."""

    old: bool
    new: bool


def side(answer: Answer | None, *, reason: str = "") -> Side:
    """What an answer about the SOA says. None: there was none, and `reason` tells why."""
    if answer is None:
        return Side(standing=Standing.UNKNOWN, reason=reason or "no answer")
    said = f"answers {RCODES.get(answer.rcode, answer.rcode)}"
    if answer.rcode in (REFUSED, NOTAUTH):
        return Side(standing=Standing.REFUSED, reason=said)
    if answer.rcode not in (NOERROR, NXDOMAIN):
        return Side(standing=Standing.UNKNOWN, reason=said)
    if not answer.authoritative and (answer.serial is not None or answer.rcode == NXDOMAIN):
        return Side(standing=Standing.UNKNOWN, reason=f"{said} without authority (AA is not set): a resolver?")
    if answer.serial is None:  # also a referral, which never has authority
        return Side(standing=Standing.ABSENT, reason=f"{said} without the zone's SOA" if not answer.rcode else said)
    return Side(standing=Standing.SERVED, serial=answer.serial)


def content_of(records: Iterable[Record], *, codes: Mapping[Key, str] | None = None) -> Content:
    """From records in normal form. Of a zone whose SOA is not among them the serial is 0. Letters of names do not count."""
    found: dict[Key, tuple[int, list[str]]] = {}
    serial = number = 0
    for record in map(folded, records):
        number += 1
        data = record.rdata
        if record.type == "SOA":
            serial, data = _without_serial(data)
        found.setdefault((record.owner, record.type), (record.ttl, []))[1].append(data)
    rrsets = {
        (owner, kind): RRset(owner=owner, type=kind, ttl=ttl, rdata=tuple(sorted(rdata)))
        for (owner, kind), (ttl, rdata) in found.items()
    }
    return Content(serial=serial, records=number, rrsets=rrsets, codes=codes or {})


def _without_serial(soa: str) -> tuple[int, str]:
    fields = soa.split(" ")
    if len(fields) != 7 or not fields[2].isdigit():  # noqa: PLR2004 - RFC 1035, section 3.3.13
        return 0, soa
    return int(fields[2]), " ".join([*fields[:2], "-", *fields[3:]])


def differences(old: Content, new: Content) -> list[Difference]:
    """Every RRset and every empty answer that differs, sorted by owner and type. Serials are not looked at."""
    keys = old.rrsets.keys() | new.rrsets.keys()
    found = [difference for key in keys if (difference := _difference(key, old.rrsets.get(key), new.rrsets.get(key)))]
    told = {difference.owner for difference in found}
    for key in old.codes.keys() & new.codes.keys():
        if old.codes[key] != new.codes[key] and key[0] not in told:
            found.append(
                Difference(owner=key[0], type=key[1], kind=Kind.ANSWER, old=(old.codes[key],), new=(new.codes[key],))
            )
    return sorted(found, key=lambda one: (one.owner, one.type))


def _difference(key: Key, old: RRset | None, new: RRset | None) -> Difference | None:
    owner, kind = key
    if old is None or new is None:
        return Difference(
            owner=owner, type=kind, kind=Kind.ONLY_OLD if new is None else Kind.ONLY_NEW,
            old=old.rdata if old else (), new=new.rdata if new else (),
            old_ttl=old.ttl if old else None, new_ttl=new.ttl if new else None,
        )  # fmt: skip
    if old.rdata == new.rdata and old.ttl == new.ttl:
        return None
    return Difference(
        owner=owner, type=kind, kind=Kind.TTL if old.rdata == new.rdata else Kind.CHANGED,
        old=old.rdata, new=new.rdata, old_ttl=old.ttl, new_ttl=new.ttl,
    )  # fmt: skip


def compared(zone: str, old: Content, new: Content, how: How) -> Compared:
    """A zone that both serve. `old`, `new`: of a sample the same RRsets were asked for; both have the serial."""
    found = differences(old, new)
    whole = how is How.TRANSFER
    return Compared(
        zone=zone,
        old=Side(standing=Standing.SERVED, serial=old.serial, records=old.records if whole else None),
        new=Side(standing=Standing.SERVED, serial=new.serial, records=new.records if whole else None),
        how=how,
        rrsets=len(old.rrsets.keys() | new.rrsets.keys()),
        differences=tuple(found[:MOST_TOLD]),
        more=max(len(found) - MOST_TOLD, 0),
    )


def judged(seen: Compared, trust: Trust, *, ignore_serial: bool = False) -> Parity:
    """The finding on one zone, at the end of the run. `ignore_serial`: equal records are enough."""
    old, new = _served(seen.old, trusted=trust.old), _served(seen.new, trusted=trust.new)
    if old is None or new is None:
        return Parity.UNKNOWN
    if not old or not new:
        return Parity.NEITHER if old == new else Parity.NOT_NEW if old else Parity.NOT_OLD
    if seen.how is How.NOT:
        return Parity.UNKNOWN
    if seen.differences:
        return Parity.DIFFERENT
    before, after = seen.old.serial, seen.new.serial
    if ignore_serial or before == after or before is None or after is None:
        return Parity.EQUAL
    return Parity.NEWER if is_newer(after, before) else Parity.OLDER


def _served(one: Side, *, trusted: bool) -> bool | None:
    """None: it cannot be told."""
    if one.standing is Standing.REFUSED:
        return False if trusted else None
    return {Standing.SERVED: True, Standing.ABSENT: False}.get(one.standing)


def exit_code(counts: Mapping[Parity, int]) -> int:
    """0: all is equal, or NEW has the newer serial. 1: something differs or is missing. 2: nothing does, but some could not be judged, or none was asked for."""
    if any(counts.get(each) for each in WRONG):
        return 1
    return 2 if counts.get(Parity.UNKNOWN) or not sum(counts.values()) else 0


WRONG = (Parity.DIFFERENT, Parity.NOT_NEW, Parity.NOT_OLD, Parity.NEITHER, Parity.OLDER)
