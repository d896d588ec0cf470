"""Somebody works behind our back on two kinds of name server at once; the next verification pass names and repairs each.

A real MariaDB with a real CoreDNS, and the bundled named, below one service that DirectAdmin pushes to.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from bench.load import drive, rawsave, zone_text
from bench.service import MANAGED, Service

from directdnsonly.verify.content import read_zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.records import difference
from directdnsonly.zone.text import parse, records_of
from tests.e2e.test_reconcile import a_pass
from tests.e2e.test_topology_b import ADD, BACKEND, SERIAL, outstanding, until
from tests.support.coredns import DATABASE, PASSWORD, USER, DataCentre
from tests.support.programs import require_program

pytestmark = pytest.mark.slow
ZONES = 12
WITH_ZONE = "zone_id = (SELECT id FROM zones WHERE zone_name = '{}.example.')"
DAMAGE = (
    "DELETE FROM records WHERE hostname = 'www' AND " + WITH_ZONE.format("z1"),
    f"{ADD} SELECT id, 'evil', 'A', '198.51.100.1', 60, 1 FROM zones WHERE zone_name = 'z2.example.'",
    "DELETE FROM records WHERE " + WITH_ZONE.format("z3"),
    "DELETE FROM zones WHERE zone_name = 'z3.example.'",
)
RECORDS = len(list(records_of(parse(zone_text("z0.example", SERIAL), ZoneName.parse("z0.example")).text)))
NAMED = {
    ("coredns_mysql_dc1", "z1.example"): f"has {RECORDS - 1} records, wanted {RECORDS}",
    ("coredns_mysql_dc1", "z2.example"): f"has {RECORDS + 1} records, wanted {RECORDS}",
    ("coredns_mysql_dc1", "z3.example"): "is not there",
    ("bind", "z4.example"): "is truncated, altered or unreadable",
    ("bind", "z5.example"): "is truncated, altered or unreadable",
}


async def test_rows_deleted_and_added_and_a_zone_file_emptied_are_named_and_repaired(tmp_path):
    """Each zone with its reason in the log, nothing else touched, each record served right again by its name server."""
    require_program("named")
    centre = DataCentre(tmp_path / "dc")
    try:
        await centre.prepare()
        await centre.coredns.start()
        mysql = BACKEND.format(
            name="dc1", port=centre.database.port, database=DATABASE, user=USER, password=PASSWORD,
            dns=centre.coredns.port,
        )  # fmt: skip
        service = await asyncio.to_thread(Service(backends=MANAGED + mysql, log_level="INFO").__enter__)
        try:
            await damaged_and_repaired(centre, service)
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)
    finally:
        await centre.stop()


async def damaged_and_repaired(centre: DataCentre, service: Service) -> None:
    names = [f"z{number}.example" for number in range(ZONES)]
    requests = [rawsave(name, zone_text(name, SERIAL), keep_alive=True) for name in names]
    await drive(service.port, requests, clients=2, keep_alive=True)
    await until(lambda: not sum(outstanding(service).values()))
    ports = {"bind": service.dns_port, "coredns_mysql_dc1": centre.coredns.port}
    files = service.folder / "data/backends/bind/zones"

    for statement in DAMAGE:
        centre.database.sql(statement, database=DATABASE)
    (files / "z4.example.db").write_bytes(b"")
    (files / "z5.example.db").write_text("")
    seen = len(lines(service, "backend.drifted"))

    await asyncio.to_thread(a_pass, service)
    await until(lambda: not sum(outstanding(service).values()))

    told: dict[tuple[str, str], str] = {}
    for entry in lines(service, "backend.drifted")[seen:]:
        told |= {(entry["backend"], line.split(": ")[0]): line.split(": ", 1)[1] for line in entry["first"]}
    assert NAMED.keys() == told.keys()
    for key, reason in NAMED.items():
        assert reason in told[key]
    proven = [(entry["backend"], entry["zone"]) for entry in lines(service, "delivery.verified")]
    assert {key for key in proven if proven.count(key) > 1} == NAMED.keys(), "delivered again: these, and no other"
    for backend, port in ports.items():
        for text in names:
            name = ZoneName.parse(text)
            served = await read_zone("127.0.0.1", port, name, stall_s=60)
            assert "" == difference(records_of(parse(zone_text(text, SERIAL), name).text), served), (backend, text)
    assert min((files / f"z{number}.example.db").stat().st_size for number in (4, 5)) > 500


def lines(service: Service, event: str) -> list[dict]:
    """Of the log."""
    found = [json.loads(line) for line in (service.folder / "log").read_text().splitlines() if f'"{event}"' in line]
    return [entry for entry in found if entry["event"] == event]
