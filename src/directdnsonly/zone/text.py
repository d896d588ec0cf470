"""Parses zone text into a normalised, validated `Zone`. Pure.

`parse` is the only way in: it reads what DirectAdmin (or a person) sent, refuses what a name server would refuse, and
writes the one form that named, NSD and Knot all load. What a daemon gets is always our text, never the pushed one.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

from directdnsonly.errors import PushRefused, ZonePolicyError, ZoneSyntaxError
from directdnsonly.zone import plain
from directdnsonly.zone.domain import RdataError, absolute
from directdnsonly.zone.faults import Faults
from directdnsonly.zone.fold import FOLDS
from directdnsonly.zone.glance import soa_at_a_glance
from directdnsonly.zone.guess import hint, require_zone_file
from directdnsonly.zone.lately import remember
from directdnsonly.zone.model import Record, Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.rdata import mnemonic, rdata, ttl_s
from directdnsonly.zone.tokens import Line, logical_lines
from directdnsonly.zone.validate import Outside, check
from directdnsonly.zone.warn import OF_LINE, Key, Warnings
from directdnsonly.zone.warn_time import Signatures, signatures_of
from directdnsonly.zone.warn_zone import View, by_type, judge

SIGNATURES = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"})
_SOA_LINE = 2  # in our text: $ORIGIN, $TTL, SOA
_SERIAL_FIELD = 6  # owner ttl IN SOA mname rname serial
_CLASSES = frozenset({"CH", "HS", "CS", "ANY", "NONE"})
_BLOCK_RECORDS = 10_000  # written at a time
_CHALLENGE = "_acme-challenge."
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one zone may cost."""

    max_bytes: int = 16 * 2**20
    max_records: int = 500_000  # a body of 16 MiB whose records have 34 octets each; measured: see test_zone_cost.py


DEFAULT_LIMITS = Limits()


def parse(text: str | bytes, origin: ZoneName, *, limits: Limits = DEFAULT_LIMITS) -> Zone:
    """The zone `origin` that `text` describes.

    Raises ZoneSyntaxError, ZonePolicyError: of the first fault, with up to ten in `faults`.
    """
    octets = text.encode("utf-8") if isinstance(text, str) else text
    if len(octets) > limits.max_bytes:
        raise ZonePolicyError(
            f"the zone has {len(octets)} bytes, but at most {limits.max_bytes} are accepted", rule="too-large"
        )
    content = octets.removeprefix(_BOM).decode("latin-1")
    try:
        return read_plain(content, origin, limits) or read_any(content, origin, limits)
    except PushRefused:
        require_zone_file(octets)
        raise


def read_plain(text: str, origin: ZoneName, limits: Limits = DEFAULT_LIMITS) -> Zone | None:
    """The zone by the fast parser; None if the full parser must judge it, or say what is wrong in which line."""
    reader = _Reader(origin, limits)
    try:
        for owner, ttl, kind, data in plain.records(text, origin.absolute):
            reader.keep(owner, ttl, kind, data)
        zone = reader.zone(odd=False)
    except (plain.NotPlain, ZonePolicyError):
        return None
    return None if any(warning.owner for warning in zone.warnings) else zone  # it knows no lines


def read_any(text: str, origin: ZoneName, limits: Limits = DEFAULT_LIMITS) -> Zone:
    """The zone by the full parser, which reads any zone file. Raises as `parse` does."""
    reader = _Reader(origin, limits)
    faults = reader.faults
    for line in logical_lines(text, faults.add):
        try:
            reader.take(line)
        except RdataError as error:
            fault = ZoneSyntaxError(f"{error}{hint(line.words)}", line=line.number, rule=error.rule)
            if line.words[0].upper() == "$ORIGIN":  # whose names are those that follow?
                faults.end(fault)
            faults.add(fault)
        except ZonePolicyError as error:
            if error.rule == "too-many-records":
                faults.end(error)
            faults.add(error)
    return reader.zone()


class _Reader:
    """The state of one parse: origin, default TTL, last owner.

    A record is a key (owner, type, RDATA with the letters of names folded) with its TTL. Its line stands in an array,
    its RDATA, where folding changed it, in a dictionary of its own: a zone of 500,000 records has to fit.
    """

    def __init__(self, origin: ZoneName, limits: Limits) -> None:
        self._name = origin
        self._apex = origin.absolute
        self._suffix = f".{self._apex}"
        self._origin = self._apex
        self._limits = limits
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None
        self._owner = ""
        self._owner_lost = False
        self._ttls: dict[Key, int] = {}
        self._lines = array("L")  # of each key, in the order of `_ttls`
        self._spellings: dict[Key, str] = {}
        self._seconds: dict[int, int] = {}  # one object for each TTL
        self._without_ttl: list[tuple[str, str, str, int]] = []
        self._minimum = 0
        self._outside = Outside()
        self._warnings = Warnings()
        self.faults = Faults()

    def take(self, line: Line) -> None:
        """Take one logical line: a directive or a record."""
        words = line.words
        is_plain = line.tokens is None
        if words[0][0:1] == "$" and (is_plain or not line.tokens[0].quoted):  # type: ignore[index]
            self._direct(line)
            return
        position = 0
        if not line.continues_owner:
            if not is_plain and line.tokens[0].quoted:  # type: ignore[index]
                raise RdataError("an owner name cannot be a string")
            self._owner, self._owner_lost = "", True
            self._owner = absolute(words[0], self._origin).lower()
            position = 1
        if not self._owner:
            self._require_lost()
            return
        ttl: int | None = None
        for position in range(position, min(position + 3, len(words))):  # noqa: B020 - TTL, class, type
            word = words[position]
            if not is_plain and line.tokens[position].quoted:  # type: ignore[index]
                break
            if word == "IN":
                continue
            seconds = ttl_s(word) if word[0] in "0123456789" else None
            if seconds is not None and ttl is None:
                ttl = seconds
                continue
            if (kind := mnemonic(word)) is not None:
                self._add(self._owner, ttl, kind, rdata(kind, line, position + 1, self._origin), line.number)
                if kind in OF_LINE:
                    self._warnings.of_line(self._owner, kind, line, position + 1)
                return
            if word.upper() in _CLASSES:
                raise RdataError(f"class {word.upper()} is not supported, only IN")
            if word.upper() != "IN":
                raise RdataError(f"{word[:40]!a} is neither a TTL, a class nor a record type")
        raise RdataError("the record has no type")

    def _require_lost(self) -> None:
        """A record without owner is passed over if it is that of a name which was told to be wrong."""
        if not self._owner_lost:
            raise RdataError("the first record has no owner name")

    def _direct(self, line: Line) -> None:
        word, arguments = line.words[0].upper(), line.words[1:]
        if word in {"$INCLUDE", "$GENERATE"}:
            raise ZonePolicyError(f"{word} is not accepted in a pushed zone", rule=word[1:].lower(), line=line.number)
        if word not in {"$TTL", "$ORIGIN"} or len(arguments) != 1:
            raise RdataError(f"the directive {word[:40]!a} is unknown or incomplete")
        if word == "$TTL":
            self._default_ttl = ttl_s(arguments[0])
            if self._default_ttl is None:
                raise RdataError(f"$TTL {arguments[0][:20]!a} is not a time")
        else:
            self._origin = absolute(arguments[0], self._origin)

    def _add(self, owner: str, ttl: int | None, kind: str, data: str, line: int) -> None:
        if ttl is not None:
            self._last_ttl = ttl
        if owner != self._apex and not owner.endswith(self._suffix):
            self._drop(owner, kind, line)
            return
        if kind == "SOA" and owner == self._apex:
            self._minimum = int(data.rsplit(" ", 1)[1])
            if ttl is None and self._default_ttl is None and self._last_ttl is None:
                self._default_ttl = self._minimum  # as named does where neither $TTL nor the SOA has a TTL
        if ttl is None:
            ttl = self._default_ttl if self._default_ttl is not None else self._last_ttl
        if ttl is None:
            self._without_ttl.append((owner, kind, data, line))
        else:
            self.keep(owner, ttl, kind, data, line)

    def keep(self, owner: str, ttl: int, kind: str, data: str, line: int = 0) -> None:
        """Keep one record in normal form; duplicates (as `zone.fold` defines them) are kept once."""
        fold = FOLDS.get(kind)
        folded = data if fold is None else fold(data)
        key = (owner, kind, folded)
        known = self._ttls.get(key)
        if known is None:
            self._ttls[key] = self._seconds.setdefault(ttl, ttl)
            self._lines.append(line)
            if folded != data:
                self._spellings[key] = data
            if len(self._ttls) > self._limits.max_records:
                most = self._limits.max_records
                raise ZonePolicyError(f"the zone has more than {most} records", rule="too-many-records", line=line)
            return
        if ttl < known:
            self._ttls[key] = self._seconds.setdefault(ttl, ttl)
        if fold is not None and data < self._spellings.get(key, folded):  # whatever the order, one spelling wins
            self._spellings[key] = data

    def _drop(self, owner: str, kind: str, line: int) -> None:
        self._outside.count(owner, kind, line)
        text = f"{owner} {kind} lies outside the zone and was dropped"
        self._warnings.add("outside-zone", text, owner=owner, kind=kind, line=line)

    def zone(self, *, odd: bool = True) -> Zone:
        """Check all records and write the zone in normal form. `odd`: owner names may contain unusual characters."""
        for owner, kind, data, line in self._without_ttl:
            self.keep(owner, self._minimum, kind, data, line)
        keys = sorted(self._ttls)
        if not odd and (soa := soa_at_a_glance(keys, self._apex)) is not None:
            if len(self._seconds) > 1:
                self._one_ttl_per_rrset(keys)
            keys.remove(soa)
            return self._written(soa, keys)
        of_type = by_type(keys)
        signed = not SIGNATURES.isdisjoint(of_type)
        if not signed and len(self._seconds) > 1:
            self._one_ttl_per_rrset(keys)
        view = View(keys, of_type, self._apex, self._line_of)
        soa = self._checked(view)
        judge(view, self._warnings, odd=odd)
        signatures = signatures_of(of_type.get("RRSIG", ()), self._line_of) if signed else None
        redirects = tuple([owner for owner, _, _ in of_type.get("DNAME", ())])
        keys.remove(soa)
        return self._written(soa, keys, signed=signed, signatures=signatures, redirects=redirects)

    def _checked(self, view: View) -> Key:
        """The SOA of a zone that is to be loaded everywhere. Raises PushRefused with everything that is wrong."""
        soa = check(view, outside=self._outside, warnings=self._warnings, faults=self.faults)
        self.faults.settle()
        assert soa is not None
        return soa

    def _line_of(self, key: Key) -> int:
        """Only for a refusal: it goes through all keys."""
        for place, known in enumerate(self._ttls):
            if known == key:
                return self._lines[place]
        return 0

    def _one_ttl_per_rrset(self, keys: list[Key]) -> None:
        """RFC 2181, section 5.2: the records of an RRset share a TTL; the lowest one is honest to all of them."""
        ttls = self._ttls
        mixed = False
        for _, rrset in groupby(keys, key=itemgetter(0, 1)):
            members = list(rrset)
            if len(members) > 1 and len(found := {ttls[key] for key in members}) > 1:
                mixed = True
                ttls.update(dict.fromkeys(members, min(found)))
        if mixed:
            text = "records of one name and type had different TTLs: the lowest is used (RFC 2181)"
            self._warnings.add("mixed-ttl", text)

    def _written(
        self,
        soa: Key,
        rest: list[Key],
        *,
        signed: bool = False,
        signatures: Signatures | None = None,
        redirects: tuple[str, ...] = (),
    ) -> Zone:
        ttls, spellings = self._ttls, self._spellings
        mname, rname, serial, times = spellings.get(soa, soa[2]).split(" ", 3)
        head = f"{self._apex} {ttls[soa]} IN SOA {mname} {rname}"
        digest = hashlib.sha256(f"{head} {times}\n".encode("ascii"))
        parts = [f"$ORIGIN {self._apex}\n$TTL {ttls[soa]}\n{head} {serial} {times}\n"]
        challenges: list[str] = []
        keys = iter(rest)
        while block := list(islice(keys, _BLOCK_RECORDS)):
            if spellings:
                lines = [f"{key[0]} {ttls[key]} IN {key[1]} {spellings.get(key) or key[2]}\n" for key in block]
            else:
                lines = [f"{key[0]} {ttls[key]} IN {key[1]} {key[2]}\n" for key in block]
            text = "".join(lines)
            parts.append(text)
            digest.update(text.encode("ascii"))
            if _CHALLENGE in text:
                challenges += [
                    line
                    for line, key in zip(lines, block, strict=True)
                    if key[0].startswith(_CHALLENGE) and key[1] in {"TXT", "CNAME"}
                ]
        written = "".join(parts)
        remember(written, self._name)
        return Zone(
            name=self._name,
            serial=int(serial),
            text=written,
            digest=digest.digest(),
            challenge=hashlib.sha256("".join(challenges).encode("ascii")).digest() if challenges else b"",
            records=len(rest) + 1,
            signed=signed,
            warnings=self._warnings.found(),
            redirects=redirects,
            signatures=signatures,
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
