"""A changed configuration is taken at work: by SIGHUP, by `dadns reload` and by the API, and a wrong one not at all."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import pty
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, served_serial, wait_served, zone_text
from bench.service import DADNS, Service, free_port

from directdnsonly.nameservers.leftover import running_in
from tests.e2e.test_doors import certificate, served
from tests.e2e.test_line import until
from tests.e2e.test_tls_renewal import told
from tests.support.programs import require_program

SERIAL = 2026113000
# A connection that waits while a busy machine starts `dadns` is not closed for that.
PATIENT = {"DADNS_APP_IDLE_TIMEOUT_S": "600", "DADNS_APP_HEADER_TIMEOUT_S": "600"}
SECOND = "  credentials:\n    - {name: second, password: second-secret, roles: [push, read]}\n"
NSD = """\
    ns2:
      type: nsd
      managed: true
      listen: ["127.0.0.1"]
      port: {port}
"""


class Kept:
    """One connection over which everything is asked, and never another one."""

    opened: ClassVar[list[Kept]] = []

    def __init__(self, service: Service, user: str = USER, password: str = PASSWORD) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        self._http.connect()
        self._socket = self._http.sock
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.opened.append(self)
        self._headers = {"Authorization": f"Basic {token}", "Connection": "keep-alive"}

    def close(self) -> None:
        self._http.close()
        self._socket.close()

    def push(self, zone: str, serial: int) -> tuple[int, str]:
        path = f"/CMD_API_DNS_ADMIN?action=rawsave&domain={zone}&hostname=s1.host.example&username=u"
        self._http.request("POST", path, body=zone_text(zone, serial), headers=self._headers)
        answer = self._http.getresponse()
        text = answer.read().decode()
        assert self._http.sock is self._socket or answer.status == 401, "the connection was closed"
        return answer.status, text


def rewrite(service: Service, *replaced: tuple[str, str]) -> None:
    """Change the configuration's file, at once as editors do."""
    config = service.folder / "app.yml"
    text = config.read_text()
    for old, new in replaced:
        assert old in text, f"{old!r} is not in the configuration"
        text = text.replace(old, new)
    config.with_suffix(".new").write_text(text)
    config.with_suffix(".new").replace(config)


def dadns(service: Service, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    config = str(service.folder / "app.yml")
    return subprocess.run(
        [DADNS, *words, "--config", config], capture_output=True, text=True, check=False, timeout=150,
        env={**os.environ, **environ},
    )  # fmt: skip


def reloads(service: Service) -> int:
    return len(told(service, "config.reloaded"))


def hang_up(service: Service) -> None:
    """SIGHUP, and until it was obeyed."""
    before = reloads(service)
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: reloads(service) > before, limit_s=120)


@contextlib.contextmanager
def api_of(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{service.url}/api/v1", auth=(USER, PASSWORD), trust_env=False, timeout=120, verify=False
    ) as client:
        yield client


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    while Kept.opened:
        Kept.opened.pop().close()


@pytest.fixture
def service() -> Iterator[Service]:
    require_program("named")
    with Service(log_level="INFO", environ=PATIENT) as running:
        yield running


class Pushing(threading.Thread):
    """Pushes as fast as it is answered, over one kept connection, until told to stop."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        self.kept = Kept(service)
        self.serials: dict[str, int] = {}
        self.wrong: list[object] = []
        self.pushes = 0
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                zone, serial = f"kept{self.pushes % 200}.example", SERIAL + self.pushes // 200
                answer = self.kept.push(zone, serial)
                if answer == (200, "error=0") or (answer[0] == 200 and answer[1].startswith("error=0")):
                    self.serials[zone] = serial
                else:
                    self.wrong.append(answer)
                self.pushes += 1
        except Exception as error:  # noqa: BLE001 - told to the test
            self.wrong.append(error)


def test_twenty_reloads_lose_no_push_and_close_no_connection(service):
    """Under load, by signal and by the API in turns; the backend and its lane are swapped in each of them."""
    load = Pushing(service)
    load.start()
    with api_of(service) as api:
        for turn in range(20):
            batch, again = (f"      batch_size: {20 + turn}\n", f"      batch_size: {19 + turn}\n")
            first = f"      port: {service.dns_port}\n"
            rewrite(service, (again if turn else first, batch if turn else first + batch))
            at_least = load.pushes + 20
            if turn % 2:
                hang_up(service)
            else:
                answer = api.post("/reload")
                assert (200, ["dns.backends.bind.batch_size"]) == (answer.status_code, answer.json()["changed"])
            until(lambda wanted=at_least: load.pushes >= wanted or load.wrong, limit_s=120)
    load.stop.set()
    load.join(timeout=60)

    assert [] == load.wrong
    assert 20 == reloads(service)
    with dns_socket(service.dns_port) as sock:
        for zone, serial in load.serials.items():
            wait_served(sock, zone, serial)
    with api_of(service) as api:
        until(lambda: not api.get("/outbox").json()["items"])
        status = api.get("/status").json()
    assert ("ready", 0) == (status["state"], status["lost"])


def test_a_removed_credential_is_refused_at_once_on_its_kept_connection():
    """It was known a moment ago by its header; the other one goes on, and what was taken is there."""
    require_program("named")
    with Service(log_level="INFO", environ=PATIENT) as service:
        rewrite(service, ("dns:\n", f"{SECOND}dns:\n"))
        assert 0 == dadns(service, "reload").returncode
        first, second = Kept(service), Kept(service, "second", "second-secret")
        assert 200 == second.push("a.example", SERIAL)[0] == first.push("b.example", SERIAL)[0]

        rewrite(service, (SECOND, ""))
        done = dadns(service, "reload")

        assert (0, "applied: app.credentials.second (removed)\n") == (done.returncode, done.stdout)
        assert 401 == second.push("a.example", SERIAL + 1)[0]
        assert 200 == first.push("b.example", SERIAL + 1)[0]
        (event,) = [one for one in told(service, "config.reloaded") if "removed" in str(one)]
        assert "second-secret" not in str(event)


def test_the_password_itself_is_another_one(service):
    """`dadns reload` reads the new one, which the service does not know yet: it is asked by a signal."""
    rewrite(service, (f"auth_password: {PASSWORD}", "auth_password: quite-another"))

    done = dadns(service, "reload")

    assert (0, "applied: app.auth_password\n") == (done.returncode, done.stdout), done.stderr
    assert 401 == Kept(service).push("a.example", SERIAL)[0]
    assert 200 == Kept(service, USER, "quite-another").push("a.example", SERIAL)[0]


def test_a_backend_is_added_gets_every_zone_and_is_removed_again(service):
    """A second bundled name server beside the first, while pushes come in; then it is taken out."""
    require_program("nsd")
    kept = Kept(service)
    for number in range(120):
        assert 200 == kept.push(f"old{number}.example", SERIAL)[0]
    port = free_port()
    load = Pushing(service)
    load.start()
    stanza = NSD.format(port=port)
    rewrite(service, (f"      port: {service.dns_port}\n", f"      port: {service.dns_port}\n{stanza}"))

    done = dadns(service, "reload")

    assert (0, "applied: dns.backends.ns2 (added)\n") == (done.returncode, done.stdout), done.stderr
    with api_of(service) as api, dns_socket(port) as sock:
        until(lambda: states(api)["ns2"] in {"ok", "busy"}, limit_s=180)
        load.stop.set()
        load.join(timeout=60)
        for zone, serial in [*load.serials.items(), *((f"old{number}.example", SERIAL) for number in range(120))]:
            wait_served(sock, zone, serial)
        until(lambda: not api.get("/outbox").json()["items"], limit_s=180)
        zones = api.get("/status").json()["zones"]
        proven = {one["name"]: one["zones_proven"] for one in api.get("/status").json()["backends"]}
        assert {"bind": zones, "ns2": zones} == proven
        assert 'backend="ns2"' in httpx.get(f"{service.url}/metrics", auth=(USER, PASSWORD), trust_env=False).text
        assert "ready" == api.get("/status").json()["state"]

        rewrite(service, (stanza, ""))
        done = api.post("/reload")

        assert ["dns.backends.ns2 (removed)"] == done.json()["changed"]
        assert {"bind", "ns2"} == set(states(api))
        assert "removed" == states(api)["ns2"]
        assert served_serial(sock, "old1.example") is None
        assert ["bind"] == [one["name"] for one in api.get("/status").json()["backends"]]
        assert 200 == kept.push("after.example", SERIAL)[0]
        with dns_socket(service.dns_port) as first:
            wait_served(first, "after.example", SERIAL)

        rewrite(service, (f"      port: {service.dns_port}\n", f"      port: {service.dns_port}\n{stanza}"))
        hang_up(service)

        wait_served(sock, "after.example", SERIAL)
    assert [] == load.wrong


def states(api: httpx.Client) -> dict[str, str]:
    return {one["name"]: one["state"] for one in api.get("/backends").json()["items"]}


def test_a_wrong_file_changes_nothing_and_every_mistake_is_told_everywhere(service):
    """By command, API, log, audit, status, probe and metrics, until a good one is taken."""
    kept = Kept(service)
    good = (service.folder / "app.yml").read_text()
    wrong = good.replace("app:\n", "app:\n  takeover: perhaps\n  max_bodies: 3\n").replace(
        f"auth_password: {PASSWORD}", "auth_password: quite-another"
    )
    (service.folder / "app.yml").write_text(wrong)

    by_command = dadns(service, "reload")
    with api_of(service) as api:
        answer = api.post("/reload")
        first = api.get("/status").json()
        api.post("/reload")
        status = api.get("/status").json()
        metrics = httpx.get(f"{service.url}/metrics", auth=(USER, PASSWORD), trust_env=False).text
        events = [one for one in api.get("/events").json()["items"] if one["event"] == "config.reload_failed"]

        problems = {"app.takeover", "app.max_bodies"}
        assert 1 == by_command.returncode
        assert all(key in by_command.stderr for key in problems), by_command.stderr
        assert "nothing was changed" in by_command.stderr
        assert (422, problems) == (answer.status_code, {one["pointer"] for one in answer.json()["errors"]})
        assert all(key in answer.json()["detail"] for key in problems)
        assert all(key in str(told(service, "config.reload_failed")[-1]["problems"]) for key in problems)
        assert (2, True) == (len(events), all(key in events[0]["detail"] for key in problems))
        assert ("degraded", "degraded: configuration wrong") == (status["state"], status["headline"])
        (reason,) = status["reasons"]
        assert "configuration" == reason["kind"]
        assert all(key in reason["what"] for key in problems)
        assert first["reasons"][0]["since"] == reason["since"]  # of the first one that failed
        assert problems == {one["key"] for one in status["configuration"]["problems"]}
        assert "directdnsonly_config_last_reload_success 0.0" in metrics
        assert "quite-another" not in by_command.stderr + answer.text + (service.folder / "log").read_text()
        assert 200 == kept.push("a.example", SERIAL)[0]

        (service.folder / "app.yml").write_text(good)
        done = dadns(service, "reload")
        assert (0, "nothing has changed\n") == (done.returncode, done.stdout)

        status = api.get("/status").json()
        assert ("ready", [], None) == (
            status["state"], status["configuration"]["problems"], status["configuration"]["failed_at"],
        )  # fmt: skip
        metrics = httpx.get(f"{service.url}/metrics", auth=(USER, PASSWORD), trust_env=False).text
        assert "directdnsonly_config_last_reload_success 1.0" in metrics


def test_what_needs_a_restart_is_named_and_left(service):
    """The port, and the port of our own name server; what else is in the file is applied. `--dry-run` applies nothing."""
    other = free_port()
    rewrite(
        service,
        (f"listen_port: {service.port}", f"listen_port: {other}\n  max_body_bytes: 2048"),
        (f"      port: {service.dns_port}\n", f"      port: {free_port()}\n"),
    )
    environ = {"DADNS_URL": service.url}
    waiting = ["app.listen_port", "dns.backends.bind.port"]

    lost = dadns(service, "reload")
    assert (3, True) == (lost.returncode, "the service runs (process " in lost.stderr), lost.stderr
    assert f"does not answer at http://127.0.0.1:{other}: if the file gives it another address now" in lost.stderr
    for command in ("held", "status"):
        told = dadns(service, command)
        assert (
            f"the service runs (process {service.pid}), but does not answer at http://127.0.0.1:{other}" in told.stderr
        )
    dry = dadns(service, "reload", "--dry-run", **environ)
    assert 200 == Kept(service).push("big.example", SERIAL)[0]
    done = dadns(service, "reload", "--json", **environ)

    lines = ["would apply: app.max_body_bytes", *(f"needs a restart: {key}" for key in waiting)]
    assert (0, lines) == (dry.returncode, dry.stdout.splitlines())
    expected = {"changed": ["app.max_body_bytes"], "needs_restart": waiting, "dry_run": False}
    assert expected == json.loads(done.stdout), done.stderr
    with api_of(service) as api:
        assert waiting == api.get("/reload").json()["needs_restart"]
        assert 413 == api.put("/zones/a.example", content=zone_text("a.example", SERIAL, records=200)).status_code
        assert "ready" == api.get("/status").json()["state"]
    left = f"hanged in the configuration, but only effective after a restart: {', '.join(waiting)}"
    assert f"c{left}" in dadns(service, "status", **environ).stdout
    page, metrics = (
        httpx.get(f"{service.url}/{path}", auth=(USER, PASSWORD), trust_env=False).text
        for path in ("status", "metrics")
    )
    assert f"C{left}" in page
    assert "stale configuration" in page
    assert ["stale"] == [
        one["configuration"] for one in json.loads(dadns(service, "nameservers", "--json", **environ).stdout)
    ]
    assert "directdnsonly_config_needs_restart 2.0" in metrics
    with dns_socket(service.dns_port) as sock:
        wait_served(sock, "big.example", SERIAL)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", other), timeout=5)


def test_the_level_of_the_log_is_another_one(service):
    """Also for loggers that have spoken already; there and back."""
    kept = Kept(service)
    assert 200 == kept.push("a.example", SERIAL)[0]
    until(lambda: told(service, "push.accepted"))

    rewrite(service, ("log_level: INFO", "log_level: WARNING"))
    with api_of(service) as api:
        assert ["log_level"] == api.post("/reload").json()["changed"]
        before = len(told(service, "push.accepted"))
        assert 200 == kept.push("b.example", SERIAL)[0]
        rewrite(service, ("log_level: WARNING", "log_level: INFO"))
        assert ["log_level"] == api.post("/reload").json()["changed"]
    assert 200 == kept.push("c.example", SERIAL)[0]

    until(lambda: len(told(service, "push.accepted")) > before)
    assert not [one for one in told(service, "push.accepted") if one["zone"] == "b.example"]


def test_the_certificate_is_taken_from_another_path(tmp_path):
    """Who is connected stays connected; a pair that does not fit is refused with the rest of the file."""
    require_program("named")
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        certificate(folder, folder.name)
    pair = "  tls_certificate: {0}/chain.pem\n  tls_key: {1}/key.pem\n"
    with Service(log_level="INFO", environ=PATIENT) as plain:
        rewrite(plain, ("dns:\n", pair.format(folders[0], folders[0]) + "dns:\n"))
        done = dadns(plain, "reload", DADNS_URL=plain.url)
        assert ["needs a restart: app.tls_certificate", "needs a restart: app.tls_key"] == done.stdout.splitlines()
        plain.stop()
        plain.url = plain.url.replace("http:", "https:")
        plain.start()
        first = served(plain)
        with api_of(plain) as api:
            assert api.get("/status").is_success
            rewrite(plain, (pair.format(folders[0], folders[0]), pair.format(folders[1], folders[0])))
            mixed = api.post("/reload")
            assert (422, "app.tls_certificate") == (mixed.status_code, mixed.json()["errors"][0]["pointer"])
            assert first == served(plain)

            rewrite(plain, (pair.format(folders[1], folders[0]), pair.format(folders[1], folders[1])))
            assert ["app.tls_certificate", "app.tls_key"] == api.post("/reload").json()["changed"]

            second = ssl.PEM_cert_to_DER_cert((folders[1] / "chain.pem").read_text())
            assert second == served(plain) != first


def test_sighup_at_start_and_at_the_end_does_no_harm():
    """From the first moment that we can be told; what came before we listened is obeyed afterwards. Exit code 0."""
    require_program("named")
    service = Service(log_level="INFO", environ=PATIENT)
    alive = threading.Event()

    def hang_up_all_the_time() -> None:
        while not alive.is_set():
            process = service._process
            if process is not None and caught(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)
            time.sleep(0.002)

    thread = threading.Thread(target=hang_up_all_the_time, daemon=True)
    thread.start()
    try:
        with service:
            until(lambda: reloads(service) > 3, limit_s=120)
            assert 200 == Kept(service).push("a.example", SERIAL)[0]
            service.stop()
            assert 0 == service.exit_code()
    finally:
        alive.set()
        thread.join()


def caught(pid: int) -> bool:
    """Whether the process handles SIGHUP by now (proc(5), SigCgt); Python itself needs a moment before."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        mask = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
        return bool(int(mask, 16) >> (signal.SIGHUP - 1) & 1)
    return False


def alive(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False, timeout=30).is_success
    return False


def test_who_closes_the_terminal_ends_the_service(tmp_path):
    """A SIGHUP that comes because the terminal is gone is no wish to reload: all ends as after Ctrl-C, the name server too."""
    require_program("named")
    port = free_port()
    config = tmp_path / "app.yml"
    config.write_text(
        f"data_dir: {tmp_path}/data\nlog_level: INFO\nlog_format: json\n"
        f"app: {{auth_password: {PASSWORD}, listen_host: 127.0.0.1, listen_port: {port}}}\n"
        f"dns: {{backends: {{bind: {{listen: [127.0.0.1], port: {free_port()}}}}}}}\n"
    )
    (tmp_path / "log").touch()
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as from a shell, however these tests were started
        log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 2)
        os.execv(DADNS, [str(DADNS), "serve", "--config", str(config)])
    try:
        until(lambda: alive(port), limit_s=120)  # from then on a signal ends it in order

        os.close(terminal)

        until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None, limit_s=120)
        _, status = os.waitpid(pid, 0)
        assert 0 == os.waitstatus_to_exitcode(status)
        told = (tmp_path / "log").read_text()
        assert "service.stopped" in told
        assert "nameserver.stopped" in told
        assert [] == list(running_in(tmp_path / "data"))
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise


def test_nobody_reloads_without_the_role(service):
    """Looking at what is in force needs `read`, reloading `operate`."""
    rewrite(service, ("dns:\n", f"{SECOND}dns:\n"))
    with api_of(service) as api:
        assert ["app.credentials.second (added)"] == api.post("/reload").json()["changed"]

    def asked(method: str, user: tuple[str, str] | None) -> Any:
        return httpx.request(method, f"{service.url}/api/v1/reload", auth=user, trust_env=False).status_code

    second = ("second", "second-secret")
    assert (401, 401) == (asked("GET", None), asked("POST", None))
    assert (200, 403) == (asked("GET", second), asked("POST", second))
    assert 1 == reloads(service)


def test_networks_and_proxies_are_other_ones(service):
    """Who may read the metrics without a password, and whose word about addresses is believed: there, and taken back."""
    lines = "  metrics_networks: [127.0.0.0/8]\n  trusted_proxies: [127.0.0.1]\n"

    def seen() -> tuple[int, str]:
        wrong = {"X-Forwarded-For": "192.0.2.77"}
        known = len(told(service, "login.failed"))
        httpx.get(f"{service.url}/api/v1/status", auth=("nobody", "x"), headers=wrong, trust_env=False)
        until(lambda: len(told(service, "login.failed")) > known)
        metrics = httpx.get(f"{service.url}/metrics", trust_env=False).status_code
        return metrics, told(service, "login.failed")[-1]["address"]

    assert (401, "127.0.0.1") == seen()

    rewrite(service, ("dns:\n", f"{lines}dns:\n"))
    assert 0 == dadns(service, "reload").returncode

    assert (200, "192.0.2.77") == seen()

    rewrite(service, (lines, ""))
    assert 0 == dadns(service, "reload").returncode

    assert 401 == httpx.get(f"{service.url}/metrics", trust_env=False).status_code
