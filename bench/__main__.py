"""Run the benchmarks: python -m bench [--quick] [--json FILE] [NAME ...], or [arrivals] --against URL [--dns ADDRESS]

ack       durable answers: 1 to 128 clients, keep-alive and a new connection each, 15 to 1,000 records; alone (the backend
          paused) and while delivering; beside the floors: the same server without us, with and without a shared fsync
arrivals  open loop: latency counted from the time at which a push was due (no coordinated omission)
proven    push -> served by BIND with 10, 1,000, 10,000 zones present: change, add, delete; memory of our process
bulk      1,000 and 10,000 new zones until all are served and proven; urgent pushes in the middle; restart; store size
backends  every backend against its real name server: change, add, delete with 10, 1,000, 10,000 zones; bulks
large     the same with 100,000 zones, for those that are filled within minutes (BIND: scale)
scale     100,000 zones on the bundled BIND: memory, store, change, restart, sweeps, questions; named alone beside it
drain     acks while two databases of CoreDNS are filled, until all is proven there; the databases' own rate beside it
reconcile a pass over 10,000 zones on two name servers, 200 of them destroyed; what pushes feel of it; the plan
sweep     a name server compared with the store: zones a second, CPU, memory
security  10,000 wrong passwords from one address while another client pushes: its answers beside and alone
felt      what resolvers feel: dnsperf beside changes, new zones, restarts and kill -9, on quiet and on busy cores (needs dnsperf)
places    1,500 refused connections that stay, and 1,500 long polls, beside a client that pushes: lost pushes, and p99 to alone
peers     two instances, each the other one's peer: an exchange's octets, CPU and memory; a missed bulk; what pushes feel
neighbour, outage, often, urgent: what outages and bulks cost (bench/outbox.py)

With --against URL nothing of ours is started: faults are tried on the receiver there (bench/against.py), or, with the name
`arrivals`, its answers are timed.

Figures are of one run on one machine; compare the ratios. With names only these are run; the others keep their figures
in the file. Curves are drawn from the file into docs/bench/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import dns.zone

from bench import line, outbox
from bench.against import against, told
from bench.backends import backends, large, sweep
from bench.drain import drain
from bench.felt import felt
from bench.load import zone_text
from bench.peers import peers
from bench.places import places
from bench.plot import curve
from bench.reconcile import reconcile
from bench.scale import scale
from bench.security import security

Row = dict[str, object]
WIDEST = 9  # columns
RECORDS = 15  # of the zone whose parse tells the pace
CURVES = Path(__file__).parents[1] / "docs" / "bench"
BENCHMARKS = {
    **line.BENCHMARKS,
    "backends": backends,
    "large": large,
    "sweep": sweep,
    "scale": scale,
    "drain": drain,
    "reconcile": reconcile,
    "security": security,
    "places": places,
    "felt": felt,
    "peers": peers,
    **outbox.BENCHMARKS,
}


def pace() -> int:
    """Microseconds of processor time that dnspython takes for a record: how quick this machine is with Python."""
    text = zone_text("pace.example", 2026010100).decode()
    best = min(_timed(lambda: dns.zone.from_text(text, origin="pace.example.", check_origin=False)) for _ in range(200))
    return round(best / RECORDS * 1e6)


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def machine() -> Row:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cores": os.cpu_count(),
        "memory": memory.split(":")[1].strip(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "dnspython us/record": pace(),
        "load before": round(os.getloadavg()[0], 2),
    }


def folded(row: Row) -> Row:
    """A row that has figures of its own, not those of its neighbours."""
    figures = (f"{name} {value}" for name, value in row.items() if name not in ("what", "zones") and value is not None)
    return {"what": row["what"], "zones": row.get("zones", ""), "figures": ", ".join(figures)}


def table(name: str, rows: list[Row]) -> str:
    """For people. Rows that share few columns are told in words."""
    if len({column for row in rows for column in row}) > WIDEST and all("what" in row for row in rows):
        rows = [folded(row) for row in rows]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *[[str(row.get(column, "")) for column in columns] for row in rows]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return f"\n{name}\n" + "\n".join(lines)


def draw(results: dict[str, object]) -> None:
    """Cost against number of zones, for each backend and for its name server alone."""
    rows = results.get("backends")
    if not isinstance(rows, list):
        return
    rows = [*rows, *results.get("large", [])]  # type: ignore[misc]
    CURVES.mkdir(parents=True, exist_ok=True)
    for work in ("change", "add", "delete"):
        series: dict[str, list[tuple[float, float]]] = {}
        for row in (row for row in rows if "not run" not in row):
            series.setdefault(str(row["backend"]), []).append((row["zones"], row[f"{work} p50 ms"]))
            if work == "change":
                alone = row.get("floor change ms", row["adapter alone ms"])
                series.setdefault(f"floor: {row['backend']}", []).append((row["zones"], alone))
        title = f"{work.capitalize()} of one zone until proven, by number of zones present (p50)"
        (CURVES / f"{work}.svg").write_text(curve(title, series, x="zones present", y="ms"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[])
    parser.add_argument("--quick", action="store_true", help="small counts: shows that it runs")
    parser.add_argument(
        "--json", type=Path, help="write the figures there, too; benchmarks that did not run keep theirs"
    )
    parser.add_argument(
        "--against", metavar="URL", help="faults (or `arrivals`) at any receiver: http://user:password@host:port"
    )
    parser.add_argument("--dns", metavar="ADDRESS", default="", help="with --against: the name server behind it")
    options = parser.parse_args()
    if options.against and options.names != ["arrivals"]:
        raise SystemExit(told(against(options.against, options.dns), table, options.json))
    if options.against:
        print(table(f"arrivals at {options.against.rpartition('@')[2]}", line.against(options.against, options.quick)))
        return
    results: dict[str, object] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    for name in options.names or list(BENCHMARKS):
        before = machine()
        rows = BENCHMARKS[name](options.quick)
        results[name], results.setdefault("machine", {})[name] = rows, before  # type: ignore[index]
        print(table(name, rows), flush=True)
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    if not options.quick:
        draw(results)
    print("\n" + json.dumps(results))


if __name__ == "__main__":
    main()
