"""Bundled name servers outlive us: stopped or killed and started again we find them serving, and no question is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import DADNS, Service, free_port

from directdnsonly.nameservers.process import identity_of
from tests.e2e.test_line import until
from tests.support.programs import require_program
from tests.support.querying import querying

SERIAL = 2026113000
KINDS = [("bind", "named"), ("nsd", "nsd"), ("knot", "knotd")]


def events(service: Service, name: str) -> list[dict[str, object]]:
    lines = (service.folder / "log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"{name}"' in line]


def push(service: Service, zone: str, serial: int) -> None:
    push_blocking(service.port, rawsave(zone, zone_text(zone, serial)))


def told(service: Service) -> dict[str, object]:
    """The one name server, as the API tells it."""
    with httpx.Client(auth=(USER, PASSWORD), timeout=60, trust_env=False) as client:
        (one,) = client.get(f"{service.url}/api/v1/nameservers").raise_for_status().json()["items"]
        return dict(one)


def seen(service: Service, path: str) -> str:
    """A page, or the metrics."""
    with httpx.Client(auth=(USER, PASSWORD), timeout=60, trust_env=False) as client:
        return client.get(f"{service.url}{path}").raise_for_status().text


def dadns(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of ours beside the service, or after it."""
    return subprocess.run(
        [DADNS, *words, "--config", service.folder / "app.yml"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(("backend", "program"), KINDS)
def test_a_restart_of_ours_loses_no_query(backend, program):
    """SIGTERM and start, then kill -9 and start: the same process serves all the while, by UDP and TCP, and takes the next push."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        for number in range(20):
            push(service, f"z{number}.example", SERIAL)
        for number in range(20):
            wait_served(sock, f"z{number}.example", SERIAL)
        pid = service.daemon_pid()
        assert ("started", pid) == (told(service)["origin"], told(service)["pid"])

        for end in (service.stop, service.kill):
            with querying(service.dns_port, "z0.example") as querier:
                end()
                asked = querier.asked
                until(lambda: querier.asked > asked + 100, 60)  # noqa: B023 - awaited here
                service.start()
            assert [] == querier.lost
            assert querier.asked > 100
            assert pid == service.daemon_pid()
            now = told(service)
            assert ("adopted", pid, "running", "current") == tuple(
                now[key] for key in ("origin", "pid", "state", "configuration")
            )
            assert f", process {pid}, adopted, up for " in seen(service, "/status")
            began = f'directdnsonly_nameserver_start_time_seconds{{backend="{backend}"}} '
            (moment,) = (line for line in seen(service, "/metrics").splitlines() if line.startswith(began))
            assert abs(float(moment.removeprefix(began)) - datetime.fromisoformat(str(now["up_since"])).timestamp()) < 1
            push(service, "z1.example", SERIAL + 1 + (end == service.kill))
            wait_served(sock, "z1.example", SERIAL + 1 + (end == service.kill))

        adopted = events(service, "nameserver.adopted")
        assert [pid, pid] == [one["pid"] for one in adopted]
        assert [pid] == [one["pid"] for one in events(service, "nameserver.kept")]
        assert "backend.drifted" not in (service.folder / "log").read_text()


@pytest.mark.parametrize(("backend", "program"), KINDS)
def test_an_adopted_one_that_dies_is_started_anew(backend, program):
    """Nobody but its parent is told how it ended; that it did is seen at once all the same."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        service.stop()
        service.start()
        pid = service.daemon_pid()
        assert [pid] == [one["pid"] for one in events(service, "nameserver.adopted")]

        os.kill(pid, signal.SIGKILL)

        until(lambda: bool(events(service, "nameserver.exited")), 60)
        push(service, "a.example", SERIAL + 1)
        wait_served(sock, "a.example", SERIAL + 1)
        until(lambda: told(service)["state"] == "running", 60)
        now = told(service)
        assert now["pid"] not in {pid, None}
        assert "started" == now["origin"]
        (exited,) = events(service, "nameserver.exited")
        assert f"{program} ended" in str(exited["reason"])


@pytest.mark.parametrize(("backend", "program"), KINDS)
def test_an_adopted_one_that_hangs_is_killed(backend, program):
    """SIGSTOP to all of its processes, which are not our children."""
    require_program(program)
    limit = "    {backend}:\n      type: {backend}\n      listen: ['127.0.0.1']\n      port: {dns_port}\n      hang_timeout_s: 2\n"
    with Service(backend=backend, backends=limit, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        service.kill()
        service.start()
        pid = service.daemon_pid()

        os.killpg(pid, signal.SIGSTOP)

        until(lambda: bool(events(service, "nameserver.hung")), 60)
        push(service, "a.example", SERIAL + 1)
        wait_served(sock, "a.example", SERIAL + 1)
        assert identity_of(pid) is None


def test_one_that_hangs_is_told_as_running_from_the_first_moment():
    """Its process is looked at for seconds before it is believed to hang: "was not started yet" was told meanwhile."""
    require_program("knotd")
    with Service(backend="knot", log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        pid = service.daemon_pid()
        service.stop()
        os.killpg(pid, signal.SIGSTOP)
        try:
            service.start(until="accepting")
            until(lambda: told(service)["reason"] != "knotd was not started yet", 3)  # it was told for longer
            now = told(service)
        finally:
            os.killpg(pid, signal.SIGCONT)

    assert ("starting", pid) == (now["state"], now["pid"])
    assert f"knotd (process {pid}) of an earlier start does not answer yet" == now["reason"]


@pytest.mark.parametrize(("backend", "program"), KINDS)
@pytest.mark.parametrize("wish", ["keep", "stop"])
def test_one_that_hangs_at_our_end_is_killed(backend, program, wish):
    """It answers nobody and obeys no SIGTERM: neither kept nor left, whatever `dns.on_stop` is."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace("\ndns:\n", f"\ndns:\n  on_stop: {wish}\n"))
        service.stop_all()
        service.start()
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        pid, before = service.daemon_pid(), len(events(service, "nameserver.stopped"))

        os.killpg(pid, signal.SIGSTOP)
        service.stop()

        assert identity_of(pid) is None
        assert before + 1 == len(events(service, "nameserver.stopped"))
        assert "no bundled name server runs\n" == dadns(service, "nameservers", "stop").stdout


@pytest.mark.parametrize(("backend", "program"), KINDS)
def test_another_configuration_replaces_it_and_that_is_said_before(backend, program):
    """A wish for transfers stands in the daemon's own configuration: it is replaced, and then serves everything."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        pid = service.daemon_pid()
        service.stop()
        config = service.folder / "app.yml"
        config.write_text(
            config.read_text().replace("managed: true", "managed: true\n      allow_transfer: [192.0.2.7]")
        )

        service.start()

        wait_served(sock, "a.example", SERIAL)
        assert pid != service.daemon_pid()
        assert identity_of(pid) is None
        (replacing,) = events(service, "nameserver.replacing")
        assert pid == replacing["pid"]
        assert f"the configuration of {program}, or its program, has changed" == replacing["reason"]
        assert 0 < float(str(replacing["last_start_s"])) < 120
        log = (service.folder / "log").read_text()
        assert log.find('"nameserver.replacing"') < log.rfind('"nameserver.started"')
        assert ("started", "current") == (told(service)["origin"], told(service)["configuration"])


def test_two_are_replaced_one_after_the_other():
    """A resolver that finds one of them silent is answered by the other."""
    require_program("named")
    require_program("nsd")
    two = "".join(
        f"    {kind}:\n      managed: true\n      listen: ['127.0.0.1']\n      port: {port}\n"
        for kind, port in (("bind", "{dns_port}"), ("nsd", free_port()))
    )
    with Service(log_level="INFO", backends=two) as service:
        push(service, "a.example", SERIAL)
        service.stop()
        config = service.folder / "app.yml"
        config.write_text(
            config.read_text().replace("managed: true", "managed: true\n      allow_transfer: [192.0.2.7]")
        )

        service.start()

        until(lambda: len(events(service, "nameserver.started")) == 4, 60)
        words = ('"nameserver.replacing"', '"nameserver.started"')
        lines = (json.loads(line) for line in (service.folder / "log").read_text().splitlines())
        told_of = [(one["event"], one["backend"]) for one in lines if f'"{one["event"]}"' in words][2:]
        first, second = (backend for event, backend in told_of if event == "nameserver.replacing")
        assert {"bind", "nsd"} == {first, second}
        steps = [("nameserver.replacing", first), ("nameserver.started", first)]
        assert [*steps, ("nameserver.replacing", second), ("nameserver.started", second)] == told_of


def test_a_stranger_on_our_port_is_refused_and_left_alone():
    """A name server of somebody else, under our own user: named would share its port with ours without a word."""
    require_program("named")
    with Service(log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        service.stop()
        assert 0 == dadns(service, "nameservers", "stop").returncode
        stranger = socket.create_server(("127.0.0.1", service.dns_port))

        service.start(until="accepting")
        until(lambda: bool(events(service, "nameserver.refused")), 60)

        reason = str(events(service, "nameserver.refused")[0]["reason"])
        place = f"127.0.0.1#{service.dns_port} is held by process {os.getpid()}"
        assert place in reason
        assert "which is not ours: stop it, or choose another port (dns.backends.bind.port)" in reason
        assert ("starting", reason, None) == tuple(told(service)[key] for key in ("state", "reason", "pid"))
        assert "degraded" == service.readyz()["status"]
        assert stranger.fileno() > 0

        stranger.close()
        wait_served(sock, "a.example", SERIAL)


def test_a_note_that_names_another_process_is_not_believed():
    """A number that was given again, a pid file that lies: that process is neither adopted nor sent a signal."""
    require_program("named")
    with Service(log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        service.stop()
        assert 0 == dadns(service, "nameservers", "stop").returncode
        folder = service.folder / "data/backends/bind"
        other = subprocess.Popen([require_program("sleep"), "600"])
        try:
            found = identity_of(other.pid)
            assert found is not None
            note = {
                "pid": found.pid,
                "ticks": found.ticks,
                "arguments": ["named"],
                "version": "1",
                "digest": "",
                "start_s": 1,
            }
            (folder / "process.json").write_text(json.dumps(note))
            (folder / "run/named.pid").write_text(str(other.pid))

            service.start()

            wait_served(sock, "a.example", SERIAL)
            assert other.poll() is None
            assert other.pid != told(service)["pid"]
            assert [] == events(service, "nameserver.adopted")
        finally:
            other.kill()
            other.wait()


def test_one_whose_backend_is_gone_is_stopped():
    """NSD instead of BIND on the same port: what nobody feeds any more must not go on answering."""
    require_program("named")
    require_program("nsd")
    with Service(log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        named = service.named_pid()
        service.stop()
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace("bind:\n      type: bind", "nsd:\n      type: nsd"))

        service.start()

        (stopped,) = events(service, "nameserver.unwanted_stopped")
        assert ("bind", named) == (stopped["backend"], stopped["pid"])
        assert identity_of(named) is None
        wait_served(sock, "a.example", SERIAL)
        assert "nsd" == told(service)["backend"]


def test_one_that_a_reload_takes_out_is_stopped():
    """What keeps serving is for the next start of the service; nobody would feed this one."""
    require_program("named")
    require_program("nsd")
    nsd = f"    nsd:\n      managed: true\n      listen: ['127.0.0.1']\n      port: {free_port()}\n"
    bind = "    bind:\n      managed: true\n      listen: ['127.0.0.1']\n      port: {dns_port}\n"
    with Service(log_level="INFO", backends=bind + nsd) as service:
        until(lambda: len(events(service, "nameserver.started")) == 2, 60)
        pids = {one["backend"]: one["pid"] for one in events(service, "nameserver.started")}
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace(nsd, ""))

        done = dadns(service, "reload")

        assert 0 == done.returncode, done.stdout + done.stderr
        until(lambda: identity_of(int(str(pids["nsd"]))) is None, 60)
        assert (pids["bind"], "bind") == (told(service)["pid"], told(service)["backend"])


def test_one_of_another_type_under_the_same_name_is_replaced():
    """The folder is the same, and so is the note: it is ours, though nothing of NSD."""
    require_program("named")
    require_program("nsd")
    backends = "    ns1:\n      type: bind\n      managed: true\n      listen: ['127.0.0.1']\n      port: {dns_port}\n"
    with Service(log_level="INFO", backends=backends) as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        pid = told(service)["pid"]
        service.stop()
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace("type: bind", "type: nsd"))

        service.start()

        (replacing,) = events(service, "nameserver.replacing")
        assert (pid, "named runs where nsd is wanted") == (replacing["pid"], replacing["reason"])
        wait_served(sock, "a.example", SERIAL)
        assert "nsd" == told(service)["program"]


def test_those_that_outlive_us_are_ended_by_hand():
    """`dadns nameservers stop` while we are away; beside us it would be started again, so it is refused."""
    require_program("named")
    with Service(log_level="INFO") as service, dns_socket(service.dns_port) as sock:
        push(service, "a.example", SERIAL)
        wait_served(sock, "a.example", SERIAL)
        table = dadns(service, "nameservers")
        pid = service.named_pid()
        assert 0 == table.returncode, table.stderr
        head, row = table.stdout.splitlines()
        assert ["backend", "program", "state", "pid", "up since", "version", "origin", "configuration"] == head.split(
            "\t"
        )
        cells = row.split("\t")
        assert ["bind", "named", "running", str(pid)] == cells[:4]
        assert ["started", "current"] == cells[6:]
        beside = dadns(service, "nameservers", "stop")
        assert 1 == beside.returncode
        assert f"in use by process {service.pid}" in beside.stderr
        assert SERIAL == served_serial(sock, "a.example")

        service.stop()
        assert SERIAL == served_serial(sock, "a.example")
        left = dadns(service, "nameservers")
        assert 3 == left.returncode
        assert f"named (bind, process {pid}) serves on without the service" in left.stderr
        ended = dadns(service, "nameservers", "stop")

        assert 0 == ended.returncode, ended.stderr
        assert f"stopped: named (bind, process {pid})\n" == ended.stdout
        assert identity_of(pid) is None
        assert "no bundled name server runs\n" == dadns(service, "nameservers", "stop").stdout


@pytest.mark.parametrize(
    ("number", "extra", "flags", "goes_on"),
    [
        (signal.SIGTERM, "", (), True),
        (signal.SIGINT, "", (), False),
        (signal.SIGTERM, "  on_stop: stop\n", (), False),
        (signal.SIGINT, "  on_stop: keep\n", (), True),
        (signal.SIGTERM, "  on_stop: keep\n", ("--stop-name-servers",), False),
    ],
)
def test_who_decides_what_ends_with_us(number, extra, flags, goes_on):
    """A service manager starts us again, Ctrl-C means all of it, and the configuration or the command may say otherwise."""
    require_program("named")
    service = Service(
        log_level="INFO", backends="    bind:\n      listen: ['127.0.0.1']\n      port: {dns_port}\n" + extra
    )
    service.program = (DADNS, "serve", *flags)
    with service:
        pid = service.named_pid()
        os.kill(service.pid, number)
        until(lambda: service.exit_code() is not None, 60)
        assert 0 == service.exit_code()
        assert goes_on is (identity_of(pid) is not None)
        assert goes_on is bool(events(service, "nameserver.kept"))


def test_make_run_ends_with_its_name_server():
    """A try: SIGTERM is no promise of a next start there."""
    require_program("named")
    with Service(log_level="INFO", environ={"DADNS_STARTED_BY": "make"}) as service:
        pid = service.named_pid()
        service.stop()
        assert identity_of(pid) is None


def test_the_environment_of_a_name_server_holds_no_secret_of_ours():
    """It outlives us, and with it what it was started with."""
    require_program("named")
    with Service(environ={"DADNS_LOG_LEVEL": "INFO"}) as service:
        assert b"DADNS_" not in Path(f"/proc/{service.named_pid()}/environ").read_bytes()
        assert b"PATH=" in Path(f"/proc/{service.named_pid()}/environ").read_bytes()


def test_two_services_cannot_adopt_the_same():
    """The folder's lock is older than adoption, and decides."""
    require_program("named")
    with Service(log_level="INFO") as service:
        config = (service.folder / "app.yml").read_text().replace(str(service.port), str(free_port()))
        second = service.folder / "second.yml"
        second.write_text(f"{config}\nqueue_location: {service.folder}/other\n")
        done = subprocess.run(
            [DADNS, "serve", "--config", second], capture_output=True, text=True, timeout=60, check=False
        )
        assert 1 == done.returncode
        assert [] == events(service, "nameserver.adopted")
