"""The service under the system call filter of the unit that we ship, without booting a machine (`make test-systemd` does)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench.load import PASSWORD, USER, dns_socket, large_zone, wait_served
from bench.service import DADNS, MANAGED, Service

from tests.support import unit_filter
from tests.support.programs import require_program
from tests.support.wire import DirectAdmin

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/directdnsonly.service"
FILTERED = (sys.executable, unit_filter.__file__, UNIT)
AS_IT_IS = MANAGED + '      run_as: ""\n'  # systemd has changed the user before; the filter forbids to change it again


class Filtered(Service):
    """The shipped command, below the filter."""

    program = (*FILTERED, DADNS, "serve")


@pytest.fixture(autouse=True)
def _systemd_analyze() -> None:
    require_program("systemd-analyze")


def test_the_filter_of_the_unit_is_in_force():
    """What it forbids fails, what it allows does not: a test under it means something."""
    look = "import os\nos.getpid()\ntry: os.chroot('/')\nexcept PermissionError: print('forbidden')"

    told = subprocess.run([*FILTERED, sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert "forbidden\n" == told


@pytest.mark.parametrize("kind", ["bind", "nsd", "knot"])
def test_zones_of_any_size_are_served_under_the_filter_of_the_unit(kind):
    """Above 64 KiB another process parses, which wants to be nice and may not: the filter forbids setpriority."""
    require_program({"bind": "named", "knot": "knotd"}.get(kind, kind))
    with Filtered(backend=kind, backends=AS_IT_IS) as service, dns_socket(service.dns_port) as sock:
        master = DirectAdmin("127.0.0.1", service.port, USER, PASSWORD)
        for octets in (1_000, 90_000, 800_000):
            reply = master.rawsave("large.example", large_zone("large.example", octets, octets))
            assert b"error=0" == reply.body
            wait_served(sock, "large.example", octets, limit_s=60)


@pytest.mark.parametrize("kind", ["bind", "nsd", "knot"])
def test_a_name_server_is_adopted_under_the_filter_of_the_unit(kind):
    """Handles on processes, and signals by them, are system calls of their own."""
    require_program({"bind": "named", "knot": "knotd"}.get(kind, kind))
    with Filtered(backend=kind, backends=AS_IT_IS, log_level="INFO") as service:
        before = service.daemon_pid()
        service.stop()
        service.start()
        assert before == service.daemon_pid()
        assert '"nameserver.adopted"' in (service.folder / "log").read_text()
