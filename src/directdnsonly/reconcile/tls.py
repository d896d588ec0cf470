"""How a DirectAdmin server's certificate is checked: by the system's CAs, a CA file, or a pinned fingerprint."""

from __future__ import annotations

import ssl

from directdnsonly import trust
from directdnsonly.reconcile.answers import NoList
from directdnsonly.reconcile.settings import DirectAdminServer


async def context_of(server: DirectAdminServer, *, verify: bool, timeout_s: float) -> ssl.SSLContext | bool:
    """The TLS verification for httpx; a pin is compared before anything secret is sent. Raises NoList."""
    if not server.ssl:
        return True
    try:
        if server.fingerprint:
            return await trust.by_fingerprint(server.hostname, server.port, server.fingerprint, timeout_s=timeout_s)
        return trust.by_authority(server.ca_file) if verify else trust.unchecked()
    except trust.NotTrusted as error:
        raise NoList(str(error)) from None
