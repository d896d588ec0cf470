"""A machine and somebody elsewhere: two network namespaces of a test's own, joined by a cable. Any port is free there."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.support.programs import require_program

HOST, WORLD = "192.0.2.1", "192.0.2.2"
HOST6, WORLD6 = "2001:db8::1", "2001:db8::2"
LIMIT_S = 60


class Hosts:
    """Starts on entering, ends on leaving, and with it all that runs in there."""

    def __enter__(self) -> Hosts:
        ip, unshare = require_program("ip"), require_program("unshare")
        self._sleeping: list[subprocess.Popen[bytes]] = []
        alone = ["--user", "--map-root-user"] if os.geteuid() else []
        try:
            self._host = self._sleep([unshare, *alone, "--net"])
            self._world = self._sleep([*self.here(), unshare, "--net"])
            cable = ["link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(self._world)]
            self._run(self.here(ip, *cable))
            for inside, addresses in ((self.here, (HOST, HOST6)), (self.elsewhere, (WORLD, WORLD6))):
                self._run(inside(ip, "address", "add", f"{addresses[0]}/24", "dev", "cable"))
                self._run(inside(ip, "address", "add", f"{addresses[1]}/64", "dev", "cable", "nodad"))
                self._run(inside(ip, "link", "set", "cable", "up"))
                self._run(inside(ip, "link", "set", "lo", "up"))
        except BaseException:
            self._end()
            raise
        return self

    def here(self, *command: str | Path) -> list[str]:
        """The command on the machine."""
        return self._inside(self._host, command)

    def elsewhere(self, *command: str | Path) -> list[str]:
        """The command where others are."""
        return self._inside(self._world, command)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _inside(self, process: int, command: Sequence[str | Path]) -> list[str]:
        user = ["--user", "--preserve-credentials"] if os.geteuid() else []
        return [require_program("nsenter"), "--target", str(process), *user, "--net", *map(str, command)]

    def _sleep(self, inside: Sequence[str]) -> int:
        """A process whose only work is to hold a namespace; which is there when its network is another one than ours."""
        before = {_network(one) for one in ("self", *(each.pid for each in self._sleeping))}
        process = subprocess.Popen([*inside, "sleep", "infinity"])
        self._sleeping.append(process)
        until = time.monotonic() + LIMIT_S
        while _network(process.pid) in before:
            assert process.poll() is None, "no network of its own"
            assert time.monotonic() < until, "no network of its own"
            time.sleep(0.01)
        return process.pid

    def _run(self, command: Sequence[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)

    def _end(self) -> None:
        for process in self._sleeping:
            process.kill()
            process.wait()


def _network(process: int | str) -> str:
    return str(Path(f"/proc/{process}/ns/net").readlink())
