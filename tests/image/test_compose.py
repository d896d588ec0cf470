"""Topology A, started for real from the files that we ship. Part of `make test-image`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.image.containers import ROOT, Engine
from tests.support.wire import DirectAdmin, zone_text

IMAGE = os.environ.get("DADNS_TEST_IMAGE", "")
ADDRESSES = {"ns1": "127.0.0.21", "ns2": "127.0.0.22"}
SERIAL = 2026112500
LIMIT_S = 60.0

pytestmark = pytest.mark.skipif(not IMAGE, reason="needs an image: make test-image")


@contextmanager
def engine_socket(engine: Engine, folder: Path) -> Iterator[dict[str, str]]:
    """What compose needs to reach the engine; podman's socket lives as long as the test."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    if engine.name != "podman":
        yield plain
        return
    address = f"unix://{folder}/podman.sock"
    command = [engine.name, "system", "service", "--time=0", address]
    process = subprocess.Popen(command, env=engine.environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while not (folder / "podman.sock").exists():
            assert time.monotonic() < until, "podman's socket does not come"
            time.sleep(0.05)
        yield plain | {"DOCKER_HOST": address}
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_two_instances_from_the_compose_file(tmp_path):
    """One push to each: both serve it. One is stopped: the other goes on; back again it serves what it had."""
    engine = Engine()
    shutil.copytree(ROOT / "deploy/compose", tmp_path / "compose", ignore=shutil.ignore_patterns("secrets", ".env"))
    folder = tmp_path / "compose" / "a"
    subprocess.run(["../make-secrets.sh", "../a"], cwd=folder, check=True, capture_output=True)
    lines = [f"{name.upper()}_ADDRESS={address}" for name, address in ADDRESSES.items()]
    (folder / ".env").write_text("\n".join([*lines, f"DADNS_IMAGE={IMAGE}", ""]))
    masters = {
        name: DirectAdmin(address, 2222, "directdnsonly", (folder / f"secrets/{name}_password").read_text())
        for name, address in ADDRESSES.items()
    }
    with engine_socket(engine, tmp_path) as environment:
        compose = [Path(sys.executable).with_name("docker-compose"), "--project-name", f"dadns-test-{os.getpid()}"]

        def run(*words: str) -> str:
            done = subprocess.run(
                [*compose, *words],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        try:
            run("up", "-d", "--pull", "never")
            for master in masters.values():
                _until(lambda master=master: master.login_test().status == 200)
                assert b"error=0" == master.rawsave("example.com", zone_text(serial=SERIAL)).body
            for address in ADDRESSES.values():
                _until(lambda address=address: _serial(address) == SERIAL)

            run("stop", "ns1")
            assert b"error=0" == masters["ns2"].rawsave("example.com", zone_text(serial=SERIAL + 1)).body
            _until(lambda: _serial(ADDRESSES["ns2"]) == SERIAL + 1)
            assert None is _serial(ADDRESSES["ns1"])

            run("start", "ns1")
            _until(lambda: _serial(ADDRESSES["ns1"]) == SERIAL)  # it missed a push: topology A heals by the next one
            assert b"error=0" == masters["ns1"].rawsave("example.com", zone_text(serial=SERIAL + 2)).body
            _until(lambda: _serial(ADDRESSES["ns1"]) == SERIAL + 2)
        finally:
            run("down", "--volumes", "--timeout", "15")


def _serial(address: str) -> int | None:
    """The serial that is served there; None when there is no answer."""
    try:
        reply = dns.query.udp(dns.message.make_query("example.com", "SOA"), address, timeout=1)
    except (OSError, dns.exception.Timeout):
        return None
    return reply.answer[0][0].serial if reply.rcode() == dns.rcode.NOERROR else None


def _until(condition) -> None:
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
