"""TLS at our own door: 1.2 and newer, and a certificate that is renewed without a restart."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

LOOK_EVERY_S: Final = 5.0
NO_CHECK_TIME: Final = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which `ssl` has no name
HANDSHAKE_TIMEOUT_S: Final = 10.0  # a silent client holds nothing but its own socket, and not for long

log = structlog.get_logger()


def make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side. Raises OSError (ssl.SSLError among them) when the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def why_unusable(error: OSError) -> str:
    """What is wrong with a pair, in words: OpenSSL's own are "PEM lib"."""
    if isinstance(error, ssl.SSLError):
        return "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "one of them is no PEM file"
    return error.strerror or str(error)


def validity_of(certificate: Path, key: Path) -> tuple[float, float]:
    """Epoch seconds at which a certificate begins and ends to be valid. Raises OSError when the pair is useless.

    A handshake with ourselves, in memory: the library tells a certificate's dates only of one that was verified.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME  # it is trusted itself, whoever has signed it
    context.load_verify_locations(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = make_context(certificate, key).wrap_bio(to_server, to_client, server_side=True)
    client = context.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    found = client.getpeercert() or {}
    begins_at, ends_at = (ssl.cert_time_to_seconds(str(found[key])) for key in ("notBefore", "notAfter"))
    return float(begins_at), float(ends_at)


class Certificate:
    """A certificate with its key, looked at again and again. Connections that are open keep what they have."""

    def __init__(self, certificate: Path, key: Path, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._files = (certificate, key)
        self._look_every_s = look_every_s
        self._seen = self._stamp()
        self.context = make_context(certificate, key)
        self.ends_at = self._end()

    async def watch(self) -> None:
        """Take a renewed certificate until cancelled."""
        while True:
            await asyncio.sleep(self._look_every_s)
            self.look_once()

    def look_once(self) -> bool:
        """Whether a renewed pair was taken. A pair that does not fit (half written) is told, the old one stays."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            make_context(*self._files)
            self.context.load_cert_chain(*self._files)
        except OSError as error:
            certificate, key = map(str, self._files)
            reason = f"{certificate} and {key}: {why_unusable(error)}; the pair that was read before goes on serving"
            log.error("tls.reload_failed", file=certificate, reason=reason)  # noqa: TRY400 - the reason says it all
            return False
        self.ends_at = self._end()
        log.info("tls.reloaded", file=str(self._files[0]))
        return True

    def _end(self) -> float | None:
        """When the pair in use ends to be valid; None when that cannot be told."""
        try:
            return validity_of(*self._files)[1]
        except OSError:
            return None

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        stamps = []
        for file in self._files:
            try:
                found = file.stat()
            except OSError:
                stamps.append((0, 0, 0))
            else:
                stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
        return tuple(stamps)
