"""What we start and nobody else watches ends with us, however we end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from directdnsonly.nameservers.holder import name_of
from directdnsonly.nameservers.process import identity_of
from tests.support.programs import require_program

# A checker that hangs, started as ours are.
HANGING = """
import subprocess
from directdnsonly.nameservers.account import ending_with_us
child = subprocess.Popen([*ending_with_us(), "sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""


def test_a_checker_that_hangs_dies_with_us_by_kill_9():
    """Systemd leaves it alone, since it must leave name servers alone."""
    require_program("setpriv")
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout is not None
        pid = int(ours.stdout.readline())
        _until(lambda: name_of(pid) == "sleep")  # from then on it is bound to us
        found = identity_of(pid)
        assert found is not None
        ours.kill()

    _until(lambda: identity_of(pid) != found)


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
