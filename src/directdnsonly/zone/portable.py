r"""RDATA of the less usual types, by dnspython, in a form that named 9.18, NSD 4.6 and Knot 3.2 all load. Pure.

Where a daemon cannot read what others can, the same octets are written so that it can: TYPEnnn for a mnemonic that one
of them does not know, `\# length octets` (RFC 3597) for RDATA whose text one of them refuses. What one of them refuses
in every form is refused here, with the reason. Each rule was found by, and is tested against, the daemons themselves.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

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
        "EUI48",
        "EUI64",
        "URI",
        "CSYNC",
        "ZONEMD",
    ]
)
# named knows an inner form of these and refuses all other octets; dnspython knows less of it, and nobody uses them.
OUT_OF_USE: Final[Mapping[int, str]] = MappingProxyType({
    7: "MB", 8: "MG", 9: "MR", 11: "WKS", 14: "MINFO", 19: "X25", 24: "SIG", 25: "KEY", 30: "NXT", 34: "ATMA", 38: "A6",
    40: "SINK", 57: "RKEY", 58: "TALINK", 259: "DOA", 32768: "TA", 32769: "DLV",
})  # fmt: skip
_NEVER_EMPTY: Final = frozenset({22, 31, 32, 49, 67})  # NSAP, EID, NIMLOC, DHCID, HHIT: named wants an octet at least
_CAA_TAG: Final = re.compile(rb"[a-z0-9]{1,15}\Z")  # all that NSD reads as text
_LAST_COMMON_KEY: Final = 6  # SvcParamKeys up to ipv6hint (RFC 9460); Knot 3.2 reads no text of a later one
_MANDATORY, _ALPN, _NO_DEFAULT_ALPN, _DOHPATH = 0, 1, 2, 7
_DOH_TEMPLATE: Final = re.compile(rb"/[ -z|~]*\{\?dns\}[ -z|~]*\Z")


def mnemonic_of(number: int) -> str:
    """How a type is written: by name where every daemon knows it, else TYPEnnn."""
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
    return name if name in COMMON_MNEMONICS else f"TYPE{number}"


def by_dnspython(kind: str, tokens: Sequence[Token], origin: str) -> str:
    """RDATA in the form that every daemon loads. `kind` is as `mnemonic_of` writes it. Raises RdataError."""
    text = "".join(
        ("" if token.glued else " ") + (f'"{token.text}"' if token.quoted else token.text) for token in tokens
    ).lstrip()
    number = dns.rdatatype.from_text(kind)
    if number in OUT_OF_USE:
        raise RdataError(
            f"type {OUT_OF_USE[number]} ({number}) is out of use, and not every name server loads it",
            rule="type-unused",
        )
    try:
        found = dns.rdata.from_text(
            dns.rdataclass.IN, number, ascii_only(text), origin=dns.name.from_text(origin), relativize=False
        )
        octets = found.to_wire() or b""  # what has no wire form cannot be served
        written = _CARE.get(kind, _generic if kind.startswith("TYPE") else _plain)(found)
    except RdataError:
        raise
    except (dns.exception.DNSException, ValueError, OverflowError, binascii.Error, IndexError) as error:
        raise RdataError(f"bad {kind} data: {str(error) or type(error).__name__}"[:300]) from None
    if not written or written[-1] == " " or (not octets and number in _NEVER_EMPTY):
        raise RdataError(f"the {kind} record is not complete: its last field is empty")
    return written


def _plain(found: Any) -> str:
    return str(found.to_text())


def _generic(found: Any) -> str:
    return str(found.to_generic().to_text()).rstrip()  # of no octets: a blank too much


def _caa(found: Any) -> str:
    return _plain(found) if _CAA_TAG.match(found.tag) else _generic(found)


def _cert(found: Any) -> str:
    """In numbers: of some algorithms each daemon has a name of its own."""
    certificate = _plain(found).split(" ", 3)[3]
    return f"{int(found.certificate_type)} {found.key_tag} {int(found.algorithm)} {certificate}"


def _service(found: Any) -> str:
    """HTTPS and SVCB (RFC 9460)."""
    if _NO_DEFAULT_ALPN in found.params and _ALPN not in found.params:
        raise RdataError("no-default-alpn needs alpn beside it (RFC 9460, section 7.1.1)")
    if _MANDATORY in found.params and not found.params[_MANDATORY].keys:
        raise RdataError("mandatory lists no keys (RFC 9460, section 8): named does not load it")
    if _DOHPATH in found.params and not _DOH_TEMPLATE.match(getattr(found.params[_DOHPATH], "value", b"")):
        raise RdataError("dohpath is not a path with {?dns} in it (RFC 9461, section 5): named does not load it")
    if any(int(key) > _LAST_COMMON_KEY for key in found.params):
        return _generic(found)
    return _respelled(_plain(found), 1)


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


def _nsec3param(found: Any) -> str:
    if found.algorithm != 1:  # SHA-1 is the only one there is (RFC 5155, section 11)
        raise RdataError(f"NSEC3PARAM names the hash {found.algorithm}, only 1 exists: named and Knot do not load it")
    return _plain(found)


def _rrsig(found: Any) -> str:
    if len(found.signer.labels) - 1 > found.labels:
        raise RdataError(f"the RRSIG has fewer labels ({found.labels}) than its signer: named does not load it")
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
        "CAA": _caa,
        "CERT": _cert,
        "HTTPS": _service,
        "SVCB": _service,
        "NAPTR": _naptr,
        "NSEC": _nsec,
        "NSEC3": lambda found: _with_types(_plain(found), found, 5),
        "NSEC3PARAM": _nsec3param,
        "CSYNC": lambda found: _with_types(_plain(found), found, 2),
        "RRSIG": _rrsig,
        "TYPE45": _ipseckey,
    }
)
