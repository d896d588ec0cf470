"""The rules that a zone must obey so that every name server loads it. Pure.

named refuses a zone without SOA or NS, with an in-zone NS that has no address, with CNAME and other data; NSD drops
such a zone to SERVFAIL and still says ok. So it is refused here, with the line, and the last good version stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from directdnsonly.errors import ZonePolicyError
from directdnsonly.zone.model import Record

BESIDE_CNAME = frozenset({"CNAME", "RRSIG", "NSEC", "KEY", "NSEC3"})  # RFC 4034, section 3
SINGLETONS = ("CNAME", "DNAME", "SOA")


def check(records: Mapping[Record, int], apex: str, *, dropped: int) -> Record:
    """The apex SOA of a zone that every name server will load. `records` gives each record's line.

    Raises ZonePolicyError with the rule, the owner name and the line.
    """
    types: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        types.setdefault(record.owner, {}).setdefault(record.type, []).append(record)
    at_apex = types.get(apex, {})
    hint = (
        f" ({dropped} records lie outside of {apex} and were dropped: is this the zone of another domain?)"
        if dropped
        else ""
    )
    if "SOA" not in at_apex:
        raise ZonePolicyError(f"the zone has no SOA record at {apex}{hint}", rule="soa-missing", owner=apex)
    if "NS" not in at_apex:
        raise ZonePolicyError(f"the zone has no NS record at {apex}{hint}", rule="ns-missing", owner=apex)
    redirected = {owner for owner, found in types.items() if "DNAME" in found}
    for owner, found in types.items():
        _check_owner(owner, found, records, apex)
        if redirected:
            _check_below_dname(owner, found, records, redirected)
    for owner, found in types.items():
        for record in found.get("NS", ()):
            _check_name_server(record, types, records, apex, owner)
    return at_apex["SOA"][0]


def _check_owner(owner: str, found: Mapping[str, list[Record]], records: Mapping[Record, int], apex: str) -> None:
    for kind in SINGLETONS:
        if len(found.get(kind, ())) > 1:
            line = records[found[kind][1]]
            raise ZonePolicyError(
                f"{owner} has two different {kind} records", rule=f"{kind.lower()}-twice", owner=owner, line=line
            )
    if "SOA" in found and owner != apex:
        line = records[found["SOA"][0]]
        raise ZonePolicyError(
            f"{owner} has an SOA record, only {apex} may", rule="soa-elsewhere", owner=owner, line=line
        )
    if "CNAME" in found and not set(found) <= BESIDE_CNAME:
        other = next(kind for kind in found if kind not in BESIDE_CNAME)
        line = max(records[found["CNAME"][0]], records[found[other][0]])
        raise ZonePolicyError(
            f"{owner} has a CNAME and also {other}: a CNAME must stand alone",
            rule="cname-and-other",
            owner=owner,
            line=line,
        )
    if owner.startswith("*.") and not {"NS", "DNAME"}.isdisjoint(found):
        kind = "NS" if "NS" in found else "DNAME"
        raise ZonePolicyError(
            f"a wildcard cannot have {kind} records", rule="wildcard-ns", owner=owner, line=records[found[kind][0]]
        )


def _check_below_dname(
    owner: str, found: Mapping[str, list[Record]], records: Mapping[Record, int], redirected: set[str]
) -> None:
    """Nothing stands below a DNAME (RFC 6672, section 2.4); Knot refuses the whole zone."""
    parent = owner
    while "." in parent.rstrip("."):
        parent = parent.split(".", 1)[1]
        if parent in redirected:
            line = min(records[record] for kind in found.values() for record in kind)
            raise ZonePolicyError(
                f"{owner} stands below the DNAME of {parent}", rule="below-dname", owner=owner, line=line
            )


def _check_name_server(
    record: Record,
    types: Mapping[str, Mapping[str, list[Record]]],
    records: Mapping[Record, int],
    apex: str,
    owner: str,
) -> None:
    """An NS inside the zone needs an address there, or named will not load the zone."""
    target = record.rdata.lower()
    if target != apex and not target.endswith(f".{apex}"):
        return
    found = types.get(target)
    if found is None:
        parent = target
        while parent != apex:
            parent = parent.split(".", 1)[1]
            if (wild := types.get(f"*.{parent}")) is not None:
                found = wild
                break
            if parent in types:
                break
    if found is not None and not {"A", "AAAA"}.isdisjoint(found):
        return
    if found is not None and "CNAME" in found:
        what = f"the name server {target} of {owner} is a CNAME, which no name server may be (RFC 2181)"
        raise ZonePolicyError(what, rule="ns-cname", owner=owner, line=records[record])
    if _is_delegated(target, types, apex, owner):
        return
    what = f"the name server {target} of {owner} lies in the zone and has no A or AAAA record"
    raise ZonePolicyError(what, rule="ns-without-address", owner=owner, line=records[record])


def _is_delegated(target: str, types: Mapping[str, Mapping[str, list[Record]]], apex: str, owner: str) -> bool:
    """Whether the target lies below another delegation than the one it serves: then its address is not ours to give."""
    parent = target
    while parent != apex:
        if parent != owner and "NS" in types.get(parent, {}):
            return True
        parent = parent.split(".", 1)[1]
    return False
