"""`dadns check` against real databases, and beside the service that it is about: each thing on its own line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from bench.service import Service, free_port

from tests.support.cells import dadns
from tests.support.coredns import DATABASE, PASSWORD, USER, DataCentre
from tests.support.programs import require_program

CONFIG = """
data_dir: {folder}/data
app: {{auth_password: x, listen_host: 127.0.0.1, listen_port: {port}}}
dispatch: {{probe_timeout_s: 5}}
dns:
  backends:
    rows: {{type: coredns_mysql, plugin: mysqlzones, port: {database}, verify_address: '127.0.0.1#{dns}', {keys}}}
"""
KEYS = {"database": DATABASE, "username": USER, "password": PASSWORD}
WELL = [
    (True, "rows: connection", "rows: connection: database server at 127.0.0.1:{database} answers"),
    (True, "rows: log-in", f"rows: log-in: {USER} is let in, to the database {DATABASE}"),
    (True, "rows: tables", "rows: tables: zones and records are there"),
    (True, "rows: rights", f"rows: rights: {USER} may read and write them"),
    (True, "rows: DNS", "rows: DNS: 127.0.0.1#{dns} answers"),
]


@pytest.fixture
async def centre(tmp_path: Path):
    made = DataCentre(tmp_path / "dc")
    try:
        await made.prepare()
        await made.coredns.start()
        yield made
    finally:
        await made.stop()


async def check(centre: DataCentre, folder: Path, **keys: object) -> dict[str, tuple[bool, str]]:
    """What is said of each step that was tried, by its name."""
    port = free_port()
    text = ", ".join(f"{key}: {json.dumps(value)}" for key, value in (KEYS | keys).items())
    (folder / "app.yml").write_text(
        CONFIG.format(folder=folder, port=port, database=centre.database.port, dns=centre.coredns.port, keys=text)
    )
    done = await asyncio.to_thread(dadns, Here(folder), "check", "--json")
    found = [one for one in json.loads(done.stdout) if one["about"].startswith("rows: ")]
    assert done.returncode == int(not all(one["ok"] for one in json.loads(done.stdout))), done.stdout
    return {one["about"].removeprefix("rows: "): (one["ok"], one["what"]) for one in found if one["about"] in STEPS}


STEPS = {about for _, about, _ in WELL}


class Here:
    """A folder with a configuration, where no service runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.environ = folder, {}


async def test_a_database_is_looked_at_step_by_step(centre, tmp_path):
    """Wrong password, right password, no such database, no rights, no tables, down: no two of them look alike."""
    right_but_empty = await check(centre, tmp_path)
    assert (
        True,
        "rows: tables: zones and records are not there yet: they are made when the service starts",
    ) == right_but_empty["tables"]
    missing = await check(centre, tmp_path, create_schema=False)
    assert (False, True) == (missing["tables"][0], "(1146)" in missing["tables"][1])
    assert set() == tables(centre), "a check makes nothing"

    await make_tables(centre)
    right = await check(centre, tmp_path)
    assert [(ok, what.format(database=centre.database.port, dns=centre.coredns.port)) for ok, _, what in WELL] == list(
        right.values()
    )

    wrong = await check(centre, tmp_path, password="not-it")
    assert ["connection", "log-in", "DNS"] == list(wrong)
    assert [True, False, True] == [ok for ok, _ in wrong.values()]
    assert "(1045): check username and password" in wrong["log-in"][1]
    assert "not-it" not in str(wrong)

    reader = await check(centre, tmp_path, username="reader")
    assert (True, False) == (reader["tables"][0], reader["rights"][0])
    assert "(1142): grant the account SELECT, INSERT, UPDATE and DELETE" in reader["rights"][1]

    elsewhere = await check(centre, tmp_path, database="nowhere")
    assert (True, True, False) == tuple(elsewhere[step][0] for step in ("connection", "log-in", "tables"))

    await centre.coredns.stop()
    mute = await check(centre, tmp_path)
    assert {"DNS"} == {step for step, (ok, _) in mute.items() if not ok}

    await centre.database.stop()
    down = await check(centre, tmp_path)
    assert ["connection", "DNS"] == list(down)
    assert (False, True) == (down["connection"][0], "cannot connect: " in down["connection"][1])


async def test_a_database_that_hangs_is_no_answer(centre, tmp_path):
    """It is there, takes the connection and says nothing."""
    await centre.freeze()
    hung = await check(centre, tmp_path, connect_timeout_s=2)
    centre.thaw()

    assert (False, True) == (hung["connection"][0], "no answer in 2 s" in hung["connection"][1])


def tables(centre: DataCentre) -> set[str]:
    return {name for (name,) in centre.database.sql("SHOW TABLES", database=DATABASE)}


async def make_tables(centre: DataCentre) -> None:
    """As the service does when it starts."""
    from directdnsonly.backends.coredns import mysql_backend as coredns_mysql

    backend = coredns_mysql.build("rows", centre.settings(), Path("/nowhere"))
    await backend.ready()
    await backend.aclose()


def test_what_our_own_service_uses_is_no_mistake():
    """Its ports, the one of its name server too, and its store; the same ports used by another service are one."""
    require_program("named")
    with Service() as service:
        told = dadns(service, "check", code=0).stdout
        other = dadns(service, "check", code=1, environ={"DADNS_DATA_DIR": str(service.folder / "other")}).stdout

        assert f"   ok  store: in use by our own running service (process {service.pid})\n" in told
        ours = "is in use by our own running service (process "
        assert f"   ok  pushes: 127.0.0.1:{service.port} {ours}{service.pid}, dadns)\n" in told
        assert f"   ok  bind: DNS: 127.0.0.1:{service.dns_port} {ours}{service.named_pid()}, named)\n" in told
        assert f"wrong  pushes: 127.0.0.1:{service.port} is in use by process {service.pid} (dadns): stop it" in other
        assert not (service.folder / "other").exists()

        service.kill()
        orphan = dadns(service, "check", code=0).stdout
        assert "own running service" not in orphan, "the lock's file is still there, its owner is not"
        left = (
            f"is in use by process {service.named_pid()} (named), our own name server, which goes on serving without us"
        )
        assert f"   ok  bind: DNS: 127.0.0.1:{service.dns_port} {left}" in orphan, "to stop it would end what it serves"
        service.start()
