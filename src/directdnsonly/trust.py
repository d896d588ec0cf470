"""Whom we believe to be the server that we ask: certificates checked, by a CA file, or by one pinned fingerprint."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import ssl
from pathlib import Path

from directdnsonly.errors import DirectDNSOnlyError

# OpenSSL's X509_V_FLAG_NO_CHECK_TIME: a pinned certificate is that certificate, also when it has expired.
_NO_CHECK_TIME = 0x200000


_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class NotTrusted(DirectDNSOnlyError):
    """Nothing can be said to this server: it cannot be reached, or is another one. The text is the reason."""


def as_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as 64 lower-case digits; empty stays empty. Raises ValueError."""
    plain = text.lower().replace(":", "")
    if plain and not _FINGERPRINT.fullmatch(plain):
        raise ValueError("is not a SHA-256 fingerprint: 64 hex digits, colons allowed")
    return plain


def by_authority(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are checked against those of the system, or of this file, which is read. Raises NotTrusted."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise NotTrusted(f"the CA file {ca_file} cannot be used: {error}") from None


def unchecked() -> ssl.SSLContext:
    """Whoever answers is believed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def by_fingerprint(host: str, port: int, fingerprint: str, *, timeout_s: float) -> ssl.SSLContext:
    """A context that accepts exactly the certificate with this SHA-256: it is fetched first, with nothing said.

    `fingerprint`: 64 lower-case digits. Raises NotTrusted.
    """
    origin = f"https://{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port, ssl=unchecked())
    except (OSError, TimeoutError) as error:
        raise NotTrusted(f"{origin} cannot be reached: {error or 'no answer in time'}") from None
    try:
        certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                await writer.wait_closed()
    found = hashlib.sha256(certificate).hexdigest()
    if found != fingerprint:
        raise NotTrusted(f"{origin} shows the certificate {found}, pinned is {fingerprint}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context
