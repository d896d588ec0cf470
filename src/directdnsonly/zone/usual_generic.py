r"""A check that RDATA in the generic form is complete and canonical, for the types that we write so. Pure.

Our own text is read again from the store, and dnspython takes thirty times as long for a HIP as for an address. `is_whole` is
False for all that dnspython would change or refuse, and for what is too rare to be checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from directdnsonly.zone.domain import MAX_NAME_OCTETS

_NAME: Final = -1  # in a row, instead of a number of octets
_MOST_LABEL: Final = 63
_MOST_APL_ITEMS: Final = 64  # NSD loads no record with more
_APL_OCTETS: Final = {1: 4, 2: 16}  # of an address, by family
_LENGTH: Final = 0x7F  # of an APL item; the bit above negates it
_LEAST_DHCID: Final = 4
_GATEWAYS: Final[Sequence[Sequence[int]]] = ((), (4,), (16,), (_NAME,))  # RFC 4025, section 2.5


def is_whole(kind: str, octets: bytes) -> bool:
    """Whether the octets are valid RDATA of this type that dnspython would leave unchanged."""
    check = WHOLE.get(kind)
    try:
        return check is not None and check(octets)
    except IndexError:  # they end too early
        return False


def _end_of_row(octets: bytes, at: int, row: Sequence[int]) -> int:
    """Where the fields end that begin there. Raises IndexError."""
    for size in row:
        at = _end_of_name(octets, at) if size == _NAME else at + size
    if at > len(octets):
        raise IndexError
    return at


def _end_of_name(octets: bytes, start: int) -> int:
    at = start
    while size := octets[at]:
        if size > _MOST_LABEL:  # or a pointer
            raise IndexError
        at += size + 1
    if at + 1 - start > MAX_NAME_OCTETS:
        raise IndexError
    return at + 1


def _row(*row: int) -> Callable[[bytes], bool]:
    return lambda octets: _end_of_row(octets, 0, row) == len(octets)


def _strings(octets: bytes) -> bool:
    at = 0
    while at < len(octets):
        at += octets[at] + 1
    return at == len(octets) > 0


def _ipseckey(octets: bytes) -> bool:
    return _end_of_row(octets, 3, _GATEWAYS[octets[1]]) < len(octets)


def _amtrelay(octets: bytes) -> bool:
    return _end_of_row(octets, 2, _GATEWAYS[octets[1] & 0x7F]) == len(octets)


def _hip(octets: bytes) -> bool:
    tag, key = octets[0], int.from_bytes(octets[2:4], "big")
    at = 4 + tag + key
    while at < len(octets):
        at = _end_of_name(octets, at)
    return at == len(octets) and tag > 0 and key > 0


def _apl(octets: bytes) -> bool:
    at = items = 0
    while at < len(octets):
        most = _APL_OCTETS.get(octets[at + 1], 0) if octets[at] == 0 else 0
        size = octets[at + 3] & _LENGTH
        prefix, at = octets[at + 2], at + 4 + size
        items += 1
        if not most or size > most or prefix > most * 8 or (size and not octets[at - 1]):
            return False
    return at == len(octets) and 0 < items <= _MOST_APL_ITEMS


WHOLE: Final[Mapping[str, Callable[[bytes], bool]]] = MappingProxyType(
    {
        "TYPE21": _row(2, _NAME),  # RT
        "TYPE22": lambda octets: len(octets) > 0,  # NSAP
        "TYPE26": _row(2, _NAME, _NAME),  # PX
        "TYPE42": _apl,
        "TYPE45": _ipseckey,
        "TYPE49": lambda octets: len(octets) >= _LEAST_DHCID,
        "TYPE55": _hip,
        "TYPE56": _strings,  # NINFO
        "TYPE66": _row(5, _NAME),  # DSYNC
        "TYPE104": _row(10),  # NID
        "TYPE105": _row(6),  # L32
        "TYPE106": _row(10),  # L64
        "TYPE107": _row(2, _NAME),  # LP
        "TYPE258": _strings,  # AVC
        "TYPE260": _amtrelay,
        "TYPE261": _strings,  # RESINFO
        "TYPE262": _strings,  # WALLET
    }
)
