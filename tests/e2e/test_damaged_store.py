"""A page of the store is overwritten while the service is stopped: the start ends with what, where and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from bench.load import dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import Service

from tests.e2e.test_hands import runner
from tests.e2e.test_line import until

SERIAL = 2026112300
NAMES = [f"z{number}.example" for number in range(200)]
PAGE = 4096
INTERIOR = (2, 5)  # kinds of pages that only point to others (SQLite's file format, section 1.6)

Harm = Callable[[bytearray], None]


def roots(store: Path) -> dict[str, int]:
    """The first page of each table and index, all in the one file."""
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dict(connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0"))


def last_leaf(octets: bytearray, page: int) -> slice:
    """Where the last leaf of a tree stands in the file."""
    while octets[(page - 1) * PAGE] in INTERIOR:
        page = int.from_bytes(octets[(page - 1) * PAGE + 8 :][:4], "big")
    return slice((page - 1) * PAGE, page * PAGE)


def harms(store: Path) -> dict[str, Harm]:
    """What a bad disk does to a page. The first two are silent: SQLite itself does not stumble over them."""
    first = roots(store)

    def otherwise(name: str) -> Harm:
        def harm(octets: bytearray) -> None:
            leaf = last_leaf(octets, first[name])
            assert b"bind" in octets[leaf]
            octets[leaf] = octets[leaf].replace(b"bind", b"bine")

        return harm

    def overwritten(name: str) -> Harm:
        def harm(octets: bytearray) -> None:
            octets[last_leaf(octets, first[name])] = b"\xff" * PAGE

        return harm

    def schema(octets: bytearray) -> None:
        octets[200:PAGE] = b"\xff" * (PAGE - 200)

    return {
        "other words in an index": otherwise("delivery_due"),
        "other words in a table": otherwise("delivery"),
        "a table is rubbish": overwritten("change"),
        "the schema is rubbish": schema,
    }


def test_a_damaged_page_ends_the_start_with_the_file_and_the_cure_and_a_backup_heals(service, tmp_path):
    """Each of 200 zones is acknowledged and waits. Started on a damaged index, the service would say "ready" and never
    deliver those that the index has lost. The damaged file is left as it is; the backup brings every zone to be served."""
    dadns = runner(service, tmp_path)
    dadns("pause", "bind")
    for name in NAMES:
        push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
    dadns("backup", str(tmp_path / "copy"))
    service.stop()
    store = service.folder / "data/queues/outbox.sqlite"
    whole, log = store.read_bytes(), service.folder / "log"

    for what, harm in harms(store).items():
        octets = bytearray(whole)
        harm(octets)
        store.write_bytes(octets)
        log.write_text("")
        with pytest.raises(RuntimeError, match="is damaged"):
            service.start(until="accepting")
        told = log.read_text()
        assert 1 == service.exit_code(), what
        assert f"the store {store} is damaged" in told, (what, told)
        assert "dadns restore COPY --replace" in told, (what, told)
        assert "Traceback" not in told, what
        assert octets[PAGE:] == store.read_bytes()[PAGE:], what

    dadns("restore", str(tmp_path / "copy"), "--replace")
    service.start(until="accepting")
    dadns("resume", "bind")
    with dns_socket(service.dns_port) as sock:
        for name in NAMES:
            wait_served(sock, name, SERIAL)


def test_a_damaged_store_without_a_backup_is_moved_away_and_zones_stay_served(service: Service):
    """The other cure of the message: the name server goes on with what it has, pushes are taken and served."""
    with dns_socket(service.dns_port) as sock:
        for name in NAMES[:20]:
            push_blocking(service.port, rawsave(name, zone_text(name, SERIAL)))
        for name in NAMES[:20]:
            wait_served(sock, name, SERIAL)
        service.stop()
        for file in (service.folder / "data/queues").glob("outbox.sqlite*"):
            file.rename(service.folder / file.name)

        service.start()

        told = "20 zones are served there that the store does not know, of 20"
        until(lambda: any(told in str(alarm) for alarm in service.status()["alarms"]))
        assert "alarm.raised" in (service.folder / "log").read_text()
        push_blocking(service.port, rawsave(NAMES[0], zone_text(NAMES[0], SERIAL + 1)))
        wait_served(sock, NAMES[0], SERIAL + 1)
        for name in NAMES[1:20]:
            wait_served(sock, name, SERIAL)
