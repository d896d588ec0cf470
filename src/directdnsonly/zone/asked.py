"""What zone a person means by a typed name, a host name, or a URL copied from a browser. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from directdnsonly.errors import NameRefused
from directdnsonly.zone.name import ZoneName


def names_meant(text: str) -> list[ZoneName]:
    """The names that `text` may mean, most likely first. Raises NameRefused if there is none.

    A slash may belong to a name (RFC 2317: 0/26.2.0.192.in-addr.arpa) or begin the path of a URL: both are tried if what
    comes before it may be a host name.
    """
    wanted = text.strip()
    tries = [wanted] if "://" not in wanted else []
    bare = wanted.partition("://")[2] if "://" in wanted else wanted
    host = _host(bare)
    is_address = "://" in wanted or "/" not in wanted or "." in host
    if host and is_address and host not in tries:
        tries.append(host)
    found: list[ZoneName] = []
    refused: NameRefused | None = None
    for each in tries:
        try:
            name = ZoneName.parse(each.removeprefix("*."))
        except NameRefused as error:
            refused = refused or error
            continue
        if name not in found:
            found.append(name)
    if not found:
        raise refused or NameRefused("the zone name is empty", rule="name-empty")
    return found


def _host(bare: str) -> str:
    """The host of an address without its scheme: no user, no port, no path."""
    try:
        return urlsplit(f"//{bare}").hostname or ""
    except ValueError:  # half of a bracket
        return ""
