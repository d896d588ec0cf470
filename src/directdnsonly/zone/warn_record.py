"""What one record tells by itself: its words as they were written, or its RDATA in normal form. Pure.

Each function gives the text of a warning, empty when all is well; warn.OF_LINE and warn.OF_RDATA name their rules.
"""

from __future__ import annotations

import re
from typing import Final

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.exception import DNSException
from dns.rdtypes.svcbbase import ParamKey, SVCBBase

from directdnsonly.zone.tokens import Line

_SHOWN: Final = 60  # characters of what is quoted
_ADDRESS: Final = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})\.(.*)")
_ADDRESS_6: Final = re.compile(r"[0-9a-f]*\\058[0-9a-f\\]*\.")
_ABOVE_ASCII: Final = re.compile(r"\\(?:12[89]|1[3-9]\d|2\d\d)")
_COLON: Final = "\\058"
_CURLY: Final = ("\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98", "\xe2\x80\x99")
_HTTP: Final = frozenset({b"h2", b"h3", b"http/1.1"})
_DOHPATH: Final = 7


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
    try:
        found = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.SVCB, data)
    except DNSException:
        return ""
    assert isinstance(found, SVCBBase)
    if not found.priority:
        return ""
    alpn = found.params.get(ParamKey.ALPN)
    if alpn is None:
        missing = "no alpn"
    elif not _HTTP.isdisjoint(alpn.ids) and _DOHPATH not in found.params:
        missing = "no dohpath, which alpn with HTTP demands"
    else:
        return ""
    return f"the SVCB record of a DNS server has {missing} (RFC 9461): BIND 9.20 does not load such a zone, unless told check-svcb no"
