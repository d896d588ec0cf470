"""What `dadns check` looks at on the side of our own door: the certificate, the unix socket's folder, the proxies."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from directdnsonly.receive.tls import make_context
from directdnsonly.wording import counted

SOON_DAYS: Final = (
    21  # a certificate of 90 days is renewed 30 days before its end: who sees this has a renewal that fails
)
LONGEST_SOCKET_PATH: Final = 107  # bytes, of sockaddr_un in Linux
MANY_PROXIES: Final = 256
_EXPIRED: Final = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED


def certificate_ends_at(certificate: Path, key: Path) -> float | None:
    """Epoch seconds at which a certificate ends; None when it has ended already. Raises OSError when it is useless.

    A handshake with ourselves, in memory: the library tells a certificate's dates only of one that was verified.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it is trusted itself, whoever has signed it
    context.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = make_context(certificate, key).wrap_bio(to_server, to_client, server_side=True)
    client = context.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            if error.verify_code == _EXPIRED:
                return None
            raise
    found = client.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(found["notAfter"])))


def certificate_state(certificate: Path, key: Path, *, now: float | None = None) -> tuple[bool, str]:
    """Whether a pair of files will still do in three weeks, and what an operator is told."""
    try:
        ends_at = certificate_ends_at(certificate, key)
    except OSError as error:
        return False, f"tls_certificate: {certificate} cannot be used: {error.strerror or error}"
    if ends_at is None:
        return False, f"tls_certificate: {certificate} has expired: renew it (it is taken without a restart)"
    days = (ends_at - (time.time() if now is None else now)) / 86_400
    until = time.strftime("%Y-%m-%d", time.gmtime(ends_at))
    if days < 0:
        return False, f"tls_certificate: {certificate} has expired on {until}: renew it (it is taken without a restart)"
    if days < SOON_DAYS:
        return (
            False,
            f"tls_certificate: {certificate} expires in {counted(round(days), 'day')}, on {until}: does its renewal fail?",
        )
    return True, f"tls_certificate: {certificate} and its key fit, until {until}"


def socket_state(path: Path) -> str:
    """Why the unix socket cannot be made where it is to be; empty when its folder is all that could be wrong."""
    if len(str(path.absolute()).encode()) > LONGEST_SOCKET_PATH:
        return f"listen_socket: {path} is longer than {LONGEST_SOCKET_PATH} bytes: choose a shorter path"
    if path.exists() and not path.is_socket():
        return f"listen_socket: {path} is there and is no socket: remove it, or choose another path"
    return ""


def proxies(networks: tuple[str, ...]) -> Iterator[tuple[bool, str]]:
    """Who may tell us another address than its own."""
    for one in networks:
        network = ipaddress.ip_network(one, strict=False)
        wide = network.num_addresses > MANY_PROXIES and not network.is_private
        shown = one if one == str(network) or network.num_addresses == 1 else f"{one} (that is {network})"
        told = "everybody in it can claim to be anybody: name the proxies" if wide else "X-Forwarded-For is believed"
        yield not wide, f"trusted_proxies: {shown}: {told}"
