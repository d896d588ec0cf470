"""The Debian package on a booted Debian: `make test-systemd` runs this, too. What needs no systemd is shown by `make test-deb`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from directdnsonly import __version__
from tests.machine.booted import boot, bootstrap, disable, run_in
from tests.support.programs import require_program
from tests.support.wire import zone_text

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_SYSTEMD"), reason="boots a machine: make test-systemd"),
    pytest.mark.timeout(1800),  # downloads and xz, on a busy machine
]


def test_an_upgrade_restarts_and_a_removal_stops(tmp_path):
    """Installed where no systemd runs it starts at the next boot; upgrades keep configuration, zones and the operator's switch."""
    machine, out = tmp_path / "machine", tmp_path / "out"
    out.mkdir()
    bootstrap(machine)
    _install(machine, tmp_path)
    disable(machine, "named")  # as the page says
    (out / "example.com.zone").write_text(zone_text())

    seen = boot(machine, out, "inside_package.py")

    assert ["enabled", "192.0.2.10", __version__] == seen["first"]
    assert seen["named serves on"], "an upgrade of ours is none of the name server"
    version, same = seen["upgraded"]
    assert version.endswith("+newer"), seen["dpkg"]
    assert same, "an upgrade has changed the configuration"
    version, enabled = seen["disabled"]
    assert version.endswith("+newest")
    assert "disabled" == enabled
    active, named, same, there, seconds = seen["removed"]
    assert (True, False) == (same, there)
    assert active != "active"
    assert "" == named
    assert seconds < 30
    assert [False, True, False] == seen["purged"]
    assert "stays" in seen["purging"]


def _install(machine: Path, folder: Path) -> None:
    """The package by apt, and two newer ones of the same files for later."""
    subprocess.run(
        [ROOT / "deploy/deb/build.sh", "bookworm"], check=True, env=os.environ | {"OUT": str(folder / "dist")}
    )
    (package,) = (folder / "dist").glob("*.deb")
    tree = folder / "tree"
    subprocess.run([require_program("dpkg-deb"), "-R", package, tree], check=True)
    control = (tree / "DEBIAN/control").read_text()
    version = next(line for line in control.splitlines() if line.startswith("Version: "))
    for name in ("newer", "newest"):
        (tree / "DEBIAN/control").write_text(control.replace(version, f"{version}+{name}"))
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, machine / f"root/{name}.deb"], check=True
        )
    (machine / "root/first.deb").write_bytes(package.read_bytes())
    run_in(machine, "/usr/bin/apt-get", "-q", "update")
    run_in(
        machine,
        "/usr/bin/apt-get",
        "-q",
        "install",
        "-y",
        "/root/first.deb",
        environ={"DEBIAN_FRONTEND": "noninteractive"},
    )
