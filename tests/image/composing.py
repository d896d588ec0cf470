"""One topology from deploy/compose, brought up by the real compose on the engine that built the image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from tests.image.containers import ROOT, Engine
from tests.support.programs import end

LIMIT_S = 120.0


class Topology:
    """A prepared copy of the folder; `run` is a command of compose in it."""

    def __init__(self, engine: Engine, folder: Path, environment: Mapping[str, str]) -> None:
        self.engine, self.folder = engine, folder
        self.project = f"dadns-test-{os.getpid()}"
        self._environment = dict(environment)

    def run(self, *words: str) -> str:
        """Its output; fails the test when compose does."""
        compose = Path(sys.executable).with_name("docker-compose")
        done = subprocess.run(
            [compose, "--project-name", self.project, *words],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def secret(self, name: str) -> str:
        """What make-secrets.sh drew."""
        return (self.folder / "secrets" / name).read_text()

    def health(self, service: str) -> str:
        """What the service's own health check says, in the engine's word; podman is asked to make it now."""
        if self.engine.name == "podman":
            self.engine.run("healthcheck", "run", self.container(service), check=False)
        state = self.engine.inspect("container", self.container(service))["State"]
        return str((state.get("Health") or state["Healthcheck"])["Status"])  # docker's place, podman's

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.project}-{service}-1"


@contextmanager
def topology(name: str, folder: Path, variables: Mapping[str, str]) -> Iterator[Topology]:
    """Up, then down with its volumes."""
    engine = Engine()
    shutil.copytree(ROOT / "deploy/compose", folder / "compose", ignore=shutil.ignore_patterns("secrets", ".env"))
    place = folder / "compose" / name
    subprocess.run(["../make-secrets.sh", f"../{name}"], cwd=place, check=True, capture_output=True)
    (place / ".env").write_text("".join(f"{key}={value}\n" for key, value in variables.items()))
    with _socket(engine, folder) as environment:
        up = Topology(engine, place, environment)
        try:
            with _health_checks(up):
                up.run("up", "-d", "--no-build", "--pull", "never")
            yield up
        finally:
            up.run("down", "--volumes", "--timeout", "15")


@contextmanager
def _socket(engine: Engine, folder: Path) -> Iterator[dict[str, str]]:
    """What compose needs to reach the engine; podman's socket lives as long as the test."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    if engine.name != "podman":
        yield plain
        return
    address = f"unix://{folder}/podman.sock"
    command = [engine.name, "system", "service", "--time=0", address]
    process = subprocess.Popen(command, env=engine.environment, stderr=subprocess.DEVNULL)
    try:
        until((folder / "podman.sock").exists)
        yield plain | {"DOCKER_HOST": address}
    finally:
        end(process)


@contextmanager
def _health_checks(up: Topology) -> Iterator[None]:
    """podman leaves its health checks to systemd's timers; where there are none, somebody must run them."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(1.0):
            for name in up.engine.run("ps", "--format", "{{.Names}}", check=False).stdout.split():
                if name.startswith(up.project):
                    up.engine.run("healthcheck", "run", name, check=False)

    thread = threading.Thread(target=run)
    if up.engine.name == "podman":
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()


def serial(address: str, zone: str = "example.com") -> int | str | None:
    """The serial that is served there; else the rcode in words; None when there is no answer."""
    try:
        reply = dns.query.udp(dns.message.make_query(zone, "SOA"), address, timeout=1)
    except (OSError, dns.exception.Timeout):
        return None
    return int(reply.answer[0][0].serial) if reply.answer else dns.rcode.to_text(reply.rcode())


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; a connection that is not there yet is not it."""
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
