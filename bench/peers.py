"""Peers: what an exchange costs on the wire, in time and in memory; how soon a missed bulk is healed; what pushes feel.

`here` asks `there`, by the shipped command on both. The exchange is counted over TLS as between two machines, the
handshake too: at the usual interval each exchange has a connection of its own. Octets: both ways, as TCP carries them,
without its own headers. CPU: of the whole process while one exchange goes on, less what it takes meanwhile without one.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.line import ms
from bench.load import dns_socket, drive, percentile, push_blocking, rawsave, served_serial, zone_text
from bench.pair import SELDOM_S, SERIAL, Pair, Wire, asked, filled, moment, push, until
from bench.process import Peak
from bench.scale import until_idle
from bench.service import Service

Row = dict[str, object]
DIFFERENT = 10
INTERVAL_S = 6.0  # more than a connection is kept for: each exchange makes its own
AHEAD_S = 0.3  # of an exchange its counting begins
STILL_S = 1.5  # then an exchange is over
CLIENTS = 8
OFTENEST_S = 1
A_SECOND = 20  # zones that come to the peer alone
NUMBERS = itertools.count(1)


def peers(quick: bool) -> list[Row]:
    """See the module."""
    rows: list[Row] = []
    for zones in (1_000,) if quick else (100, 100_000):
        rows += _exchanges(zones, rounds=1 if quick else 5)
    rows += _missed(200 if quick else 1000, rounds=1 if quick else 3)
    rows += _felt(seconds=2 if quick else 8, rounds=1 if quick else 4)
    return rows


# -- one exchange


def _exchanges(zones: int, rounds: int) -> list[Row]:
    with filled(zones) as prepare, Pair(scheme="https", prepare=prepare) as pair:
        held = {asked(service, "/api/v1/status")["zones"] for _, service in _sides(pair)}
        if held != {zones}:
            raise RuntimeError(f"they hold {held} zones instead of {zones}")
        begun = time.perf_counter()
        without = {side: service.rss_mb() for side, service in _sides(pair)}
        with Wire(pair.there.port) as wire, Peak(pair.here.pid) as here, Peak(pair.there.pid) as there:
            pair.introduce(pair.there, pair.here.port, interval_s=SELDOM_S)
            pair.introduce(pair.here, wire.port, interval_s=INTERVAL_S)
            pair.until_equal(pair.here)
            comparable_s = time.perf_counter() - begun
            comparable = (here.mb, there.mb)
            here.mb, there.mb = (service.rss_mb() for _, service in _sides(pair))
            none = [_exchange(pair, wire, 0) for _ in range(rounds)]
            some = [_exchange(pair, wire, DIFFERENT) for _ in range(rounds)]
            peaks = dict(zip(without, (here.mb, there.mb), strict=True))
        memory: Row = {"what": f"memory of the comparison, {DIFFERENT} differ", "zones": zones}
        for (side, before), first in zip(without.items(), comparable, strict=True):
            memory |= {
                f"RSS MiB without a peer, {side}": round(before, 1),
                f"peak MiB more while made comparable, {side}": round(first - before, 1),
                f"peak MiB more in exchanges, {side}": round(peaks[side] - before, 1),
            }
        return [
            {"what": "the first peer: all zones made comparable, first exchange", "zones": zones, "seconds": round(comparable_s, 1)},
            _of_exchanges("an exchange, nothing differs", zones, none),
            _of_exchanges(f"an exchange, {DIFFERENT} zones differ and are taken", zones, some),
            memory,
        ]  # fmt: skip


def _sides(pair: Pair) -> list[tuple[str, Service]]:
    return [("asking", pair.here), ("asked", pair.there)]


def _exchange(pair: Pair, wire: Wire, different: int) -> Row:
    """The next exchange that comes, with so many zones newer there."""
    while True:
        before = until(lambda: _waits(pair))
        push(pair.there, [f"zone{number * 7}.example" for number in range(different)], SERIAL + next(NUMBERS))
        time.sleep(max(moment(before["next_at"]) - AHEAD_S - time.time(), 0))
        octets, connections, began = wire.octets, wire.connections, time.perf_counter()
        cpu = [cpu_ns(service.pid) for _, service in _sides(pair)]
        wire.until_still(octets, STILL_S)
        spent = [cpu_ns(service.pid) - was for (_, service), was in zip(_sides(pair), cpu, strict=True)]
        seconds = time.perf_counter() - began
        octets, connections = wire.octets - octets, wire.connections - connections
        after = pair.stand(pair.here)
        if after["taken"] - before["taken"] == different and after["progress"] is None:
            break  # else the machine was so slow that an exchange came between the pushes
    idle = _idle_ns_a_second(pair)
    row: Row = {"octets": octets, "connections": connections}
    for (side, _), all_of, rate in zip(_sides(pair), spent, idle, strict=True):
        row[side] = (all_of - rate * seconds) / 1e6
    return row


def _waits(pair: Pair) -> dict[str, Any] | None:
    """How it stands, if the last exchange is just over and the next one is some time away."""
    stand = pair.stand(pair.here)
    away_s = moment(stand["next_at"]) - time.time()
    return stand if stand["progress"] is None and away_s > INTERVAL_S / 3 else None


def _idle_ns_a_second(pair: Pair, seconds: float = 1.5) -> list[float]:
    time.sleep(0.2)  # the last question of ours
    before = [cpu_ns(service.pid) for _, service in _sides(pair)]
    time.sleep(seconds)
    return [(cpu_ns(service.pid) - was) / seconds for (_, service), was in zip(_sides(pair), before, strict=True)]


def cpu_ns(pid: int) -> int:
    """Of all threads, by the scheduler: /proc/PID/stat counts in steps of 10 ms."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _of_exchanges(what: str, zones: int, found: list[Row]) -> Row:
    def median(key: str) -> float:
        return statistics.median(float(str(one[key])) for one in found)

    return {
        "what": what,
        "zones": zones,
        "exchanges": len(found),
        "octets": round(median("octets")),
        "most octets": max(int(str(one["octets"])) for one in found),
        "new connections": median("connections"),
        "CPU ms, asking": round(median("asking"), 1),
        "CPU ms, asked": round(median("asked"), 1),
    }


# -- a bulk that was missed


def _missed(count: int, rounds: int) -> list[Row]:
    """In turns: so many new zones pushed here; and as many that came while here was down, from when it is back."""
    pushed, healed, started = list[float](), list[float](), list[float]()
    cpu_s: dict[str, list[float]] = {"pushed": [], "healed": []}  # which a busy machine changes less
    with Pair() as pair:
        pair.introduce(pair.there, pair.here.port, interval_s=SELDOM_S)
        pair.introduce(pair.here, pair.there.port, interval_s=SELDOM_S)
        pair.until_equal(pair.here)
        for number in range(rounds):
            took_s, spent_s = _pushed(pair, [f"pushed{number}-{zone}.example" for zone in range(count)])
            pushed.append(took_s)
            cpu_s["pushed"].append(spent_s)
            took_s, with_start_s, spent_s = _healed(pair, [f"missed{number}-{zone}.example" for zone in range(count)])
            healed.append(took_s)
            started.append(with_start_s)
            cpu_s["healed"].append(spent_s)
    ratios = [one / other for one, other in zip(healed, pushed, strict=True)]
    return [
        {
            "what": "missed pushes: back until all proven, to the same number pushed until proven",
            "new zones": count,
            "rounds": rounds,
            "pushed s": round(statistics.median(pushed), 2),
            "healed s": round(statistics.median(healed), 2),
            "healed s, its start too": round(statistics.median(started), 2),
            "ratio": round(statistics.median(ratios), 2),
            "ratios": " ".join(f"{ratio:.2f}" for ratio in ratios),
        }
        | {f"CPU us/zone, {how}": round(statistics.median(spent) / count * 1e6) for how, spent in cpu_s.items()}
    ]


def _bulk(service: Service, names: list[str]) -> None:
    requests = (rawsave(name, zone_text(name, SERIAL), keep_alive=True) for name in names)
    asyncio.run(drive(service.port, requests, clients=CLIENTS, keep_alive=True))


def _pushed(pair: Pair, names: list[str]) -> tuple[float, float]:
    """Seconds until all are proven, and CPU seconds of the process."""
    began, cpu = time.perf_counter(), pair.here.cpu_s()
    _bulk(pair.here, names)
    until_idle(pair.here)
    seconds, cpu = time.perf_counter() - began, pair.here.cpu_s() - cpu
    _all_served(pair.here, names)
    return seconds, cpu


def _healed(pair: Pair, names: list[str]) -> tuple[float, float, float]:
    """Seconds from when it accepts pushes again, and from its start, until all are proven; CPU seconds since it accepts."""
    pair.here.stop()
    _bulk(pair.there, names)
    until_idle(pair.there)
    began = time.perf_counter()
    accepting_s = pair.here.start(until="accepting")
    cpu = pair.here.cpu_s()
    until(lambda: pair.stand(pair.here)["taken"] == len(names))
    until_idle(pair.here)
    seconds, cpu = time.perf_counter() - began, pair.here.cpu_s() - cpu
    _all_served(pair.here, names)
    return seconds - accepting_s, seconds, cpu


def _all_served(service: Service, names: list[str]) -> None:
    with dns_socket(service.dns_port) as sock:
        missing = sum(served_serial(sock, name) != SERIAL for name in names)
    if missing:
        raise RuntimeError(f"{missing} zones are not served")


# -- what pushes feel


def _felt(seconds: float, rounds: int) -> list[Row]:
    """Answers to 8 clients, in turns without and with exchanges; zones come to the peer alone all the time."""
    how_often = {"alone": (SELDOM_S, SELDOM_S), "asking": (OFTENEST_S, SELDOM_S), "asking and asked": (OFTENEST_S,) * 2}
    found: dict[str, list[float]] = {how: [] for how in how_often}
    lasted = dict.fromkeys(how_often, 0.0)
    taken = dict.fromkeys(how_often, 0)
    with Pair() as pair, pair.here.paused(), pair.there.paused(), _beside(pair):
        os.setpriority(os.PRIO_PROCESS, pair.there.pid, 19)  # it stands for another machine
        for number in range(rounds + 1):
            turns = list(how_often.items())
            for how, (here_s, there_s) in turns if number % 2 else reversed(turns):
                _ask_so_often(pair, here_s, there_s)
                before = pair.stand(pair.here)["taken"]
                times, whole = _clients(pair, seconds if number else 1.0)
                if number:  # the first round warms
                    found[how] += times
                    lasted[how] += whole
                    taken[how] += pair.stand(pair.here)["taken"] - before
    alone = found["alone"]
    return [
        {
            "what": f"acks of {CLIENTS} clients, {how}" + ("" if how == "alone" else f" every {OFTENEST_S} s"),
            "acks": len(times),
            "acks/s": round(len(times) / lasted[how]),
            "p50 ms": ms(percentile(times, 0.5)),
            "p99 ms": ms(percentile(times, 0.99)),
            "p50 of alone": round(percentile(times, 0.5) / percentile(alone, 0.5), 2),
            "p99 of alone": round(percentile(times, 0.99) / percentile(alone, 0.99), 2),
            "zones taken meanwhile": taken[how],
        }
        for how, times in found.items()
    ]


def _clients(pair: Pair, seconds: float) -> tuple[list[float], float]:
    """New content of 1,000 zones, as fast as answers come, for so long."""
    end = time.perf_counter() + seconds

    def requests() -> Iterator[bytes]:
        while time.perf_counter() < end:
            number = next(NUMBERS)
            name = f"here{number % 1000}.example"
            yield rawsave(name, zone_text(name, SERIAL + number), keep_alive=True)

    return asyncio.run(drive(pair.here.port, requests(), clients=CLIENTS, keep_alive=True))


@contextmanager
def _beside(pair: Pair) -> Iterator[None]:
    """While the block runs zones come to the peer alone, some a second."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(1 / A_SECOND):
            number = next(NUMBERS)
            name = f"there{number % 500}.example"
            push_blocking(pair.there.port, rawsave(name, zone_text(name, SERIAL + number)))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _ask_so_often(pair: Pair, here_s: float, there_s: float) -> None:
    """From now on each asks so often; who asks seldom has had its exchange and waits."""
    turns = [(pair.here, pair.there, here_s), (pair.there, pair.here, there_s)]
    turns = [turn for turn in turns if pair.intervals.get(turn[0].pid) != turn[2]]  # what stays as it is asks nothing
    began = time.time()
    for asking, other, interval_s in turns:
        pair.introduce(asking, other.port, interval_s=interval_s)
    for asking, _, interval_s in turns:
        while not _follows(pair.stand(asking), interval_s, began):
            time.sleep(0.05)


def _follows(stand: dict[str, Any], interval_s: float, since_s: float) -> bool:
    if not stand or stand["state"] == "unreachable":
        return False
    exchanged = moment(stand["asked_at"]) >= since_s and stand["progress"] is None
    return exchanged and (interval_s < SELDOM_S or moment(stand["next_at"]) > time.time() + SELDOM_S / 2)
