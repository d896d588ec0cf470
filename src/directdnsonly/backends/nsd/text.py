r"""Our normalised text as NSD reads it: some records in the generic form (RFC 3597), octet by octet. Pure.

* An interval of the SOA above 2**31 - 1: 4.6 takes it for a mistake and serves 3600 in its place, without a word. (From 4.12
  on such a zone is loaded in no form.)
* LOC at the lowest altitude, and HTTPS that names keys as mandatory which are so anyway (RFC 9460, section 9): 4.12 refuses
  the zone for their text, and loads them in this form.

Every other zone goes to it as it is.
"""

from __future__ import annotations

import re
import struct
from typing import Final

import dns.rdata

from directdnsonly.zone import service
from directdnsonly.zone.octets import generic, name_octets

_LARGEST: Final = 2**31 - 1
_SOA_LINE: Final = 2  # $ORIGIN, $TTL, SOA
_FIELDS: Final = 4  # owner TTL IN SOA


_TEXT_REFUSED: Final = re.compile(
    r"^(\S+ \d+ IN )(?:(LOC) (.* -100000\.00m(?: .*)?)|(HTTPS) (.* mandatory=.*))$", re.MULTILINE
)


def for_nsd(text: str) -> str:
    """The text to write into NSD's file."""
    if "-100000.00m" in text or " mandatory=" in text:
        text = _TEXT_REFUSED.sub(_in_octets, text)
    origin, ttl, soa, rest = text.split("\n", 3)
    fields = soa.split(" ")
    mname, rname, *numbers = fields[_FIELDS:]
    intervals = [int(number) for number in numbers]
    if max(intervals[1:]) <= _LARGEST:
        return text
    octets = name_octets(mname) + name_octets(rname) + struct.pack("!5I", *intervals)
    return "\n".join((origin, ttl, " ".join((*fields[:_FIELDS], generic(octets))), rest))


def _in_octets(found: re.Match[str]) -> str:
    head, loc, place, https, said = found.groups()
    if loc:
        return f"{head}{loc} {generic(dns.rdata.from_text('IN', loc, place).to_wire() or b'')}"
    return f"{head}{https} {generic(_service_octets(service.read(said)))}"


def _service_octets(found: service.Service) -> bytes:
    parameters = (struct.pack("!HH", key, len(octets)) + octets for key, octets in sorted(found.parameters.items()))
    return struct.pack("!H", found.priority) + name_octets(found.name) + b"".join(parameters)
