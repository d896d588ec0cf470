"""What `dadns check` examines about our HTTP listener: its certificate, unix socket and trusted proxies."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from directdnsonly.door.tls import validity_of
from directdnsonly.readiness import CERTIFICATE_SOON_S
from directdnsonly.wording import counted

LONGEST_SOCKET_PATH: Final = 107  # bytes, of sockaddr_un in Linux
MANY_PROXIES: Final = 256


def certificate_state(certificate: Path, key: Path, *, now: float | None = None) -> tuple[bool, str]:
    """Whether certificate and key fit and stay valid for three more weeks, and the sentence that says so."""
    now = time.time() if now is None else now
    try:
        begins_at, ends_at = validity_of(certificate, key)
    except OSError as error:
        return False, f"tls_certificate: {certificate} cannot be used: {error.strerror or error}"
    begin, until = (time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (begins_at, ends_at))
    if now < begins_at:
        return False, f"tls_certificate: {certificate} is not valid before {begin}: is this machine's clock right?"
    if ends_at < now:
        return False, f"tls_certificate: {certificate} has expired on {until}: renew it (it is taken without a restart)"
    if ends_at - now < CERTIFICATE_SOON_S:
        days = counted(round((ends_at - now) / 86_400), "day")
        return False, f"tls_certificate: {certificate} expires in {days}, on {until}: is its renewal failing?"
    return True, f"tls_certificate: {certificate} matches its key and is valid until {until}"


def socket_state(path: Path) -> str:
    """Why the unix socket cannot be created at this path; empty if it can, provided that its folder is writable."""
    if len(str(path.absolute()).encode()) > LONGEST_SOCKET_PATH:
        return f"listen_socket: {path} is longer than {LONGEST_SOCKET_PATH} bytes: choose a shorter path"
    if path.exists() and not path.is_socket():
        return f"listen_socket: {path} exists and is not a socket: remove it, or choose another path"
    return ""


def proxies(networks: tuple[str, ...]) -> Iterator[tuple[bool, str]]:
    """For each trusted proxy, whether its network is narrow enough to be believed, and the sentence that says so."""
    for one in networks:
        network = ipaddress.ip_network(one, strict=False)
        wide = network.num_addresses > MANY_PROXIES and not network.is_private
        shown = one if one == str(network) or network.num_addresses == 1 else f"{one} (that is {network})"
        told = (
            "any address in it can claim to be any other: list the proxies themselves"
            if wide
            else "X-Forwarded-For is believed"
        )
        yield not wide, f"trusted_proxies: {shown}: {told}"
