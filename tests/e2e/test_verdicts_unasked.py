"""Zones on a backend that nobody can ask for proof, and on one whose name server is judged by other rules: one judge for all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from bench.service import Service

from directdnsonly.advice import NO_ADDRESS
from tests.support.coredns import DATABASE, DataCentre
from tests.support.coredns import USER as MYSQL_USER
from tests.support.verdicts import QUICK, SERIAL, Expected, FaultyNameServer, Stage, data_centre, on_database, printed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def centre(tmp_path_factory) -> Iterator[DataCentre]:
    with data_centre(tmp_path_factory.mktemp("unasked") / "dc") as made:
        for database in ("second", "third", "fourth"):
            made.database.sql(f"CREATE DATABASE {database}", f"GRANT ALL ON `{database}`.* TO `{MYSQL_USER}`@`%`")
        yield made


@pytest.fixture(scope="module")
def matrix(request) -> Iterator[list[str]]:
    with printed(request.config, "zone faults where nobody can be asked, or where other rules hold") as lines:
        yield lines


def see(stage: Stage, matrix: list[str], expected: Expected) -> None:
    """A line of the matrix."""
    matrix.append(f"{expected.asked:20} {stage.look(expected)}")


@pytest.fixture(scope="module")
def unasked(centre) -> Iterator[Stage]:
    """The original's keys: a database, and no address of its name servers."""
    with Service(backends=on_database("dc1", centre), extra=QUICK, log_level="INFO") as service:
        stage = Stage(service)
        stage.compared(1)
        yield stage
        stage.http.close()


@pytest.fixture
def liar() -> Iterator[FaultyNameServer]:
    server = FaultyNameServer()
    yield server
    server.close()


def test_what_nobody_can_be_asked_about_is_stored_and_never_proven(unasked, matrix, tmp_path):
    """In the verdict, the placement, the change that is waited for, the status, the metrics and the log."""
    unasked.proven("stored.example")

    see(
        unasked,
        matrix,
        Expected(
            asked="stored.example",
            live="unknown",
            verdict="unproven",
            do="dns.backends.dc1.verify_address",
            words=[f"UNKNOWN: dc1: {NO_ADDRESS}; customers get what is stored there, which cannot be queried"],
            metrics={
                'directdnsonly_attempts_total{backend="dc1",outcome="stored"}': 1,
                'directdnsonly_attempts_total{backend="dc1",outcome="verified"}': 0,
                'directdnsonly_proven_seconds_count{backend="dc1"}': 0,
                'directdnsonly_zones_proven{backend="dc1"}': 0,
            },
        ),
    )
    (placement,) = unasked.get("zones/stored.example")["placements"]
    assert ("stored", NO_ADDRESS) == (placement["state"], placement["reason"])
    change = unasked.get(f"changes/{unasked.get('zones/stored.example')['change_id']}?wait=5")
    assert (True, False) == (change["done"], change["verified"])
    waited = unasked.dadns("wait", change["change_id"])
    assert (1, True) == (waited.returncode, NO_ADDRESS in waited.stdout)
    assert f"dc1: {NO_ADDRESS}" in unasked.dadns("show", "stored.example").stdout
    file = tmp_path / "pushed.example.zone"
    file.write_text(unasked.http.get("/api/v1/zones/stored.example/text").text.replace("stored.", "pushed."))
    pushed = unasked.dadns("push", str(file))
    assert (1, True) == (pushed.returncode, f"dc1: {NO_ADDRESS}" in pushed.stdout)
    assert f"dc1 is ok: {NO_ADDRESS}" in unasked.dadns("status").stdout
    (backend,) = unasked.get("status")["backends"]
    assert (NO_ADDRESS, 0, None) == (backend["reason"], backend["proven"], backend["median_proven_ms"])
    assert NO_ADDRESS in unasked.http.get("/status").text
    events = [json.loads(line) for line in (unasked.service.folder / "log").read_text().splitlines() if "{" in line]
    assert "delivery.verified" not in {event["event"] for event in events}
    assert "stored.example" in {event["zone"] for event in events if event["event"] == "delivery.stored"}


def test_rows_that_are_gone_are_seen_where_nobody_can_be_asked(unasked, centre, matrix):
    unasked.proven("emptied.example")
    centre.database.sql("DELETE FROM zones WHERE zone_name = 'emptied.example.'", database=DATABASE)

    see(
        unasked,
        matrix,
        Expected(
            asked="emptied.example",
            live="not live",
            verdict="wrong",
            words=["stored on dc1 at ", "but dc1 does not hold the zone"],
            do="dadns redeliver emptied.example --backend dc1",
        ),
    )


def test_check_warns_of_a_backend_that_nobody_can_ask(unasked):
    told = unasked.dadns("check").stdout

    assert NO_ADDRESS in told
    assert "verify_address" in told


def test_a_name_server_without_the_aa_flag_is_judged_as_its_backend_allows(centre, liar, matrix):
    """`authoritative: false`: what the lane takes for proof, the verdict takes for proof."""
    liar.authoritative, liar.serials["plain.example"] = False, SERIAL
    keys = {"plugin": "mysql_extend", "database": "second", "authoritative": "false"}
    dc2 = on_database("dc2", centre, verify_address=f"127.0.0.1#{liar.port}", **keys)
    with Service(backends=dc2, extra=QUICK, log_level="INFO") as service:
        stage = Stage(service)
        stage.compared(1)
        stage.proven("plain.example")

        see(stage, matrix, Expected(asked="plain.example", live="live", verdict="fine"))
        (answer,) = stage.get("zones/plain.example/served")["items"]
        assert ("proven", False) == (answer["finding"], answer["authoritative"])

        stage.remove("plain.example")  # mysql_extend answers from memory until it is restarted
        stage.settled("plain.example")
        (placement,) = stage.get("zones/plain.example")["placements"]
        assert ("verified", "delete") == (placement["state"], placement["want_kind"])
        see(
            stage,
            matrix,
            Expected(
                asked="plain.example",
                live="not live",
                verdict="memory",
                do="restart that name server",
                words=[
                    "NOT LIVE: deleted, but ",
                    "goes on answering from memory until it is restarted",
                    "version 1",
                ],
            ),
        )
        (answer,) = stage.get("zones/plain.example/served")["items"]
        assert "proven" == answer["finding"]

        liar.serials.clear()
        gone = Expected(asked="plain.example", live="live", verdict="fine", words=["LIVE: deleted at "])
        see(stage, matrix, gone)
        stage.http.close()


def test_a_name_server_that_lost_its_authority_is_lame(centre, liar, matrix):
    """Where the backend wants the AA flag, an answer without it is no proof, and no customer can use it."""
    liar.serials["lame.example"] = SERIAL
    keys = {"plugin": "mysql_extend", "database": "third", "verify_address": f"127.0.0.1#{liar.port}"}
    with Service(backends=on_database("dc3", centre, **keys), extra=QUICK, log_level="INFO") as service:
        stage = Stage(service)
        stage.compared(1)
        stage.proven("lame.example")
        liar.authoritative = False

        see(
            stage,
            matrix,
            Expected(
                asked="lame.example",
                live="not live",
                verdict="wrong",
                words=["answers without authority (AA is not set)", "customers get no zone (without authority)"],
            ),
        )

        liar.authoritative, liar.serials["lame.example"] = True, SERIAL - 7
        see(
            stage,
            matrix,
            Expected(
                asked="lame.example",
                live="not live",
                verdict="wrong",
                words=[f"answers serial {SERIAL - 7}, wanted {SERIAL}", f"get serial {SERIAL - 7} (not a version"],
            ),
        )
        stage.http.close()


def test_a_version_that_its_name_server_does_not_show_yet_is_on_its_way(centre, liar, matrix):
    """Taken by the backend, asked for again and again: wait a moment."""
    liar.serials["slow.example"] = SERIAL
    keys = {"plugin": "mysql_extend", "database": "fourth", "verify_address": f"127.0.0.1#{liar.port}"}
    patient = QUICK.replace("verify_patience_s: 1", "verify_patience_s: 100")
    with Service(backends=on_database("dc4", centre, **keys), extra=patient, log_level="INFO") as service:
        stage = Stage(service)
        stage.compared(1)
        stage.proven("slow.example")
        stage.push("slow.example", SERIAL + 1)
        stage.settled("slow.example", "applied")

        see(
            stage,
            matrix,
            Expected(
                asked="slow.example",
                live="not live",
                verdict="on-its-way",
                do="wait a moment",
                words=[
                    "version 2 of ",
                    f" is on its way to dc4: 127.0.0.1#{liar.port} answers serial {SERIAL}",
                    "get version 1",
                ],
                metrics={'directdnsonly_outbox_deliveries{backend="dc4",state="leased"}': 1},
            ),
        )

        liar.serials["slow.example"] = SERIAL + 1
        stage.settled("slow.example")
        see(stage, matrix, Expected(asked="slow.example", live="live", verdict="fine"))
        stage.http.close()
