"""The rules that a zone must obey so that every name server loads it. Pure.

named refuses a zone without SOA or NS, with an in-zone NS that has no address, or with CNAME and other data; NSD answers
SERVFAIL for such a zone and still reports ok. So it is refused here, with the line, and the last good version stays.
What all of them load (a delegation without addresses) is accepted, with a warning.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

from directdnsonly.errors import ZonePolicyError
from directdnsonly.wording import counted
from directdnsonly.zone.answers import too_large
from directdnsonly.zone.apex import check_apex
from directdnsonly.zone.faults import Faults
from directdnsonly.zone.warn import Key, LineOf, Warnings
from directdnsonly.zone.warn_zone import View, by_type

BESIDE_CNAME = frozenset({"CNAME", "RRSIG", "NSEC", "NSEC3"})  # RFC 4034, section 3
SINGLETONS = {  # and the rule that a second one breaks
    "CNAME": "cname-twice",
    "DNAME": "dname-twice",
    "SOA": "soa-twice",
    "NSEC3PARAM": "nsec3param-twice",  # Knot loads no such zone
}
NOT_AT_WILDCARD = {"NS": "wildcard-ns", "NSEC3": "wildcard-nsec3"}  # named loads no such zone
WATCHED = frozenset({*SINGLETONS, *NOT_AT_WILDCARD, "DS"})  # an owner without these breaks no rule of its own


class Outside:
    """The records outside the zone that were left out; they explain a zone that lacks its own SOA or NS."""

    def __init__(self) -> None:
        self._number = 0
        self._first: dict[str, tuple[str, int]] = {}  # by type: owner and line

    def count(self, owner: str, kind: str, line: int) -> None:
        """Count one more record outside the zone."""
        self._number += 1
        if kind == "SOA":
            self._first.setdefault(kind, (owner, line))

    def missing(self, kind: str, apex: str) -> ZonePolicyError:
        """The fault of a zone that has no record of this type at its apex."""
        rule = "soa-missing" if kind == "SOA" else "ns-missing"
        if kind in self._first:
            owner, line = self._first[kind]
            reason = f"the SOA is at {owner}, but the pushed zone is {apex}: is this the zone of another domain?"
            return ZonePolicyError(reason, rule=rule, owner=apex, line=line)
        left_out = f" ({counted(self._number, 'record')} outside {apex} left out: is this the zone of another domain?)"
        return ZonePolicyError(
            f"the zone has no {kind} record at {apex}{left_out if self._number else ''}", rule=rule, owner=apex
        )


def check(zone: View, *, outside: Outside, warnings: Warnings, faults: Faults) -> Key | None:
    """The apex SOA of a zone; adds to `faults` why a name server would not load it, and to `warnings`.

    Missing records are not reported if a line could not be parsed, because they may be there.
    """
    keys, of_type, apex, line_of = zone
    is_whole = not faults
    at_apex: Mapping[str, Sequence[Key]] = {}
    for owner in dict.fromkeys([owner for owner, kind, _ in keys if kind in WATCHED]):
        found = by_type(_records_at(owner, keys))
        for fault in _check_owner(owner, found, line_of, apex):
            faults.add(fault)
        if owner == apex:
            at_apex = found
            for fault in check_apex(found, line_of, apex) if is_whole else ():
                faults.add(fault)
    for kind in ("SOA", "NS"):
        if kind not in at_apex and is_whole:
            faults.add(outside.missing(kind, apex))
    if "DNAME" in of_type:
        redirected = {owner for owner, _, _ in of_type["DNAME"]}
        for fault in _check_below_dname(keys, line_of, apex, redirected):
            faults.add(fault)
    for fault in _check_name_servers(keys, of_type.get("NS", ()), line_of, apex, warnings):
        if is_whole or fault.rule == "ns-cname":
            faults.add(fault)
    for fault in too_large(keys, line_of):
        faults.add(fault)
    return of_type["SOA"][0] if "SOA" in of_type else None


def _check_owner(owner: str, found: Mapping[str, list[Key]], line_of: LineOf, apex: str) -> Iterator[ZonePolicyError]:
    def refuse(reason: str, rule: str, *keys: Key) -> ZonePolicyError:
        return ZonePolicyError(reason, rule=rule, owner=owner, line=max(map(line_of, keys)))

    for kind, records in found.items():
        if len(records) > 1 and kind in SINGLETONS:
            yield refuse(f"{owner} has two different {kind} records", SINGLETONS[kind], *records)
    if "SOA" in found and owner != apex:
        yield refuse(f"{owner} has an SOA record, only {apex} may", "soa-elsewhere", *found["SOA"])
    if "CNAME" in found and not found.keys() <= BESIDE_CNAME:
        other = next(kind for kind in found if kind not in BESIDE_CNAME)
        reason = f"{owner} has a CNAME and also {other}: a CNAME must stand alone"
        yield refuse(reason, "cname-and-other", found["CNAME"][0], found[other][0])
    if owner.startswith("*."):
        for kind in NOT_AT_WILDCARD.keys() & found.keys():
            reason = f"a wildcard cannot have {kind} records: named does not load such a zone"
            yield refuse(reason, NOT_AT_WILDCARD[kind], *found[kind][:1])
    if "NS" in found and "DNAME" in found and owner != apex:
        reason = f"{owner} has NS and DNAME records: Knot does not load such a zone (RFC 6672, section 2.3)"
        yield refuse(reason, "ns-and-dname", found["NS"][0], found["DNAME"][0])
    if "DS" in found and owner == apex:
        reason = (
            f"a DS record stands at {apex} itself: it belongs in the parent zone, and named does not load such a zone"
        )
        yield refuse(reason, "ds-at-apex", *found["DS"][:1])


def _check_below_dname(
    keys: Sequence[Key], line_of: LineOf, apex: str, redirected: set[str]
) -> Iterator[ZonePolicyError]:
    """Nothing stands below a DNAME (RFC 6672, section 2.4); NSD and Knot refuse the whole zone."""
    for key in keys:
        for parent in _ancestors(key[0], apex):
            if parent in redirected:
                reason = f"{key[0]} is below the DNAME of {parent}"
                yield ZonePolicyError(reason, rule="below-dname", owner=key[0], line=line_of(key))
                break


def _ancestors(owner: str, apex: str) -> Iterable[str]:
    r"""From the parent up to the apex. A dot inside of a label is written \046, so every dot parts labels."""
    while owner != apex:
        owner = owner.split(".", 1)[1]
        yield owner


def _check_name_servers(
    keys: Sequence[Key], name_servers: Sequence[Key], line_of: LineOf, apex: str, warnings: Warnings
) -> Iterator[ZonePolicyError]:
    """An NS of the apex that lies inside needs an address there, or named will not load the zone. Others: warnings."""
    inside = [(key, key[2]) for key in name_servers if key[2] == apex or key[2].endswith(f".{apex}")]
    if not inside:
        return
    delegated = {owner for owner, _, _ in name_servers if owner != apex}
    wild = _wildcards_of({target for _, target in inside}, keys, apex)
    for key, target in inside:
        owner = key[0]
        found = _types_at(target, keys) or _types_at(wild.get(target, ""), keys)
        if not {"A", "AAAA"}.isdisjoint(found):
            continue
        if "CNAME" in found:
            rule, reason = (
                "ns-cname",
                f"the name server {target} of {owner} is a CNAME, which is not allowed (RFC 2181)",
            )
        elif _is_delegated(target, delegated, apex, owner):
            continue
        else:
            rule = "ns-without-address"
            reason = f"the name server {target} of {owner} is in the zone but has no A or AAAA record"
        if owner == apex:
            yield ZonePolicyError(reason, rule=rule, owner=owner, line=line_of(key))
            continue
        text = f"{reason}: {owner} cannot be resolved"
        warnings.add(rule, text, owner=owner, kind="NS", line=partial(line_of, key))


def _types_at(owner: str, keys: Sequence[Key]) -> set[str]:
    """The types of one owner; `keys` are sorted."""
    return {kind for _, kind, _ in _records_at(owner, keys)}


def _records_at(owner: str, keys: Sequence[Key]) -> Sequence[Key]:
    """The records of one owner; `keys` are sorted."""
    start = end = bisect_left(keys, (owner, "", ""))
    while end < len(keys) and keys[end][0] == owner:
        end += 1
    return keys[start:end]


def _wildcards_of(targets: set[str], keys: Sequence[Key], apex: str) -> dict[str, str]:
    """The wildcard that answers for each target that has one (RFC 4592): no name may exist between the two."""
    parents = {owner[2:] for owner, _, _ in keys if owner.startswith("*.")}
    if not parents:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for target in targets:
        below = target
        for parent in _ancestors(target, apex):
            if parent in parents:
                found[target] = (f"*.{parent}", below)
                break
            below = parent
    between = {below for _, below in found.values()}
    existing = {
        name
        for owner, _ in groupby(keys, key=itemgetter(0))
        for name in (owner, *_ancestors(owner, apex))
        if name in between
    }
    return {target: wild for target, (wild, below) in found.items() if below not in existing}


def _is_delegated(target: str, delegated: set[str], apex: str, owner: str) -> bool:
    """Whether the target lies below another delegation than the one it serves: then its address is not ours to give."""
    return any(parent != owner and parent in delegated for parent in (target, *_ancestors(target, apex)))
