"""When two records are the same to a name server: names compare without case (RFC 4343). Pure.

named, NSD and Knot merge such records, so an AXFR returns one, and a count that tells them apart never agrees. For some
types (HTTPS, SVCB, NSEC, LP, IPSECKEY, NSAP-PTR, AMTRELAY) only one of the three merges: we merge for all, and they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from directdnsonly.zone.octets import generic


def _field(place: int) -> Callable[[str], str]:
    def folded(rdata: str) -> str:
        fields = rdata.split(" ", place + 1)
        if rdata.startswith("\\#") or len(fields) <= place:
            return rdata
        fields[place] = fields[place].lower()
        return " ".join(fields)

    return folded


def _last_field(rdata: str) -> str:
    head, _, name = rdata.rpartition(" ")
    return f"{head} {name.lower()}"


def _service(rdata: str) -> str:
    """HTTPS and SVCB: by field, or (later keys) in the generic form: priority, name."""
    return _octets(2, 1)(rdata) if rdata.startswith("\\#") else _field(1)(rdata)


def _octets(start: int, names: int) -> Callable[[str], str]:
    """For the generic form: `names` uncompressed names from octet `start` on."""

    def folded(rdata: str) -> str:
        octets = bytes.fromhex(rdata.split(" ", 2)[2])
        end = start
        for _name in range(names):
            while end < len(octets) and octets[end]:
                end += octets[end] + 1
            end += 1
        return generic(octets[:start] + octets[start:end].lower() + octets[end:])  # lengths are below "A"

    return folded


def _ipseckey(rdata: str) -> str:
    octets = bytes.fromhex(rdata.split(" ", 2)[2])
    return _octets(3, 1)(rdata) if octets[1:2] == b"\x03" else rdata  # the gateway is a name (RFC 4025)


def _amtrelay(rdata: str) -> str:
    octets = bytes.fromhex(rdata.split(" ", 2)[2])
    is_name = len(octets) > 1 and octets[1] & 0x7F == _RELAY_IS_NAME
    return _octets(2, 1)(rdata) if is_name else rdata


_RELAY_IS_NAME: Final = 3  # RFC 8777, section 4.2.3; the first bit of that octet is another field
FOLDS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        **dict.fromkeys(
            ["NS", "CNAME", "PTR", "DNAME", "MX", "SRV", "RP", "AFSDB", "KX", "SOA", "NSEC", "MINFO"], str.lower
        ),
        "NAPTR": _last_field,
        "HTTPS": _service,
        "SVCB": _service,
        "RRSIG": _field(7),
        "TYPE21": _octets(2, 1),  # RT
        "TYPE23": _octets(0, 1),  # NSAP-PTR
        "TYPE26": _octets(2, 2),  # PX
        "TYPE45": _ipseckey,
        "TYPE107": _octets(2, 1),  # LP
        "TYPE260": _amtrelay,
    }
)
