"""The original's configuration in our image: what asked it on port 53 asks us on port 53, from anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.load import zone_text
from bench.service import DADNS

from tests.e2e.test_line import until
from tests.support.hosts import HOST, HOST6, Hosts
from tests.support.original import SHIPPED
from tests.support.programs import require_program

NSD_BY_VARIABLES = {
    "DADNS_DNS_DEFAULT_BACKEND": "nsd",
    "DADNS_DNS_BACKENDS_NSD_ENABLED": "true",
    "DADNS_DNS_BACKENDS_NSD_ZONES_DIR": "/etc/nsd/zones",
    "DADNS_DNS_BACKENDS_NSD_NSD_CONF": "/etc/nsd/nsd.conf.d/zones.conf",
    "DADNS_QUEUE_LOCATION": "data/queues",
    "DADNS_DATASTORE_DB_LOCATION": "/app/data/directdns.db",
}
LIMIT_S = 120


class Machine:
    """Our service in a folder, as the image has it in /app, on a machine of its own."""

    def __init__(self, hosts: Hosts, folder: Path, environ: Mapping[str, str]) -> None:
        self.hosts, self.folder = hosts, folder
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        as_root = (
            {} if os.geteuid() == 0 else {"DADNS_DNS_BACKENDS_BIND_RUN_AS": "", "DADNS_DNS_BACKENDS_NSD_RUN_AS": ""}
        )
        self.environ = {**kept, **as_root, "DADNS_APP_AUTH_PASSWORD": "of-my-own", **environ}
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                hosts.here(DADNS, "serve", "--stop-name-servers"), cwd=folder, env=self.environ, stdout=log, stderr=log
            )

    def dadns(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command beside it."""
        return self._run(self.hosts.here(DADNS, *arguments))

    def dig(self, *words: str) -> str:
        """What somebody elsewhere is answered; empty: nothing."""
        return self._run(self.hosts.elsewhere(require_program("dig"), "+short", "+tries=1", "+time=2", *words)).stdout

    def curl(self, path: str, *words: str) -> str:
        """What somebody elsewhere is answered, with the password."""
        curl = (require_program("curl"), "-sS", "-u", "directdnsonly:of-my-own", *words, f"http://{HOST}:2222{path}")
        return self._run(self.hosts.elsewhere(*curl)).stdout

    def get(self, path: str) -> dict[str, object]:
        """The JSON of it."""
        return dict(json.loads(self.curl(path)))

    def log(self) -> str:
        """What the first screen shows."""
        return (self.folder / "log").read_text()

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )


@contextmanager
def machine(folder: Path, *, config: str = "", **environ: str) -> Iterator[Machine]:
    folder.chmod(0o755)
    if config:
        (folder / "config").mkdir()
        (folder / "config/app.yml").write_text(config)
    with Hosts() as hosts:
        it = Machine(hosts, folder, environ)
        try:
            until(lambda: it.process.poll() is not None or "service.started" in it.log(), LIMIT_S)
            yield it
        finally:
            it.process.send_signal(signal.SIGTERM)
            it.process.wait(LIMIT_S)


def pushed(it: Machine) -> None:
    """A zone, proven where we ask."""
    (it.folder / "a.example.db").write_bytes(zone_text("a.example", 2026112300))
    done = it.dadns("push", "a.example.db", "--timeout", "90")
    assert done.returncode == 0, done.stdout + done.stderr + it.log()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    require_program("named")
    with machine(tmp_path_factory.mktemp("app"), config=SHIPPED, DADNS_STARTED_BY="image") as it:
        assert it.process.poll() is None, it.log()
        pushed(it)
        yield it


@pytest.mark.parametrize("words", [(f"@{HOST}",), (f"@{HOST}", "+tcp"), (f"@{HOST6}",), (f"@{HOST6}", "+tcp")])
def test_its_shipped_file_serves_port_53_on_every_address(shipped, words):
    """Symptom: its own file ended our start; the variables alone gave 127.0.0.1:5300, and everybody else got silence."""
    assert "192.0.2." in shipped.dig(*words, "www.a.example", "A")


def test_the_first_screen_says_where_the_name_server_answers(shipped):
    """And which of its keys mean something else here, each with the line."""
    log = shipped.log()

    assert "bind: 0.0.0.0#53 ::#53" in log
    for words in (
        "datastore: is the original's",
        "dns.backends.bind.named_conf: has no effect here (line 17;",
        "dns.backends.bind.zones_dir: has no effect here (line 16;",
    ):
        assert words in log, log


def test_its_status_is_ready_and_its_old_addresses_answer(shipped):
    """/health and /queue_status, as monitoring knows them."""
    until(lambda: shipped.dadns("status").returncode == 0)

    assert {"status": "OK", "backends": [{"name": "bind", "status": "active"}]} == shipped.get("/health")
    told = shipped.get("/queue_status")
    assert (0, 0, 0, 0) == tuple(
        told[key] for key in ("save_queue_size", "delete_queue_size", "retry_queue_size", "dead_letters")
    )
    assert told["save_worker_alive"] is told["delete_worker_alive"] is told["retry_worker_alive"] is True


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/CMD_API_LOGIN_TEST", "200", "error=0"),
        ("/CMD_API_DNS_ADMIN?action=exists&domain=a.example", "200", "exists=1"),
        ("/health", "200", '"status":"OK"'),
        ("/queue_status", "200", '"save_queue_size":0'),
        ("/", "30", ""),
        ("/status", "200", "<html"),
        ("/api/v1/status", "200", '"state":'),
        ("/internal/zones", "404", ""),
    ],
)
def test_each_of_its_addresses_is_answered_as_the_page_says(shipped, path, code, words):
    """docs/migrate-from-original.md lists them, and what replaces those that are gone."""
    told = shipped.curl(path, "--write-out", "\n%{http_code}")

    body, _, status = told.rpartition("\n")
    assert status.startswith(code), told
    assert words in body


def test_nobody_without_the_password_is_told_anything(shipped):
    """As there: all of it was behind Basic authentication."""
    for path in ("/health", "/queue_status"):
        assert "401" == shipped.curl(path, "--user", "x:y", "--output", "/dev/null", "--write-out", "%{http_code}")


def test_its_variables_alone_serve_port_53_with_nsd(tmp_path):
    """Without a file, as its README has it for a container."""
    require_program("nsd")
    with machine(tmp_path, **NSD_BY_VARIABLES, DADNS_STARTED_BY="image") as it:
        pushed(it)

        assert "192.0.2." in it.dig(f"@{HOST}", "www.a.example", "A")
        assert "192.0.2." in it.dig(f"@{HOST6}", "+tcp", "www.a.example", "A")


def test_a_name_server_that_nobody_else_can_ask_is_no_success(tmp_path):
    """`make run` with a file that leaves it open: a try on loopback, and the status says so as long as the door is open."""
    require_program("named")
    config = "app: {auth_username: directdnsonly}\ndns: {backends: {bind: {enabled: true}}}\n"
    with machine(tmp_path, config=config, DADNS_STARTED_BY="make") as it:
        pushed(it)

        assert not it.dig(f"@{HOST}", "www.a.example", "A").startswith("192.0.2.")
        told = it.dadns("status")
        assert 1 == told.returncode
        assert "bind answers on 127.0.0.1:5300 only, where nobody else can ask it" in told.stdout
        assert "bind: 127.0.0.1#5300" in it.log()
