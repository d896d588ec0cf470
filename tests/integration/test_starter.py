"""Who starts us, as the kernel tells it: what a process may do decides, not what it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import directdnsonly
from tests.support.hosts import Hosts
from tests.support.programs import require_program

PROGRAM = "from directdnsonly.config.starter import who_starts; print(who_starts({}, []))"
FIRST_FREE = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
MAY_BIND = ["--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service"]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts() as it:
        yield it


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as root")
@pytest.mark.parametrize(
    ("becomes", "first_free", "starter"),
    [
        ([], "1024", "root"),
        (NOBODY, "1024", "user"),
        ([*NOBODY, *MAY_BIND], "1024", "root"),  # our unit of systemd
        (NOBODY, "0", "root"),  # another container of docker
        (NOBODY, "53", "root"),
        (NOBODY, "54", "user"),
    ],
)
def test_whoever_may_open_port_53_is_as_good_as_root(hosts, becomes, first_free, starter):
    """By its user, a capability, or the port from which on everybody may."""
    subprocess.run(hosts.here("sh", "-c", f"echo {first_free} > {FIRST_FREE}"), check=True)
    source = Path(directdnsonly.__file__).parents[1]
    inside = ["env", f"PYTHONPATH={source}:{':'.join(filter(None, sys.path))}", sys.executable, "-c", PROGRAM]

    done = subprocess.run(
        hosts.here(require_program("setpriv"), *becomes, *inside), capture_output=True, text=True, check=False
    )

    assert starter == done.stdout.strip(), done.stderr
