"""A bundled name server that has lost its files is given all that it had proven before it starts (dispatch/seed.py)."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from bench.load import delete, dns_socket, push_blocking, rawsave, served_serial, wait_served, zone_text
from bench.service import DADNS, Service

from tests.e2e.test_line import until
from tests.support.programs import require_program

SERIAL = 2026112300
NAMES = [*(f"z{number}.example" for number in range(30)), "0/26.2.0.192.in-addr.arpa", "xn--bcher-kva.example"]


def events(service: Service, name: str) -> list[dict[str, object]]:
    lines = (service.folder / "log").read_text().splitlines()
    return [json.loads(line) for line in lines if f'"event": "{name}"' in line]


def filled(service: Service) -> None:
    with dns_socket(service.dns_port) as sock:
        for name in NAMES:
            push_blocking(service.port, rawsave(name.replace("/", "%2F"), zone_text(name, SERIAL)))
        for name in NAMES:
            wait_served(sock, name, SERIAL)
    until(lambda: not any(one["pending"] + one["leased"] for one in service.status()["backends"]))


@pytest.mark.parametrize(("backend", "program"), [("bind", "named"), ("nsd", "nsd"), ("knot", "knotd")])
def test_all_files_lost(backend, program):
    """As after a restore on a new machine: served from the start, proven, and it can be changed and deleted as ever."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service:
        filled(service)
        service.stop_all()
        shutil.rmtree(service.folder / "data" / "backends")

        service.start()

        until(lambda: len(events(service, "backend.swept")) == 2)
        assert [len(NAMES)] == [line["zones"] for line in events(service, "backend.seeded")]
        assert [] == events(service, "backend.drifted")
        assert [] == [line for line in events(service, "delivery.verified") if line["attempt"] != 1]
        with dns_socket(service.dns_port) as sock:
            for name in NAMES:
                assert SERIAL == served_serial(sock, name)
            push_blocking(service.port, rawsave("z0.example", zone_text("z0.example", SERIAL + 1)))
            wait_served(sock, "z0.example", SERIAL + 1)
            push_blocking(service.port, delete("z1.example"))
            wait_served(sock, "z1.example", None)
            push_blocking(service.port, rawsave("new.example", zone_text("new.example", SERIAL)))
            wait_served(sock, "new.example", SERIAL)
            service.stop()
            service.start()
            for name, serial in (("z0.example", SERIAL + 1), ("z1.example", None), ("new.example", SERIAL)):
                assert serial == served_serial(sock, name)


@pytest.mark.parametrize(("backend", "program"), [("bind", "named"), ("nsd", "nsd"), ("knot", "knotd")])
def test_the_data_dir_is_moved_while_the_name_server_serves_on(backend, program):
    """It is known as ours by its note, though its command line tells the old folder, and is replaced by one that has every zone."""
    require_program(program)
    with Service(backend=backend, log_level="INFO") as service:
        filled(service)
        service.stop()
        moved = service.folder / "moved"
        (service.folder / "data").rename(moved)
        config = service.folder / "app.yml"
        text = config.read_text()
        assert f"{service.folder}/data" in text
        config.write_text(text.replace(f"{service.folder}/data", str(moved)))
        beside = subprocess.run(
            [DADNS, "nameservers", "--config", config], capture_output=True, text=True, timeout=60, check=False
        )
        assert f"{program} ({backend}, process " in beside.stderr

        service.start()

        with dns_socket(service.dns_port) as sock:
            for name in NAMES:
                wait_served(sock, name, SERIAL)
            push_blocking(service.port, rawsave("z0.example", zone_text("z0.example", SERIAL + 1)))
            wait_served(sock, "z0.example", SERIAL + 1)
            push_blocking(service.port, delete("z1.example"))
            wait_served(sock, "z1.example", None)
        until(lambda: len(events(service, "backend.swept")) >= 2)
        assert [[f"{program} is started by another command now"]] == [
            [line["reason"]] for line in events(service, "nameserver.replacing")
        ]
        assert [] == events(service, "backend.drifted") + events(service, "delivery.buried")


def test_named_has_lost_only_its_own_list(service):
    """The files are there: named is told of all of them, as NSD and Knot are at each start."""
    filled(service)
    service.stop_all()
    shutil.rmtree(service.folder / "data" / "backends" / "bind" / "nzd")

    service.start()

    until(lambda: len(events(service, "backend.swept")) == 2)
    assert [] == events(service, "backend.drifted") == events(service, "backend.seeded")


def test_some_files_lost(service):
    """They are found by the comparison and written one by one: what is there is not written over."""
    filled(service)
    service.stop()
    lost = sorted((service.folder / "data" / "backends" / "bind" / "zones").iterdir())[:5]
    for file in lost:
        file.unlink()

    service.start()

    until(lambda: events(service, "backend.drifted"))
    assert [] == events(service, "backend.seeded")
    with dns_socket(service.dns_port) as sock:
        for name in NAMES:
            wait_served(sock, name, SERIAL)


def test_something_lies_in_the_way_of_one_zone(service):
    """The others are laid; of that one the operator is told what to do."""
    filled(service)
    service.stop_all()
    zones = service.folder / "data" / "backends" / "bind" / "zones"
    shutil.rmtree(zones)
    (zones / "z3.example.db").mkdir(parents=True)

    service.start()

    until(lambda: [line for line in events(service, "delivery.retried") if line["zone"] == "z3.example"])
    assert [len(NAMES) - 1] == [line["zones"] for line in events(service, "backend.seeded")]
    assert "z3.example.db" in str(events(service, "delivery.retried")[0]["reason"])
    with dns_socket(service.dns_port) as sock:
        assert [None if name == "z3.example" else SERIAL for name in NAMES] == [
            served_serial(sock, name) for name in NAMES
        ]
