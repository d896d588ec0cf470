"""Whether a zone has records at or below a name within it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from directdnsonly.zone.name import ZoneName

_FIELDS = 5  # owner TTL IN type RDATA


def serves_names_below(text: str, apex: ZoneName, name: ZoneName) -> bool:
    """Whether the normalised `text` of the zone `apex` has authoritative records at or below `name`.

    At and below a delegation it has none (RFC 1034, section 4.2.1): NS records there hand the name to another zone.
    """
    at = name.absolute
    owners = set(_lines(text, f"\n{at} ")) | set(_lines(text, f".{at} "))
    if not owners:
        return False
    cuts = [at, *(above.absolute for above in name.ancestors() if len(above) > len(apex))]
    return not any(line.split(" ", _FIELDS - 1)[3] == "NS" for cut in cuts for line in _lines(text, f"\n{cut} "))


def has_names_below(text: str, apex: ZoneName) -> bool:
    """Whether the normalised `text` of the zone `apex` has a record below the zone's own name."""
    return next(_lines(text, f".{apex.absolute} "), None) is not None


def _lines(text: str, wanted: str) -> Iterator[str]:
    """The lines whose owner name ends as `wanted` does; by searching, because a zone may have a million lines."""
    found = text.find(wanted)
    while found >= 0:
        start = found + 1 if wanted.startswith("\n") else text.rfind("\n", 0, found) + 1
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        fields = line.split(" ", _FIELDS - 1)
        if len(fields) == _FIELDS and fields[0].endswith(wanted.strip()) and found < start + len(fields[0]):
            yield line
        found = text.find(wanted, found + 1)
