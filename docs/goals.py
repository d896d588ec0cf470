"""The goals of docs/speed.md beside the figures of the last `make bench` that was kept."""

from __future__ import annotations

from typing import Any

Rows = list[dict[str, Any]]
LINE = "commit, claim, adapter, proof and settling, one after the other: the adapter's share stands in its table"
SET_AT = 90  # us that dnspython took for a record where the goals were set
WHY = {
    "PowerDNS": "the zone is read by the API before it is changed and once more for the proof: two requests, where the floor has one",
    "CoreDNS (mysqlzones)": "two commits with a sync (the outbox, the database), one after the other, then CoreDNS reads the zone",
}
CPU = "the processor: two cores for us, the load, the name server and its database"


def goals(results: dict[str, Any]) -> str:
    """A table: work, goal, figure, whether it is met, and what bounds it where it is not."""
    lines = [line for part in PARTS for line in part(results)]
    rows = [
        f"| {work} | {goal} | {figure} | {'yes' if met else f'no: {why}'} |" for work, goal, figure, met, why in lines
    ]
    head = "| work | goal | here | met |\n|---|---|---|---|\n"
    return (
        f"\n## Goals\n\n{_pace(results)}The floor in the same table tells how far we are.\n\n{head}"
        + "\n".join(rows)
        + "\n"
    )


def _pace(results: dict[str, Any]) -> str:
    """How quick the machine was, beside the one for which the goals were set."""
    paces = [
        of["dnspython us/record"]
        for of in results["machine"].values()
        if isinstance(of, dict) and "dnspython us/record" in of
    ]
    if not paces:
        return "Set for a quicker machine than some runs had. "
    quickest, slowest = f"{min(paces) / SET_AT:.1f}", f"{max(paces) / SET_AT:.1f}"
    times = quickest if quickest == slowest else f"{quickest} to {slowest}"
    return (
        f"Set where dnspython takes about {SET_AT} us of processor time for a record of a zone; here it took"
        f" {min(paces)} to {max(paces)}: what Python does takes {times} times as long. "
    )


Line = tuple[str, str, str, bool, str]


def _find(rows: Rows, **wanted: Any) -> dict[str, Any] | None:
    return next((row for row in rows if all(row.get(key) == value for key, value in wanted.items())), None)


def _acks(results: dict[str, Any]) -> list[Line]:
    rows: Rows = results.get("ack", [])
    common = {"connection": "keep-alive", "records": 15}
    one, many = (_find(rows, server="ours, acks alone", clients=clients, **common) for clients in (1, 32))
    beside = _find(rows, server="ours", clients=32, **common)
    again = _find(rows, server="ours, the same push again", clients=32, **common)
    floor = _find(rows, server="floor: bare uvicorn + shared fsync", connection="keep-alive", clients=1)
    wide = _find(rows, server="floor: bare uvicorn + shared fsync", connection="keep-alive", clients=32)
    if not (one and many and beside and again and floor and wide):
        return []
    ratio = one["p50 ms"] / floor["p50 ms"]
    return [
        ("durable ack, 1 client", "p50 < 1 ms", f"{one['p50 ms']} ms (floor {floor['p50 ms']} ms)", one["p50 ms"] < 1,
         f"the floor alone takes {floor['p50 ms']} ms here; the rest is Python: HTTP, parse, one statement after the other"),
        ("", "p99 < 5 ms", f"{one['p99 ms']} ms", one["p99 ms"] < 5, "the same"),
        ("", "at most 3 x the floor", f"{ratio:.1f} x", ratio <= 3, "the same"),
        ("durable acks/s, 32 clients", ">= 2,000", f"{many['acks/s']} (while delivering {beside['acks/s']}; floor {wide['acks/s']})",
         many["acks/s"] >= 2000, f"{many['CPU us/push']} us of Python a push in one thread, beside the load on two cores"),
        ("the same push again", ">= 3,000/s", f"{again['acks/s']}/s", again["acks/s"] >= 3000,
         f"{again['CPU us/push']} us of Python a push: HTTP, and the look into the store"),
    ]  # fmt: skip


def _drain(results: dict[str, Any]) -> list[Line]:
    row = _find(results.get("drain", []), what="new zones")
    if row is None:
        return []
    figure = f"{row['acks/s']} acks/s, {row['zones/s dc1']} + {row['zones/s dc2']} zones/s"
    whole = sum(value for key, value in row.items() if key.startswith("CPU us/push"))
    why = f"{whole / 1000:.1f} ms of processor time a push over all processes on two cores"
    return [("while draining to two databases", "1,000 acks/s, 2 x 1,000 zones/s", figure, row["acks/s"] >= 1000, why)]


def _change(results: dict[str, Any]) -> list[Line]:
    lines: list[Line] = []
    rows: Rows = results.get("backends", [])
    for name in ("BIND", "Knot DNS"):
        found = [row for row in rows if row["backend"] == name and "change p50 ms" in row]
        if found:
            figure = ", ".join(f"{row['change p50 ms']} ms with {row['zones']:,}" for row in found)
            met = all(row["change p50 ms"] < 15 for row in found)
            lines.append((f"change -> proven, {name}", "p50 < 15 ms", figure, met, LINE))
    alone = [row for row in results.get("scale", []) if row["what"].startswith("floor: reload ZONE")]
    told = "; ".join(f"{row['what'].rpartition(', ')[2]} {row['p50 ms']} ms" for row in alone)
    why = f"named goes through the control commands of the last 15 minutes at each; its reload alone, {told}"
    for row in results.get("scale", []):
        if "ratio" in row:
            work = f"{row['what'].replace('proven', 'proven, 100,000 : 10 zones')}"
            lines.append((work, "ratio < 1.5", str(row["ratio"]), row["ratio"] < 1.5, why))
    for row in [*rows, *results.get("large", [])]:
        if row.get("floor change ms"):
            allowed = 1.5 * row["floor change ms"] + 5
            met = row["change p50 ms"] <= allowed
            figure = f"{row['change p50 ms']} ms (floor {row['floor change ms']} ms, so {allowed:.1f} ms)"
            if not met or row["zones"] == 10:
                lines.append(
                    (
                        f"change -> proven, {row['backend']}, {row['zones']:,} zones",
                        "1.5 x floor + 5 ms",
                        figure,
                        met,
                        WHY.get(row["backend"], LINE),
                    )
                )
    return lines


def _bulk(results: dict[str, Any]) -> list[Line]:
    limits = {
        "add": {"BIND": 20, "NSD": 15, "Knot DNS": 60, "PowerDNS": 60, "CoreDNS (mysqlzones)": 20},
        "change": {"BIND": 15, "NSD": 15, "CoreDNS (mysqlzones)": 15},
    }
    lines: list[Line] = []
    for work, of_each in limits.items():
        for name, limit_s in of_each.items():
            row = _find(results.get("backends", []), backend=name, zones=10_000)
            if row and (rate := row.get(f"bulk {work} zones/s")):
                floor = row.get("floor bulk add zones/s") if work == "add" else None
                figure = f"{10_000 / rate:.1f} s" + (f" (floor {10_000 / floor:.1f} s)" if floor else "")
                what = "new" if work == "add" else "changed"
                lines.append((f"10,000 {what} zones, {name}", f"< {limit_s} s", figure, 10_000 / rate < limit_s, CPU))
    return lines


def _urgent(results: dict[str, Any]) -> list[Line]:
    row = _find(results.get("urgent", []), **{"bulk zones": 10_000})
    if row is None:
        return []
    figure = f"{row['median ms']} ms, at most {row['max ms']} ms"
    met = row["median ms"] < 500 and row["max ms"] < 2000
    return [("urgent push inside a bulk of 10,000", "p50 < 0.5 s, max < 2 s", figure, met, CPU)]


def _scale(results: dict[str, Any]) -> list[Line]:
    rows: Rows = [row for row in results.get("scale", []) if row.get("zones", 0) >= 100_000]
    lines: list[Line] = []
    if filled := _find(rows, what="filled by pushes, all proven"):
        lines.append(
            ("memory with 100,000 zones", "< 150 MB", f"{filled['RSS MiB']} MiB", filled["RSS MiB"] < 143, CPU)
        )
    if sweep := _find(rows, what="the sweep of a pass, beside pushes"):
        figure = f"{sweep['seconds']} s at {sweep['% of one core']} %"
        met = sweep["seconds"] < 60 and sweep["% of one core"] < 25
        lines.append(("verify sweep of 100,000 zones", "< 60 s, < 25 % of one core", figure, met, CPU))
    if accepting := _find(rows, what="restart, none outstanding: accepting"):
        lines.append(
            (
                "restart with 100,000 zones",
                "accepting in < 2 s",
                f"{accepting['seconds']} s",
                accepting["seconds"] < 2,
                CPU,
            )
        )
    return lines


def _peers(results: dict[str, Any]) -> list[Line]:
    rows: Rows = results.get("peers", [])
    found = [row for row in rows if row["what"].startswith("an exchange") and row["zones"] == 100_000]
    lines = [line for row in found for line in _exchange(row)]
    if row := next((row for row in rows if "ratio" in row), None):
        work, goal = f"{row['new zones']:,} missed pushes, healed by a peer", "at most 2 x the same pushed there"
        figure = f"{row['ratio']} x ({row['healed s']} s to {row['pushed s']} s)"
        lines.append((work, goal, figure, row["ratio"] <= 2, CPU))
    if row := _find(rows, what="acks of 8 clients, asking every 1 s"):
        figure = f"{row['p99 of alone']} x ({row['p99 ms']} ms)"
        work, goal = "acks of 8 clients beside exchanges that never stop", "p99 at most 1.2 x alone"
        lines.append((work, goal, figure, row["p99 of alone"] <= 1.2, CPU))
    return lines


def _exchange(row: dict[str, Any]) -> list[Line]:
    limit_kib = 4 if "nothing" in row["what"] else 64
    figure, work = f"{row['octets'] / 1024:.1f} KiB", f"peers, 100,000 zones: {row['what']}"
    cpu_ms = [row[f"CPU ms, {side}"] for side in ("asking", "asked")]
    told = f"{cpu_ms[0]} ms asking, {cpu_ms[1]} ms asked"
    return [
        (work, f"< {limit_kib} KiB", figure, row["octets"] < limit_kib * 1024, "digests, names and texts as JSON, not packed"),
        ("", "< 100 ms of CPU on each side", told, max(cpu_ms) < 100, CPU),
    ]  # fmt: skip


PARTS = (_acks, _drain, _change, _bulk, _urgent, _scale, _peers)
