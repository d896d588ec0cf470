"""Warnings about single records, from their words as written or their RDATA in normal form. Pure.

Each function returns the text of a warning, or "" if all is well; warn.OF_LINE and warn.OF_RDATA name their rules.
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
    """Warn if an unquoted semicolon cut off text, which is then not served."""
    for token in (line.tokens or ())[start:]:
        if token.cut and (not token.quoted or "=" in token.cut):
            left_out = token.cut[1:].strip()[:_SHOWN]
            return (
                f"a semicolon outside quotation marks begins a comment: {left_out!a} is left out;"
                " write the whole text between quotation marks"
            )
    return ""


def curly(line: Line, start: int) -> str:
    """Warn if a text begins with a typographic quotation mark, which is served as text."""
    if any(word.startswith(_CURLY) for word in line.words[start:] if not word.isascii()):
        return 'the text begins with a typographic quotation mark, which is served as part of it: use "'
    return ""


def address_as_name(owner: str, target: str) -> str:
    """Warn if an address is in the place of a host name; it would be looked up as a name."""
    if found := _ADDRESS.match(target):
        rest = found[2]
        if rest and owner != rest and not owner.endswith(f".{rest}"):
            return ""  # a name that only begins so, as in the zones of block lists
        address = found[1]
    elif _ADDRESS_6.match(target):
        address = target.split(".", 1)[0].replace(_COLON, ":")
    else:
        return ""
    return f"{address} is in the place of a host name and cannot be resolved: use a name that has an A or AAAA record"


def of_odd_name(name: str) -> str:
    """Warn if a name has invisible or non-ASCII characters, or begins with `#`."""
    if name.startswith("\\035"):
        return f"# does not begin a comment in a zone file, so {name} is served as a name: use ;"
    if not _ABOVE_ASCII.search(name):
        return ""
    octets = re.sub(r"\\(\d{3})", lambda found: chr(int(found[1])), name).encode("latin-1", "replace")
    text = octets.decode("utf-8", "replace").removesuffix(".")
    if "\xa0" in text or "\u200b" in text or "\ufeff" in text:
        return "the name contains an invisible character, probably pasted from a web page: nobody will query it"
    return f"the name {text[:_SHOWN]} is served octet by octet, but looked up as {_spelled(text)}: write that instead"


def _spelled(text: str) -> str:
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        return "xn--..."


def resolver_without_path(owner: str, data: str) -> str:
    """Warn if an SVCB record of a DNS server lacks what RFC 9461 requires."""
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
    return f"the SVCB record of a DNS server has {missing} (RFC 9461): {_NOT_LOADED} unless `check-svcb no` is set"


def alias_with_parameters(_owner: str, data: str) -> str:
    """Warn of parameters in AliasMode, which have no meaning (RFC 9460, section 2.4.2)."""
    if not data.startswith(("0 ", "\\#")):
        return ""
    found = service.read(data)
    if found.priority or not found.parameters:
        return ""
    return "with priority 0 the record is an alias, and clients ignore its parameters (RFC 9460): give it priority 1"


def svcb_alias_with_parameters(owner: str, data: str) -> str:
    """The same warning for SVCB, where BIND 9.20 does not load the zone."""
    text = alias_with_parameters(owner, data)
    return f"{text}; {_NOT_LOADED} unless `check-svcb no` is set" if text else ""


def ech_that_is_none(_owner: str, data: str) -> str:
    """Warn of an invalid `ech` (TLS Encrypted Client Hello), which name servers do not check."""
    if " ech=" not in data and "0005" not in data:
        return ""
    octets = service.read(data).parameters.get(service.ECH)
    if octets is None or _is_ech_list(octets):
        return ""
    return "its ech is not a list of Encrypted Client Hello configurations: clients cannot use it"


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
    """Warn of a TLSA or SMIMEA digest whose length no certificate can match."""
    _, _, matching, digits = data.split(" ", 3)
    wanted = _DIGEST_DIGITS.get(matching)
    if wanted is None or len(digits.replace(" ", "")) == wanted:
        return ""
    return (
        f"matching type {matching} requires a digest of {wanted // 2} octets, this one has {len(digits.replace(' ', '')) // 2}:"
        " it matches no certificate"
    )


def uri_without_target(_owner: str, data: str) -> str:
    """Warn of a URI with an empty target (RFC 7553, section 4.4)."""
    return f"the URI is empty, so it leads nowhere, and {_NOT_LOADED}" if data.endswith(' ""') else ""


def private_key(_owner: str, data: str) -> str:
    """Warn of a key of a private algorithm, which must begin with its identifier (RFC 4034, appendix A.1.1; not checked)."""
    words = data.split(" ")
    return _private(str(int(words[2][6:8], 16)) if words[0] == "\\#" else words[2])


def private_signature(_owner: str, data: str) -> str:
    """Warn of a signature of a private algorithm, as for a key."""
    return _private(data.split(" ")[1])


def _private(algorithm: str) -> str:
    if what := _PRIVATE.get(algorithm):
        return (
            f"algorithm {algorithm} is for private use: nobody else can validate its signatures, and {_NOT_LOADED}"
            f" unless it begins with the {what} of the algorithm (RFC 4034)"
        )
    return ""


def no_prefixes(_owner: str, data: str) -> str:
    """Warn of an APL without prefixes, which RFC 3123, section 4, allows."""
    return "the APL record lists no address prefixes" if data == "\\# 0" else ""


def out_of_use(_owner: str, _data: str) -> str:
    """Warn of a type that name servers load but nobody queries."""
    return "the type is obsolete: nobody queries it"


def huge_interval(_owner: str, data: str) -> str:
    """Warn of an SOA whose refresh, retry or expire is above 2**31 - 1 seconds (RFC 1035, section 3.3.13)."""
    huge = [word for word in data.split(" ")[3:6] if int(word) > _LARGEST_USUAL]
    return (
        f"the SOA has an interval of {huge[0]} s, {int(huge[0]) // 31_556_952} years: a mistake? NSD 4.12 does not load such a zone"
        if huge
        else ""
    )


def date_of_another_age(line: Line, start: int) -> str:
    """Warn of a signature date that does not fit in 32 bits; dates count modulo 2**32 (RFC 4034, section 3.1.5)."""
    for word in line.words[start + 4 : start + 6]:
        if len(word) == len(_LAST_DATE) and word.isdigit() and word > _LAST_DATE:
            return f"{word} does not fit in 32 bits: the signature is served with a date 136 years earlier (RFC 4034)"
    return ""
