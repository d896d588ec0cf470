"""Reconciliation of the whole service: a DirectAdmin stand-in at one end, answers of a real named at the other."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, served_serial, wait_served
from bench.service import DADNS, Service

from tests.support.directadmin import SERIAL, Fault, StandIn
from tests.support.programs import require_program

AS = f"{USER}:{PASSWORD}"
LIMIT_S = 240.0


def configured(*servers: StandIn, **keys: object) -> str:
    """The section of the configuration."""
    options = {"enabled": "true", "interval_minutes": 1000, "timeout_s": 5, "serials": "false"} | keys
    lines = [f"  {key}: {value}" for key, value in options.items()]
    lines.append("  directadmin_servers:")
    for da in servers:
        lines += [f"    - hostname: {da.address}", f"      port: {da.port}", f"      password: {da.password}"]
        lines += ["      ssl: false", f"      pushed_as: [{da.hostname}]"]
    return "reconciliation:\n" + "\n".join(lines) + "\n"


def call(service: Service, method: str, path: str) -> dict:
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/api/v1/reconcile{path}", method=method)
    request.add_header("Authorization", "Basic " + base64.b64encode(AS.encode()).decode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def metrics(service: Service) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/metrics")
    request.add_header("Authorization", "Basic " + base64.b64encode(AS.encode()).decode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def a_pass(service: Service) -> dict:
    """A pass now; its result."""
    job = call(service, "POST", "/run")
    end = time.monotonic() + LIMIT_S
    while not job["done"]:
        assert time.monotonic() < end, "the pass did not end"
        job = call(service, "GET", f"/jobs/{job['id']}?wait=5")
    assert not job["failure"]
    return job["result"]


def until(condition, limit_s: float = LIMIT_S) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def push_all(da: StandIn, service: Service) -> None:
    for name in da.zones:
        assert "0" == da.push(name, f"127.0.0.1:{service.port}", AS).error


def all_served(service: Service, names, serial: int = SERIAL) -> None:
    with dns_socket(service.dns_port) as sock:
        for name in names:
            wait_served(sock, name, serial, limit_s=LIMIT_S)


@pytest.fixture(autouse=True)
def _named() -> None:
    require_program("named")


def test_pushes_that_came_while_we_were_down_are_pulled_and_served():
    """Fault D3: DirectAdmin does nothing again; after the start all 50 are served."""
    with StandIn() as da, Service(extra=configured(da)) as service:
        da.host([f"old-{number}.example" for number in range(20)])
        push_all(da, service)
        all_served(service, list(da.zones))
        service.stop()
        missed = [f"missed-{number}.example" for number in range(50)]
        da.host(missed)
        for name in missed[:3]:
            with pytest.raises(OSError, match="refused"):
                da.push(name, f"127.0.0.1:{service.port}", AS)

        service.start()

        all_served(service, missed)
        assert 70 == service.status()["zones"]
        until(lambda: call(service, "GET", "")["passes"])
        (kept,) = [one for one in call(service, "GET", "")["passes"] if one["done"]["pulled"]]
        assert 50 == kept["done"]["pulled"]
        assert "degraded" == service.status()["state"], "many missed pushes are an alarm"
        figures = metrics(service)
        assert 'directdnsonly_reconcile_zones_total{action="pulled"} 50.0' in figures
        assert "directdnsonly_alarms 1.0" in figures


def test_a_list_that_nobody_can_read_ends_nothing():
    """Two kilobytes that are nested too deeply: no list and an alarm, also after the next start; pushes are taken."""
    with StandIn() as da, Service(extra=configured(da, initial_delay_minutes=0)) as service:
        da.host(["a.example"])
        da.said["cmd_dns_admin"] = "[" * 1000 + "]" * 1000
        for _ in range(2):
            (server,) = a_pass(service)["plan"]["servers"]
            assert "not whole" in server["reason"]
            push_all(da, service)
            assert "degraded" == service.status()["state"]
            service.stop()
            service.start(until="accepting")

        assert service.exit_code() is None


def test_every_zone_is_served_through_faulty_lists_and_a_migration():
    """Faults D1 and D4 on a real name server."""
    with (
        StandIn() as da,
        StandIn(hostname="s2.host.example", address="127.0.0.2") as other,
        Service(extra=configured(da, other, absent_minutes=0, grace_minutes=0)) as service,
    ):
        da.host([f"zone-{number}.example" for number in range(60)])
        other.host([f"other-{number}.example" for number in range(20)])
        push_all(da, service)
        push_all(other, service)
        all_served(service, [*da.zones, *other.zones])
        moved = "zone-7.example"
        other.host([moved], serial=SERIAL + 1)
        assert "0" == other.push(moved, f"127.0.0.1:{service.port}", AS).error
        assert "0" == da.remove(moved, f"127.0.0.1:{service.port}", AS).error
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, moved, SERIAL + 1)
        for fault in (Fault.ERROR_500, Fault.HTML, Fault.EMPTY, Fault.HALF_PAGE, Fault.OTHER_SERVER, Fault.SHORT):
            da.fault = fault
            found = a_pass(service)
            assert ([], []) == (found["done"]["deleted"], found["done"]["quarantined"])
            assert any("no-list" in alarm for alarm in service.status()["alarms"])

        all_served(service, [moved], SERIAL + 1)
        all_served(service, [*da.zones, *list(other.zones)[:-1]])
        assert 80 == service.status()["zones"]


def test_what_was_destroyed_behind_the_name_servers_back_is_healed():
    """Faults C8 and D2: zones removed from named with their files, files truncated, a stale one, a ghost."""
    rndc = require_program("rndc")
    with StandIn() as da, Service(extra=configured(da)) as service:
        da.host([f"zone-{number}.example" for number in range(120)])
        push_all(da, service)
        names = list(da.zones)
        all_served(service, names)
        home = service.folder / "data/backends/bind"
        files = {name: home / "zones" / f"{name}.db" for name in names}
        stale = files[names[0]].read_text()
        da.zones[names[0]].serial += 1
        assert "0" == da.push(names[0], f"127.0.0.1:{service.port}", AS).error
        with dns_socket(service.dns_port) as sock:
            wait_served(sock, names[0], SERIAL + 1)
        files[names[0]].write_text(stale)
        control = ["-k", str(home / "rndc.key"), "-s", "127.0.0.1", "-p", (home / "control.port").read_text().strip()]
        for name in names[1:30]:
            subprocess.run([rndc, *control, "delzone", name], check=True, capture_output=True)
            files[name].unlink(missing_ok=True)
        for name in names[30:60]:
            files[name].write_text(files[name].read_text()[:100])
        (home / "zones" / "ghost.example.db").write_text(stale.replace("zone-0", "ghost"))
        with dns_socket(service.dns_port) as sock:
            assert served_serial(sock, names[20]) is None

        found = a_pass(service)["plan"]

        assert (60, 1) == (found["counts"]["missing"], found["counts"]["extra"])
        assert ["ghost.example"] == [line["zone"] for line in found["extra"]]
        all_served(service, names[1:])
        all_served(service, names[:1], SERIAL + 1)
        until(lambda: a_pass(service)["plan"]["counts"]["missing"] == 0)
        assert (home / "zones" / "ghost.example.db").exists(), "what is not ours is only listed"
        for name in names[:60]:
            assert files[name].stat().st_size > 200


def test_the_command_line_plans_runs_and_registers(tmp_path):
    """As a person uses it."""
    with StandIn() as da, Service(extra=configured(da)) as service:
        until(lambda: call(service, "GET", "")["passes"])
        da.host(["a.example", "b.example"])

        def dadns(*words: str) -> subprocess.CompletedProcess[str]:
            config = str(service.folder / "app.yml")
            command = [DADNS, *words, "--config", config]
            return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

        planned = dadns("reconcile", "--plan")
        assert re.search(r"missed\s+2\s", planned.stdout), planned.stdout + planned.stderr
        assert "nothing was changed" in planned.stdout
        assert 0 == service.status()["zones"]
        run = dadns("reconcile", "--now")
        assert "pulled 2" in run.stdout, run.stdout + run.stderr
        all_served(service, ["a.example", "b.example"])
        status = dadns("reconcile")
        assert "reconciliation is on" in status.stdout, status.stderr

        first = dadns("register", "--da", "127.0.0.1", "--address", "192.0.2.9")
        again = dadns("register", "--da", "127.0.0.1", "--address", "192.0.2.9")

        assert "added 192.0.2.9" in first.stdout, first.stdout + first.stderr
        assert "127.0.0.1: we are already registered\n" == again.stdout
        entry = da.servers["192.0.2.9"]
        assert ("yes", "yes", "no") == (entry["dns"], entry["domain_check"], entry["email"])
        assert PASSWORD not in first.stdout + first.stderr


def test_a_person_decides_about_orphans_by_the_command_line():
    """A short list is vouched for, a plan over the cap approved, a deleted zone brought back."""
    keys = {"absences": 2, "absent_minutes": 0, "grace_minutes": 0, "max_orphans": 5}
    with StandIn() as da, Service(extra=configured(da, **keys)) as service:
        names = [f"zone-{number}.example" for number in range(40)]
        da.host(names)
        push_all(da, service)
        all_served(service, names)
        a_pass(service)  # the list of 40
        for name in names[10:]:
            del da.zones[name]

        def dadns(*words: str) -> str:
            command = [DADNS, "reconcile", *words]
            config = ["--config", str(service.folder / "app.yml")]
            return subprocess.run(command + config, capture_output=True, text=True, timeout=180, check=True).stdout

        assert "no list" in dadns("--now")
        assert "is accepted" in dadns("--accept-list", "127.0.0.1")
        for _ in range(2):
            told = dadns("--now")
        assert 40 == service.status()["zones"]
        plan = re.search(r"dadns reconcile --approve (\S+)", told)
        assert plan is not None, told
        assert "30 zones" in dadns("--approve", plan[1])

        def a_believed_pass() -> bool:
            dadns("--now")
            return 10 == service.status()["zones"]

        until(a_believed_pass)
        with dns_socket(service.dns_port) as sock:
            until(lambda: served_serial(sock, "zone-39.example") is None)
        assert "zone-39.example: restored" in dadns("--undo", "zone-39.example")
        with dns_socket(service.dns_port) as sock:
            until(lambda: served_serial(sock, "zone-39.example") is not None)
        for _ in range(3):
            a_believed_pass()
        assert 11 == service.status()["zones"], "what a person has kept is judged again only when its server lists it"


def test_no_machine_path_is_needed():
    """The stand-in runs from the command line and tells where it is."""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tests.support.directadmin", "--zones", "3", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as process:
        try:
            assert process.stdout is not None
            assert "3 zones" in process.stdout.readline()
        finally:
            process.terminate()


def test_a_held_push_is_looked_at_and_approved_by_the_command_line():
    """What is served changes with the approval, not with the push."""
    with StandIn() as da, Service(extra="") as service:
        config = service.folder / "app.yml"
        service.stop()
        config.write_text(config.read_text().replace("app:\n", "app:\n  hold_losses: true\n"))
        service.start()
        da.host(["a.example"])
        push_all(da, service)
        all_served(service, ["a.example"])
        poor = f"$TTL 60\n@ IN SOA ns1.host.example. h.example. {SERIAL + 1} 1 1 1 1\n@ IN NS ns1.host.example.\n"
        master = da.master(f"127.0.0.1:{service.port}", AS)

        assert "0" == master.rawsave("a.example", poor, user="alice").error

        def dadns(*words: str) -> str:
            command = [DADNS, *words, "--config", str(config)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
            return done.stdout

        told = dadns("held")
        assert "a.example: loses 9 of 11 records" in told, told
        assert "- www.a.example. 3600 A 192.0.2.10" in told
        digest = re.search(r"dadns approve a.example ([0-9a-f]{16})", told)
        assert digest is not None
        all_served(service, ["a.example"])
        assert "approved, version 2" in dadns("approve", "a.example", digest[1])
        all_served(service, ["a.example"], SERIAL + 1)
        assert "move 1: all zones" in dadns("migrate", "open", "s1.host.example", "s2.host.example", "--for", "2h")
        base = f"http://127.0.0.1:{service.port}/api/v1"
        answers = (
            httpx.get(f"{base}/held", auth=(USER, PASSWORD), timeout=60),
            httpx.get(f"{base}/migrations", auth=(USER, PASSWORD), timeout=60),
        )
        assert ([], "s2.host.example") == (answers[0].json()["items"], answers[1].json()["items"][0]["to_server"])
        assert 200 == httpx.delete(f"{base}/migrations/1", auth=(USER, PASSWORD), timeout=60).status_code
        assert 404 == httpx.delete(f"{base}/migrations/1", auth=(USER, PASSWORD), timeout=60).status_code
