"""TLS for our own listener: version 1.2 and newer, with certificates renewed without a restart."""

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
    """The server's TLS context. Raises OSError (or its subclass ssl.SSLError) if the files do not match."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def why_unusable(error: OSError) -> str:
    """What is wrong with a certificate and key, in words; OpenSSL says only "PEM lib"."""
    if isinstance(error, ssl.SSLError):
        return "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "one of them is no PEM file"
    return error.strerror or str(error)


def validity_of(certificate: Path, key: Path) -> tuple[float, float]:
    """The certificate's validity as two times in epoch seconds. Raises OSError if the pair is unusable.

    Found by a handshake with ourselves in memory: the library shows a certificate's dates only if it was verified.
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
    """A certificate with its key, reloaded when renewed. Open connections keep the old one."""

    def __init__(self, certificate: Path, key: Path, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._files = (certificate, key)
        self._look_every_s = look_every_s
        self._seen = self._stamp()
        self.context = make_context(certificate, key)
        self.ends_at = self._end()

    def become(self, other: Certificate) -> None:
        """The same pair as another one, of other files: for new connections, from now on."""
        self._files, self._seen = other._files, other._seen
        self.context, self.ends_at = other.context, other.ends_at

    async def watch(self) -> None:
        """Load renewed certificates until cancelled."""
        while True:
            await asyncio.sleep(self._look_every_s)
            self.look_once()

    def look_once(self) -> bool:
        """Load a renewed pair; returns whether there was one. One that does not match (half written) is logged, and the old one stays."""
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
        """When the pair in use expires, epoch seconds; None if that is unknown."""
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
