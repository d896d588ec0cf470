"""What the service says of itself, in every place that says it, and whether all of them say the same."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from bench.load import HOSTNAME, PASSWORD, USER, zone_text
from bench.service import DADNS, Service

from tests.support.html import Checked
from tests.support.programs import require_program

LIMIT_S = 90
SERIAL = 2026112300
Print = Callable[[str], None]

EXIT = {"ready": 0, "degraded": 1, "unready": 2}
WORD = {"ready": "OK", "degraded": "WARNING", "unready": "CRITICAL"}
TITLE = {"ready": "ready", "degraded": "degraded: ", "unready": "not ready: "}


class Started(Protocol):
    """A folder with a configuration, and the variables that belong to it."""

    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Cells:
    """One look at everything, as close together as processes can be started."""

    cli: subprocess.CompletedProcess[str]
    nagios: subprocess.CompletedProcess[str]
    json: dict[str, Any]
    readyz: httpx.Response
    page: str  # its words
    title: str
    metrics: Mapping[str, float] = field(repr=False)


def dadns(
    service: Started, *arguments: str, code: int | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command on this service."""
    environ = {
        **os.environ,
        **service.environ,
        **(environ or {}),
        "DADNS_CONFIG": str(service.folder / "app.yml"),
        "COLUMNS": "400",
        "NO_COLOR": "1",
    }
    for name in ("DADNS_URL", "DADNS_USERNAME", "DADNS_PASSWORD", "DADNS_TOKEN"):
        environ.pop(name, None)
    done = subprocess.run(
        [DADNS, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environ
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert code is None or code == done.returncode, done.stdout + done.stderr
    return done


def ask(service: Service, path: str, **query: str) -> httpx.Response:
    """As a reader; a self-signed certificate is not looked at."""
    with httpx.Client(verify=False, trust_env=False, timeout=60) as client:
        return client.get(service.url + path, params=query, auth=(USER, PASSWORD))


def status(service: Service) -> dict[str, Any]:
    """The API's."""
    return dict(ask(service, "/api/v1/status").json())


def look(service: Service) -> Cells:
    """All six, while the service's figures stand still: what is proven between two answers is no contradiction."""
    seen: list[Cells] = []

    def stood_still() -> bool:
        seen[:] = [_look(service)]
        return _counts(seen[0].json) == _counts(status(service))

    until(stood_still)
    return seen[0]


def _counts(told: Mapping[str, Any]) -> list[object]:
    return [told["zones"], told["held"], told["lost"], *((b["state"], b["zones_proven"]) for b in told["backends"])]


def _look(service: Service) -> Cells:
    # the JSON first: with the second asking in `look` it brackets the others
    told = status(service)
    page = ask(service, "/status").text
    return Cells(
        cli=dadns(service, "status"),
        nagios=dadns(service, "status", "--nagios"),
        json=told,
        readyz=ask(service, "/readyz", verbose="true"),
        page=Checked(page).text,
        title=html.unescape(re.search(r"<title>(.*?) - DirectDNSOnly</title>", page, re.DOTALL)[1]),
        metrics=_metrics(ask(service, "/metrics").text),
    )


def says(cells: Cells, state: str, kinds: Mapping[str, str]) -> None:
    """Each cell says this state, and for each kind of reason (a label of the metrics) words that fit the pattern."""
    reasons = cells.json["reasons"]
    assert state == cells.json["state"], cells.json
    assert set(kinds) == {one["kind"] for one in reasons}, reasons
    assert cells.title.startswith(TITLE[state]), cells.title
    assert EXIT[state] == cells.cli.returncode == cells.nagios.returncode, cells.cli.stdout
    assert f": {state} since " in cells.cli.stdout.splitlines()[0]
    line = cells.nagios.stdout
    assert line.startswith(f"DADNS {WORD[state]} - {TITLE[state]}"), line
    assert (1, 1) == (line.count("\n"), line.count("|")), line
    verbose = cells.readyz.json()
    assert (503 if state == "unready" else 200, state) == (cells.readyz.status_code, verbose["status"])
    m = cells.metrics
    assert (state != "unready", state != "ready") == (bool(m["directdnsonly_ready"]), bool(m["directdnsonly_degraded"]))
    for name, value in m.items():
        if name.startswith("directdnsonly_reasons{"):
            kind = name.split('"')[1]
            assert sum(one["kind"] == kind for one in reasons) == value, (name, value)
    for kind, words in kinds.items():
        place = {
            "json": " ".join(one["what"] for one in reasons if one["kind"] == kind),
            "cli": cells.cli.stdout,
            "nagios": line,
            "readyz": verbose["reason"],
            "page": cells.page,
        }
        missing = [where for where, text in place.items() if not re.search(words, text)]
        assert not missing, (kind, words, {where: place[where] for where in missing})
    _figures(cells)


def _figures(cells: Cells) -> None:
    """Zones, those proven on each backend, what is held and lost: the same number everywhere."""
    told, m = cells.json, cells.metrics
    assert m["directdnsonly_zones"] == told["zones"]
    assert (m["directdnsonly_held_pushes"], m["directdnsonly_lost_pushes"]) == (told["held"], told["lost"])
    assert 0 <= m["directdnsonly_store_free_bytes"]
    assert f" held={told['held']};;;0 lost={told['lost']};;;0 " in cells.nagios.stdout
    for one in told["backends"]:
        name, proven, zones = one["name"], one["zones_proven"], told["zones"]
        assert proven == m[f'directdnsonly_zones_proven{{backend="{name}"}}']
        assert f"'{name}_proven'={proven};;;0;{zones}" in cells.nagios.stdout
        assert f"{name}\t{one['state']}\t{proven} of {zones}\t" in cells.cli.stdout
        assert f"proven {proven:,} of {zones:,} zone" in cells.page


def row(fault: str, cells: Cells) -> str:
    """The cells in a line, for people."""
    kinds = ",".join(one["kind"] for one in cells.json["reasons"]) or "-"
    ready, degraded = (int(cells.metrics[f"directdnsonly_{name}"]) for name in ("ready", "degraded"))
    parts = (
        f"{fault:38}", f"cli {cells.cli.returncode}", cells.nagios.stdout.split(" - ")[0].split()[1].ljust(8),
        f"json {cells.json['state']:8}", f"readyz {cells.readyz.status_code}", f"metrics ready={ready} degraded={degraded}",
        kinds.ljust(14), f"page: {cells.title[:90]}",
    )  # fmt: skip
    return " | ".join(parts)


def _metrics(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in lines}


# -- to stage a fault


def until(true: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    """Wait for a condition, with a limit that a busy machine keeps to."""
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def push(service: Service, zone: str, serial: int = SERIAL, body: bytes | None = None) -> bool:
    """As DirectAdmin does; whether it was answered error=0."""
    text = zone_text(zone, serial) if body is None else body
    query = {"action": "rawsave", "domain": zone, "hostname": HOSTNAME, "username": "alice"}
    answer = httpx.post(
        f"{service.url}/CMD_API_DNS_ADMIN",
        params=query,
        content=text,
        auth=(USER, PASSWORD),
        trust_env=False,
        timeout=60,
    )
    return "error=0" in answer.text


def proven(service: Service) -> list[int]:
    """Zones, by backend."""
    return [one["zones_proven"] for one in status(service)["backends"]]


def kinds(service: Service) -> set[str]:
    """Of the reasons that stand now."""
    return {one["kind"] for one in status(service)["reasons"]}


def act(service: Service, path: str, method: str = "POST", **more: object) -> None:
    """A request that must succeed."""
    answer = httpx.request(
        method, f"{service.url}/api/v1/{path}", auth=(USER, PASSWORD), trust_env=False, timeout=60, **more
    )
    answer.raise_for_status()


def shown(matrix: Print, fault: str, service: Service, state: str, expected: Mapping[str, str]) -> Cells:
    """Wait until the service has seen it, then every cell must say it."""
    until(lambda: set(expected) == kinds(service))
    cells = look(service)
    matrix(row(fault, cells))
    says(cells, state, expected)
    return cells


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Another program writes in the store."""
    with contextlib.closing(
        sqlite3.connect(service.folder / "data/queues/outbox.sqlite", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class AsFarAsItComes(Service):
    """One that may never be ready: it is up when it tells its status."""

    def _start(self, _until: str) -> float:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.program, "--config", self.folder / "app.yml"], stdout=log, stderr=log, env=self.environ
            )
        until(self._tells)
        return 0.0

    def _tells(self) -> bool:
        assert self.exit_code() is None, (self.folder / "log").read_text()[-2000:]
        with contextlib.suppress(httpx.TransportError):
            return bool(status(self))
        return False


@contextmanager
def one(extra: str, **more: object) -> Iterator[Service]:
    """A service with a named, up as far as it comes."""
    require_program("named")

    with AsFarAsItComes(extra=extra, **more) as service:
        until(lambda: all(one["breaker"] == "closed" for one in status(service)["backends"][:1]))
        yield service


def kept_lost(service: Service) -> bool:
    """Whether the store itself has it."""
    with contextlib.closing(sqlite3.connect(service.folder / "data/queues/outbox.sqlite")) as other:
        return bool(other.execute("SELECT COUNT(*) FROM lost_push").fetchone()[0])


def changes(service: Service) -> list[dict[str, Any]]:
    """What the log tells of the state."""
    lines = (service.folder / "log").read_text().splitlines()
    return [json.loads(line) for line in lines if '"service.state_changed"' in line]
