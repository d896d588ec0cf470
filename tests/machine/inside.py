"""Runs on the booted machine, with Debian's own Python: uses the service as DirectAdmin does, writes what it saw.

No test itself; tests/machine/test_systemd.py starts it and judges. inside_package.py takes from it what both need.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

OUT = Path("/out/seen.json")
ZONE = Path("/out/example.com.zone").read_bytes()
CONFIG = Path("/etc/directdnsonly/app.yml")
LIMIT_S = 90.0


def main(look: Callable[[dict[str, object]], None]) -> None:
    seen: dict[str, object] = {}
    try:
        look(seen)
    except Exception as error:  # noqa: BLE001 - told to the test, whatever it is
        seen["error"] = repr(error)
    seen["journal"] = run("journalctl", "-u", "directdnsonly", "-o", "cat", "--no-pager")
    OUT.write_text(json.dumps(seen))
    run("systemctl", "--no-block", "poweroff")


def look(seen: dict[str, object]) -> None:
    until(lambda: request("GET", "/readyz")[0] == 200)
    seen["seconds_to_ready"] = round(time.monotonic() - BEGAN, 2)
    headers = headers_of(CONFIG.read_text())
    seen["login"] = request("GET", "/CMD_API_LOGIN_TEST", headers)[1]
    seen["pushed"] = push(headers)
    until(lambda: dig() == "192.0.2.10")
    seen["served"] = dig("+tcp")
    large = ZONE + b"".join(b"h%d\t300\tIN\tA\t192.0.2.10\n" % number for number in range(5_000))
    seen["large_pushed"] = push(headers, large.replace(b"2026010100", b"2026010101"))
    until(lambda: run("dig", "+short", "@127.0.0.1", "h4999.example.com", "A") == "192.0.2.10")
    main_pid = show("MainPID")
    named_pid = run("pidof", "named")
    seen["owners"] = [owner(main_pid), owner(named_pid)]
    seen["capabilities"] = [capabilities(main_pid), capabilities(named_pid)]
    seen["check"] = run("dadns", "check", "--config", str(CONFIG))
    seen["status"] = run("dadns", "status", "--config", str(CONFIG))

    os.kill(int(main_pid), signal.SIGKILL)
    until(lambda: show("MainPID") not in ("0", main_pid) and request("GET", "/readyz")[0] == 200)
    seen["restarts"] = show("NRestarts")
    seen["after_kill"] = [origin(), run("pidof", "named") == named_pid, dig()]
    main_pid = show("MainPID")
    run("systemctl", "restart", "directdnsonly")
    until(lambda: show("MainPID") not in ("0", main_pid) and request("GET", "/readyz")[0] == 200)
    seen["after_restart"] = [origin(), run("pidof", "named") == named_pid, dig()]

    seen["others"] = [other(kind, program) for kind, program in (("nsd", "nsd"), ("knot", "knotd"))]

    began = time.monotonic()
    run("systemctl", "stop", "directdnsonly")
    seen["stopped"] = [show("Result"), round(time.monotonic() - began, 2), dig()]
    seen["ended"] = [
        run("dadns", "nameservers", "stop", "--config", str(CONFIG)),
        run("pidof", "named", "nsd", "knotd"),
    ]

    CONFIG.write_text(CONFIG.read_text().replace("auth_username", "auth_usename"))
    run("systemctl", "start", "directdnsonly")
    until(lambda: show("ActiveState") == "failed")
    seen["mistake"] = [show("ExecMainStatus"), show("ActiveState")]

    # An upgrade of Debian: another Python looks into another folder.
    (packages,) = Path("/opt/directdnsonly/lib").glob("python3.*")
    packages.rename(packages.with_name("python3.2"))
    run("systemctl", "reset-failed", "directdnsonly")
    run("systemctl", "start", "directdnsonly")
    until(lambda: show("ActiveState") == "failed")
    seen["upgraded"] = [show("ExecMainStatus"), show("ActiveState")]


def other(kind: str, program: str) -> list[str]:
    """The same configuration with another name server: what it serves, as whom, with which capabilities."""
    text = re.sub(r"(bind|nsd):\n      type: (bind|nsd)", f"{kind}:\n      type: {kind}", CONFIG.read_text())
    CONFIG.write_text(text)
    run("systemctl", "restart", "directdnsonly")
    until(lambda: bool(run("pidof", program)) and dig() == "192.0.2.10")
    pid = run("pidof", program).split()[0]
    return [kind, dig("+tcp"), owner(pid), capabilities(pid)]


def headers_of(config: str) -> dict[str, str]:
    """Of DirectAdmin, by the configuration's password."""
    found = re.search(r"auth_password: (\S+)", config)
    assert found
    return {"Authorization": "Basic " + base64.b64encode(f"directdnsonly:{found[1]}".encode()).decode()}


def push(headers: dict[str, str], zone: bytes = ZONE) -> str:
    """What DirectAdmin is answered."""
    return request(
        "POST", "/CMD_API_DNS_ADMIN?action=rawsave&domain=example.com&hostname=s1.host.example", headers, zone
    )[1]


def origin() -> str:
    """How the service came to its name server; waits until that runs."""
    word = ""

    def known() -> bool:
        nonlocal word
        found = json.loads(run("dadns", "nameservers", "--json", "--config", str(CONFIG)) or "[]")
        word = found[0]["origin"] if found and found[0]["state"] == "running" else ""
        return bool(word)

    until(known)
    return word


def request(
    method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", 2222, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def dig(*options: str) -> str:
    return run("dig", "+short", "+time=1", "+tries=1", *options, "@127.0.0.1", "www.example.com", "A")


def show(name: str) -> str:
    return run("systemctl", "show", "directdnsonly", "--value", "-p", name)


def owner(pid: str) -> str:
    return run("stat", "-c", "%U", f"/proc/{pid}")


def capabilities(pid: str) -> str:
    found = re.search(r"CapEff:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    return str(int(found[1], 16)) if found else ""


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def until(condition) -> None:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError(condition.__code__.co_firstlineno)


BEGAN = time.monotonic()
if __name__ == "__main__":
    sys.exit(main(look))
