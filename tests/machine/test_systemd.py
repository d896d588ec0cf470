"""A whole Debian, booted by systemd, with the service installed by our own recipe. `make test-systemd` runs this.

It needs root, mmdebstrap and systemd-nspawn, a Debian mirror and a package index; two minutes, most of them downloads.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine.booted import boot, bootstrap, disable, run_in, ways_to_an_index
from tests.support.wire import zone_text

ROOT = Path(__file__).parents[2]
NET_BIND_SERVICE = str(1 << 10)

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEST_SYSTEMD"), reason="boots a machine: make test-systemd"),
    pytest.mark.timeout(900),
]


def test_the_recipe_gives_a_service_that_survives(tmp_path):
    """Port 53 without root, by BIND, NSD and Knot; one capability; killed or restarted it finds its name server serving; stopped it leaves it; a mistake is not retried."""
    machine, out = tmp_path / "machine", tmp_path / "out"
    out.mkdir()
    bootstrap(machine, "nsd", "knot")  # BIND and venv: by the recipe
    disable(machine, "nsd", "knot")  # they are here as programs only
    _install(machine, tmp_path / "dist")
    (out / "example.com.zone").write_text(zone_text())

    seen = boot(machine, out, "inside.py")

    print(f"\nbooted machine: ready {seen['seconds_to_ready']} s after the multi-user target")
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
    assert ["adopted", True, "192.0.2.10"] == seen["after_kill"]
    assert ["adopted", True, "192.0.2.10"] == seen["after_restart"]
    result, seconds, served = seen["stopped"]
    assert ("success", "192.0.2.10") == (result, served)
    told, left = seen["ended"]
    assert re.fullmatch(r"stopped: knotd \(knot, process \d+\)", told)
    assert "" == left
    assert seconds < 10
    assert ["2", "failed"] == seen["mistake"]
    assert "auth_usename" in seen["journal"]
    assert ["2", "failed"] == seen["upgraded"]
    assert re.search(
        r"run:  /opt/directdnsonly-\S+/again/deploy/systemd/install.sh /opt/directdnsonly-\S+\.whl", seen["journal"]
    )


def _install(machine: Path, dist: Path) -> None:
    """By install.sh in the machine's tree."""
    subprocess.run([sys.executable, ROOT / "deploy/release/dist.py", dist], check=True, stdout=subprocess.DEVNULL)
    source = machine / "root/directdnsonly"
    shutil.copytree(ROOT / "deploy", source / "deploy")
    shutil.copy(ROOT / "requirements.lock", source)
    wheel = shutil.copy(next(dist.glob("*.whl")), source)
    environ, mounts = ways_to_an_index()
    words = [f"/root/directdnsonly/{step}" for step in ("deploy/systemd/install.sh", Path(wheel).name)]
    run_in(machine, *words, environ=environ, mounts=mounts)
