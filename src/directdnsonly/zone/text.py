"""Zone text in, normalised zone out. Pure.

`parse` is the only way in: it reads what DirectAdmin (or a person) sent, refuses what a name server would refuse, and
writes the one form that named, NSD and Knot all load. What a daemon gets is always our text, never the pushed one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from directdnsonly.errors import ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone.model import Record, Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.rdata import RdataError, absolute, mnemonic, rdata, ttl_s
from directdnsonly.zone.tokens import Line, logical_lines
from directdnsonly.zone.validate import check

SIGNATURES = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"})
SHOWN_WARNINGS = 20
_SOA_LINE = 2  # in our text: $ORIGIN, $TTL, SOA
_SERIAL_FIELD = 6  # owner ttl IN SOA mname rname serial
_CLASSES = frozenset({"CH", "HS", "CS", "ANY", "NONE"})
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one zone may cost."""

    max_bytes: int = 16 * 2**20
    max_records: int = 200_000


DEFAULT_LIMITS = Limits()


def parse(text: str | bytes, origin: ZoneName, *, limits: Limits = DEFAULT_LIMITS) -> Zone:
    """The zone `origin` that `text` describes. Raises ZoneSyntaxError, ZonePolicyError; both with line and reason."""
    octets = text.encode("utf-8") if isinstance(text, str) else text
    if len(octets) > limits.max_bytes:
        raise ZonePolicyError(
            f"the zone has {len(octets)} bytes, at most {limits.max_bytes} are accepted", rule="too-large"
        )
    reader = _Reader(origin, limits)
    for line in logical_lines(octets.removeprefix(_BOM).decode("latin-1")):
        try:
            reader.take(line)
        except RdataError as error:
            raise ZoneSyntaxError(str(error), line=line.number) from None
    return reader.zone()


class _Reader:
    """The state of one parse: origin, default TTL, last owner."""

    def __init__(self, origin: ZoneName, limits: Limits) -> None:
        self._name = origin
        self._apex = origin.absolute
        self._suffix = f".{self._apex}"
        self._origin = self._apex
        self._limits = limits
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None
        self._owner = ""
        self._records: dict[Record, int] = {}
        self._without_ttl: list[tuple[str, str, str, int]] = []
        self._minimum = 0
        self._dropped = 0
        self._warnings: list[str] = []
        self._first_ttl: int | None = None

    def take(self, line: Line) -> None:
        """One logical line: a directive or a record."""
        first = line.tokens[0]
        if first.text.startswith("$") and not first.quoted:
            self._direct(line)
            return
        tokens, owner = line.tokens, self._owner
        if not line.continues_owner:
            if first.quoted:
                raise RdataError("an owner name cannot be a string")
            owner = absolute(first.text, self._origin).lower()
            tokens = tokens[1:]
        if not owner:
            raise RdataError("the first record has no owner name")
        self._owner = owner
        ttl: int | None = None
        position = 0
        while position < len(tokens) and not tokens[position].quoted:
            word = tokens[position].text
            kind = mnemonic(word) if word.upper() != "IN" and not word.isdigit() else None
            if kind is not None:
                self._add(owner, ttl, kind, rdata(kind, tokens[position + 1 :], self._origin), line.number)
                return
            if word.upper() in _CLASSES:
                raise RdataError(f"class {word.upper()} is not served, only IN")
            if word.upper() != "IN":
                found = ttl_s(word)
                if found is None or ttl is not None:
                    raise RdataError(f"{word[:40]!a} is neither a TTL, a class nor a record type")
                ttl = found
            position += 1
            if position > 2:  # noqa: PLR2004 - TTL and class
                break
        raise RdataError("the record has no type")

    def _direct(self, line: Line) -> None:
        word, arguments = line.tokens[0].text.upper(), line.tokens[1:]
        if word in {"$INCLUDE", "$GENERATE"}:
            raise ZonePolicyError(f"{word} is not accepted in a pushed zone", rule=word[1:].lower(), line=line.number)
        if word not in {"$TTL", "$ORIGIN"} or len(arguments) != 1 or arguments[0].quoted:
            raise RdataError(f"the directive {word[:40]!a} is not known, or not complete")
        if word == "$TTL":
            self._default_ttl = ttl_s(arguments[0].text)
            if self._default_ttl is None:
                raise RdataError(f"$TTL {arguments[0].text[:20]!a} is not a time")
        else:
            self._origin = absolute(arguments[0].text, self._origin)

    def _add(self, owner: str, ttl: int | None, kind: str, data: str, line: int) -> None:
        if owner != self._apex and not owner.endswith(self._suffix):
            self._drop(owner, kind, line)
            return
        if kind == "SOA" and owner == self._apex:
            self._minimum = int(data.rsplit(" ", 1)[1])
        if ttl is None:
            ttl = self._default_ttl if self._default_ttl is not None else self._last_ttl
        else:
            self._last_ttl = ttl
        if ttl is None:
            self._without_ttl.append((owner, kind, data, line))
            return
        self._keep(Record(owner, ttl, kind, data), line)

    def _keep(self, record: Record, line: int) -> None:
        self._records.setdefault(record, line)
        if len(self._records) > self._limits.max_records:
            most = self._limits.max_records
            raise ZonePolicyError(f"the zone has more than {most} records", rule="too-many-records", line=line)

    def _drop(self, owner: str, kind: str, line: int) -> None:
        self._dropped += 1
        if self._dropped <= SHOWN_WARNINGS:
            self._warnings.append(f"line {line}: {owner[:255]} {kind} lies outside of the zone and was dropped")

    def zone(self) -> Zone:
        """Everything that was taken, checked and written in normal form."""
        for owner, kind, data, line in self._without_ttl:
            self._keep(Record(owner, self._minimum, kind, data), line)
        if self._dropped > SHOWN_WARNINGS:
            self._warnings.append(f"and {self._dropped - SHOWN_WARNINGS} more records outside of the zone")
        kinds = {record.type for record in self._records}
        signed = not SIGNATURES.isdisjoint(kinds)
        records = self._records if signed else self._one_ttl_per_rrset()
        soa = check(records, self._apex, dropped=self._dropped)
        rest = sorted(record for record in records if record.type != "SOA")
        return _written(self._name, soa, rest, signed=signed, warnings=tuple(self._warnings))

    def _one_ttl_per_rrset(self) -> dict[Record, int]:
        """RFC 2181, section 5.2: the records of an RRset share a TTL; the lowest one is honest to all of them."""
        ttls: dict[tuple[str, str], int] = {}
        mixed = False
        for record in self._records:
            key = (record.owner, record.type)
            known = ttls.setdefault(key, record.ttl)
            if known != record.ttl:
                mixed = True
                ttls[key] = min(known, record.ttl)
        if not mixed:
            return self._records
        self._warnings.append("records of one name and type had different TTLs: the lowest is used (RFC 2181)")
        unified: dict[Record, int] = {}
        for record, line in self._records.items():
            unified.setdefault(record._replace(ttl=ttls[record.owner, record.type]), line)
        return unified


def _written(name: ZoneName, soa: Record, rest: list[Record], *, signed: bool, warnings: tuple[str, ...]) -> Zone:
    lines = [f"{owner} {ttl} IN {kind} {data}" for owner, ttl, kind, data in rest]
    mname, rname, serial, times = soa.rdata.split(" ", 3)
    head = f"{soa.owner} {soa.ttl} IN SOA {mname} {rname}"
    body = "\n".join(lines)
    text = f"$ORIGIN {name}.\n$TTL {soa.ttl}\n{head} {serial} {times}\n{body}\n"
    challenges = "\n".join(
        line
        for line, record in zip(lines, rest, strict=True)
        if record.owner.startswith("_acme-challenge.") and record.type in {"TXT", "CNAME"}
    )
    return Zone(
        name=name,
        serial=int(serial),
        text=text,
        digest=hashlib.sha256(f"{head} {times}\n{body}".encode("ascii")).digest(),
        challenge=hashlib.sha256(challenges.encode("ascii")).digest() if challenges else b"",
        records=len(rest) + 1,
        signed=signed,
        warnings=warnings,
    )


def with_serial(text: str, serial: int) -> str:
    """Our normalised text with another serial."""
    origin, ttl, soa, rest = text.split("\n", 3)
    fields = soa.split(" ")
    fields[_SERIAL_FIELD] = str(serial)
    return "\n".join((origin, ttl, " ".join(fields), rest))


def serial_of(text: str) -> int:
    """The serial in our normalised text."""
    return int(text.split("\n", 3)[_SOA_LINE].split(" ")[_SERIAL_FIELD])


def records_of(text: str) -> Iterator[Record]:
    """The records of our normalised text, SOA first."""
    for line in re.finditer(r"^(\S+) (\d+) IN (\S+) (.*)$", text, re.MULTILINE):
        yield Record(line[1], int(line[2]), line[3], line[4])
