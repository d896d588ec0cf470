"""Of the benchmarks: what is told of each, the goals of peers, and the wire that counts between two instances."""

from __future__ import annotations

import socket
import threading

import pytest
from bench import __main__ as bench
from bench.pair import Wire
from docs import generate, goals

NOTHING = "an exchange, nothing differs"
SOME = "an exchange, 10 zones differ and are taken"
CPU = {"CPU ms, asking": 99.0, "CPU ms, asked": 9.0}


def test_every_benchmark_has_its_place_on_the_page_and_in_the_help():
    """Else `make docs` leaves its figures out, and nobody knows that it can be run."""
    assert set(bench.BENCHMARKS) <= set(generate.BENCHMARKS)
    assert bench.__doc__
    assert [] == [name for name in bench.BENCHMARKS if name not in bench.__doc__]


@pytest.mark.parametrize(
    ("row", "met"),
    [
        ({"what": NOTHING, "zones": 100_000, "octets": 4095, **CPU}, [True, True]),
        ({"what": NOTHING, "zones": 100_000, "octets": 4096, **CPU}, [False, True]),
        ({"what": SOME, "zones": 100_000, "octets": 65_535, **CPU}, [True, True]),
        ({"what": SOME, "zones": 100_000, "octets": 65_536, **CPU, "CPU ms, asked": 100.0}, [False, False]),
        ({"what": SOME, "zones": 100, "octets": 1, **CPU}, []),
        ({"what": "missed", "new zones": 1000, "ratio": 2.0, "healed s": 4.0, "pushed s": 2.0}, [True]),
        ({"what": "missed", "new zones": 1000, "ratio": 2.01, "healed s": 4.02, "pushed s": 2.0}, [False]),
        ({"what": "acks of 8 clients, alone", "p99 of alone": 1.0, "p99 ms": 5.0}, []),
        ({"what": "acks of 8 clients, asking every 1 s", "p99 of alone": 1.2, "p99 ms": 6.0}, [True]),
        ({"what": "acks of 8 clients, asking every 1 s", "p99 of alone": 1.21, "p99 ms": 6.05}, [False]),
    ],
)
def test_a_goal_of_peers_is_met_or_not_by_its_figure(row, met):
    lines = goals._peers({"peers": [row]})

    assert met == [line[3] for line in lines]


def test_the_wire_passes_all_on_and_counts_both_ways():
    answer = b"a" * 100_000
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while b"?" not in connection.recv(4096):
                    pass
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with Wire(server.getsockname()[1]) as wire:
            with socket.create_connection(("127.0.0.1", wire.port), timeout=60) as asking:
                asking.sendall(b"what?")
                got = b""
                while chunk := asking.recv(65536):
                    got += chunk
            wire.until_still(0, 0.1)
        thread.join()

    assert answer == got
    assert (len(answer) + 5, 1) == (wire.octets, wire.connections)
