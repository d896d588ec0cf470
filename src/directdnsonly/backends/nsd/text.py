r"""Our normalised text as NSD reads it. Pure.

NSD 4.6 takes an interval of the SOA above 2**31 - 1 for a mistake and serves 3600 in its place, without a word; the
generic form (RFC 3597) it reads octet by octet. Every other zone goes to it as it is.
"""

from __future__ import annotations

import struct
from typing import Final

from directdnsonly.zone.octets import generic, name_octets

_LARGEST: Final = 2**31 - 1
_SOA_LINE: Final = 2  # $ORIGIN, $TTL, SOA
_FIELDS: Final = 4  # owner TTL IN SOA


def for_nsd(text: str) -> str:
    """The text to write into NSD's file."""
    origin, ttl, soa, rest = text.split("\n", 3)
    fields = soa.split(" ")
    mname, rname, *numbers = fields[_FIELDS:]
    intervals = [int(number) for number in numbers]
    if max(intervals[1:]) <= _LARGEST:
        return text
    octets = name_octets(mname) + name_octets(rname) + struct.pack("!5I", *intervals)
    return "\n".join((origin, ttl, " ".join((*fields[:_FIELDS], generic(octets))), rest))
