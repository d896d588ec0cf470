"""The command line against the running service, as an operator uses it: each command a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import DADNS, STOPPABLE, Service, free_port

from tests.e2e.test_line import until
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
SERIAL = 2026112300
Dadns = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service(backends=STOPPABLE) as running:
        push_blocking(running.port, rawsave("example.com", zone_text("example.com", SERIAL)))
        with dns_socket(running.dns_port) as sock:
            wait_served(sock, "example.com", SERIAL)
        yield running


@pytest.fixture
def dadns(service, tmp_path) -> Dadns:
    """Runs `dadns` with the configuration of the service."""
    return runner(service, tmp_path)


def runner(service: Service, folder: Path) -> Dadns:
    def run(*arguments: str, stdin: str = "", code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        known = {"DADNS_CONFIG": str(service.folder / "app.yml"), "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [DADNS, *arguments],
            input=stdin, capture_output=True, text=True, timeout=180, cwd=folder, check=False,
            env={**clean, **known, "COLUMNS": "200", "NO_COLOR": "1", **environ},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert code == done.returncode, done.stdout + done.stderr
        return done

    return run


def test_explain_a_zone_that_is_served(dadns):
    told = dadns("explain", "Example.COM.").stdout

    assert "example.com: version 1, serial 2026112300, 15 records" in told
    assert "owner: da1.host.example, user alice, pushed by bench (directadmin)" in told
    assert "bind: verified, version 1 of 1 proven" in told
    assert f"answers serial {SERIAL}" in told
    assert "example.com: LIVE: every name server answers version 1 of " in told
    assert "nothing to do" in told
    assert (
        "proven" == json.loads(dadns("explain", "example.com", "--json").stdout)["places"][0]["servers"][0]["finding"]
    )


def test_explain_tells_cause_and_cure(dadns, service):
    """A name server that hangs, a paused backend, a refused push, a zone that nobody knows."""
    assert (
        "UNKNOWN: no zone unknown.example was ever pushed to us" in dadns("explain", "unknown.example", code=2).stdout
    )
    assert "has an empty label" in dadns("explain", "two..dots.example", code=2).stderr
    push = rawsave("example.com", b"$INCLUDE /etc/passwd\n")
    with pytest.raises(RuntimeError, match="error=1"):
        push_blocking(service.port, push)
    told = dadns("explain", "example.com", code=1).stdout
    assert "NOT LIVE: the push of " in told
    assert "customers get version 1 of " in told
    push_blocking(service.port, rawsave("example.com", zone_text("example.com", SERIAL)))
    assert "LIVE: " in dadns("explain", "example.com").stdout

    os.kill(service.named_pid(), signal.SIGSTOP)
    try:
        push_blocking(service.port, rawsave("hangs.example", zone_text("hangs.example", SERIAL)))
        until(lambda: "down" == ask(service, "backends/bind")["state"], limit_s=120)
        assert "down" in dadns("backends").stdout
        assert "breaker.opened" in (service.folder / "log").read_text()
        told = dadns("explain", "hangs.example", code=1).stdout
        assert "does not answer" in told
        assert "NOT LIVE: bind is down since " in told
        assert "do:  it is restarted automatically; everything outstanding is then delivered automatically" in told
        assert "not ready" in dadns("probe", "bind", code=1).stdout
    finally:
        os.kill(service.named_pid(), signal.SIGCONT)
    until(lambda: is_verified(service, "hangs.example"), limit_s=120)
    assert "nothing to do" in dadns("explain", "hangs.example").stdout

    dadns("pause", "bind", "--reason", "moving")
    push_blocking(service.port, rawsave("late.example", zone_text("late.example", SERIAL)))
    told = dadns("explain", "late.example", code=1).stdout
    assert f"NOT LIVE: bind is paused by {USER} since " in told
    assert ": moving; customers get no zone (REFUSED)" in told
    assert "do:  dadns resume bind" in told
    dadns("resume", "bind")
    until(lambda: is_verified(service, "late.example"), limit_s=120)


def ask(service: Service, path: str) -> dict[str, Any]:
    """The API's answer."""
    answer = httpx.get(f"{service.url}/api/v1/{path}", auth=(USER, PASSWORD), trust_env=False, timeout=30)
    return dict(answer.json())


def is_verified(service: Service, zone: str) -> bool:
    return all(place["state"] == "verified" for place in ask(service, f"zones/{zone}")["placements"])


def test_looking_and_acting(dadns, service):
    """Every list as a table and as JSON; a change is waited for; a zone is delivered again, and deleted."""
    assert "bind" in dadns("backends").stdout
    assert "ok" == json.loads(dadns("backends", "--json").stdout)[0]["state"]
    assert isinstance(json.loads(dadns("events", "--json").stdout), list)
    assert isinstance(json.loads(dadns("refused", "--json").stdout), list)
    dadns("pause", "bind")
    assert "backend.paused" in dadns("events").stdout
    dadns("resume", "bind")
    change = json.loads(dadns("show", "example.com", "--json").stdout)["change_id"]
    assert "proven" in dadns("wait", change).stdout
    assert "unknown" in dadns("wait", "nonsense", code=1).stderr
    assert "due now on 1 of 1 backend" in dadns("redeliver", "example.com").stdout
    assert "bind: ready (" in dadns("probe", "bind").stdout
    assert "no enabled backend" in dadns("probe", "other", code=1).stderr
    push_blocking(service.port, rawsave("gone.example", zone_text("gone.example", SERIAL)))
    deleted = json.loads(dadns("delete", "gone.example", "--json").stdout)
    assert "proven" in dadns("wait", deleted["change_id"]).stdout


def test_status_watches_until_it_is_interrupted(service, tmp_path):
    """Ctrl-C ends it with 130, as a shell expects; until then it shows the state again and again."""
    with subprocess.Popen(
        [DADNS, "status", "--watch"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "DADNS_CONFIG": str(service.folder / "app.yml"), "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            seen = 0
            for line in process.stdout:
                seen += ", store " in line
                if seen == 2:
                    break
            process.send_signal(signal.SIGINT)

            assert 130 == process.wait(timeout=60)
        finally:
            process.kill()


def test_tokens_and_the_ways_to_log_in(dadns, service, tmp_path):
    """A token from a file is enough, without any configuration; without its role it is told so; revoked it is none."""
    made = dadns("token", "create", "script", "--role", "read", "--days", "1")
    (tmp_path / "token").write_text(made.stdout)
    assert "it cannot be shown again" in made.stderr
    only = {
        "DADNS_URL": service.url,
        "DADNS_TOKEN_FILE": str(tmp_path / "token"),
        "DADNS_CONFIG": str(tmp_path / "none"),
    }

    assert "example.com" in dadns("zones", **only).stdout
    assert "does not have the role operate" in dadns("pause", "bind", code=1, **only).stderr
    listed = json.loads(dadns("token", "list", "--json").stdout)
    (token,) = [each for each in listed if each["name"] == "script"]
    assert "script" in dadns("token", "list").stdout
    assert "is revoked" in dadns("token", "revoke", token["id"]).stdout
    assert "does not accept the token" in dadns("zones", code=3, **only).stderr


def test_a_hashed_password_lets_somebody_in(dadns):
    word = "a word of many letters"
    hashed = dadns("hash-password", stdin=f"{word}\n").stdout.strip()
    assert hashed.startswith("$argon2id$")
    assert "at least" in dadns("hash-password", stdin="short\n", code=1).stderr
    credentials = [{"name": "anna", "password_hash": hashed, "roles": ["read"]}]
    with Service(environ={"DADNS_APP_CREDENTIALS": json.dumps(credentials)}) as other:
        answer = httpx.get(f"{other.url}/api/v1/status", auth=("anna", word), trust_env=False, timeout=60)
    assert 200 == answer.status_code


def test_help_knows_the_commands(dadns):
    shown = dadns("--help").stdout
    for command in ("explain", "import", "backup", "restore", "token", "hash-password", "--install-completion"):
        assert command in shown


# -- import


def test_zones_are_imported_from_each_kind_of_source(dadns, service, tmp_path):
    """A folder, a named.conf with includes, views and secondaries, and the original's database with its owners."""
    folder = tmp_path / "zones"
    folder.mkdir()
    (folder / "dir1.example.db").write_bytes(zone_text("dir1.example", SERIAL))
    (folder / "dir2.example.zone").write_bytes(zone_text("dir2.example", SERIAL))
    (folder / "bad.example.db").write_bytes(b"nonsense")
    (folder / "README").write_text("no zone")
    told = dadns("import", str(folder), code=1)
    assert f"{folder}/bad.example.db: not taken: it holds no SOA record" in told.stderr
    assert f"{folder}/README: not taken: it holds no SOA record" in told.stderr
    assert "2 zones recorded, 0 refused, 2 not taken" in told.stdout
    (folder / "bad.example.db").write_bytes(zone_text("bad.example", SERIAL) + b"www CNAME elsewhere.\n")
    for words in (["--dry-run"], []):
        told = dadns("import", str(folder), *words, code=1)
        assert "bad.example: refused: " in told.stderr
        assert "2 zones" in told.stdout
        assert "1 refused, 1 not taken" in told.stdout

    (tmp_path / "named.conf").write_text(
        'options { directory "zones"; /* zone "no.example" { type master; file "x"; }; */ };\n'
        'include "more.conf"; // include "none.conf";\n'
        'zone "conf1.example" IN { type master; file "conf1"; allow-transfer { none; }; };\n'
        'zone "secondary.example" { type slave; file "conf1"; masters { 192.0.2.1; }; };\n'
        '# zone "comment.example" { type master; file "conf1"; };\n'
    )
    (tmp_path / "more.conf").write_text('view "v" { zone "conf2.example" { file "conf2"; type primary; }; };\n')
    for name in ("conf1", "conf2"):
        (folder / name).write_bytes(zone_text(f"{name}.example", SERIAL))
    dry = dadns("import", str(tmp_path / "named.conf"), "--dry-run").stdout
    assert ["conf1.example", "conf2.example"] == [line.split(":")[0] for line in dry.splitlines()][:2]
    assert "2 zones would be recorded" in dry
    assert "2 zones recorded, 0 refused" in dadns("import", str(tmp_path / "named.conf")).stdout

    database = tmp_path / "directdnsonly.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE domains (id INTEGER, domain TEXT, hostname TEXT, username TEXT, zone_data TEXT)"
        )
        row = (1, "old.example", "da9.host.example", "bob", zone_text("old.example", SERIAL).decode())
        connection.execute("INSERT INTO domains VALUES (?, ?, ?, ?, ?)", row)
        connection.execute("INSERT INTO domains VALUES (2, 'empty.example', '', '', NULL)")
    assert "1 zone recorded, 0 refused, 1 not taken" in dadns("import", str(database), code=1).stdout
    owner = json.loads(dadns("show", "old.example", "--json").stdout)["owner"]
    assert ("da9.host.example", "bob") == (owner["hostname"], owner["username"])
    with dns_socket(service.dns_port) as sock:
        for zone in ("dir1", "dir2", "conf1", "conf2", "old"):
            assert SERIAL == served_serial(sock, f"{zone}.example")


def test_many_pushed_files_end_with_a_sum(dadns, service, tmp_path):
    """What was refused, and what is not proven, by name: nobody scrolls up through a thousand lines."""
    for name in ("sum1", "sum2", "sum3"):
        (tmp_path / f"db.{name}.example").write_bytes(zone_text(f"{name}.example", SERIAL))
    (tmp_path / "db.sum3.example").write_text("nonsense\n")

    told = dadns("push", *(str(tmp_path / f"db.sum{number}.example") for number in (1, 2, 3)), code=1)

    assert told.stdout.splitlines()[-1] == "2 zones recorded, 1 refused, 0 not proven yet"
    assert "  refused: sum3.example" in told.stderr


def test_a_source_without_zones_is_told(dadns, tmp_path):
    (tmp_path / "empty.conf").write_text("options { };\n")

    assert "holds no zone" in dadns("import", str(tmp_path / "empty.conf"), code=1).stderr
    assert "cannot be read" in dadns("import", str(tmp_path / "absent"), code=1).stderr


# -- backup and restore


def digests(service: Service) -> dict[str, tuple[str, int]]:
    """Digest and version of every zone."""
    found: dict[str, tuple[str, int]] = {}
    after = ""
    with httpx.Client(base_url=service.url, auth=(USER, PASSWORD), trust_env=False, timeout=60) as client:
        while True:
            page = client.get("/api/v1/zones", params={"after": after, "limit": 1000}).json()
            found |= {zone["zone"]: (zone["digest"], zone["version"]) for zone in page["items"]}
            if page["next"] is None:
                return found
            after = page["next"]


RATE_PER_S = 100
PUSHERS = 8


class OpenLoop:
    """Offers a push every hundredth of a second, on the clock: who is late makes the next ones up and drops none.

    `acknowledged` holds the zone and the number of each push that was answered error=0, in the order of the answers;
    a zone's pushes are made by one thread, so their numbers rise.
    """

    def __init__(self, port: int) -> None:
        self.offered: list[int] = []
        self.acknowledged: list[tuple[str, int]] = []
        self._port, self._began, self._stop = port, time.monotonic(), threading.Event()
        self._threads = [threading.Thread(target=self._push, args=(part,)) for part in range(PUSHERS)]

    def __enter__(self) -> OpenLoop:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def due(self) -> int:
        """How many pushes the clock has asked for by now."""
        return int((time.monotonic() - self._began) * RATE_PER_S)

    def _push(self, part: int) -> None:
        number = part
        while not self._stop.is_set():
            if number > self.due():
                self._stop.wait(0.002)
                continue
            name = f"b{number % 152}.example"  # 152 = 19 x 8: one zone is always the same thread's
            self.offered.append(number)
            push_blocking(self._port, rawsave(name, zone_text(name, SERIAL + number)))
            self.acknowledged.append((name, number))
            number += PUSHERS


def pushed_serials(copy: Path) -> dict[str, int]:
    """The serial that was pushed last, by zone, as a backup holds it."""
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        return dict(connection.execute("SELECT zone, pushed_serial FROM zone WHERE kind = 'put'").fetchall())


def test_a_backup_under_pushes_restores_equal_digests_on_an_empty_host(tmp_path):
    """100 pushes a second are offered, whatever the answers take, before, during and after the copy.

    What was acknowledged before the copy began is in it. Of those acknowledged while it was made it holds, of each zone,
    a state between the one at its begin and the one at its end, and nothing that was offered only later. The restored
    host has the copy's digests and serves them.
    """
    require_program("named")
    with Service() as first:
        dadns = runner(first, tmp_path)
        with OpenLoop(first.port) as load:
            until(lambda: len(load.acknowledged) > 300, limit_s=120)
            before = len(load.acknowledged)
            due_before = load.due()
            dadns("backup", "copy")
            after, offered_after, due_after = len(load.acknowledged), len(load.offered), load.due()
            until(lambda: len(load.acknowledged) > max(after + 100, due_after), limit_s=120)  # all that was due is made
        assert after > before, "no push was acknowledged while the backup was made"
        assert due_after > due_before
        assert "exists: name a new file" in dadns("backup", "copy", code=1).stderr
        assert "a service runs on this store" in dadns("restore", str(tmp_path / "copy"), code=1).stderr
    with contextlib.closing(sqlite3.connect(tmp_path / "copy")) as connection:
        held = {
            row[0]: (row[1].hex(), row[2])
            for row in connection.execute("SELECT zone, digest, version FROM zone WHERE kind = 'put'")
        }
    oldest, newest = {}, {}
    for name, number in load.acknowledged[:before]:
        oldest[name] = SERIAL + number
    for number in load.offered[:offered_after]:
        name = f"b{number % 152}.example"
        newest[name] = max(newest.get(name, 0), SERIAL + number)
    copied = pushed_serials(tmp_path / "copy")
    assert set(oldest) <= set(held) == set(copied)
    for name, serial in copied.items():
        assert oldest.get(name, 0) <= serial <= newest[name], name
    assert 0o600 == (tmp_path / "copy").stat().st_mode & 0o777

    with Service() as second:
        second.stop()
        restore = runner(second, tmp_path)
        assert "give --replace" in restore("restore", str(tmp_path / "copy"), code=1).stderr
        told = restore("restore", str(tmp_path / "copy"), "--replace")
        assert f"{len(held)} zones" in told.stdout
        second.start()
        assert held == digests(second)
        with dns_socket(second.dns_port) as sock:
            for name in held:
                until(lambda name=name: served_serial(sock, name) is not None, limit_s=120)


def test_what_is_no_backup_is_not_restored(tmp_path):
    """A half copy, another database, a text: refused before anything is touched."""
    require_program("named")
    with Service() as service:
        dadns = runner(service, tmp_path)
        dadns("backup", "copy")
        service.stop()
        whole = (tmp_path / "copy").read_bytes()
        store = service.folder / "data/queues/outbox.sqlite"
        size = store.stat().st_size
        (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "text").write_text("hello")
        with contextlib.closing(sqlite3.connect(tmp_path / "other")) as other:
            other.execute("CREATE TABLE t (x)")
        for name in ("half", "text", "other", "absent"):
            dadns("restore", name, "--replace", code=1)
        assert size == store.stat().st_size


# -- check


def test_check_asks_the_backends_that_others_run(dadns, service, tmp_path):
    """One that answers, one whose port is closed, one that takes the connection and never says a word: each is told."""
    folder = service.folder / "data/backends/bind"
    closed = free_port()
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        (tmp_path / "app.yml").write_text(
            f"data_dir: {tmp_path}/data\n"
            f"app: {{auth_password: x, listen_host: 127.0.0.1, listen_port: {free_port()}}}\n"
            "dispatch: {probe_timeout_s: 2}\n"
            "dns:\n  backends:\n"
            f"    good: {{type: bind, managed: false, zones_dir: {tmp_path}/zones, rndc_key_file: {folder}/rndc.key,"
            f" rndc_port: {(folder / 'control.port').read_text().strip()}, verify_address: '127.0.0.1#{service.dns_port}'}}\n"
            f"    gone: {{type: powerdns, api_url: 'http://127.0.0.1:{closed}', api_key: k}}\n"
            f"    mute: {{type: powerdns, api_url: 'http://127.0.0.1:{mute.getsockname()[1]}', api_key: k}}\n"
            f"    rows: {{type: coredns_mysql, host: 127.0.0.1, port: {closed}, database: d, username: u, password: p,"
            f" verify_address: '127.0.0.1#{service.dns_port}'}}\n"
            f"    files: {{type: coredns_file, zones_dir: {tmp_path}/files, verify_address: '127.0.0.1#{closed}'}}\n"
        )
        told = dadns("check", code=1, DADNS_CONFIG=str(tmp_path / "app.yml")).stdout

    said = [
        ("   ok  good: external named", "rndc.key: it answers"),
        ("wrong  gone: PowerDNS", "Connection refused"),
        ("wrong  mute: PowerDNS", "no answer in 2 s"),
        ("wrong  rows: connection: ", f"127.0.0.1:{closed}/d: cannot connect: Connection refused (2003)"),
        ("   ok  rows: DNS: ", f"127.0.0.1#{service.dns_port} answers"),
        ("   ok  files: CoreDNS, zone files in ", "files"),
        ("wrong  files: DNS: ", f"127.0.0.1#{closed} does not answer"),
    ]
    for begin, end in said:
        assert [begin] == [begin for line in told.splitlines() if line.startswith(begin) and line.endswith(end)], told
    assert not (tmp_path / "data").exists(), "check creates nothing"
    assert not (tmp_path / "files").exists()
