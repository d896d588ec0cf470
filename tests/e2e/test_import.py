"""From the original and from DirectSlave: zones and owners come over, what DirectAdmin has pushed meanwhile stays."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import Service, free_port

from tests.support.cells import dadns
from tests.support.mariadb import MariaDb
from tests.support.name_servers import name_server
from tests.support.original import database, queue
from tests.support.programs import no_lock_file, require_program

SERIAL = 2026112300
LIMIT_S = 60


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service(log_level="INFO") as it:
        yield it


def text(zone: str, serial: int = SERIAL) -> str:
    return zone_text(zone, serial).decode()


def shown(service: Service, zone: str) -> dict[str, object]:
    return dict(json.loads(dadns(service, "show", zone, "--json", code=0).stdout))


def zones(service: Service) -> list[str]:
    return [one["zone"] for one in json.loads(dadns(service, "zones", "--limit", "1000", "--json", code=0).stdout)]


def test_the_originals_zones_come_over_with_their_owners(service, tmp_path):
    """Each one as its DirectAdmin server pushed it; what was pushed to us since stays as it is; what is wrong is named."""
    push_blocking(service.port, rawsave("newer.example", zone_text("newer.example", SERIAL + 5)))
    file = database(tmp_path / "directdnsonly.db", [
        ("o1.example", "da1.host.example", "bob", text("o1.example")),
        ("o2.example", None, None, text("o2.example")),
        ("newer.example", "da9.host.example", "eve", text("newer.example")),
        ("wrong.example", "da1.host.example", "bob", text("wrong.example") + "www CNAME elsewhere.\n"),
        ("../../etc/passwd", "da1.host.example", "bob", text("x.example")),
        ("never.example", "da1.host.example", "bob", None),
        ("deleted.example", "da1.host.example", "bob", text("deleted.example")),
    ])  # fmt: skip
    queue(tmp_path / "queues/save", ["o1.example", "late.example"])
    queue(tmp_path / "queues/delete", ["deleted.example"])

    dry = dadns(service, "import", "original", str(file), "--dry-run", code=1)
    assert "2 refused, 2 not taken" in dry.stdout
    assert "o1.example" not in zones(service)
    told = dadns(service, "import", "original", str(file), code=1)

    assert "2 zones recorded, 2 refused, 2 not taken, 1 already held" in told.stdout, told
    for words in (
        "wrong.example: refused: ",
        "../../etc/passwd: refused: ",
        "never.example in the database: not taken: the original never stored its text: have DirectAdmin push it",
        "deleted.example in the database: not taken: its delete was answered OK",
        "late.example: its newest push is still in the original's queue: have DirectAdmin push it again",
        "o1.example: its newest push is still",
    ):
        assert words in told.stderr, told.stderr
    assert {"hostname": "da1.host.example", "username": "bob"}.items() <= shown(service, "o1.example")["owner"].items()
    assert (SERIAL + 5, "da1.host.example") != (shown(service, "newer.example")["serial"], "da9.host.example")
    assert SERIAL + 5 == shown(service, "newer.example")["serial"]
    with dns_socket(service.dns_port) as sock:
        for zone in ("o1.example", "o2.example"):
            wait_served(sock, zone, SERIAL)

    again = json.loads(dadns(service, "import", "original", str(file), "--json", code=1).stdout)
    assert (0, ["newer.example", "o1.example", "o2.example"]) == (again["recorded"], again["held"])


def test_a_zone_that_was_deleted_here_since_does_not_come_back(service, tmp_path):
    """Its tombstone is newer than the original's database."""
    file = database(tmp_path / "directdnsonly.db", [("back.example", "da1.host.example", "bob", text("back.example"))])
    dadns(service, "import", "original", str(file), code=0)
    dadns(service, "delete", "back.example", code=0)

    assert (
        "0 zones recorded, 0 refused, 0 not taken, 1 already held"
        in dadns(service, "import", "original", str(file), code=0).stdout
    )
    assert "back.example" not in zones(service)


def test_a_source_that_cannot_be_used_changes_nothing(service, tmp_path):
    """Locked, half, empty, not there, wrong words: one clear line each."""
    before = zones(service)
    file = database(tmp_path / "locked.db", [("l.example", "da1", "bob", text("l.example"))])
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        told = dadns(service, "import", "original", str(file), code=1)
        assert "is locked by another program: stop the original first" in told.stderr
    half = database(tmp_path / "half.db", [(f"h{n}.example", "da1", "bob", text(f"h{n}.example")) for n in range(50)])
    half.write_bytes(half.read_bytes()[:20_000])
    assert "is damaged, so nothing is imported from it" in dadns(service, "import", str(half), code=1).stderr
    empty = database(tmp_path / "empty.db", [])
    assert "its table domains is empty" in dadns(service, "import", "original", str(empty), code=1).stderr
    assert "No such file" in dadns(service, "import", "original", str(tmp_path / "no.db"), code=1).stderr
    assert "neither original nor directslave" in dadns(service, "import", "orignal", str(file), code=2).stderr
    assert "etc/directslave.conf" in dadns(service, "import", "directslave", str(tmp_path), code=1).stderr
    wrong = dadns(service, "import", "directslave", str(tmp_path), "--owner", "da1=da1.host.example", code=2)
    assert "expected ADDRESS=HOSTNAME" in wrong.stderr

    assert before == zones(service)


MYSQL_TABLE = (
    "CREATE TABLE domains (id INTEGER NOT NULL AUTO_INCREMENT, domain VARCHAR(255), hostname VARCHAR(255), username VARCHAR(255),"
    " zone_data TEXT, zone_updated_at DATETIME, PRIMARY KEY (id), UNIQUE (domain))"
)


async def test_its_datastore_in_mysql_comes_over_as_well(service, tmp_path):
    """A real MariaDB; the password by the original's own variable, never in a process list."""
    store = MariaDb(tmp_path)
    await store.start()
    try:
        store.account("ddo", "s3cret", "dns")
        store.sql(
            MYSQL_TABLE,
            f"INSERT INTO domains (domain, hostname, username, zone_data) VALUES ('m1.example', 'da1.host.example', 'bob', '{text('m1.example')}'),"
            " ('m2.example', 'da1.host.example', 'bob', NULL)",
            database="dns",
        )
        await asyncio.to_thread(taken_from_mysql, service, f"mysql://ddo@127.0.0.1:{store.port}/dns")
        store.sql("DROP TABLE domains", database="dns")
        await asyncio.to_thread(nothing_in_mysql, service, f"mysql://ddo@127.0.0.1:{store.port}/dns")
    finally:
        await store.stop()


def taken_from_mysql(service: Service, url: str) -> None:
    told = dadns(service, "import", "original", url, code=1, environ={"DADNS_DATASTORE_PASS": "s3cret"})

    assert "1 zone recorded, 0 refused, 1 not taken" in told.stdout, told
    assert "m2.example in the database: not taken: the original never stored its text" in told.stderr
    assert {"hostname": "da1.host.example", "username": "bob"}.items() <= shown(service, "m1.example")["owner"].items()


def nothing_in_mysql(service: Service, url: str) -> None:
    password = {"DADNS_DATASTORE_PASS": "s3cret"}
    for place, environ, words in (
        (url, password, "has no table domains"),
        (url, {"DADNS_DATASTORE_PASS": "wrong"}, "cannot be read: .*Access denied"),
        (url.replace("/dns", "/nowhere"), password, "cannot be read: "),
        (re.sub(r":[0-9]+/", f":{free_port()}/", url), password, "cannot be read: .*connect"),
        (url.replace("ddo@", "ddo:s3cret@"), {}, "put it into DADNS_DATASTORE_PASS"),
        ("mysql://127.0.0.1/dns", password, "is not mysql://USER@HOST:PORT/DATABASE"),
        ("mysql://ddo@127.0.0.1:x/dns", password, "is not mysql://USER@HOST:PORT/DATABASE"),
    ):
        told = dadns(service, "import", "original", place, code=1, environ=environ)
        assert re.search(words, told.stderr), told.stderr
        assert "s3cret" not in told.stderr


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a named with DirectAdmin's zones, which lets everybody transfer."""
    with name_server(
        "named", {f"s{n}.example": text(f"s{n}.example") for n in range(12)}, tmp_path_factory.mktemp("m")
    ) as it:
        yield it.port


def directslave(folder: Path, listed: dict[str, str], *, form: str = "text") -> Path:
    """Its folder: the configuration as it ships, the list as it writes it."""
    (folder / "etc").mkdir(parents=True)
    (folder / "secondary").mkdir()
    (folder / "etc/directslave.conf").write_text(
        f"background 1\nport 2222\nnamed_workdir {folder}/secondary\nnamed_conf {folder}/directslave.inc\n"
        f"retry_time 1200\nnamed_format {form}\n"
    )
    (folder / "directslave.inc").write_text("".join(
        f'zone "{zone}" {{ type slave; masters {{ {master}; }}; file "{folder}/secondary/{zone}.db"; }};\n'
        for zone, master in listed.items()
    ))  # fmt: skip
    return folder


def test_directslaves_zones_are_transferred_from_their_masters(service, master, tmp_path):
    """With the host name of the server that each master is; one that does not answer or refuses is that zone's trouble."""
    there = f"127.0.0.1 port {master}"
    listed = {f"s{n}.example": there for n in range(10)} | {
        "gone.example": there,
        "dead.example": f"127.0.0.1 port {free_port()}",
    }
    folder = directslave(tmp_path / "directslave", listed)
    command = ("import", "directslave", str(folder), "--owner", "127.0.0.1=da5.host.example")

    dry = dadns(service, *command, "--dry-run", code=1)
    assert f"s1.example: s1.example at 127.0.0.1#{master}" in dry.stdout
    assert "10 zones would be recorded, 2 refused" in dry.stdout
    told = dadns(service, *command, code=1)

    assert "10 zones recorded, 2 refused, 0 not taken" in told.stdout, told
    assert "gone.example: refused: no transfer: " in told.stderr
    assert "dead.example: refused: no transfer: " in told.stderr
    assert "da5.host.example" == shown(service, "s3.example")["owner"]["hostname"]
    with dns_socket(service.dns_port) as sock:
        for n in range(10):
            wait_served(sock, f"s{n}.example", SERIAL)
    owned = httpx.get(
        f"{service.url}/api/v1/zones", params={"owner": "da5.host.example"}, auth=(USER, PASSWORD), trust_env=False
    ).json()
    assert 10 == len(owned["items"])


def test_directslaves_own_files_are_taken_when_its_masters_are_gone(service, master, tmp_path):
    """Real ones: named as a secondary has written them, as text."""
    folder = directslave(tmp_path / "directslave", {f"s{n}.example": f"127.0.0.1 port {master}" for n in (10, 11)})
    stored_by_named(folder)

    told = dadns(service, "import", "directslave", str(folder), "--files", code=0)

    assert "2 zones recorded, 0 refused, 0 not taken" in told.stdout, told
    with dns_socket(service.dns_port) as sock:
        for n in (10, 11):
            wait_served(sock, f"s{n}.example", SERIAL)


def stored_by_named(folder: Path) -> None:
    """Let a named with this list transfer all of it."""
    folder.parent.chmod(0o755)
    conf = folder / "named.conf"
    conf.write_text(
        f'options {{ directory "{folder}"; pid-file "{folder}/pid"; session-keyfile none; {no_lock_file()}'
        f" listen-on port {free_port()} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;"
        " masterfile-format text; };\n"
        f'controls {{ }};\ninclude "{folder}/directslave.inc";\n'
    )
    named = subprocess.Popen([require_program("named"), "-g", "-n", "1", "-c", conf], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + LIMIT_S
        while len(list((folder / "secondary").glob("*.db"))) < 2:
            assert named.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        named.terminate()
        named.wait(LIMIT_S)
