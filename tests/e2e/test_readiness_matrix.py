"""Faults of the service, staged for real, and what it says of each: the command and its exit code, the line for Nagios,
the API, /readyz, the page and the metrics. Each must tell the truth, in the same words. A line is printed for each fault.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import MANAGED, Service, free_port

from tests.faults.child import BUG
from tests.faults.conftest import FaultService
from tests.support.cells import (
    SERIAL,
    Print,
    act,
    changes,
    dadns,
    kept_lost,
    kinds,
    locked,
    one,
    proven,
    push,
    shown,
    status,
    stopped,
    until,
)
from tests.support.coredns import DATABASE, DataCentre
from tests.support.coredns import PASSWORD as DB_PASSWORD
from tests.support.coredns import USER as DB_USER
from tests.support.directadmin import StandIn
from tests.support.programs import require_program

ZONES = 23
NSD = """\
    nsd:
      managed: true
      listen: ["127.0.0.1"]
      port: {port}
"""
QUICK = """
dispatch:
  watch_every_s: 1
  probe_timeout_s: 1
  retry_delays_s: [0.2]
  max_attempts: 1
"""
HASTY = "outbox:\n  busy_timeout_s: 0.5\n  disk_reserve_mb: 0\n"


@pytest.fixture
def matrix(capsys: pytest.CaptureFixture[str]) -> Print:
    """Shows a line whether the test succeeds or not."""

    def show(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")

    return show


@pytest.fixture(scope="module")
def usual() -> Iterator[Service]:
    """named and NSD, 23 zones that both have proven, losses are held."""
    require_program("named")
    require_program("nsd")
    with Service(
        backends=MANAGED + NSD.format(port=free_port()), extra=QUICK + HASTY, log_level="INFO",
        environ={"DADNS_APP_HOLD_LOSSES": "true"},
    ) as service:  # fmt: skip
        for number in range(ZONES):
            assert push(service, f"z{number}.example")
        until(lambda: [ZONES, ZONES] == proven(service))
        yield service


# -- the usual service


def test_all_is_well(usual, matrix):
    """Nothing to do, nothing to say: and it says how many zones are proven."""
    cells = shown(matrix, "none", usual, "ready", {})

    assert ("ready", [ZONES, ZONES]) == (cells.title, [one["zones_proven"] for one in cells.json["backends"]])


def test_a_restart_forgets_nothing_that_is_proven(usual, matrix):
    """23 zones are proven before it and after it; what began anew says that it counts since the start."""
    usual.stop()
    usual.start()

    cells = shown(matrix, f"restart with {ZONES} proven zones", usual, "ready", {})

    assert [ZONES, ZONES] == [one["zones_proven"] for one in cells.json["backends"]]
    assert 2 == cells.page.count(f"proven {ZONES} of {ZONES} zones since start 0 deliveries proven")
    assert "Pushes since start" in cells.page


def test_a_name_server_that_hangs(usual, matrix):
    """named is there and answers nothing; the other one goes on."""
    with stopped(usual.named_pid()):
        words = r"bind is down: .+ \(dadns probe bind asks it now\)"
        cells = shown(matrix, "named hangs (SIGSTOP)", usual, "degraded", {"backend": words})
        assert "degraded: bind down" == cells.title
        assert {"bind": "down", "nsd": "ok"} == cells.readyz.json()["backends"]
    until(lambda: not kinds(usual))


def test_a_backend_that_an_operator_has_paused(usual, matrix):
    """Who, when and why stand apart; the words say it once. Since when is since it was paused, also after a restart."""
    act(usual, "backends/nsd/pause", json={"reason": "moving it"})
    paused_at = next(one["pause"]["at"] for one in status(usual)["backends"] if one["name"] == "nsd")
    usual.stop()
    usual.start(until="accepting")
    try:
        words = rf"nsd is paused by {USER}: moving it \(dadns resume nsd\)"
        cells = shown(matrix, "a backend is paused, then a restart", usual, "degraded", {"paused": words})
        assert "degraded: nsd paused" == cells.title
        (reason,) = cells.json["reasons"]
        nsd = cells.json["backends"][1]
        assert {"by": USER, "at": paused_at, "reason": "moving it"} == nsd["pause"]
        assert paused_at == nsd["since"] == reason["since"] == cells.json["since"]
        everything = cells.cli.stdout + cells.nagios.stdout + cells.page + cells.readyz.text
        assert f"paused by {USER}: paused" not in everything
        assert "nsd is paused: " not in everything + dadns(usual, "backends").stdout
    finally:
        act(usual, "backends/nsd/resume")
    until(lambda: not kinds(usual))


def test_a_store_that_somebody_else_locks_and_the_push_that_was_lost_by_it(usual, matrix):
    """Pushes are refused, and all say so; when it is over, the lost one is named until its zone is pushed again."""
    with locked(usual):
        assert not push(usual, "late.example"), "it waits half a second for the lock"
        lock = r"pushes are refused: (no commit within 5 s: another program|database is locked .*another program)"
        lost = r"1 push was not recorded and must be sent again \(dadns lost\), the newest of late\.example: database is locked"
        cells = shown(matrix, "the store is locked", usual, "unready", {"store": lock, "lost": lost})
        assert "Pushes are refused with error=1" in cells.page
    shown(matrix, "a push was lost meanwhile", usual, "degraded", {"lost": lost})
    until(lambda: kept_lost(usual))  # written now that it can be
    usual.kill()
    usual.start(until="accepting")
    shown(matrix, "the same after kill -9", usual, "degraded", {"lost": lost})
    told = dadns(usual, "lost", code=0).stdout.splitlines()
    assert (2, True) == (len(told), "\tlate.example\tpush\tda1.host.example\tdatabase is locked" in told[1]), told

    assert push(usual, "late.example")

    until(lambda: not kinds(usual))
    assert "no push is lost" in dadns(usual, "lost", code=0).stdout
    act(usual, "zones/late.example", "DELETE")
    until(lambda: status(usual)["zones"] == ZONES)


def test_lost_pushes_that_need_not_come_again_are_forgotten_by_an_operator(usual):
    """The audit says who did so."""
    with locked(usual):
        assert not push(usual, "never.example")
    until(lambda: {"lost"} == kinds(usual))

    assert "\tnever.example\t" in dadns(usual, "lost", "--zone", "Never.Example.", code=0).stdout
    assert "no push is lost" in dadns(usual, "lost", "--zone", "other.example", code=0).stdout
    assert "forgotten: 0 lost pushes" in dadns(usual, "lost", "--forget", "--zone", "other.example", code=0).stdout
    assert "forgotten: 1 lost push\n" in dadns(usual, "lost", "--forget", code=0).stdout

    assert set() == kinds(usual)
    assert "lost.forgotten" in dadns(usual, "events", code=0).stdout


def test_a_push_that_waits_for_approval(usual, matrix):
    """What it would remove is served until somebody decides."""
    lines = zone_text("z1.example", SERIAL + 1).splitlines(keepends=True)
    assert push(usual, "z1.example", body=b"".join(line for line in lines if b"\tMX\t" not in line))
    cells = shown(matrix, "a push is held", usual, "degraded", {"held": "1 push waits for approval: dadns held"})
    assert 1 == cells.json["held"]
    (held,) = json.loads(dadns(usual, "held", "--json", code=0).stdout)
    dadns(usual, "reject", "z1.example", held["digest"], code=0)
    until(lambda: not kinds(usual))


def test_a_zone_that_was_given_up(usual, matrix):
    """Something is in the way of its file; revived once that is gone."""
    obstacle = usual.folder / "data/backends/bind/zones/z2.example.db"
    obstacle.unlink()
    obstacle.mkdir()
    assert push(usual, "z2.example", SERIAL + 1)
    words = "1 zone was given up on bind: dadns outbox --dead, then dadns revive"
    cells = shown(matrix, "a dead delivery", usual, "degraded", {"given-up": words})
    assert [ZONES - 1, ZONES] == [one["zones_proven"] for one in cells.json["backends"]]
    obstacle.rmdir()
    dadns(usual, "revive", "--all", code=0)
    until(lambda: not kinds(usual) and [ZONES, ZONES] == proven(usual))


def test_the_log_tells_each_change_of_the_state(usual):
    """With what it was before and why; and how it is soon after a start."""
    usual.stop()
    seen = len(changes(usual))
    usual.start()
    until(lambda: len(changes(usual)) > seen)
    act(usual, "backends/nsd/pause", json={"reason": "x"})
    until(lambda: len(changes(usual)) > seen + 1)
    act(usual, "backends/nsd/resume")
    until(lambda: len(changes(usual)) > seen + 2)

    assert [
        ("info", "", "ready", []),
        ("warning", "ready", "degraded", [f"nsd is paused by {USER}: x (dadns resume nsd)"]),
        ("info", "degraded", "ready", []),
    ] == [(one["level"], one["before"], one["state"], one["reasons"]) for one in changes(usual)[seen:]]


def test_a_trouble_of_a_second_has_its_two_lines(usual):
    """Each time: the state is looked at when a backend is stopped, a name server is lost and back, a push cannot be recorded."""
    seen = len(changes(usual))
    for _ in range(8):  # three of them would do where nobody else needs the machine; a look every 10 s sees one at most
        act(usual, "backends/nsd/pause")
        time.sleep(1)
        act(usual, "backends/nsd/resume")
        time.sleep(1)
        if len(changes(usual)) >= seen + 6:
            break
    assert 6 == len(changes(usual)) - seen
    os.kill(int((usual.folder / "data/backends/nsd/run/nsd.pid").read_text()), signal.SIGKILL)
    until(lambda: len(changes(usual)) >= seen + 8)
    with locked(usual):
        assert not push(usual, "z0.example", SERIAL + 9)
        time.sleep(1.5)
    until(lambda: "lost" in kinds(usual))
    until(lambda: changes(usual)[-1]["state"] == "degraded")
    assert push(usual, "z0.example", SERIAL + 9)
    until(lambda: changes(usual)[-1]["state"] == "ready")

    states = [one["state"] for one in changes(usual)[seen:]]
    assert ["degraded", "ready"] * 4 == states[:8]
    assert "nsd is down: " in changes(usual)[seen + 6]["reasons"][0]
    assert ["unready", "degraded", "ready"] == list(dict.fromkeys(states[8:]))


def test_a_service_that_is_hung_or_gone(usual, matrix):
    """Last: the service is gone then. Nobody answers, and the command says that this is critical."""
    with stopped(usual.pid):
        hung = dadns(usual, "status", "--nagios", "--timeout", "2")
        assert (2, True) == (hung.returncode, "gave no answer in 2 s" in hung.stdout), hung.stdout
        matrix(f"{'our process hangs (SIGSTOP)':38} | cli {hung.returncode} | {hung.stdout.strip()}")
    usual.stop()
    plain, gone = dadns(usual, "status"), dadns(usual, "status", "--nagios")
    assert (2, 2) == (plain.returncode, gone.returncode)
    assert "no service answers at " in plain.stderr
    assert gone.stdout.startswith("DADNS CRITICAL - no service answers at ")
    matrix(f"{'the service is stopped':38} | cli {plain.returncode} | {gone.stdout.strip()}")


# -- services that are configured for one fault


def test_a_name_server_that_only_this_machine_can_ask(matrix):
    """Every zone is proven on loopback, pushes come from everywhere: all is well here, and the world gets silence."""
    with one(QUICK, environ={"DADNS_APP_LISTEN_HOST": "0.0.0.0"}) as service:
        words = rf"bind answers on 127\.0\.0\.1:{service.dns_port} only, where nobody else can ask it"
        cells = shown(matrix, "named on loopback, the door is not", service, "degraded", {"loopback": words})
        assert "degraded: bind on loopback only" == cells.title
        assert ["ok"] == [one["state"] for one in cells.json["backends"]]
        assert "bind: listens on 127.0.0.1:" in dadns(service, "check", code=1).stdout

        service.stop()
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace('listen: ["127.0.0.1"]', 'listen: ["0.0.0.0"]'))
        service.start()
        shown(matrix, "and where everybody can ask it", service, "ready", {})


def test_the_reserve_of_the_disk_is_reached(matrix):
    """Every push is refused: nobody says that all is well, and the pushes that were refused stand somewhere."""
    with one(QUICK + "outbox:\n  disk_reserve_mb: 999999999\n") as service:
        assert not push(service, "a.example")
        assert not push(service, "b.example")
        room = r"pushes are refused: only \d+ MB are free on the store's disk, 999999999 MB are kept in reserve: free space"
        lost = (
            r"2 pushes were not recorded and must be sent again \(dadns lost\), the newest of b\.example: only \d+ MB"
        )
        shown(matrix, "the disk's reserve is reached", service, "unready", {"store": room, "lost": lost})
        told = dadns(service, "check", code=1).stdout
        assert "999999999 MB are kept in reserve (outbox.disk_reserve_mb): every push is refused" in told

        service.stop()  # what is known of them is written in the last moment
        config = service.folder / "app.yml"
        config.write_text(config.read_text().replace("999999999", "0"))
        service.start()
        shown(matrix, "room again, two pushes were lost", service, "degraded", {"lost": "2 pushes were not recorded"})


def test_the_limit_of_the_store_is_reached(matrix):
    """max_store_mb: also after a restart, when nobody has tried to push since."""
    with one(QUICK + "outbox:\n  disk_reserve_mb: 0\n  max_store_mb: 1\n") as service:
        number = 0
        while push(service, f"z{number}.example"):
            number += 1
            assert number < 5000, "it never became full"
        words = r"pushes are refused: .*is full"
        shown(
            matrix, "the store has reached max_store_mb", service, "unready", {"store": words, "lost": "1 push was not"}
        )
        service.stop()
        service.start()
        until(lambda: "store" in kinds(service) and "backend" not in kinds(service))
        cells = shown(matrix, "the same after a restart", service, "unready", dict.fromkeys(kinds(service), "is full"))
        assert "store" in {one["kind"] for one in cells.json["reasons"]}


def test_the_largest_backlog_is_reached(matrix):
    """Because a backend is paused; both are told, the worse one first."""
    with one(QUICK + "outbox:\n  disk_reserve_mb: 0\n  max_backlog: 1\n") as service:
        act(service, "backends/bind/pause")
        assert push(service, "a.example")
        full = "pushes are refused: 1 delivery is outstanding, the limit is 1: look at the backends"
        words = {"store": full, "paused": f"bind is paused by {USER} "}
        cells = shown(matrix, "max_backlog is reached", service, "unready", words)
        assert ["store", "paused"] == [one["kind"] for one in cells.json["reasons"]]


def test_a_certificate_that_expires_and_a_directadmin_that_lists_nothing(tmp_path, matrix):
    """Two things that stop no push and that nobody sees until it is too late."""
    subprocess.run(
        [require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "5", "-subj", "/CN=ns.example", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "chain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    with StandIn() as da:
        reconciliation = (
            "reconciliation:\n  enabled: true\n  initial_delay_minutes: 1000\n  directadmin_servers:\n"
            f"    - {{hostname: {da.address}, port: {free_port()}, password: x, ssl: false, pushed_as: [{da.hostname}]}}\n"
        )
    files = {"CERTIFICATE": "chain.pem", "KEY": "key.pem"}
    environ = {f"DADNS_APP_TLS_{name}": str(tmp_path / file) for name, file in files.items()}
    with one(QUICK + reconciliation, environ=environ, scheme="https") as service:
        certificate = r"our TLS certificate expires in 5 days, on 20\d\d-\d\d-\d\d: is its renewal failing\?"
        shown(matrix, "a certificate is about to expire", service, "degraded", {"certificate": certificate})
        httpx.post(
            f"{service.url}/api/v1/reconcile/run",
            auth=(USER, PASSWORD),
            verify=False,
            trust_env=False,
        ).raise_for_status()
        alarm = r"alarm: no-list 127\.0\.0\.1"
        shown(matrix, "and an alarm stands", service, "degraded", {"certificate": certificate, "alarm": alarm})


async def test_a_database_that_is_down_and_a_name_server_that_is_not_there(tmp_path, matrix):
    """MariaDB under CoreDNS is stopped; a PowerDNS was never started. named beside them is well."""
    centre = DataCentre(tmp_path / "dc")
    dead = free_port()
    try:
        await centre.prepare()
        await centre.coredns.start()
        backends = MANAGED + (
            f"    rows:\n      type: coredns_mysql\n      plugin: mysqlzones\n      port: {centre.database.port}\n"
            f"      database: {DATABASE}\n      username: {DB_USER}\n      password: {DB_PASSWORD}\n"
            f"      verify_address: '127.0.0.1#{centre.coredns.port}'\n"
            f"    pdns:\n      type: powerdns\n      api_url: http://127.0.0.1:{dead}\n      api_key: x\n"
        )
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(
            two_down, backends, matrix, lambda: asyncio.run_coroutine_threadsafe(centre.database.stop(), loop).result()
        )
    finally:
        await centre.stop()


def two_down(backends: str, matrix: Print, stop_database: Callable[[], None]) -> None:
    with one(QUICK, backends=backends) as service:
        gone = r"pdns is down: .*refused|pdns is down: .*connect"
        shown(matrix, "a backend was never there", service, "degraded", {"backend": gone})
        stop_database()
        until(lambda: ["ok", "down", "down"] == [one["state"] for one in status(service)["backends"]])
        both = r"rows is down: [^;]*cannot connect(.|\n)*pdns is down: "
        cells = shown(matrix, "and MariaDB is stopped", service, "degraded", {"backend": both})
        assert "degraded: rows down, pdns down" == cells.title
        assert 2 == cells.metrics['directdnsonly_reasons{kind="backend"}']


def test_a_part_of_ours_that_has_ended(matrix):
    """A bug in a backend ends its lane; the moment before the process ends is held, so that it can be looked at."""
    with FaultService(extra="outbox:\n  disk_reserve_mb: 0\n") as service:
        (service.folder / "linger").touch()
        service.arm(BUG)
        push(service, "unlucky.example")
        words = r"dispatch:bind:\w+ has ended"
        try:
            cells = shown(matrix, "an actor has ended", service, "unready", {"actor": words, "backend": "bind is down"})
            assert not [one["failed"] for one in cells.json["backends"] if one["failed"] < 0]
        finally:
            (service.folder / "linger").unlink()
        until(lambda: service.exit_code() is not None)
        assert 1 == service.exit_code()
