"""A whole Debian in a folder, booted by systemd-nspawn without a network, which looks around by itself and switches itself off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.programs import require_program

HERE = Path(__file__).parent
PACKAGES = "systemd,systemd-sysv,dbus,python3,bind9-dnsutils,ca-certificates"
TRY = """
[Unit]
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 /out/{script}
[Install]
WantedBy=default.target
"""


def bootstrap(machine: Path, *more: str) -> None:
    """A minimal Debian with what a name server's host has, and these packages."""
    machine.mkdir()
    include = ",".join((PACKAGES, *more))
    options = ["--quiet", "--variant=minbase", f"--include={include}", "--dpkgopt=path-exclude=/usr/share/man/*"]
    subprocess.run([require_program("mmdebstrap"), *options, "bookworm", str(machine)], check=True)


def disable(machine: Path, *units: str) -> None:
    """Switch services off."""
    for unit in units:
        subprocess.run(["systemctl", f"--root={machine}", "disable", unit], check=True, capture_output=True)


def run_in(machine: Path, *words: str, environ: dict[str, str] | None = None, mounts: tuple[str, ...] = ()) -> None:
    """A command in the machine that is not booted, with the network of this one: booted it will have none."""
    settings = [f"--setenv={key}={value}" for key, value in (environ or {}).items()]
    binds = [f"--bind-ro={mount}" for mount in ("/etc/resolv.conf", *mounts)]
    command = [*_nspawn(machine), *binds, *settings, "--pipe", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def boot(machine: Path, out: Path, script: str) -> dict[str, object]:
    """Boot, run this script of tests/machine in it, and give what it has seen: seen.json."""
    for file in HERE.glob("inside*.py"):
        shutil.copy(file, out)
    (machine / "etc/systemd/system/try.service").write_text(TRY.format(script=script))
    wants = machine / "etc/systemd/system/default.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "try.service").symlink_to("/etc/systemd/system/try.service")
    command = [*_nspawn(machine), f"--bind={out}:/out", "--private-network", "--console=pipe", "--boot"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL)
    assert (out / "seen.json").exists(), done.stdout[-4000:] + done.stderr[-4000:]
    seen = dict(json.loads((out / "seen.json").read_text()))
    assert "error" not in seen, f"{seen.pop('error')}\n{str(seen.pop('journal'))[-4000:]}\n{seen}"
    return seen


def ways_to_an_index() -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables and mounts by which pip finds its index in the machine."""
    pip = {key: value for key, value in os.environ.items() if key in ("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")}
    mounts = []
    for file in (os.environ.get("PIP_CERT", ""), "/etc/pip.conf"):
        if file and Path(file).exists():
            mounts.append(f"{file}:/run/host-{Path(file).name}")
            pip["PIP_CERT" if file != "/etc/pip.conf" else "PIP_CONFIG_FILE"] = f"/run/host-{Path(file).name}"
    return pip, tuple(mounts)


def _nspawn(machine: Path) -> list[str]:
    program = require_program("systemd-nspawn")
    return [program, "-q", "-D", str(machine), "--register=no", "--keep-unit"]
