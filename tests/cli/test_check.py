"""`dadns check`: what it finds on a machine before the service starts."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from directdnsonly.cli.checks_door import certificate_state
from tests.support.programs import require_program


def test_check_tells_what_this_machine_lacks(dadns, tmp_path):
    """Exit code 1 when a port is taken; 0 when all is well."""
    require_program("named")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (tmp_path / "config.yml").write_text(
            f"app: {{auth_password: x, listen_host: 127.0.0.1, listen_port: {taken.getsockname()[1]}}}\n"
            f"dns: {{backends: {{bind: {{managed: true, listen: [127.0.0.1], port: {_free_port()}}}}}}}\n"
        )
        busy = dadns("check")
        as_json = dadns("check", "--json")
        free = dadns("check", DADNS_APP_LISTEN_PORT=str(_free_port()))

    found = {one["about"]: one for one in json.loads(as_json.stdout)}
    assert (False, True) == (found["pushes: port"]["ok"], found["disk"]["ok"])
    told = [f"{'   ok' if one['ok'] else 'wrong'}  {one['what']}" for one in json.loads(as_json.stdout)]
    free_now = re.compile(r"\d+ MB are free")
    assert free_now.sub("", busy.stdout).splitlines() == [free_now.sub("", line) for line in told]
    assert (1, 0) == (busy.returncode, free.returncode), free.stdout
    assert f"is in use by process {os.getpid()} (" in busy.stdout
    assert "configuration: config.yml" in free.stdout
    assert "backend bind: bind" in free.stdout
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("data_dir: /proc/x", "data_dir: /proc/x cannot be written: nothing can be created in /proc ("),
        ("data_dir: file/x", "data_dir: file/x cannot be written ("),
        (
            "outbox: {disk_reserve_mb: 999999999}",
            "999999999 MB are kept in reserve (outbox.disk_reserve_mb): every push is",
        ),
    ],
)
def test_check_names_a_place_that_cannot_hold_a_store(dadns, tmp_path, keys, told):
    """A folder that cannot be one though root may do everything, and a disk below the reserve."""
    require_program("named")
    (tmp_path / "file").write_text("")
    (tmp_path / "config.yml").write_text(
        f"{keys}\napp: {{auth_password: x, listen_host: 127.0.0.1, listen_port: {_free_port()}}}\n"
        f"dns: {{backends: {{bind: {{managed: true, listen: [127.0.0.1], port: {_free_port()}}}}}}}\n"
    )

    done = dadns("check")

    assert 1 == done.returncode
    assert [line for line in done.stdout.splitlines() if line.startswith("wrong  ") and told in line], done.stdout
    assert ["config.yml", "file"] == sorted(one.name for one in tmp_path.iterdir()), "nothing stays behind"


def _certificate(folder: Path, name: str, *, days: int) -> tuple[Path, Path]:
    """A self-signed pair that ends after so many days."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", str(days), "-subj", "/CN=dns.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_check_looks_at_the_door(dadns, tmp_path):
    """A certificate about to end, a socket that cannot be made, proxies that are half of the world: all at once."""
    require_program("named")
    fresh, key = _certificate(tmp_path, "fresh", days=90)
    old, old_key = _certificate(tmp_path, "old", days=5)
    (tmp_path / "file").write_text("")
    config = "app: {{auth_password: x, listen_host: 127.0.0.1, listen_port: {port}, tls_certificate: {certificate}, tls_key: {key}, {more}}}\n"
    config += f"dns: {{{{backends: {{{{bind: {{{{managed: true, listen: [127.0.0.1], port: {_free_port()}}}}}}}}}}}}}\n"

    def check(certificate: Path, key: Path, more: str = "listen_socket: run/s") -> subprocess.CompletedProcess[str]:
        text = config.format(port=_free_port(), certificate=certificate, key=key, more=more)
        (tmp_path / "config.yml").write_text(text)
        return dadns("check")

    good = check(fresh, key)
    assert 0 == good.returncode, good.stdout
    assert "fresh.pem matches its key and is valid until " in good.stdout
    assert "folder of listen_socket: run" in good.stdout

    bad = check(old, old_key, "listen_socket: file/s, trusted_proxies: [128.0.0.0/1, 10.0.0.7, 10.0.0.9/8]")
    assert 1 == bad.returncode
    assert "old.pem expires in " in bad.stdout
    assert "file is not a folder" in bad.stdout
    assert "128.0.0.0/1: any address in it can claim to be any other" in bad.stdout
    assert "10.0.0.9/8 (that is 10.0.0.0/8): X-Forwarded-For is believed" in bad.stdout

    strangers = check(fresh, old_key)
    assert (2, True) == (strangers.returncode, "they do not belong together" in strangers.stderr)
    absent = check(tmp_path / "none.pem", tmp_path / "none.key")
    assert "app.tls_certificate: " in absent.stderr
    assert "app.tls_key: " in absent.stderr


def test_an_expired_certificate_is_told(tmp_path):
    """By its date, seen from later; and when the library itself finds it expired."""
    pair = _certificate(tmp_path, "short", days=1)

    assert "has expired on " in certificate_state(*pair, now=time.time() + 3 * 86_400)[1]
    assert "expires in 1 day," in certificate_state(*pair)[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
