r"""RDATA of the rarer types, parsed by dnspython and written in a form that named 9.18, NSD 4.6 and Knot 3.2 all load. Pure.

Where a daemon cannot read what others can, the same octets are written so that it can: TYPEnnn for a mnemonic that one
of them does not know, `\# length octets` (RFC 3597) for RDATA whose text one of them refuses. What one of them refuses
in every form is refused here, with the reason. Each rule was found with, and is tested against, the daemons themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import dns.immutable
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.RP import RP

from directdnsonly.zone.domain import RdataError, absolute, ascii_only
from directdnsonly.zone.naptr import is_substitution
from directdnsonly.zone.tokens import Token

# Mnemonics that named 9.18, NSD 4.6 and Knot 3.2 all read; every other type is written as TYPEnnn.
COMMON_MNEMONICS: Final = frozenset(
    [
        "A",
        "AAAA",
        "NS",
        "CNAME",
        "SOA",
        "PTR",
        "MX",
        "TXT",
        "SRV",
        "CAA",
        "DS",
        "TLSA",
        "NAPTR",
        "SSHFP",
        "LOC",
        "HINFO",
        "RP",
        "DNAME",
        "SPF",
        "DNSKEY",
        "RRSIG",
        "NSEC",
        "NSEC3",
        "NSEC3PARAM",
        "CDS",
        "CDNSKEY",
        "OPENPGPKEY",
        "SMIMEA",
        "HTTPS",
        "SVCB",
        "AFSDB",
        "CERT",
        "KX",
        "KEY",
        "MINFO",
        "EUI48",
        "EUI64",
        "URI",
        "CSYNC",
        "ZONEMD",
    ]
)
# named knows an inner form of these and refuses all other octets; dnspython knows less of it, and nobody uses them.
OUT_OF_USE: Final[Mapping[int, str]] = MappingProxyType({
    7: "MB", 8: "MG", 9: "MR", 11: "WKS", 19: "X25", 23: "NSAP-PTR", 24: "SIG", 30: "NXT", 34: "ATMA", 38: "A6",
    40: "SINK", 57: "RKEY", 58: "TALINK", 259: "DOA", 32768: "TA", 32769: "DLV",
})  # fmt: skip
# NSAP, EID, NIMLOC, HHIT: named wants an octet; DHCID: NSD from 4.12 on wants the type, the digest's and one of the digest.
LEAST_OCTETS: Final = {22: 1, 31: 1, 32: 1, 67: 1, 49: 4}
_MOST_APL_ITEMS: Final = 64  # NSD loads no record with more
LARGEST_TTL: Final = 2**31 - 1  # NSD 4.6 reads a larger one as 3600 in the text of an RRSIG
_NO_KEY: Final = 0xC000  # both flags: the KEY record says that there is no key (RFC 2535, section 3.1.2)
_SHA1_OCTETS: Final = 20
_MOST_HASH_OCTETS: Final = 39  # in base32hex a label of 63; named loads no more
_LOC_DEGREES: Final = {"latitude": 90, "longitude": 180}
_LOC_CM: Final = (-10_000_000, 2**32 - 1 - 10_000_000)  # of altitude: 32 bits, from 100,000 m below (RFC 1876)
_LOC_MOST_CM: Final = 9_000_000_000  # of size and precision, in this text form


@dns.immutable.immutable
class MINFO(RP):
    """MINFO (RFC 1035, section 3.3.7): two names, as in RP; dnspython does not know this type."""


dns.rdata.register_type(sys.modules[__name__], dns.rdatatype.MINFO, "MINFO")


def mnemonic_of(number: int) -> str:
    """How we write a type: by its name if every daemon knows it, otherwise as TYPEnnn."""
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
    return name if name in COMMON_MNEMONICS else f"TYPE{number}"


def by_dnspython(kind: str, tokens: Sequence[Token], origin: str) -> str:
    """RDATA in the form that every daemon loads. `kind` is as `mnemonic_of` writes it.

    Raises RdataError and whatever dnspython raises; `zone.forms` then says what was wrong.
    """
    text = "".join(
        ("" if token.glued else " ") + (f'"{token.text}"' if token.quoted else token.text) for token in tokens
    ).lstrip()
    number = dns.rdatatype.from_text(kind)
    if number in OUT_OF_USE:
        raise RdataError(
            f"type {OUT_OF_USE[number]} ({number}) is obsolete, and not every name server loads it",
            rule="type-unused",
        )
    found = dns.rdata.from_text(dns.rdataclass.IN, number, ascii_only(text), origin=_name(origin), relativize=False)
    written = _CARE.get(kind, _generic if kind.startswith("TYPE") else _plain)(found)
    octets = found.to_wire() or b""  # what has no wire form cannot be served
    if not written or written[-1] == " " or len(octets) < LEAST_OCTETS.get(number, 0):
        raise RdataError(
            f"the {dns.rdatatype.to_text(number)} record is incomplete: its last field is empty or too short"
        )
    return written


@lru_cache(64)
def _name(origin: str) -> dns.name.Name:
    return dns.name.from_text(origin)


def _plain(found: Any) -> str:
    return str(found.to_text())


def _generic(found: Any) -> str:
    return str(found.to_generic().to_text()).rstrip()  # of no octets: a blank too much


def _cert(found: Any) -> str:
    """In numbers: of some algorithms each daemon has a name of its own."""
    certificate = _plain(found).split(" ", 3)[3]
    return f"{int(found.certificate_type)} {found.key_tag} {int(found.algorithm)} {certificate}"


def _loc(found: Any) -> str:
    """The bounds of RFC 1876; dnspython looks at some."""
    for what, most in _LOC_DEGREES.items():
        degrees, *parts, _sign = getattr(found, what)
        if degrees >= most and any(parts):
            raise RdataError(f"the {what} of the LOC record is beyond {most} degrees: named does not load it")
    if not _LOC_CM[0] <= round(found.altitude) <= _LOC_CM[1]:
        raise RdataError("the altitude of the LOC record is not between -100000.00m and 42849672.95m (RFC 1876)")
    if max(found.size, found.horizontal_precision, found.vertical_precision) > _LOC_MOST_CM:
        raise RdataError("the size or precision of the LOC record is larger than 90000000.00m (RFC 1876)")
    return _plain(found)


def _apl(found: Any) -> str:
    if len(found.items) > _MOST_APL_ITEMS:
        raise RdataError(f"the APL record has {len(found.items)} items, but NSD loads at most {_MOST_APL_ITEMS}")
    return _generic(found)


def _hip(found: Any) -> str:
    if not found.hit or not found.key:
        raise RdataError("the HIP record lacks its identity tag or key: named does not load it")
    return _generic(found)


def _key(found: Any) -> str:
    if bool(found.key) == (found.flags & _NO_KEY == _NO_KEY):
        raise RdataError("the KEY record has no key, though its flags do not say so: named does not load it")
    return _plain(found) if found.key else _generic(found)


def _naptr(found: Any) -> str:
    if not is_substitution(found.regexp):
        raise RdataError(
            "the NAPTR's regexp is not of the form !expression!replacement! (RFC 3402): named does not load it"
        )
    head, name = _plain(found).rsplit(" ", 1)
    return f"{head} {absolute(name, '.')}"


def _nsec(found: Any) -> str:
    if not found.windows:
        raise RdataError("the NSEC record lists no types: named does not load it")
    return _with_types(_respelled(_plain(found), 0), found, 1)


def _nsec3(found: Any) -> str:
    if found.algorithm == 1 and len(found.next) != _SHA1_OCTETS:
        raise RdataError(f"the next hash of the NSEC3 record has {len(found.next)} octets, but SHA-1 has 20 (RFC 5155)")
    if len(found.next) > _MOST_HASH_OCTETS:
        raise RdataError(
            f"the next hash has {len(found.next)} octets, but at most {_MOST_HASH_OCTETS} fit into a name (RFC 5155)"
        )
    # Each of them reads the text of another length in another way.
    return _with_types(_plain(found), found, 5) if len(found.next) == _SHA1_OCTETS else _generic(found)


def _rrsig(found: Any) -> str:
    if len(found.signer.labels) - 1 > found.labels:
        raise RdataError(f"the RRSIG has fewer labels ({found.labels}) than its signer: named does not load it")
    if found.original_ttl > LARGEST_TTL:
        return _generic(found)
    return _with_types(_respelled(_plain(found), 7), found, 0, 1)


def _ipseckey(found: Any) -> str:
    if not found.key:
        raise RdataError("the IPSECKEY record has no key: named does not load it")
    return _generic(found)


def _respelled(text: str, field: int) -> str:
    """With the name in that field in our spelling."""
    fields = text.split(" ")
    fields[field] = absolute(fields[field], ".")
    return " ".join(fields)


def _with_types(text: str, found: Any, start: int, stop: int | None = None) -> str:
    """With the type names of these fields as every daemon knows them; type 0 NSD reads only in the generic form."""
    fields = text.split(" ")
    if "TYPE0" in fields[start:stop]:
        return _generic(found)
    fields[start:stop] = [mnemonic_of(dns.rdatatype.from_text(word)) for word in fields[start:stop]]
    return " ".join(fields)


_CARE: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "CERT": _cert,
        "KEY": _key,
        "LOC": _loc,
        "NAPTR": _naptr,
        "NSEC": _nsec,
        "NSEC3": _nsec3,
        "CSYNC": lambda found: _with_types(_plain(found), found, 2),
        "RRSIG": _rrsig,
        "TYPE42": _apl,
        "TYPE45": _ipseckey,
        "TYPE55": _hip,
    }
)
