"""A bundled name server that lives and answers nobody is found, killed, started anew, and told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import MANAGED, Service, free_port
from tests.e2e.test_line import until
from tests.support.programs import require_program

from directdnsonly.clock import SystemClock
from directdnsonly.nameservers.contract import DaemonPhase, DaemonStatus
from directdnsonly.nameservers.supervisor import ManagedDaemon

SERIAL = 2026113000
LIMIT = "      hang_timeout_s: 2\n"


def events(service: Service, name: str) -> list[dict[str, object]]:
    lines = (service.folder / "log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"{name}"' in line]


def kept(service: Service) -> list[str]:
    """What the audit tells whoever looks in the morning."""
    with httpx.Client(base_url=f"{service.url}/api/v1", auth=(USER, PASSWORD), timeout=60, trust_env=False) as api:
        return [one["detail"] for one in api.get("/events").json()["items"] if one["event"] == "nameserver.exited"]


@pytest.mark.parametrize(("backend", "program"), [("bind", "named"), ("nsd", "nsd"), ("knot", "knotd")])
def test_it_is_killed_and_started_anew_and_serves(backend, program):
    """SIGSTOP to all of its processes: nothing ends, nothing answers. What was pushed meanwhile is served, too."""
    require_program(program)
    with Service(backend=backend, backends=MANAGED + LIMIT, log_level="INFO") as service:
        with dns_socket(service.dns_port) as sock:
            push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
            wait_served(sock, "a.example", SERIAL)
            before = service.daemon_pid()

            os.killpg(before, signal.SIGSTOP)
            push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL + 1)))
            until(lambda: bool(events(service, "nameserver.hung")), 60)

            wait_served(sock, "a.example", SERIAL + 1, limit_s=60)
            assert before != service.daemon_pid()
            until(lambda: service.readyz()["status"] == "ready", 60)
            until(lambda: bool(kept(service)), 60)
            assert f"{backend}: {program} hangs: it has answered no query" in kept(service)[0]
        (hung,) = events(service, "nameserver.hung")
        assert "hangs: it has answered no query for" in str(hung["reason"])
        (exited,) = events(service, "nameserver.exited")
        assert f"{program} hangs" in str(exited["reason"])
        assert not Path(f"/proc/{before}").exists()


def test_one_that_answers_queries_and_no_command_is_found_too():
    """NSD's control process stopped alone: customers are answered, with what will never change again."""
    require_program("nsd")
    with (
        Service(backend="nsd", backends=MANAGED + "      hang_timeout_s: 1\n", log_level="INFO") as service,
        dns_socket(service.dns_port) as sock,
    ):
        push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL)))
        wait_served(sock, "a.example", SERIAL)

        os.kill(service.daemon_pid(), signal.SIGSTOP)
        push_blocking(service.port, rawsave("a.example", zone_text("a.example", SERIAL + 1)))

        wait_served(sock, "a.example", SERIAL + 1, limit_s=90)
        (hung,) = events(service, "nameserver.hung")
        assert "hangs: it has answered no control command for" in str(hung["reason"])


class Script:
    """A program in the place of a name server: a fault, which no real one shows on demand."""

    kind, marker, host = "scripted", "no-such-marker", "127.0.0.1"

    def __init__(self, folder: Path, command: Sequence[str], *, port: int, hang_s: float) -> None:
        self.log_file, self.pid_file, self.note_file = folder / "log", folder / "pid", folder / "process.json"
        self.port, self.hang_s = port, hang_s
        self._command = command

    def configuration(self) -> str:
        return ""

    def version(self) -> str:
        return "1.0"

    def prepare(self) -> None:
        self.log_file.touch()

    def command(self) -> Sequence[str]:
        return self._command

    def says_started(self, log: bytes) -> bool:
        return b"started" in log


async def phases(program: Script, *, enough: int) -> list[DaemonStatus]:
    seen: list[DaemonStatus] = []
    reached = asyncio.Event()

    def note(status: DaemonStatus) -> None:
        seen.append(status)
        if len(seen) >= enough:
            reached.set()

    daemon = ManagedDaemon(name="one", program=program, clock=SystemClock(), on_phase=note, start_s=0.2)
    task = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(60):
            await reached.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return seen[:enough]


async def test_one_that_never_says_that_it_runs_is_not_called_running(tmp_path):
    """It is told as starting, with the reason; and when it does nothing, it is started anew."""
    program = Script(tmp_path, [require_program("sleep"), "600"], port=free_port(), hang_s=1.0)

    slow, again = await phases(program, enough=2)

    assert DaemonPhase.STARTING is slow.phase
    assert "scripted was started 0.2 s ago and does not answer yet" == slow.reason
    assert DaemonPhase.RESTARTING is again.phase
    assert "hangs" in again.reason


async def test_one_that_was_started_and_is_silent_is_not_called_not_started(tmp_path):
    """It was, for as long as two minutes, and its process was not told."""
    program = Script(tmp_path, [require_program("sleep"), "600"], port=free_port(), hang_s=60.0)
    daemon = ManagedDaemon(name="one", program=program, clock=SystemClock(), on_phase=lambda _: None)
    assert "scripted was not started yet" == daemon.status.reason
    task = asyncio.create_task(daemon.run())
    try:
        async with asyncio.timeout(60):
            while daemon.status.process is None:
                await asyncio.sleep(0.01)
        status = daemon.status
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert status.process is not None
    assert DaemonPhase.STARTING is status.phase
    assert f"scripted (process {status.process.pid}) was started and does not answer yet" == status.reason


async def test_one_that_answers_runs_whatever_words_its_version_logs(tmp_path):
    """The word that we wait for is of the versions that we know."""
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        thread = threading.Thread(target=_refuse_all, args=(sock,), daemon=True)
        thread.start()
        program = Script(tmp_path, [require_program("sleep"), "600"], port=port, hang_s=30.0)

        seen = await phases(program, enough=2)
        sock.sendto(b"end", ("127.0.0.1", port))
        await asyncio.to_thread(thread.join)

    assert [DaemonPhase.STARTING, DaemonPhase.RUNNING] == [status.phase for status in seen]


def _refuse_all(sock: socket.socket) -> None:
    """REFUSED to each question."""
    while (question := sock.recvfrom(4096))[0] != b"end":
        octets, client = question
        sock.sendto(octets[:2] + b"\x80\x05" + octets[4:], client)
