"""Which zone texts need no checker: those with only forms that every version of NSD is known to load. Pure.

NSD answers SERVFAIL for a whole zone with one bad record and still says ok (docs/backends/nsd.md), and its checker
costs a subprocess. 15 records are looked at here in 20 us; what is not known to be safe goes to the checker.
"""

from __future__ import annotations

import re

from directdnsonly.zone.octets import from_generic, rendezvous_servers

_NAME = r"(?:[A-Za-z0-9_*/-]{1,63}\.){1,127}"
_TARGET = rf"(?:{_NAME}|\.)"
_STRING = r'"(?:[^"\\\n]|\\\d{3}|\\["\\]){0,255}"'
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NUMBER = r"(?:[1-5]?\d{1,4}|6[0-4]\d{3})"  # to 64999
_WORD = r"[0-9a-f]{1,4}"
_TTL = r"(?:1?\d{1,9}|20\d{8})"  # to 2,099,999,999
_RDATA = "|".join(
    (
        rf"A {_OCTET}(?:\.{_OCTET}){{3}}",
        rf"AAAA (?:{_WORD}(?::{_WORD}){{7}}|(?:{_WORD}(?::{_WORD}){{0,2}})?::(?:{_WORD}(?::{_WORD}){{0,3}})?)",
        rf"(?:NS|CNAME|PTR) {_TARGET}",
        rf"MX {_NUMBER} {_TARGET}",
        rf"SRV {_NUMBER} {_NUMBER} {_NUMBER} {_TARGET}",
        rf"(?:TXT|SPF) {_STRING}(?: {_STRING}){{0,99}}",
        rf"CAA {_OCTET} (?:issue|issuewild|iodef) {_STRING}",
    )
)
_LINE = re.compile(rf"({_NAME}) {_TTL} IN ({_RDATA})")
_SOA = re.compile(rf"({_NAME}) {_TTL} IN SOA {_TARGET} {_TARGET} \d{{1,10}}(?: {_TTL}){{4}}")
_LONGEST_NAME = 254

_HIP = re.compile(r"^(\S+) \d+ IN TYPE55 (.*)$", re.MULTILINE)  # as we write it
MOST_RENDEZVOUS = 16  # far more than anybody publishes, far fewer than any version has trouble with


def why_never(text: str) -> str:
    """Why we do not give NSD this text although its parser accepts it; empty if we do."""
    if " TYPE55 " not in text:
        return ""
    for owner, data in _HIP.findall(text):
        if rendezvous_servers(from_generic(data.split(" "))) > MOST_RENDEZVOUS:
            return f"{owner} HIP names more than {MOST_RENDEZVOUS} rendezvous servers: not every NSD answers with such a record"
    return ""


def is_safe(text: str) -> bool:
    """Whether our normalised text holds nothing that any NSD could refuse, as far as is known."""
    origin, ttl, soa, *lines = text.split("\n")
    head = _SOA.fullmatch(soa)
    if head is None or origin != f"$ORIGIN {head[1]}" or not ttl.startswith("$TTL ") or lines.pop() != "":
        return False
    below = f".{head[1]}"
    redirected: set[str] = set()
    others: set[str] = {head[1]}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            return False
        owner, data = found[1], found[2]
        if not (owner == head[1] or owner.endswith(below)) or len(owner) > _LONGEST_NAME:
            return False
        if data.startswith("CNAME "):
            if owner in redirected:
                return False
            redirected.add(owner)
        else:
            others.add(owner)
        if owner.startswith("*.") and data.startswith("NS "):
            return False
    return redirected.isdisjoint(others)
