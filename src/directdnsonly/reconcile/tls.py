"""How a DirectAdmin server's certificate is checked: by the system's CAs, a CA file, or a pinned fingerprint."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl

from directdnsonly.reconcile.answers import NoList
from directdnsonly.reconcile.settings import DirectAdminServer

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME: a pinned certificate is that certificate, also when it has expired.
_NO_CHECK_TIME = 0x200000


async def context_of(server: DirectAdminServer, *, verify: bool, timeout_s: float) -> ssl.SSLContext | bool:
    """The TLS verification for httpx; a pin is compared before anything secret is sent. Raises NoList."""
    if not server.ssl:
        return True
    if server.fingerprint:
        return await _pinned(server, timeout_s)
    if not verify:
        return _unchecked()
    try:
        # Reads a file, once per client.
        return ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise NoList(f"the CA file {server.ca_file} cannot be used: {error}") from None


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _pinned(server: DirectAdminServer, timeout_s: float) -> ssl.SSLContext:
    """A TLS context that accepts only the certificate with this fingerprint, which is fetched first without sending a request."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(server.hostname, server.port, ssl=_unchecked())
    except (OSError, TimeoutError) as error:
        raise NoList(f"{server.origin} cannot be reached: {error or 'no answer in time'}") from None
    try:
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                await writer.wait_closed()
    found = hashlib.sha256(certificate).hexdigest()
    if found != server.fingerprint:
        raise NoList(f"{server.origin} shows the certificate {found}, pinned is {server.fingerprint}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context
