"""Runs on the booted machine where the Debian package was installed: an upgrade, a removal, a purge under systemd.

No test itself; tests/machine/test_package.py starts it and judges.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from inside import CONFIG, dig, headers_of, main, push, run, show, until

UNIT = "directdnsonly"


def look(seen: dict[str, object]) -> None:
    until(lambda: show("ActiveState") == "active")
    before = CONFIG.read_text()
    until(lambda: push(headers_of(before)) == "error=0")
    until(lambda: dig() == "192.0.2.10")
    first = show("MainPID")
    seen["first"] = [run("systemctl", "is-enabled", UNIT), dig("+tcp"), run("dadns", "--version")]

    named = run("pidof", "named")
    seen["dpkg"] = run("dpkg", "-i", "/root/newer.deb")
    until(lambda: show("MainPID") not in ("0", first) and dig() == "192.0.2.10")
    seen["upgraded"] = [run("dpkg-query", "-W", "-f", "${Version}", UNIT), CONFIG.read_text() == before]
    seen["named serves on"] = bool(named) and run("pidof", "named") == named

    run("systemctl", "disable", UNIT)
    run("dpkg", "-i", "/root/newest.deb")
    seen["disabled"] = [run("dpkg-query", "-W", "-f", "${Version}", UNIT), run("systemctl", "is-enabled", UNIT)]
    run("systemctl", "enable", UNIT)

    began = time.monotonic()
    run("dpkg", "-r", UNIT)
    left = run("systemctl", "is-active", UNIT), run("pidof", "named"), CONFIG.read_text() == before
    seen["removed"] = [*left, Path("/usr/lib/directdnsonly").exists(), round(time.monotonic() - began, 2)]

    seen["purging"] = run("dpkg", "-P", UNIT)
    store, wants = Path("/var/lib/directdnsonly/queues"), Path("/etc/systemd/system/multi-user.target.wants")
    seen["purged"] = [CONFIG.exists(), store.is_dir(), any(wants.glob(f"{UNIT}*"))]


if __name__ == "__main__":
    sys.exit(main(look))
