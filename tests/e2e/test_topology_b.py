"""Topology B for real: one service, two MariaDB servers, two CoreDNS. One data centre dies under pushes and returns.

TOPOLOGY_B_PUSHES says how many zones are pushed meanwhile (200; the figures in docs/topologies.md are of 1,000).
"""

from __future__ import annotations

import asyncio
import json
import os
import time

import pytest
from bench.load import delete, drive, push_blocking, rawsave, zone_text
from bench.service import Service

from directdnsonly.verify.content import read_zone
from directdnsonly.verify.query import SoaProber
from directdnsonly.verify.wire import Answer
from directdnsonly.zone.name import ZoneName
from tests.e2e.same_answers import SPECIAL, assert_absent, assert_same
from tests.support.coredns import DATABASE, PASSWORD, USER, DataCentre

pytestmark = pytest.mark.slow
ADD = "INSERT INTO records (zone_id, hostname, type, data, ttl, online)"
SERIAL = 2026010100
PUSHES = int(os.environ.get("TOPOLOGY_B_PUSHES", "200"))
BACKEND = """\
    coredns_mysql_{name}:
      host: 127.0.0.1
      port: {port}
      database: {database}
      username: {user}
      password: {password}
      plugin: mysqlzones
      verify_address: 127.0.0.1#{dns}
      transfers: true
"""
RECORDS = (
    "SELECT zone_name, hostname, type, data, ttl, online FROM zones JOIN records ON zone_id = zones.id"
    " ORDER BY zone_name, hostname, type, data"
)


@pytest.fixture
async def centres(tmp_path):
    centres = [DataCentre(tmp_path / name) for name in ("dc1", "dc2")]
    try:
        for centre in centres:
            await centre.prepare()
            await centre.coredns.start()
        yield centres
    finally:
        for centre in centres:
            await centre.stop()


@pytest.fixture
async def service(centres):
    backends = "".join(
        BACKEND.format(
            name=f"dc{number}", port=centre.database.port, database=DATABASE, user=USER, password=PASSWORD,
            dns=centre.coredns.port,
        )
        for number, centre in enumerate(centres, 1)
    )  # fmt: skip
    running = await asyncio.to_thread(Service(backends=backends, log_level="INFO").__enter__)
    yield running
    await asyncio.to_thread(running.__exit__, None, None, None)


def body(number: int, serial: int) -> bytes:
    """A default zone with a wildcard and a long TXT."""
    text = zone_text(f"z{number}.example", serial, address=f"192.0.2.{serial % 250}")
    return text + SPECIAL.encode() + b"long\t60\tIN\tTXT\t" + b" ".join([b'"' + b"x" * 250 + b'"'] * 8) + b"\n"


async def push(service, numbers, serial: int) -> None:
    requests = [rawsave(f"z{n}.example", body(n, serial), keep_alive=True) for n in numbers]
    await drive(service.port, requests, clients=4, keep_alive=True)


def outstanding(service) -> dict[str, int]:
    return {each["name"][-3:]: each["pending"] + each["leased"] for each in service.status()["backends"]}


async def until(condition, *, limit_s: float = 240.0) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not await asyncio.to_thread(condition):
        assert time.monotonic() - began < limit_s, "it did not come about in time"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_both_data_centres_are_equal_after_one_was_dead_for_many_pushes(centres, service):
    """Issue: nobody waits for the dead one, nothing is lost, both CoreDNS answer the same for every record."""
    _, two = centres
    await push(service, range(150), SERIAL)
    await until(lambda: not sum(outstanding(service).values()))

    two.database.kill()
    began = time.monotonic()
    await push(service, range(100, 50 + PUSHES), SERIAL + 1)  # 50 changes, the others new
    await push(service, range(50), SERIAL + 2)
    accepted = time.monotonic() - began
    for number in range(60, 70):
        push_blocking(service.port, delete(f"z{number}.example"))
    await until(lambda: outstanding(service)["dc1"] == 0, limit_s=300)
    assert PUSHES + 10 == outstanding(service)["dc2"]
    served = await soa("z0.example", two.coredns.port)  # of what it was asked for before, from memory
    assert (SERIAL, True) == (served.serial, served.authoritative)

    await two.database.start()
    seconds = await until(lambda: not sum(outstanding(service).values()), limit_s=300)
    print(
        f"\n{PUSHES} pushes (accepted in {accepted:.1f} s) and 10 deletes missed by one database:"
        f" equal {seconds:.1f} s after its return"
    )
    await push(service, range(200, 350), SERIAL + 3)
    await until(lambda: not sum(outstanding(service).values()), limit_s=300)

    await assert_equal(centres, zones=max(350, 50 + PUSHES) - 10)
    ports = (centres[0].coredns.port, centres[1].coredns.port)
    asked = 0
    for number in (0, 80, 120, 151, 220, 349):  # changed, untouched, changed, new, changed after, new after the return
        asked += await assert_same(f"z{number}.example", await records(number, ports[0]), ports)
    for number in (60, 69):
        await assert_absent(f"z{number}.example", ports)
    print(f"{asked} questions answered by both with the same message")


async def records(number: int, port: int) -> set[tuple[str, str]]:
    """Each name and type of a zone, by transfer."""
    lines = await read_zone("127.0.0.1", port, ZoneName.parse(f"z{number}.example"), stall_s=60)
    return {(line.owner.rstrip("."), line.type) for line in lines}


async def test_what_somebody_does_to_the_rows_is_named_and_repaired_by_the_next_sweep(centres, service):
    """Rows deleted, added, altered, a whole zone taken: five zones, each with its reason; the others are left alone."""
    await push(service, range(20), SERIAL)
    await until(lambda: not sum(outstanding(service).values()))
    one, two = centres
    wanted = one.database.sql(RECORDS, database=DATABASE)
    with_zone = "zone_id = (SELECT id FROM zones WHERE zone_name = '{}.example.')"
    for statement in (
        "DELETE FROM records WHERE hostname = 'www' AND " + with_zone.format("z1"),
        f"{ADD} SELECT id, 'evil', 'A', '198.51.100.1', 60, 1 FROM zones WHERE zone_name = 'z2.example.'",
        "UPDATE records SET data = '198.51.100.1' WHERE hostname = 'www' AND " + with_zone.format("z3"),
        "DELETE FROM records WHERE " + with_zone.format("z4"),
        "DELETE FROM zones WHERE zone_name = 'z4.example.'",
        "UPDATE records SET online = 0 WHERE type = 'SOA' AND " + with_zone.format("z5"),
    ):
        two.database.sql(statement, database=DATABASE)
    assert wanted != two.database.sql(RECORDS, database=DATABASE)

    await asyncio.to_thread(service.stop)
    await asyncio.to_thread(service.start)
    await until(lambda: two.database.sql(RECORDS, database=DATABASE) == wanted)
    await until(lambda: not sum(outstanding(service).values()))

    log = [json.loads(line) for line in (service.folder / "log").read_text().splitlines() if "backend.drifted" in line]
    (drifted,) = [entry for entry in log if entry["backend"] == "coredns_mysql_dc2"]
    assert (20, 5) == (drifted["zones"], drifted["drifted"])
    assert {f"z{n}.example" for n in range(1, 6)} == {reason.split(":")[0] for reason in drifted["first"]}
    assert "z4.example: is not there" in drifted["first"]
    assert [] == [entry for entry in log if entry["backend"] == "coredns_mysql_dc1"]
    await assert_equal(centres, zones=20)


async def soa(name: str, port: int) -> Answer | None:
    prober = await SoaProber.open("127.0.0.1", port)
    try:
        return await prober.ask(ZoneName.parse(name), tries=20)
    finally:
        prober.close()


async def assert_equal(centres, *, zones: int) -> None:
    """The same rows in both databases, the same zones by transfer from both CoreDNS, and nothing else."""
    rows = [centre.database.sql(RECORDS, database=DATABASE) for centre in centres]
    assert rows[0] == rows[1]
    names = sorted({ZoneName.parse(row[0]) for row in rows[0]})
    assert zones == len(names)
    for name in names:
        found = [sorted(await read_zone("127.0.0.1", centre.coredns.port, name, stall_s=60)) for centre in centres]
        assert found[0] == found[1]
        assert len(found[0]) == sum(row[0] == name.absolute for row in rows[0])
