"""The matrix: what is wrong with one zone, staged for real, and what each place that tells of a zone says of it.

Each fault is looked at by JSON, by the command line (its words, its `--json` and its exit code) and on the zone's page,
and where a metric tells of it, there too: everywhere the same words, and they are true. The table is printed at the end.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

import pytest
from bench.load import zone_text
from bench.service import MANAGED, Service

from tests.e2e.test_reconcile import configured
from tests.support.coredns import DATABASE, DataCentre
from tests.support.directadmin import StandIn
from tests.support.programs import require_program
from tests.support.verdicts import BAD, QUICK, SERIAL, Expected, Stage, data_centre, on_database, printed

pytestmark = pytest.mark.slow
NEVER_AGAIN = QUICK + "  retry_delays_s: [3600]\n  max_attempts: 1\n"


class Theatre(Stage):
    """Two name servers: the bundled BIND, and a CoreDNS on a MariaDB. And a DirectAdmin server that gives lists."""

    def __init__(self, service: Service, centre: DataCentre, da: StandIn) -> None:
        super().__init__(service)
        self.centre, self.da = centre, da

    def sql(self, statement: str) -> None:
        """Behind our back."""
        self.centre.database.sql(statement, database=DATABASE)

    @contextmanager
    def frozen(self, process: subprocess.Popen[bytes] | None) -> Iterator[None]:
        """SIGSTOP, and SIGCONT after the block."""
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def up(self, backend: str) -> bool:
        """Whether work flows there."""
        return self.get(f"backends/{backend}")["state"] in ("ok", "busy", "degraded")


@pytest.fixture(scope="module")
def matrix(request) -> Iterator[list[str]]:
    """Its lines."""
    with printed(request.config, "zone faults on two name servers") as lines:
        yield lines


@pytest.fixture(scope="module")
def centre(tmp_path_factory) -> Iterator[DataCentre]:
    with data_centre(tmp_path_factory.mktemp("verdicts") / "dc") as made:
        yield made


@pytest.fixture(scope="module")
def theatre(centre) -> Iterator[Theatre]:
    require_program("named")
    dc1 = on_database("dc1", centre, verify_address=f"127.0.0.1#{centre.coredns.port}", transfers="true")
    with StandIn(hostname="da1.host.example") as da:
        passes = configured(da, initial_delay_minutes=1000, absences=2, absent_minutes=0, heal="false")
        with Service(
            backends=MANAGED + dc1, extra=NEVER_AGAIN + passes, log_level="INFO",
            environ={"DADNS_APP_HOLD_LOSSES": "true"},
        ) as service:  # fmt: skip
            stage = Theatre(service, centre, da)
            stage.compared(2)
            yield stage
            stage.http.close()


Fault = Callable[[Theatre], Generator[Expected, None, None]]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    """One line of the matrix: what is done, and after it was looked at, undone."""

    def kept(staged: Fault) -> Fault:
        FAULTS[name] = staged
        return staged

    return kept


@fault("nothing: both serve it")
def fine(it):
    it.proven("fine.example")
    yield Expected(
        asked="fine.example", live="live", verdict="fine", words=["LIVE: every name server answers version 1 of "]
    )


@fault("a name in it is asked for")
def a_name_in_it(it):
    yield Expected(asked="www.fine.example", live="live", verdict="fine", words=["version 1"])


@fault("the address of a page of it is asked for")
def an_address(it):
    address = f"https://shop.fine.example/cart?x={'1' * 300}"
    yield Expected(asked=address, live="live", verdict="fine", words=["version 1"])


@fault("a name that nobody ever pushed")
def unheard(it):
    yield Expected(
        asked="unheard.test", live="unknown", verdict="unheard", words=["UNKNOWN: no zone unheard.test was ever pushed"],
        do="save it in DirectAdmin", status=404,
    )  # fmt: skip


@fault("the newest push was refused")
def refused(it):
    it.proven("refused.example")
    assert it.push("refused.example", text=BAD).startswith("error=1")
    yield Expected(
        asked="refused.example", live="not live", verdict="refused",
        words=["NOT LIVE: the push of ", " was refused (line 5: ", "; customers get version 1 of "],
        do="correct the zone in DirectAdmin and save it again",
    )  # fmt: skip


@fault("the only push was refused")
def only_refused(it):
    assert it.push("never.example", text=BAD).startswith("error=1")
    yield Expected(
        asked="never.example", live="not live", verdict="refused", status=404,
        words=[" by da1.host.example was refused", "customers get no answer for it from us"],
    )  # fmt: skip


@fault("refused, then the same content accepted again")
def refused_and_good(it):
    it.proven("again.example")
    assert it.push("again.example", text=BAD).startswith("error=1")
    it.proven("again.example")
    yield Expected(asked="again.example", live="live", verdict="fine")


@fault("the newest push was lost: the store was locked")
def lost(it):
    it.proven("lost.example")
    store = it.service.folder / "data/queues/outbox.sqlite"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert it.push("lost.example", SERIAL + 1).startswith("error=1")
    yield Expected(
        asked="lost.example", live="not live", verdict="lost", do="push it again in DirectAdmin",
        words=["NOT LIVE: the push of ", " was lost: we could not record it (", "locked", "customers get version 1 of "],
        metrics={"directdnsonly_lost_pushes": 1},
    )  # fmt: skip
    it.proven("lost.example", SERIAL + 1)


@fault("a push that loses much is held")
def held(it):
    it.proven("held.example", text=zone_text("held.example", SERIAL, records=40))
    assert it.push("held.example", SERIAL + 1).startswith("error=0")
    yield Expected(
        asked="held.example", live="not live", verdict="held",
        words=[" waits for approval: it loses 25 of 40 records", "customers get version 1"], do="dadns approve held.example ",
    )  # fmt: skip
    (waits,) = it.get("held")["items"]
    it.act("POST", f"held/held.example/reject/{waits['digest']}")


@fault("pinned, and a newer version waits")
def pinned(it):
    it.proven("pinned.example")
    it.act("PUT", "zones/pinned.example/pin", json={"reason": "until Monday"})
    it.push("pinned.example", SERIAL + 1)
    yield Expected(
        asked="pinned.example", live="not live", verdict="pinned", do="dadns unpin pinned.example",
        words=["pinned at version 1 by bench since ", ": until Monday; version 2 of ", " waits; customers get version 1"],
    )  # fmt: skip


@fault("pinned, the newest push behind it was refused")
def pinned_and_refused(it):
    it.push("pinned.example", text=BAD)
    yield Expected(asked="pinned.example", live="not live", verdict="refused", also=["pinned"], words=["was refused"])
    it.act("DELETE", "zones/pinned.example/pin")
    it.settled("pinned.example")


@fault("pinned, nothing waits")
def only_pinned(it):
    it.proven("still.example")
    it.act("PUT", "zones/still.example/pin")
    yield Expected(asked="still.example", live="live", verdict="fine")


@fault("one backend fails on it, and tries again")
def failing(it):
    obstacle = it.service.folder / "data/backends/bind/zones/failing.example.db"
    obstacle.mkdir()
    it.push("failing.example")
    it.until(lambda: it.get("zones/failing.example")["placements"][0]["attempts"])
    yield Expected(
        asked="failing.example", live="not live", verdict="failing",
        words=["version 1 of ", ": 1 attempt failed on bind: ", "customers get no zone (REFUSED) from bind, version 1 of "],
        do="tried again at ", metrics={'directdnsonly_outbox_deliveries{backend="bind",state="pending"}': 1},
    )  # fmt: skip
    obstacle.rmdir()
    it.act("POST", "zones/failing.example/redeliver")
    it.settled("failing.example")


@fault("one backend has given it up")
def given_up(it):
    place = it.service.folder / "by-hand.db"
    place.write_bytes(zone_text("stuck.example", 1))
    it.rndc("addzone", f'stuck.example {{ type primary; file "{place}"; allow-update {{ localhost; }}; }};')
    it.push("stuck.example")
    it.until(lambda: it.get("zones/stuck.example")["placements"][0]["state"] == "dead")
    yield Expected(
        asked="stuck.example", live="not live", verdict="given-up", words=["given up on bind after ", "customers get serial 1 (not a version that we keep) from bind"],
        do="correct the cause, then: dadns redeliver stuck.example --backend bind",
        metrics={'directdnsonly_outbox_deliveries{backend="bind",state="dead"}': 1},
    )  # fmt: skip


@fault("given up, then an operator loads it by hand")
def given_up_and_served(it):
    it.rndc("delzone", "stuck.example")
    place = it.service.folder / "by-hand-2.db"
    place.write_text(it.http.get("/api/v1/zones/stuck.example/text").text)
    it.rndc("addzone", f'stuck.example {{ type primary; file "{place}"; }};')
    yield Expected(
        asked="stuck.example", live="live", verdict="given-up", also=["fine"], words=["but it is served now"],
        do="dadns redeliver stuck.example --backend bind",
    )  # fmt: skip


@fault("a backend is paused, a version waits for it")
def paused(it):
    it.proven("paused.example")
    with it.paused("dc1", "moving the rack"):
        it.push("paused.example", SERIAL + 1)
        it.until(lambda: it.get("zones/paused.example")["placements"][0]["state"] == "verified")
        yield Expected(
            asked="paused.example", live="not live", verdict="paused", do="dadns resume dc1",
            words=["dc1 is paused by bench since ", ": moving the rack; customers get version 2 of ", " from bind, version 1"],
            metrics={'directdnsonly_backend_paused{backend="dc1"}': 1},
        )  # fmt: skip
    it.settled("paused.example")


@fault("a backend is paused, nothing waits for it")
def paused_idle(it):
    it.proven("idle.example")
    with it.paused("dc1"):
        yield Expected(asked="idle.example", live="live", verdict="fine")


@fault("deleted, and still served where a backend is paused")
def deleted_there(it):
    it.proven("deleted.example")
    with it.paused("dc1"):
        it.remove("deleted.example")
        it.until(lambda: it.get("zones/deleted.example")["placements"][0]["state"] == "verified")
        yield Expected(
            asked="deleted.example", live="not live", verdict="paused",
            words=["customers get nothing from bind, version 1 of ", " from dc1"],
        )  # fmt: skip
    it.settled("deleted.example")


@fault("deleted everywhere")
def deleted(it):
    yield Expected(
        asked="deleted.example",
        live="live",
        verdict="fine",
        words=["LIVE: deleted at ", "no name server answers for it"],
    )


@fault("a name server hangs, all was proven before")
def silent(it):
    it.proven("silent.example")
    with it.frozen(it.centre.coredns.process):
        it.until(lambda: it.get("backends/dc1")["state"] == "down")
        yield Expected(
            asked="silent.example", live="unknown", verdict="silent", do="start it, or correct dns.backends.dc1",
            words=[f"127.0.0.1#{it.centre.coredns.port} does not answer", "from bind, no answer from dc1"],
            metrics={'directdnsonly_breaker_open{backend="dc1"}': 1},
        )  # fmt: skip
        it.push("silent.example", SERIAL + 1)
        it.until(lambda: it.get("zones/silent.example")["placements"][0]["state"] == "verified")


@fault("a name server hangs, a version waits for it")
def down(it):
    with it.frozen(it.centre.coredns.process):
        it.until(lambda: it.get("backends/dc1")["state"] == "down")
        it.push("down.example")
        it.until(lambda: it.get("zones/down.example")["placements"][0]["state"] == "verified")
        yield Expected(
            asked="down.example", live="not live", verdict="down", do="everything outstanding is then delivered automatically",
            words=["dc1 is down since ", "does not answer", "no answer from dc1"],
            metrics={'directdnsonly_breaker_open{backend="dc1"}': 1},
        )  # fmt: skip
    it.until(lambda: it.up("dc1"))
    it.settled("down.example")


OF = "zone_id = (SELECT id FROM zones WHERE zone_name = '{}.')"


@fault("rows deleted behind our back")
def rows_gone(it):
    it.proven("rows.example")
    it.sql("DELETE FROM records WHERE hostname = 'www' AND " + OF.format("rows.example"))
    yield Expected(
        asked="rows.example", live="not live", verdict="wrong", do="the name server was changed by somebody else: dadns redeliver",
        words=["proven on dc1 at ", ", but dc1 ", "(judging by its serial) from dc1"],
    )  # fmt: skip


@fault("the zone deleted from the database behind our back")
def zone_gone(it):
    it.proven("rowless.example")
    it.sql("DELETE FROM records WHERE " + OF.format("rowless.example"))
    it.sql("DELETE FROM zones WHERE zone_name = 'rowless.example.'")
    yield Expected(
        asked="rowless.example", live="not live", verdict="wrong", words=["dc1 does not hold the zone", "from bind"]
    )


@fault("the zone taken out of BIND behind our back")
def zone_out_of_bind(it):
    it.proven("taken.example")
    it.rndc("delzone", "taken.example")
    yield Expected(
        asked="taken.example", live="not live", verdict="wrong",
        words=[f"127.0.0.1#{it.service.dns_port} answers REFUSED", "customers get no zone (REFUSED) from bind"],
        do="dadns redeliver taken.example --backend bind",
    )  # fmt: skip


@fault("refused, while a backend is paused with the one before")
def two_at_once(it):
    it.proven("two.example")
    with it.paused("dc1"):
        it.push("two.example", SERIAL + 1)
        it.until(lambda: it.get("zones/two.example")["placements"][0]["state"] == "verified")
        it.push("two.example", text=BAD)
        yield Expected(
            asked="two.example", live="not live", verdict="refused", also=["paused"],
            words=["was refused", "customers get version 2 of ", " from bind, version 1 of ", " from dc1"],
        )  # fmt: skip


@fault("its host name is none of the configuration's")
def ownerless(it):
    assert it.push("nobodys.example", hostname="da9.host.example").startswith("error=0")
    it.settled("nobodys.example")
    yield Expected(
        asked="nobodys.example", live="live", verdict="ownerless", also=["fine"], do="add it to that server's pushed_as",
        words=["LIVE: pushed by da9.host.example: no configured server is responsible for it"],
    )  # fmt: skip


@fault("its server lists it no more: being counted")
def counted_as_orphan(it):
    it.proven("orphan.example")
    it.da.host(it.pushed - {"orphan.example", "nobodys.example"})
    it.a_pass()
    yield Expected(
        asked="orphan.example", live="live", verdict="orphan", also=["fine"], do="dadns reconcile --undo orphan.example",
        words=["LIVE: 127.0.0.1 no longer lists it (1 complete list since ", "): it will be deleted at 20", "version 1"],
    )  # fmt: skip


@fault("its server lists it no more: in quarantine, and damaged")
def quarantined(it):
    it.a_pass()
    (sighting,) = [one for one in it.get("reconcile/watched")["items"] if one["zone"] == "orphan.example"]
    assert "quarantined" == sighting["state"]
    it.rndc("delzone", "orphan.example")
    yield Expected(asked="orphan.example", live="not live", verdict="wrong", also=["orphan"], words=["answers REFUSED"])
    it.act("POST", "reconcile/undo/orphan.example")


@fault("the operator keeps it, and has it delivered again")
def kept(it):
    it.act("POST", "zones/orphan.example/redeliver")
    it.settled("orphan.example")
    yield Expected(asked="orphan.example", live="live", verdict="fine")


@pytest.mark.parametrize("name", list(FAULTS))
def test_every_place_says_the_truth_about_a_zone_and_the_same(name, theatre, matrix):
    """Exit code and words of `dadns explain`, its `--json`, the API, the page, and the metric where there is one."""
    with closing(FAULTS[name](theatre)) as staged:  # what holds others up is undone also when the look fails
        matrix.append(f"{name:55} {theatre.look(next(staged))}")
        assert not list(staged), "a fault is looked at once"
