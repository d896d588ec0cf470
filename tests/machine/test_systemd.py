"""A whole Debian, booted by systemd, with the service installed by our own recipe. `make test-systemd` runs this.

It needs root, mmdebstrap and systemd-nspawn, a Debian mirror and a package index; two minutes, most of them downloads.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import require_program
from tests.support.wire import zone_text

ROOT = Path(__file__).parents[2]
PACKAGES = "systemd,systemd-sysv,dbus,python3,bind9-dnsutils,ca-certificates,nsd,knot"  # BIND and venv: by the recipe
NET_BIND_SERVICE = str(1 << 10)
TRY = """
[Unit]
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 /out/inside.py
[Install]
WantedBy=default.target
"""

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_SYSTEMD"), reason="boots a machine: make test-systemd"),
    pytest.mark.timeout(900),
]


def test_the_recipe_gives_a_service_that_survives(tmp_path):
    """Port 53 without root, by BIND, NSD and Knot; one capability; killed it comes back; stopped it is gone in time; a mistake is not retried."""
    machine, out = tmp_path / "machine", tmp_path / "out"
    out.mkdir()
    _bootstrap(machine)
    _install(machine, tmp_path / "dist")
    shutil.copy(Path(__file__).with_name("inside.py"), out)
    (out / "example.com.zone").write_text(zone_text())

    seen = _boot(machine, out)

    print(f"\nbooted machine: ready {seen['seconds_to_ready']} s after the multi-user target")
    assert "error" not in seen, f"{seen.pop('error')}\n{str(seen.pop('journal'))[-4000:]}\n{seen}"
    assert "error=0&text=Login OK&details=none" == seen["login"]
    assert ("error=0", "192.0.2.10") == (seen["pushed"], seen["served"])
    assert "error=0" == seen["large_pushed"]
    assert ["directdnsonly", "directdnsonly"] == seen["owners"]
    assert [NET_BIND_SERVICE, NET_BIND_SERVICE] == seen["capabilities"]
    assert re.search(r": ready since \S+ \S+, 1 zone,", seen["status"])
    assert "1 of 1" in seen["status"]
    assert "1" == seen["restarts"]
    for kind, served, owner, capabilities in seen["others"]:
        assert ("192.0.2.10", "directdnsonly", NET_BIND_SERVICE) == (served, owner, capabilities), kind
    assert ["nsd", "knot"] == [kind for kind, *_ in seen["others"]]
    result, seconds, left = seen["stopped"]
    assert ("success", "") == (result, left)
    assert seconds < 10
    assert ["2", "failed"] == seen["mistake"]
    assert "auth_usename" in seen["journal"]
    assert ["2", "failed"] == seen["upgraded"]
    assert re.search(
        r"run:  /opt/directdnsonly-\S+/again/deploy/systemd/install.sh /opt/directdnsonly-\S+\.whl", seen["journal"]
    )


def _bootstrap(machine: Path) -> None:
    """A minimal Debian with what a name server's host has."""
    machine.mkdir()
    options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}", "--dpkgopt=path-exclude=/usr/share/man/*"]
    subprocess.run([require_program("mmdebstrap"), *options, "bookworm", str(machine)], check=True)
    for unit in ("nsd", "knot"):  # they are here as programs only
        subprocess.run(["systemctl", f"--root={machine}", "disable", unit], check=True, capture_output=True)


def _install(machine: Path, dist: Path) -> None:
    """install.sh in the machine's tree, with the network of this one: the machine itself will have none."""
    subprocess.run([sys.executable, ROOT / "deploy/release/dist.py", dist], check=True, stdout=subprocess.DEVNULL)
    source = machine / "root/directdnsonly"
    shutil.copytree(ROOT / "deploy", source / "deploy")
    shutil.copy(ROOT / "requirements.lock", source)
    wheel = shutil.copy(next(dist.glob("*.whl")), source)
    pip = {key: value for key, value in os.environ.items() if key in ("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")}
    mounts = ["--bind-ro=/etc/resolv.conf"]
    for file in (os.environ.get("PIP_CERT", ""), "/etc/pip.conf"):
        if file and Path(file).exists():
            mounts.append(f"--bind-ro={file}:/run/host-{Path(file).name}")
            pip["PIP_CERT" if file != "/etc/pip.conf" else "PIP_CONFIG_FILE"] = f"/run/host-{Path(file).name}"
    settings = [f"--setenv={key}={value}" for key, value in pip.items()]
    words = [f"/root/directdnsonly/{step}" for step in ("deploy/systemd/install.sh", Path(wheel).name)]
    done = subprocess.run(
        [*_nspawn(machine), *mounts, *settings, "--pipe", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _boot(machine: Path, out: Path) -> dict[str, object]:
    """Boot without a network, wait until it has looked around and switched itself off."""
    (machine / "etc/systemd/system/try.service").write_text(TRY)
    wants = machine / "etc/systemd/system/default.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "try.service").symlink_to("/etc/systemd/system/try.service")
    command = [*_nspawn(machine), f"--bind={out}:/out", "--private-network", "--console=pipe", "--boot"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL)
    assert (out / "seen.json").exists(), done.stdout[-4000:] + done.stderr[-4000:]
    return dict(json.loads((out / "seen.json").read_text()))


def _nspawn(machine: Path) -> list[str]:
    program = require_program("systemd-nspawn")
    return [program, "-q", "-D", str(machine), "--register=no", "--keep-unit"]
