"""A stage for faults of one zone: a real service, its name servers, and one look at all the places that tell of a zone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import httpx
import pytest
from bench.load import HOSTNAME, PASSWORD, USER, zone_text
from bench.service import DADNS, Service, free_port

from tests.support.coredns import DATABASE, DataCentre
from tests.support.coredns import PASSWORD as MYSQL_PASSWORD
from tests.support.coredns import USER as MYSQL_USER
from tests.support.html import Checked
from tests.support.programs import require_program

SERIAL = 2026112300
QUICK = "dispatch:\n  watch_every_s: 1\n  probe_timeout_s: 1\n  verify_patience_s: 1\n"
BAD = b"\n$TTL 60\n@ IN SOA a. b. 1 1 1 1 1\n@ IN NS ns1\nwww IN A 192.0.2.256\n"
DATABASE_BACKEND = """\
    {name}:
      type: coredns_mysql
      host: 127.0.0.1
      port: {port}
      database: {database}
      username: {user}
      password: {password}
      plugin: {plugin}
{more}
"""
EXITS = {"live": 0, "not live": 1, "unknown": 2}
TONES = {"live": "ready", "not live": "unready", "unknown": "degraded"}
SAME = ("zone", "within", "live", "verdict", "headline", "since", "why", "customers", "do", "also")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is true of a staged fault. `words`: in the headline; `also`: causes that hold as well, in order."""

    asked: str
    live: str
    verdict: str
    words: Sequence[str] = ()
    do: str = ""
    also: Sequence[str] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    status: int = 200  # of the page


class Stage:
    """The service with what a test does to its zones, and what every place says of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.pushed: set[str] = set()
        self.http = httpx.Client(base_url=service.url, auth=(USER, PASSWORD), trust_env=False, timeout=60)

    def push(self, zone: str, serial: int = SERIAL, *, text: bytes | None = None, hostname: str = HOSTNAME) -> str:
        """As DirectAdmin does; the answer."""
        query = {"action": "rawsave", "domain": zone, "hostname": hostname, "username": "alice"}
        body = zone_text(zone, serial) if text is None else text
        answer = self.http.post("/CMD_API_DNS_ADMIN", params=query, content=body).text
        if answer.startswith("error=0"):
            self.pushed.add(zone)
        return answer

    def remove(self, zone: str) -> None:
        """As DirectAdmin does."""
        body = {"action": "delete", "hostname": HOSTNAME, "select0": zone, "username": "alice"}
        assert self.http.post("/CMD_API_DNS_ADMIN", data=body).text.startswith("error=0")
        self.pushed.discard(zone)

    def proven(self, zone: str, serial: int = SERIAL, **more: Any) -> None:
        """Pushed, and everywhere."""
        assert self.push(zone, serial, **more).startswith("error=0")
        self.settled(zone)

    def compared(self, backends: int) -> None:
        """Until the comparison of the start is over on each, so that it repairs nothing that a test stages. Level INFO."""
        self.until(lambda: (self.service.folder / "log").read_text().count('"backend.swept"') >= backends)

    def settled(self, zone: str, *states: str) -> None:
        """Until the zone is in one of these states on every backend (verified, stored)."""
        wanted = set(states) or {"verified", "stored"}
        self.until(lambda: {place["state"] for place in self.get(f"zones/{zone}")["placements"]} <= wanted)

    def act(self, method: str, path: str, **more: Any) -> Any:
        """Something that an operator does by the API."""
        answer = self.http.request(method, f"/api/v1/{path}", **more)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """What the API tells."""
        return self.act("GET", path)

    @contextmanager
    def paused(self, backend: str, reason: str = "moving") -> Iterator[None]:
        """While the block runs."""
        self.act("POST", f"backends/{backend}/pause", json={"reason": reason})
        try:
            yield
        finally:
            self.act("POST", f"backends/{backend}/resume")

    def a_pass(self) -> None:
        """Reconciliation runs once, now."""
        job = self.act("POST", "reconcile/run")
        while not job["done"]:
            job = self.get(f"reconcile/jobs/{job['id']}?wait=5")
        assert not job["failure"]

    def until(self, true: Callable[[], object]) -> None:
        """Wait for a condition."""
        limit = time.monotonic() + 90
        while not true():
            assert time.monotonic() < limit, (self.service.folder / "log").read_text()[-3000:]
            time.sleep(0.05)

    def rndc(self, *words: str) -> None:
        """To the bundled named, as an operator who knows it."""
        folder = self.service.folder / "data/backends/bind"
        port = (folder / "control.port").read_text().strip()
        command = [require_program("rndc"), "-s", "127.0.0.1", "-p", port, "-k", str(folder / "rndc.key"), *words]
        subprocess.run(command, check=True, capture_output=True)

    def metric(self, series: str) -> float:
        """One series of /metrics; -1 where there is none."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.http.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def dadns(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line."""
        known = {"DADNS_CONFIG": str(self.service.folder / "app.yml"), "NO_COLOR": "1"}
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        done = subprocess.run(
            [DADNS, *words], capture_output=True, text=True, timeout=90, check=False, env={**clean, **known}
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def look(self, expected: Expected) -> str:
        """Ask everywhere: the same words in JSON, on the command line and on the page, and they are true. A line of the matrix."""
        asked = expected.asked
        told = self.http.get(f"/api/v1/zones/{quote(asked, safe='')}/explain").json()
        assert (expected.live, expected.verdict) == (told["live"], told["verdict"]), told
        for words in expected.words:
            assert words in told["headline"], told
        assert expected.do in told["do"], told
        assert list(expected.also) == [each["cause"] for each in told["also"]], told["also"]
        self._same_on_the_command_line(asked, told)
        self._same_on_the_page(asked, told, expected.status)
        for series, value in expected.metrics.items():
            assert value == self.metric(series), series
        metrics = "".join(f"; {series} {value:g}" for series, value in expected.metrics.items())
        return f"exit {EXITS[expected.live]} {expected.verdict:10} {told['headline']}{metrics}"

    def _same_on_the_command_line(self, asked: str, told: dict[str, Any]) -> None:
        shown, as_json = self.dadns("explain", asked), self.dadns("explain", asked, "--json")
        again = json.loads(as_json.stdout)
        differs = {key: (told[key], again[key]) for key in SAME if told[key] != again[key]}
        assert not differs, differs
        assert {EXITS[told["live"]]} == {shown.returncode, as_json.returncode}
        for words in said(told):
            assert words in shown.stdout, shown.stdout

    def _same_on_the_page(self, asked: str, told: dict[str, Any], status: int) -> None:
        answer = self.http.get("/status/zones", params={"zone": asked}, follow_redirects=True)
        page = Checked(answer.text)
        assert status == answer.status_code
        assert f"<title>{told['live'].upper()}: {told['zone']} - DirectDNSOnly</title>" in answer.text
        assert f'<section id="verdict" class="{TONES[told["live"]]}">' in answer.text
        shown = " ".join(page.text.split())
        for words in said(told):
            assert words.lower() in shown.lower(), shown


def said(told: dict[str, Any]) -> list[str]:
    """Every sentence of a verdict."""
    also = [words for each in told["also"] for words in (each["why"], each["do"]) if words]
    return [told["headline"], told["do"] or "nothing to do", *also]


def on_database(
    name: str, centre: DataCentre, *, plugin: str = "mysqlzones", database: str = DATABASE, **keys: object
) -> str:
    """A coredns_mysql in the configuration, on a database of this centre."""
    more = "\n".join(f"      {key}: {value}" for key, value in keys.items())
    return DATABASE_BACKEND.format(
        name=name, port=centre.database.port, database=database, user=MYSQL_USER, password=MYSQL_PASSWORD,
        plugin=plugin, more=more,
    )  # fmt: skip


@contextmanager
def data_centre(folder: Path) -> Iterator[DataCentre]:
    """A MariaDB and a CoreDNS that run."""
    made = DataCentre(folder)
    try:
        asyncio.run(made.prepare())
        asyncio.run(made.coredns.start())
        yield made
    finally:
        asyncio.run(made.stop())


@contextmanager
def printed(config: pytest.Config, title: str) -> Iterator[list[str]]:
    """Lines that are shown when all of them are there, whatever pytest keeps to itself."""
    lines: list[str] = []
    yield lines
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        print(f"\n\n{title}\n" + "\n".join(lines))


class FaultyNameServer:
    """Answers the SOA of what it was told, by UDP, with or without authority; forgets nothing by itself."""

    def __init__(self) -> None:
        self.port = free_port()
        self.authoritative = True
        self.serials: dict[str, int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._serve, name="faulty-name-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No answer from now on."""
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, who = self._socket.recvfrom(4096)
            if not data:
                return
            self._socket.sendto(self._answer(data), who)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        if name not in self.serials:
            answer.set_rcode(dns.rcode.REFUSED)
            return answer.to_wire()
        if self.authoritative:
            answer.flags |= dns.flags.AA
        soa = f"ns.host.example. h.host.example. {self.serials[name]} 1 1 1 1"
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "SOA", soa))
        return answer.to_wire()
