"""The certificate's file is replaced by rubbish, later by a good one, while connections are open and more are made."""

from __future__ import annotations

import json
import os
import ssl
from contextlib import ExitStack

from bench.service import UNCHECKED, Service

from tests.e2e.test_doors import certificate, connect, served
from tests.e2e.test_line import until
from tests.support.programs import require_program


class Kept:
    """One TLS connection that is never opened anew."""

    def __init__(self, service: Service, stack: ExitStack) -> None:
        self._sock = stack.enter_context(UNCHECKED.wrap_socket(stack.enter_context(connect(service))))

    def asks(self) -> None:
        """Raises when it was dropped."""
        self._sock.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        octets = b""
        while not octets.endswith(b'{"status":"alive"}'):
            part = self._sock.recv(65536)
            assert part, "the connection was dropped"
            octets += part

    def certificate(self) -> bytes:
        return self._sock.getpeercert(binary_form=True) or b""


def told(service: Service, event: str) -> list[dict[str, str]]:
    lines = (service.folder / "log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"{event}"' in line]


def test_rubbish_is_logged_and_left_alone_and_a_good_file_is_taken_later(tmp_path):
    """The old certificate goes on serving, new connections too; nobody who is connected notices either change."""
    require_program("named")
    certificate(tmp_path, "first")
    environ = {
        "DADNS_APP_TLS_CERTIFICATE": str(tmp_path / "chain.pem"),
        "DADNS_APP_TLS_KEY": str(tmp_path / "key.pem"),
    }
    with Service(environ=environ, scheme="https", log_level="INFO") as service, ExitStack() as stack:
        first = served(service)
        assert first == ssl.PEM_cert_to_DER_cert((tmp_path / "chain.pem").read_text())
        kept = Kept(service, stack)
        kept.asks()

        (tmp_path / "chain.pem").write_bytes(os.urandom(2000))
        until(lambda: told(service, "tls.reload_failed"), limit_s=120)

        (failed,) = told(service, "tls.reload_failed")
        assert ("error", str(tmp_path / "chain.pem")) == (failed["level"], failed["file"])
        assert "one of them is no PEM file; the pair that was read before goes on serving" in failed["reason"]
        kept.asks()
        later = Kept(service, stack)
        later.asks()
        assert first == later.certificate()

        certificate(tmp_path, "second")
        until(lambda: told(service, "tls.reloaded"), limit_s=120)

        assert ssl.PEM_cert_to_DER_cert((tmp_path / "chain.pem").read_text()) == served(service) != first
        for connection in (kept, later):
            connection.asks()
            assert first == connection.certificate()
