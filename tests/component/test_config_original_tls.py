"""The original's TLS keys, with a real certificate."""

from __future__ import annotations

import subprocess

import pytest

from tests.component.test_config_original import problems, settings_of, with_app
from tests.support.programs import require_program


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A chain and its key, self-signed."""
    chain, key = (tmp_path_factory.mktemp("tls") / name for name in ("chain.pem", "key.pem"))
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=ns.example", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key


def test_tls_keys_become_ours(tmp_path, certificate):
    """The same files; and when they cannot be used, the original's key is named."""
    chain, key = certificate
    settings = settings_of(tmp_path, with_app(ssl_enable=True, ssl_cert=str(chain), ssl_key=str(key), ssl_bundle=""))

    assert (chain, key) == (settings.app.tls_certificate, settings.app.tls_key)
    gone = problems(tmp_path, with_app(ssl_enable="true", ssl_cert="/nowhere.pem", ssl_key=str(key)))
    assert "app.ssl_cert" in gone["app.tls_certificate"]
