"""Topologies A and B, started for real from the files that we ship. Part of `make test-image`."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.image.composing import serial, topology, until
from tests.image.containers import ROOT, Engine
from tests.support.wire import DirectAdmin, zone_text

IMAGE = os.environ.get("TEST_IMAGE", "")
SERIAL = 2026112500
PUSHES = 1000
COREDNS = "directdnsonly-coredns:latest"  # built by `make coredns-image`
A = {"NS1_ADDRESS": "127.0.0.21", "NS2_ADDRESS": "127.0.0.22", "DADNS_IMAGE": IMAGE}
B = {"RECEIVER_ADDRESS": "127.0.0.31", "DC1_ADDRESS": "127.0.0.32", "DC2_ADDRESS": "127.0.0.33", "DADNS_IMAGE": IMAGE}

pytestmark = pytest.mark.skipif(not IMAGE, reason="needs an image: make test-image")


def test_two_instances_from_the_compose_file(tmp_path):
    """One push to each: both serve it. One is stopped: the other goes on; back again it serves what it had."""
    with topology("a", tmp_path, A) as up:
        ns1, ns2 = (
            DirectAdmin(A[f"{name.upper()}_ADDRESS"], 2222, "directdnsonly", up.secret(f"{name}_password"))
            for name in ("ns1", "ns2")
        )
        for master in (ns1, ns2):
            until(lambda master=master: master.login_test().status == 200)
            assert b"error=0" == master.rawsave("example.com", zone_text(serial=SERIAL)).body
            until(lambda master=master: serial(master.host) == SERIAL)
        until(lambda: {"healthy"} == {up.health(name) for name in ("ns1", "ns2")})

        up.run("stop", "ns1")
        assert b"error=0" == ns2.rawsave("example.com", zone_text(serial=SERIAL + 1)).body
        until(lambda: serial(ns2.host) == SERIAL + 1)
        assert None is serial(ns1.host)

        up.run("start", "ns1")
        until(lambda: serial(ns1.host) == SERIAL)  # it missed a push: topology A heals by the next one
        assert b"error=0" == ns1.rawsave("example.com", zone_text(serial=SERIAL + 2)).body
        until(lambda: serial(ns1.host) == SERIAL + 2)


def test_two_data_centres_of_which_one_is_cut_off_and_returns(tmp_path):
    """1,000 pushes and a delete while the first one's database hangs: acknowledged, served by the second; then both equal."""
    engine = Engine()
    images = {"MARIADB_IMAGE": _mariadb(engine), "COREDNS_IMAGE": COREDNS}
    first, second = B["DC1_ADDRESS"], B["DC2_ADDRESS"]
    zones = [f"z{number}.example" for number in range(PUSHES)]
    with topology("b", tmp_path, B | images) as up:
        master = DirectAdmin(B["RECEIVER_ADDRESS"], 2222, "directdnsonly", up.secret("receiver_password"))
        until(lambda: master.login_test().status == 200)
        assert b"error=0" == master.rawsave("example.com", zone_text(serial=SERIAL)).body
        for address in (first, second):
            until(lambda address=address: serial(address) == SERIAL)
        until(lambda: "NXDOMAIN" == serial(first, "nobody.example.com"))
        until(lambda: {"healthy"} == {up.health(name) for name in ("receiver", "dc1-db", "dc2-db")})

        engine.run("pause", up.container("dc1-db"))
        began = time.perf_counter()
        with ThreadPoolExecutor(8) as threads:
            bodies = threads.map(lambda zone: master.rawsave(zone, zone_text(zone, serial=SERIAL)).body, zones)
            assert {b"error=0"} == set(bodies)
        assert b"error=0" == master.delete("example.com").body
        pushed = time.perf_counter() - began
        _until_equal(second, zones)
        served = time.perf_counter() - began

        engine.run("unpause", up.container("dc1-db"))
        began = time.perf_counter()
        _until_equal(first, zones)
        print(
            f"\nB, first data centre cut off: {PUSHES} pushes acknowledged in {pushed:.1f} s, served by the second after"
            f" {served:.1f} s; back again, the first is equal after {time.perf_counter() - began:.1f} s"
        )


def _until_equal(address: str, zones: list[str]) -> None:
    """Every zone is served there, and the deleted one is not."""
    left = list(zones)

    def equal() -> bool:
        left[:] = [zone for zone in left if serial(address, zone) != SERIAL]
        return not left and serial(address) == "REFUSED"

    until(equal)


def _mariadb(engine: Engine) -> str:
    """MariaDB's own image, or Debian's MariaDB in its place."""
    real = "mariadb:11.4"
    if engine.run("pull", "-q", real, check=False).returncode == 0:
        return real
    return _build(engine, "mariadb", ROOT / "tests/image/standin/mariadb")


def _build(engine: Engine, name: str, context: Path) -> str:
    tag = f"dadns-test-{name}"
    options = ["--network", "host"]
    if engine.name == "podman":
        options += ["--format", "docker", "--pull=never", "--isolation", "chroot"]
    stand_in = "localhost/debian-stand-in:trixie"
    if engine.run("image", "inspect", stand_in, check=False).returncode == 0:
        options += ["--build-arg", f"BASE={stand_in}"]
    engine.run("build", "-t", tag, *options, str(context))
    return tag
