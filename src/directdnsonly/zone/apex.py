"""Checks of the DNSSEC records at the apex for which a name server would refuse the zone. Pure."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from directdnsonly.errors import ZonePolicyError
from directdnsonly.zone.octets import name_octets
from directdnsonly.zone.warn import Key, LineOf

_DIGESTS: Final = {"1": "sha1", "2": "sha256", "4": "sha384"}
DELETE: Final = {"CDS": "0 0 0 00", "CDNSKEY": "0 3 0 AA=="}  # RFC 8078, section 4
# A zone whose own name has none of these breaks no rule of this file.
_JUDGED: Final = frozenset({*DELETE, "NSEC3PARAM", "NSEC3"})
_ALGORITHM: Final = {"CDS": 1, "CDNSKEY": 2, "DNSKEY": 2}  # its field


def check_apex(found: Mapping[str, Sequence[Key]], line_of: LineOf, apex: str) -> Iterator[ZonePolicyError]:
    """Every fault in the apex's DNSSEC records; `found` has the records by type."""
    if found.keys().isdisjoint(_JUDGED):  # usual
        return
    algorithms = {_algorithm(key) for key in found.get("DNSKEY", ())}
    for kind, delete in DELETE.items():
        records = found.get(kind, ())
        deleting = [key for key in records if key[2] == delete]
        others = [key for key in records if key[2] != delete]
        if deleting and others:
            reason = f"{apex} has a {kind} record that requests deletion besides others: named does not load such a zone (RFC 8078)"
            yield _refused(reason, *deleting, others[0], rule="cds-delete", apex=apex, line_of=line_of)
        strange = {_algorithm(key): key for key in reversed(others)}  # the first of each
        for algorithm in sorted(strange.keys() - algorithms, key=lambda one: line_of(strange[one])):
            reason = (
                f"{apex} has a {kind} record of algorithm {algorithm} but no DNSKEY of that algorithm (RFC 7344, section 4.1):"
                " named does not load such a zone"
            )
            yield _refused(reason, strange[algorithm], rule="cds-without-key", apex=apex, line_of=line_of)
    for key in found.get("NSEC3PARAM", ()):
        if not key[2].startswith("1 "):
            reason = "NSEC3PARAM has a hash algorithm other than 1, the only one (RFC 5155, section 11): named and Knot do not load it"
            yield _refused(reason, key, rule="nsec3param-hash", apex=apex, line_of=line_of)
    for key in found.get("NSEC3", ())[:1]:
        reason = f"an NSEC3 record stands at {apex} itself: it belongs at a hashed name below, and named ignores it"
        yield _refused(reason, key, rule="nsec3-at-apex", apex=apex, line_of=line_of)


def matches(kind: str, data: str, key: str, apex: str) -> bool:
    """Whether a CDS or CDNSKEY belongs to this DNSKEY. An unknown digest type matches by key tag alone."""
    if kind == "CDNSKEY":
        return data == key
    flags, protocol, algorithm, text = key.split(" ", 3)
    octets = struct.pack("!HBB", int(flags), int(protocol), int(algorithm)) + base64.b64decode(text)
    tag, cds_algorithm, digest, digits = data.split(" ", 3)
    if algorithm != cds_algorithm or int(tag) != _key_tag(octets):
        return False
    if digest not in _DIGESTS:
        return True
    return hashlib.new(_DIGESTS[digest], name_octets(apex) + octets).hexdigest() == digits.replace(" ", "")


def _key_tag(octets: bytes) -> int:
    """RFC 4034, appendix B."""
    total = sum(octets[::2]) * 256 + sum(octets[1::2])
    return (total + (total >> 16)) & 0xFFFF


def _algorithm(key: Key) -> str:
    return key[2].split(" ", 3)[_ALGORITHM[key[1]]]


def _refused(reason: str, *keys: Key, rule: str, apex: str, line_of: LineOf) -> ZonePolicyError:
    return ZonePolicyError(reason, rule=rule, owner=apex, line=max(map(line_of, keys)))
