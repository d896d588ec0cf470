"""Many writers of one zone, and a clock that was moved: the last one wins."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from bench.load import AUTH, delete, push_blocking, rawsave, served_serial, zone_text
from tests.faults.conftest import recovering
from tests.faults.ledger import Row

from directdnsonly.outbox.sqlite.triggers import STORM_PAUSE_S


def api(service, path: str) -> dict[str, object]:
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/api/v1{path}")
    request.add_header("Authorization", f"Basic {AUTH}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(json.load(answer))


def test_a_storm_on_one_zone_ends_with_the_last_after_few_reloads(service, ledger, look, row):
    """132 saves and deletes in a burst, three times; what came last is served."""
    line = row("storm: 132 saves and deletes of one zone")
    for burst in range(3):
        before, began = service.status()["backends"][0]["proven"], time.monotonic()
        for number in range(132):
            assert ledger.delete("storm") if number % 4 == 3 else ledger.save("storm")
        assert ledger.delete("storm") if burst == 1 else ledger.save("storm")
        with recovering(line):
            ledger.judge(line, look)
        time.sleep(0.3)
        most = 2 + (time.monotonic() - began) / STORM_PAUSE_S
        assert service.status()["backends"][0]["proven"] - before <= most
    line.check()


def test_concurrent_saves_and_deletes_of_one_zone_keep_one_order(service, look, row):
    """Eight clients at once, each request with a serial of its own: the newest version of the store is what is served."""
    line = row("concurrent saves and deletes of one zone")
    name = "busy.example"

    def client(part: int) -> int:
        answered = 0
        for number in range(20):
            serial = 2026112300 + part * 100 + number
            request = delete(name) if number % 5 == 4 else rawsave(name, zone_text(name, serial))
            push_blocking(service.port, request)
            answered += 1
        return answered

    with ThreadPoolExecutor(8) as pool:
        line.acknowledged += sum(pool.map(client, range(8)))
    with recovering(line):
        _until_served_as_recorded(service, look, name, line)
    versions = [entry["version"] for entry in api(service, f"/zones/{name}/history?limit=1000")["items"]]
    assert len(set(versions)) == len(versions)
    line.check()


def _until_served_as_recorded(service, look, name: str, line: Row) -> None:
    end = time.monotonic() + 60
    while True:
        found = api(service, f"/zones/{name}")
        wanted = found["serial"] if found["kind"] == "put" else None
        served = look(name)
        if served == wanted:
            return
        if time.monotonic() > end:
            line.reordered += 1
            line.notes.append(f"served {served}, wanted {wanted}")
            return
        time.sleep(0.02)


def test_a_clock_moved_by_an_hour_delays_nothing(service, ledger, look, row):
    """An hour forth, then two back, with work outstanding; order is by version, never by time."""
    line = row("clock moved an hour, either way")
    plain = service.program
    for shift in ("3600", "-3600", "0"):
        for number in range(10):
            assert ledger.save(f"z{number}")
        os.kill(service.named_pid(), signal.SIGSTOP)  # what comes now is outstanding when the clock moves
        for number in range(5, 15):
            assert ledger.save(f"z{number}")
        assert ledger.delete("z2")
        service.kill()
        service.end_name_server()
        service.program = (*plain, "--shift", shift)
        with recovering(line):
            service.start()
            ledger.judge(line, look)
    line.check()


def test_push_then_delete_and_delete_then_push_with_a_backlog(service, ledger, look, row):
    """Faults A2: save and delete share one order, whatever waits on either side."""
    line = row("push and delete behind a backlog")
    for number in range(20):
        assert ledger.save(f"old{number}")
    os.kill(service.named_pid(), signal.SIGSTOP)
    for number in range(20):
        assert ledger.save(f"new{number}")
        assert ledger.delete(f"new{number}")
        assert ledger.delete(f"old{number}")
        assert ledger.save(f"old{number}")
    os.kill(service.named_pid(), signal.SIGCONT)
    with recovering(line):
        ledger.judge(line, look, limit_s=120)
    line.check()
    assert served_serial(look._socket, "old0.example") is not None
