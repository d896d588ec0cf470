"""A quick look at a zone as nearly all are, which finds that no rule has anything to say of it. Pure.

All rules together run through a lot of code for 16 records, of which none applies. One loop over the records tells whether any of
them could: if not, neither `validate.check` nor `warn_zone.judge` is asked. It may send a zone to them in vain, never past them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from directdnsonly.zone.answers import LARGEST_ANSWER, most_octets_of
from directdnsonly.zone.warn import Key

_UNJUDGED: Final = frozenset({"A", "AAAA", "CAA", "SPF", "SSHFP", "TXT"})  # no rule looks at one of these
_TARGETS: Final = frozenset({"CNAME", "MX", "NS", "SRV"})  # their last field is a name
_ODD_STARTS: Final = frozenset("0123456789\\.")  # of an address, an escape, the root
_LONGEST_INTERVAL: Final = 9  # digits: below 2**31 seconds


def soa_at_a_glance(keys: Sequence[Key], apex: str) -> Key | None:
    """The SOA of a zone that breaks no rule and deserves no warning; None if that needs to be judged.

    `keys` are sorted; no owner lies outside the zone or has an escape, as the fast parser makes sure.
    """
    soa: Key | None = None
    alias = last = ""
    led_to: dict[str, str] = {}
    name_servers = 0
    for key in keys:
        owner, kind, data = key
        if owner == alias:
            return None  # something beside a CNAME
        if kind in _TARGETS:
            target = data[data.rfind(" ") + 1 :]
            if target[0] in _ODD_STARTS or "\\" in target:
                return None
            if kind == "NS":
                if owner != apex or target.endswith(apex):
                    return None  # a delegation, or a name server that needs an address here
                name_servers += 1
            elif kind == "CNAME":
                if owner == last:
                    return None
                led_to[owner], alias = target, owner
        elif kind == "SOA" and soa is None and owner == apex and _has_usual_times(data):
            soa = key
        elif kind not in _UNJUDGED:
            return None
        last = owner
    is_sound = name_servers and led_to.keys().isdisjoint(led_to.values()) and most_octets_of(keys) <= LARGEST_ANSWER
    return soa if is_sound else None


def _has_usual_times(data: str) -> bool:
    return max(map(len, data.split(" ")[3:])) <= _LONGEST_INTERVAL
