"""IPv4 and IPv6 addresses in normal form. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from directdnsonly.zone.domain import RdataError

_IPV4: Final = re.compile(
    r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\Z", re.ASCII
)


def ipv4(word: str) -> str:
    """The IPv4 address, unchanged if it is valid. Raises RdataError."""
    if not _IPV4.match(word):
        raise RdataError(f"{word[:40]!a} is not an IPv4 address")
    return word


def ipv6(word: str) -> str:
    """The IPv6 address as inet_ntop writes it. Raises RdataError."""
    try:
        found = ipaddress.IPv6Address(word)
        if found.scope_id is not None:
            raise ValueError
    except ValueError:
        raise RdataError(f"{word[:60]!a} is not an IPv6 address") from None
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped else _compressed(found)


def _compressed(address: ipaddress.IPv6Address) -> str:
    text = address.compressed
    if text.startswith("::") and text.count(":") <= 3 and int(address) >> 32 == 0 and int(address) > 0xFFFF:  # noqa: PLR2004
        return "::" + str(ipaddress.IPv4Address(int(address)))  # as inet_ntop writes addresses with 96 zero bits
    return text
