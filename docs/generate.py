"""Write the generated pages: configuration.md, log-events.md, the life of a delivery in line.md, man pages. `make docs`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.goals import goals
from docs.keys import keys
from docs.man import manual
from pydantic import BaseModel

from directdnsonly.api.guard import TABLE
from directdnsonly.api.problem import CHANGE, PROBLEMS, TITLES, TYPE
from directdnsonly.backends.registry import BACKENDS
from directdnsonly.config import NOT_SETTINGS, Settings
from directdnsonly.effect import Effect
from directdnsonly.log import EVENTS
from directdnsonly.outbox.lifecycle import TRANSITIONS

HERE = Path(__file__).parent
INTRODUCTION = """# Configuration

Generated from the settings models; do not edit.

Later wins: the file (`--config`, `DADNS_CONFIG`, `./config/app.yml`, `./config.yml`, `/etc/directdnsonly/app.yml`, then
where the original looks: `./config/app.yaml`, `./app.yml`, `./app.yaml`, `/etc/directdnsonly/app.yaml`; the first that is there), then `DADNS_` variables, then files named by variables. Each variable may carry `_FILE` at its end
and then names a file that holds the value, for secrets. Several values of one key are separated by commas, or JSON.
A variable may also make a backend that the file does not have: `DADNS_DNS_BACKENDS_BIND_DC2_PORT` makes `bind_dc2`.
Relative folders begin where the service was started. `dadns check` tells every mistake at once and exits with 2.

**A change takes effect** as the column `change` says. `reload`: by `dadns reload`, SIGHUP or `systemctl reload`, which close no connection;
`restart`: with the next start of the service, until which the old value stays and the reload names the key; `reload*`: by a reload, but
set where it was not, or left out, by a restart; `reload**`: by a reload, and by a restart where we run that name server, whose own configuration holds the
value. A backend is added, taken out, enabled and disabled by a reload. `dadns reload --dry-run` tells what one would do. The file
is read again, and so are files that hold secrets; variables are those of the running process.

"""
CHANGES = {
    Effect.RELOAD: "reload",
    Effect.RESTART: "restart",
    Effect.SWITCH: "reload*",
    Effect.BUNDLED: "reload**",
}
SPEED = """# Speed

Generated from `bench/results/latest.json` (`make bench`, then `make docs`); do not edit. Unless its table says otherwise, one run each on a machine with two cores
that the load generator, the name server and we share: compare the ratios. A floor is what lies below us, alone, under the
same load in the same run. `python -m bench arrivals --against URL` runs the arrivals on any server that speaks DirectAdmin's protocol.

What bounds us now: an answered push costs 0.3 to 0.4 ms of CPU, two thirds of it in the event loop's thread (a quarter of all is
the parse and the checks of the zone), one third in the thread that writes to the disk, and both are Python; 0.5 ms with its
delivery to BIND and its proof. So two cores shared with the load and the name server end near 2,000 pushes a second. A delivery
costs one fsync (the push's own), one commit without one, and the name server's own control command. All figures are of Debian's
own Python, which is what `make run` takes.
"""
BENCHMARKS = {
    "ack": "Durable answers at the default log level, closed loop. `acks alone`: the backend is paused meanwhile; else zones are delivered and proven beside. The floors: the same server without us.",
    "arrivals": "Open loop, a new connection for each push; latency counts from the time at which a push was due.",
    "proven": "Push to served by the bundled BIND, through HTTP.",
    "bulk": "New zones as fast as possible until all are served and proven, a certificate challenge every 0.3 s in between.",
    "backends": "Recorded to proven by store, lane, adapter and DNS; beside it the adapter alone. Memory is the name server's"
    " (and its database's). The floor, where it was measured: the name server's own channel, named in the row, by hand on an"
    " instance of its own, then SOA questions until it serves.",
    "large": "As above, with 100,000 zones, where a name server is filled within minutes (BIND: scale; PowerDNS by its API takes"
    " 200 zones a second, and CoreDNS's plug-in auto is not for so many).",
    "sweep": "A name server compared with the store, and healed.",
    "scale": "100,000 zones on the bundled BIND, filled by pushes through HTTP; what people and programs ask then, restart, the"
    " comparison of every zone with the store. The floors: named alone on the same files.",
    "drain": "32 clients push new content each time while two MariaDB servers, each with a CoreDNS that reads it, are written;"
    " until all is proven in both. The floors: the same rows through the same connections, and the adapter alone.",
    "reconcile": "The reconciler with a DirectAdmin server of 10,000 zones on two bundled name servers, 200 zones destroyed"
    " behind BIND's back; what pushes at fixed times feel of a pass.",
    "neighbour": "One of two backends hangs: what the other one's pushes feel.",
    "outage": "10,000 zones queued while the name server hangs; then it is back.",
    "often": "One zone pushed 1,000 times during an outage.",
    "urgent": "A challenge in the middle of a bulk of 10,000 zones.",
    "security": "10,000 wrong passwords from one address beside a client that pushes.",
    "felt": "1,500 questions a second to zones that nobody touches (dnsperf), alone and beside work of ours as fast as it goes; `x alone`: the"
    " average answer against that of the same questions just before. `4 busy`: four processes that only count keep the two cores busy as well.",
    "peers": "Two instances, each the other one's peer. The exchanges go over TLS, and the octets are those of both directions with the handshake; `asking` takes what"
    " `asked` has newer. CPU of the whole process for one exchange. The peer of the last rows runs at nice 19: it stands for another machine.",
    "places": "Pushes, each by a connection of its own, beside 1,500 refused connections that stay and 1,500 long polls; all of one address.",
}
SIZING = """# Scale and sizing

Which name server for how many zones, and what machine. The table is made from [the last benchmark](speed.md), where
its weak points are told (zones of 15 records, two shared cores; the PowerDNS rows are upper bounds); memory is the name server's, with its database where there is one.

- **Ourselves**: about 75 MiB, and 80 MiB with 10,000 zones: zones are kept in the store, not in memory. The store takes about
  1.4 KiB a zone and version (`outbox.history_versions`, `outbox.history_days` bound it); a push costs one fsync.
- **BIND** is the default: full protocol, changes take the same time with 10 zones and with 10,000.
- **Knot** is the quickest with a change and the lightest on memory; new zones cost it a configuration commit, so they are
  batched.
- **NSD** answers queries while it forks for each change; the fork grows with the number of zones, so a lone change waits
  longer there, while bulks gather.
- **PowerDNS on MySQL** and **CoreDNS on MySQL** put the zones into a database that several data centres may have each; the
  name server itself stays small. CoreDNS on zone files is for hundreds of zones only.
- **PowerDNS by its API** on SQLite has one writer and is the slowest way in.

100 zones or 10,000: one core and 512 MiB are enough beside the name server. With 100,000 zones give BIND 2 GiB and its start
half a minute (measured by itself: 1.3 GiB, 27 s); ours stays as it is.

"""
RR_TYPES = """# What each name server can serve

Generated from a run against the real name servers (`make matrix`); do not edit. Each row is a zone pushed as
DirectAdmin pushes it and asked by DNS: `yes` means byte-equal RDATA, the right TTL and the AA flag (or the right negative
answer). `zone refused`: this backend says so with the reason, instead of serving something else.

"""
FOLDED = ("scale", "drain", "reconcile", "peers")  # each row tells something else: its figures stand in one cell
PLAN = "<!-- generated: what dadns reconcile --plan says -->"
WHO = "<!-- generated: who may call what -->"
ANSWERS = "<!-- generated: what CoreDNS answers -->"
MARK = "<!-- generated: the life of a delivery -->"


def _rows(model: type[BaseModel], path: str) -> Iterator[str]:
    for key in keys(model, path):
        default = "required" if key.required else key.default and f"`{key.default}`"
        yield f"| `{key.path}` | `{key.variable}` | {default} | {CHANGES[key.effect]} | {key.meaning} |"


def configuration() -> str:
    """Every key with its variable, default and meaning."""
    head = "| key | variable | default | change | meaning |\n|---|---|---|---|---|\n"
    others = "\n".join(f"| `{variable}` | {meaning} |" for variable, meaning in NOT_SETTINGS.items())
    parts = [
        INTRODUCTION,
        head,
        "\n".join(_rows(Settings, "")),
        "\n",
    ]
    for kind, backend in BACKENDS.items():
        parts += [f"\n## Backend `{kind}`\n\n", head, "\n".join(_rows(backend.settings, "dns.backends.<name>.")), "\n"]
    parts += ["\n## Other variables\n\n| variable | meaning |\n|---|---|\n", others, "\n"]
    return "".join(parts)


def log_events() -> str:
    """The table of event names."""
    rows = "\n".join(f"| `{event}` | {meaning} |" for event, meaning in sorted(EVENTS.items()))
    return f"# Log events\n\nGenerated from `log.py`; do not edit.\n\n| event | meaning |\n|---|---|\n{rows}\n"


def rr_types() -> str:
    """What each name server serves, from the recorded run of tests/contract/test_rr_types.py."""
    results: dict[str, dict[str, str]] = json.loads((HERE / "rr-types.json").read_text(encoding="utf-8"))
    titles = list(results)
    cases = dict.fromkeys(case for found in results.values() for case in found)
    rows = "\n".join(
        f"| {case} | " + " | ".join(_mark(results[title].get(case, "not run")) for title in titles) + " |"
        for case in cases
    )
    head = f"| case | {' | '.join(titles)} |\n|---|{'---|' * len(titles)}\n"
    return f"{RR_TYPES}{head}{rows}\n"


def _mark(result: str) -> str:
    return "yes" if result == "served" else f"**{result}**"


def coredns_answers(text: str) -> str:
    """docs/backends/coredns_mysql.md with the table of the recorded run of tests/contract/test_coredns_answers.py."""
    results: dict[str, dict[str, str]] = json.loads((HERE / "coredns-answers.json").read_text(encoding="utf-8"))
    cases = dict.fromkeys(case for found in results.values() for case in found)
    rows = "\n".join(
        f"| {case} | " + " | ".join(found.get(case, "not run") for found in results.values()) + " |" for case in cases
    )
    head = f"| question | {' | '.join(results)} |\n|---|{'---|' * len(results)}\n"
    before, rest = text.split(ANSWERS, maxsplit=1)
    after = rest[rest.index("\n## ") :]
    return f"{before}{ANSWERS}\n\n{head}{rows}\n{after}"


def speed() -> str:
    """Every figure of the last `make bench` that was kept, as tables, with the curves."""
    results = json.loads((HERE.parent / "bench" / "results" / "latest.json").read_text(encoding="utf-8"))
    parts = [SPEED, goals(results)]
    for name, what in BENCHMARKS.items():
        if rows := results.get(name):
            machine = results["machine"][name]
            note = f"**{machine['note']}**\n\n" if "note" in machine else ""
            parts += [
                f"\n## {name}\n\n{what} (load before: {machine['load before']})\n\n{note}",
                _table(_folded(rows) if name in FOLDED else rows),
            ]
            if name == "backends":
                parts += [f"\n![{work}](bench/{work}.svg)\n" for work in ("change", "add", "delete")]
    return "".join(parts)


def sizing() -> str:
    """Memory, latency and bulk of each name server, side by side, from the same figures."""
    results = json.loads((HERE.parent / "bench" / "results" / "latest.json").read_text(encoding="utf-8"))
    by_backend: dict[str, dict[int, dict[str, Any]]] = {}
    for row in [*results["backends"], *results.get("large", [])]:
        if "not run" not in row:
            by_backend.setdefault(row["backend"], {})[row["zones"]] = row
    rows = []
    for name, sizes in by_backend.items():
        few, most = sizes[min(sizes)], sizes[max(sizes)]
        grown = (most["daemon RSS MiB"] - few["daemon RSS MiB"]) / (most["zones"] - few["zones"]) * 1000
        rows.append(
            {
                "name server": name,
                f"memory, {few['zones']} zones (MiB)": few["daemon RSS MiB"],
                "zones present": most["zones"],
                "memory then (MiB)": most["daemon RSS MiB"],
                "MiB per 1,000 zones": round(grown, 1),
                f"change proven, {few['zones']} zones (ms)": few["change p50 ms"],
                "change proven then (ms)": most["change p50 ms"],
                "bulk add (zones/s)": most.get("bulk add zones/s"),
                "bulk change (zones/s)": most.get("bulk change zones/s"),
            }
        )
    page = SIZING + _table(rows)
    if scale := results.get("scale"):
        most = max(row.get("zones", 0) for row in scale)
        page += f"\n## {most:,} zones on the bundled BIND\n\n{_table(_folded(scale))}"
    return page


def reconcile_plan(text: str) -> str:
    """docs/reconcile.md with what the command said in the last `make bench` that was kept."""
    said = (HERE / "bench" / "reconcile-plan.txt").read_text(encoding="utf-8")
    shown = "\n".join(line.rstrip() for line in said.strip().splitlines())
    before, rest = text.split(PLAN, maxsplit=1)
    return f"{before}{PLAN}\n\n```console tested=tests/unit/reconcile/test_plan_page.py\n$ dadns reconcile --plan\n{shown}\n```\n{rest[rest.index(chr(10) + '## ') :]}"


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of which each has figures of its own."""
    return [
        {
            "what": row["what"],
            "zones": row.get("zones"),
            "figures": ", ".join(
                f"{name} {value}" for name, value in row.items() if name not in ("what", "zones") and value is not None
            ),
        }
        for row in rows
    ]


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [" | ".join("" if row.get(column) is None else str(row[column]) for column in columns) for row in rows]
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n" + "".join(f"| {line} |\n" for line in lines)


def line(text: str) -> str:
    """docs/line.md with the diagram made from the transition table."""
    arrows = "\n".join(f"    {state} --> {after}: {event}" for (state, event), after in TRANSITIONS.items())
    diagram = (
        f"{MARK}\n\n## The life of a delivery\n\n```mermaid\nstateDiagram-v2\n    [*] --> pending\n{arrows}\n```\n"
    )
    return text.split(MARK, maxsplit=1)[0].rstrip("\n") + "\n\n" + diagram


def errors() -> str:
    """The problems of the JSON API."""
    rows = "\n".join(
        f"| {status} | `{TYPE}{slug}` | {TITLES[status]} | {todo} |" for status, (slug, todo) in PROBLEMS.items()
    )
    return (
        "# Problems of the JSON API\n\nGenerated from `api/problem.py`; do not edit.\n\n"
        "Every error is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`. A parameter or a field of a\n"
        "body that does not fit stands in `errors`, each with a `pointer` (`#/rrsets/0/ttl` in a body, `query/limit`) and a\n"
        "`detail`; a parameter that an address does not know is refused, too. `instance` is the change that was refused or could\n"
        f"not be recorded, `{CHANGE}` and its id, as the log and `GET /api/v1/refused` name it. Programs decide by\n"
        "`type`, people read `detail`. Only `unavailable`, `timeout` and `too-many-failures` are worth a repetition as it is.\n\n"
        f"| status | type | title | what to do |\n|---|---|---|---|\n{rows}\n"
    )


def who_may(text: str) -> str:
    """docs/security.md with the table of who may call what."""
    rows = []
    for row in TABLE:
        methods = " ".join(sorted(row.methods)) if "." not in row.methods else "any other"
        roles = " or ".join(f"`{role}`" for role in sorted(row.roles)) or "nobody is asked"
        rows.append(f"| {methods} | `{row.path.pattern}` | {roles} | {row.what} |")
    table = "\n".join(rows)
    head = "| method | path | role | what |\n|---|---|---|---|"
    return f"{text.split(WHO, maxsplit=1)[0].rstrip()}\n\n{WHO}\n\n## Who may call what\n\nThe first row that fits decides; what no row opens is closed.\n\n{head}\n{table}\n"


def pages() -> dict[Path, str]:
    """Each generated file and what it should hold."""
    return {
        HERE / "configuration.md": configuration(),
        HERE / "log-events.md": log_events(),
        HERE / "rr-types.md": rr_types(),
        HERE / "speed.md": speed(),
        HERE / "sizing.md": sizing(),
        HERE / "errors.md": errors(),
        HERE / "reconcile.md": reconcile_plan((HERE / "reconcile.md").read_text(encoding="utf-8")),
        HERE / "security.md": who_may((HERE / "security.md").read_text(encoding="utf-8")),
        HERE / "backends" / "coredns_mysql.md": coredns_answers(
            (HERE / "backends" / "coredns_mysql.md").read_text(encoding="utf-8")
        ),
        HERE / "line.md": line((HERE / "line.md").read_text(encoding="utf-8")),
        **{HERE / "man" / name: text for name, text in manual().items()},
    }


if __name__ == "__main__":
    (HERE / "man").mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
