"""Warnings that need the whole zone. Pure; `keys` are sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from directdnsonly.wording import with_article
from directdnsonly.zone.apex import DELETE, matches
from directdnsonly.zone.warn import OF_RDATA, Key, LineOf, Warnings
from directdnsonly.zone.warn_record import address_as_name, of_odd_name


class View(NamedTuple):
    """A zone as the rules see it: its sorted keys, the same by type, the apex, and where a key stands in the text."""

    keys: Sequence[Key]
    of_type: Mapping[str, Sequence[Key]]
    apex: str
    line_of: LineOf


ZoneRule = Callable[[View, Warnings], None]

_AT_A_CUT: Final = frozenset({"NS", "DS", "NSEC", "NSEC3", "RRSIG"})
_GLUE: Final = frozenset({"A", "AAAA"})
_HOSTS: Final = ("CNAME", "MX", "NS", "SRV")  # whose last field is a name that has, in the end, an address
_SHOWN_IN_A_CIRCLE: Final = 6


def _odd_owners(zone: View, warnings: Warnings) -> None:
    """Names that nobody will ask for."""
    last = ""
    for key in zone.keys:
        owner, kind, _ = key
        if "\\" in owner and owner != last and (text := of_odd_name(owner)):
            last = owner
            if warnings.is_full:
                return
            warnings.add("odd-name", text, owner=owner, kind=kind, line=partial(zone.line_of, key))


def _targets(kind: str, zone: View, warnings: Warnings) -> None:
    """Names that records of this type lead to and that cannot be meant."""
    for key in zone.of_type[kind]:
        owner, _, data = key
        if data[data.rfind(" ") + 1] not in "0123456789\\" and "\\" not in data:
            continue
        if warnings.is_full:
            return
        target = data[data.rfind(" ") + 1 :]
        if kind in _HOSTS and (text := address_as_name(owner, target)):
            warnings.add("address-as-name", text, owner=owner, kind=kind, line=partial(zone.line_of, key))
        elif text := of_odd_name(target):
            warnings.add("odd-name", text, owner=owner, kind=kind, line=partial(zone.line_of, key))


def _null_mx(zone: View, warnings: Warnings) -> None:
    """RFC 7505, section 3: who takes no mail has no other MX."""
    exchanges = zone.of_type.get("MX", ())
    for null in [key for key in exchanges if key[2].endswith(" .")]:
        owner = null[0]
        if sum(key[0] == owner for key in exchanges) > 1:
            text = (
                f"{owner} accepts no mail (MX to .) but has other MX records as well (RFC 7505): keep one or the other"
            )
            warnings.add("null-mx", text, owner=owner, kind="MX", line=partial(zone.line_of, null))


def _occluded(zone: View, warnings: Warnings) -> None:
    """At and below a delegation only the other zone's servers are asked; our own records there are never seen."""
    apex = zone.apex
    delegations = zone.of_type.get("NS", ())
    cuts = {owner for owner, _, _ in delegations if owner != apex}
    if not cuts:
        return
    servers = {data for _, _, data in delegations}
    depth = apex.count(".") + 1
    for (owner, kind), found in groupby(zone.keys, key=itemgetter(0, 1)):
        if kind in _GLUE and owner in servers:
            continue
        if owner in cuts:
            cut = owner
            if kind in _AT_A_CUT:
                continue
        elif owner.count(".") <= depth or not (cut := next((name for name in _above(owner, apex) if name in cuts), "")):
            continue
        text = f"{owner} {kind} lies in {cut}, which is delegated to other name servers: it is never served from here"
        warnings.add("occluded", text, owner=owner, kind=kind, line=partial(zone.line_of, next(found)))


def _above(owner: str, apex: str) -> Iterator[str]:
    while owner != apex:
        owner = owner.split(".", 1)[1]
        yield owner


def _ds_without_ns(zone: View, warnings: Warnings) -> None:
    """A DS says that a delegated zone is signed."""
    signed = zone.of_type.get("DS", ())
    if not signed:
        return
    cuts = {owner for owner, _, _ in zone.of_type.get("NS", ())}
    for owner, found in groupby(signed, key=itemgetter(0)):
        if owner not in cuts:
            text = f"{owner} has a DS but no NS, so nothing is delegated there, and BIND 9.20 does not load such a zone unless `check-integrity no` is set"
            warnings.add("ds-without-ns", text, owner=owner, kind="DS", line=partial(zone.line_of, next(found)))


def _child_keys(kind: str, zone: View, warnings: Warnings) -> None:
    """CDS and CDNSKEY tell the parent zone which keys there are (RFC 7344, section 4.1: each matches a DNSKEY)."""
    keys = [data for owner, _, data in zone.of_type.get("DNSKEY", ()) if owner == zone.apex]
    for key in zone.of_type.get(kind, ()):
        owner, _, data = key
        if owner != zone.apex:
            text = f"{with_article(kind)} record has a meaning only at {zone.apex}: nobody queries it at {owner}"
        elif data != DELETE[kind] and not any(matches(kind, data, one, zone.apex) for one in keys):
            text = f"the {kind} record matches none of the zone's DNSKEY records (RFC 7344): the parent zone will not accept it"
        else:
            continue
        warnings.add("cds-other-key", text, owner=owner, kind=kind, line=partial(zone.line_of, key))


def _circles(zone: View, warnings: Warnings) -> None:
    """CNAMEs that lead back to where they began."""
    aliases = zone.of_type.get("CNAME", ())
    targets = {owner: data for owner, _, data in aliases}
    starts = [owner for owner, _, data in aliases if data in targets]
    seen: set[str] = set()
    for start in starts:
        way: dict[str, None] = {}
        name = start
        while name in targets and name not in seen and name not in way:
            way[name] = None
            name = targets[name]
        if name in way:
            circle = list(way)[list(way).index(name) :]
            shown = " -> ".join([*circle[:_SHOWN_IN_A_CIRCLE], *(["..."] * (len(circle) > _SHOWN_IN_A_CIRCLE)), name])
            text = f"the CNAMEs form a loop, so resolvers find no answer: {shown}"
            key = (name, "CNAME", targets[name])
            warnings.add("cname-circle", text, owner=name, kind="CNAME", line=partial(zone.line_of, key))
        seen.update(way)


RULES: Final[Mapping[str, Sequence[ZoneRule]]] = {  # by the type without which there is nothing to look at
    "MX": (partial(_targets, "MX"), _null_mx),
    "NS": (partial(_targets, "NS"), _occluded),
    "CNAME": (partial(_targets, "CNAME"), _circles),
    "SRV": (partial(_targets, "SRV"),),
    "DNAME": (partial(_targets, "DNAME"),),
    "PTR": (partial(_targets, "PTR"),),
    "DS": (_ds_without_ns,),
    "CDS": (partial(_child_keys, "CDS"),),
    "CDNSKEY": (partial(_child_keys, "CDNSKEY"),),
}


def by_type(keys: Sequence[Key]) -> dict[str, list[Key]]:
    """The records grouped by type, each group in order."""
    found: dict[str, list[Key]] = {}
    for key in keys:
        if key[1] in found:
            found[key[1]].append(key)
        else:
            found[key[1]] = [key]
    return found


def judge(zone: View, warnings: Warnings, *, odd: bool = True) -> None:
    """Add every whole-zone warning for a zone without faults. `odd`: owner names may contain unusual characters."""
    if odd:
        _odd_owners(zone, warnings)
    for kind, keys in zone.of_type.items():
        if kind in OF_RDATA:
            warnings.of_rdata(keys, zone.line_of)
        for rule in RULES.get(kind, ()):
            rule(zone, warnings)
