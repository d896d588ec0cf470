"""What one record tells by itself: its words as they were written, or its RDATA in normal form. Pure.

Each function gives the text of a warning, empty when all is well; warn.OF_LINE and warn.OF_RDATA name their rules.
"""

from __future__ import annotations

import re
from typing import Final

from directdnsonly.zone import service
from directdnsonly.zone.tokens import Line

_SHOWN: Final = 60  # characters of what is quoted
_ADDRESS: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})\.(.*)")
_ADDRESS_6: Final = re.compile(r"[0-9a-f]*\\058[0-9a-f\\]*\.")
_ABOVE_ASCII: Final = re.compile(r"\\(?:12[89]|1[3-9]\d|2\d\d)")
_COLON: Final = "\\058"
_CURLY: Final = ("\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98", "\xe2\x80\x99")
_HTTP: Final = frozenset({b"h2", b"h3", b"http/1.1"})
_DIGEST_DIGITS: Final = {"1": 64, "2": 128}  # of SHA-256 and SHA-512, by matching type
_LAST_DATE: Final = "21060207062815"  # 2**32 - 1 seconds
_LARGEST_USUAL: Final = 2**31 - 1
_NOT_LOADED: Final = "BIND 9.20 does not load such a zone"
_PRIVATE: Final = {"253": "name", "254": "OID"}  # PRIVATEDNS and PRIVATEOID


def cut(line: Line, start: int) -> str:
    """A semicolon outside of quotation marks begins a comment; what stood behind it is not served."""
    for token in (line.tokens or ())[start:]:
        if token.cut and (not token.quoted or "=" in token.cut):
            left_out = token.cut[1:].strip()[:_SHOWN]
            return (
                f"a semicolon outside of quotation marks begins a comment: {left_out!a} is left out;"
                " write the whole text between quotation marks"
            )
    return ""


def curly(line: Line, start: int) -> str:
    """Typographic quotation marks are text like any other."""
    if any(word.startswith(_CURLY) for word in line.words[start:] if not word.isascii()):
        return 'the text begins with a typographic quotation mark, which is served as part of it: write "'
    return ""


def address_as_name(owner: str, target: str) -> str:
    """An address where a name belongs is looked up as a name."""
    if found := _ADDRESS.match(target):
        rest = found[2]
        if rest and owner != rest and not owner.endswith(f".{rest}"):
            return ""  # a name that only begins so, as in the zones of block lists
        address = found[1]
    elif _ADDRESS_6.match(target):
        address = target.split(".", 1)[0].replace(_COLON, ":")
    else:
        return ""
    return (
        f"{address} stands where a host name belongs, and nobody will find it: give it a name with an A or AAAA record"
    )


def of_odd_name(name: str) -> str:
    """A name as somebody typed it who did not know how names are written."""
    if name.startswith("\\035"):
        return f"# begins no comment in a zone file, and {name} is served as a name: write ;"
    if not _ABOVE_ASCII.search(name):
        return ""
    octets = re.sub(r"\\(\d{3})", lambda found: chr(int(found[1])), name).encode("latin-1", "replace")
    text = octets.decode("utf-8", "replace").removesuffix(".")
    if "\xa0" in text or "\u200b" in text or "\ufeff" in text:
        return "the name holds an invisible character, as pasted from a web page: nobody will ask for it"
    return f"the name {text[:_SHOWN]} is served octet by octet, and looked up as {_spelled(text)}: write that"


def _spelled(text: str) -> str:
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return "xn--..."


def resolver_without_path(owner: str, data: str) -> str:
    """What RFC 9461 demands of the SVCB records of DNS servers."""
    labels = owner.split(".", 2)
    if labels[0] != "_dns" and not (labels[0].startswith("_") and labels[1] == "_dns"):
        return ""
    parameters = service.read(data).parameters
    if service.ALPN not in parameters:
        missing = "no alpn"
    elif not _HTTP.isdisjoint(service.items(parameters[service.ALPN])) and service.DOHPATH not in parameters:
        missing = "no dohpath, which alpn with HTTP demands"
    else:
        return ""
    return f"the SVCB record of a DNS server has {missing} (RFC 9461): {_NOT_LOADED}, unless told check-svcb no"


def alias_with_parameters(_owner: str, data: str) -> str:
    """In AliasMode parameters have no meaning (RFC 9460, section 2.4.2)."""
    if not data.startswith(("0 ", "\\#")):
        return ""
    found = service.read(data)
    if found.priority or not found.parameters:
        return ""
    return "with priority 0 the record is an alias, and clients pass over its parameters (RFC 9460): give it priority 1"


def svcb_alias_with_parameters(owner: str, data: str) -> str:
    """The same of SVCB, where BIND 9.20 looks at it."""
    text = alias_with_parameters(owner, data)
    return f"{text}; {_NOT_LOADED}, unless told check-svcb no" if text else ""


def ech_that_is_none(_owner: str, data: str) -> str:
    """ECH is Encrypted Client Hello of TLS; name servers do not look into it."""
    if " ech=" not in data and "0005" not in data:
        return ""
    octets = service.read(data).parameters.get(service.ECH)
    if octets is None or _is_ech_list(octets):
        return ""
    return "its ech is no list of configurations of Encrypted Client Hello: clients cannot use it"


def _is_ech_list(octets: bytes) -> bool:
    """Lengths alone: two octets with that of the list; of each configuration version, length and as many octets."""
    size, rest = int.from_bytes(octets[:2], "big"), octets[2:]
    if size != len(rest) or not rest:
        return False
    while len(rest) >= 4:  # noqa: PLR2004 - version and length
        rest = (
            rest[4 + int.from_bytes(rest[2:4], "big") :] if 4 + int.from_bytes(rest[2:4], "big") <= len(rest) else b"?"
        )
    return not rest


def digest_of_other_length(_owner: str, data: str) -> str:
    """What no certificate can match."""
    _, _, matching, digits = data.split(" ", 3)
    wanted = _DIGEST_DIGITS.get(matching)
    if wanted is None or len(digits.replace(" ", "")) == wanted:
        return ""
    return (
        f"matching type {matching} has a digest of {wanted // 2} octets, this one has {len(digits.replace(' ', '')) // 2}:"
        " it matches no certificate"
    )


def uri_without_target(_owner: str, data: str) -> str:
    """RFC 7553, section 4.4: the target must not be empty."""
    return f"the URI is empty: it leads nowhere, and {_NOT_LOADED}" if data.endswith(' ""') else ""


def private_key(_owner: str, data: str) -> str:
    """Whose algorithm it is must stand first in the key (RFC 4034, appendix A.1.1). Whether it does is not looked at."""
    words = data.split(" ")
    return _private(str(int(words[2][6:8], 16)) if words[0] == "\\#" else words[2])


def private_signature(_owner: str, data: str) -> str:
    """As of a key."""
    return _private(data.split(" ")[1])


def _private(algorithm: str) -> str:
    if what := _PRIVATE.get(algorithm):
        return (
            f"algorithm {algorithm} is a private one: nobody else checks its signatures, and {_NOT_LOADED},"
            f" unless the {what} of the algorithm stands first in it (RFC 4034)"
        )
    return ""


def no_prefixes(_owner: str, data: str) -> str:
    """RFC 3123, section 4: allowed."""
    return "the APL record lists no address prefixes" if data == "\\# 0" else ""


def out_of_use(_owner: str, _data: str) -> str:
    """Types that name servers load and nobody asks for."""
    return "the type is out of use: nobody asks for it"


def huge_interval(_owner: str, data: str) -> str:
    """Refresh, retry and expire are intervals of 32 bits (RFC 1035, section 3.3.13)."""
    huge = [word for word in data.split(" ")[3:6] if int(word) > _LARGEST_USUAL]
    return (
        f"the SOA has an interval of {huge[0]} s, {int(huge[0]) // 31_556_952} years: a mistake? NSD 4.12 does not load such a zone"
        if huge
        else ""
    )


def date_of_another_age(line: Line, start: int) -> str:
    """Dates of signatures count modulo 2**32 (RFC 4034, section 3.1.5)."""
    for word in line.words[start + 4 : start + 6]:
        if len(word) == len(_LAST_DATE) and word.isdigit() and word > _LAST_DATE:
            return f"{word} does not fit into 32 bits: the signature is served with a date 136 years earlier (RFC 4034)"
    return ""
