"""/metrics of the running service, and that board and alerts ask for nothing that it does not tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from bench.load import PASSWORD, USER, dns_socket, push_blocking, rawsave, wait_served, zone_text
from bench.service import Service
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.test_line import until
from tests.support.programs import require_program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/directdnsonly.rules.yml"
BOARD = ROOT / "deploy/grafana/directdnsonly.json"
NAMES = re.compile(r"\b(?:directdnsonly|process)_[a-z_]+")
SERIAL = 2026112300
PEERS = json.dumps([{"name": "ns2", "url": "http://127.0.0.1:1", "token": "t"}])


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    require_program("named")
    with Service(environ={"DADNS_APP_METRICS_NETWORKS": "127.0.0.2/32", "DADNS_PEERS": PEERS}) as running:
        with dns_socket(running.dns_port) as sock:
            for number in range(3):
                push_blocking(running.port, rawsave(f"m{number}.example", zone_text(f"m{number}.example", SERIAL)))
                wait_served(sock, f"m{number}.example", SERIAL)
        bad = httpx.post(
            f"http://127.0.0.1:{running.port}/CMD_API_DNS_ADMIN",
            params={"action": "rawsave", "domain": "bad.example"}, content=b"$INCLUDE /etc/passwd\n",
            auth=(USER, PASSWORD), trust_env=False,
        )  # fmt: skip
        assert bad.text.startswith("error=1")
        yield running


def read(service: Service) -> dict[str, float]:
    """Every sample by its name and labels."""
    answer = httpx.get(f"http://127.0.0.1:{service.port}/metrics", auth=(USER, PASSWORD), trust_env=False, timeout=60)
    assert 200 == answer.status_code
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_happened_is_counted(service):
    """Three pushes proven, one refused, nothing outstanding."""
    until(lambda: read(service)["directdnsonly_attempts_total,backend=bind,outcome=verified"] == 3)

    now = read(service)

    assert 3 == now["directdnsonly_pushes_total,result=accepted,source=directadmin"]
    assert 1 == now["directdnsonly_pushes_total,result=refused,source=directadmin"]
    assert 1 == sum(value for name, value in now.items() if name.startswith("directdnsonly_refused_total"))
    assert 4 == now["directdnsonly_ack_seconds_count"]
    assert 3 == now["directdnsonly_proven_seconds_count,backend=bind"]
    assert 3 == now["directdnsonly_applied_seconds_count,backend=bind"]
    assert now["directdnsonly_applied_seconds_sum,backend=bind"] <= now["directdnsonly_proven_seconds_sum,backend=bind"]
    assert (0, 0, 1) == (
        now["directdnsonly_breaker_open,backend=bind"],
        now["directdnsonly_outbox_deliveries,backend=bind,state=dead"],
        now["directdnsonly_nameserver_running,backend=bind"],
    )
    assert 3 == now["directdnsonly_zones"]
    assert now["directdnsonly_store_bytes"] > 10_000
    assert any(name.startswith("directdnsonly_build_info,") and "store=SQLite " in name for name in now)


def test_no_series_is_a_zone(service):
    """A hundred thousand zones are as many series as three."""
    assert not [name for name in read(service) if "example" in name]
    assert len(read(service)) < 400


def test_who_may_read(service):
    """The role `read`, or an address of metrics_networks without a password."""
    url = f"http://127.0.0.1:{service.port}/metrics"
    near = httpx.HTTPTransport(local_address="127.0.0.2")

    assert 401 == httpx.get(url, trust_env=False, timeout=60).status_code
    assert 401 == httpx.get(url, trust_env=False, auth=("x", "y")).status_code
    with httpx.Client(transport=near, trust_env=False, timeout=60) as client:
        assert 200 == client.get(url).status_code
        assert 401 == client.get(url.replace("/metrics", "/api/v1/zones")).status_code


def test_board_and_alerts_ask_for_what_is_exported(service):
    """Each name in an expression is a name that the running service tells; labels as well."""
    told = read(service)
    exported = {name.split(",")[0] for name in told}
    labels = {part.split("=")[0] for name in told for part in name.split(",")[1:]} | {"instance", "job", "le"}
    expressions = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    board = json.loads(BOARD.read_text())
    expressions += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    expressions.append(board["templating"]["list"][1]["query"])
    assert len(expressions) > 25

    asked = {name for expression in expressions for name in NAMES.findall(expression)}
    matched = {key for expression in expressions for key in re.findall(r"[{,]([a-z_]+)=~?\"", expression)}
    grouped = {
        key.strip()
        for expression in expressions
        for inner in re.findall(r"(?:by|on) \(([a-z_, ]+)\)", expression)
        for key in inner.split(",")
    }

    assert set() == asked - exported
    assert set() == (matched | grouped) - labels
    assert {name for name in exported if name.startswith("directdnsonly_pushes")} <= asked | {
        "directdnsonly_pushes_created"
    }


def test_rules_and_board_have_their_shape():
    """What Prometheus and Grafana refuse is seen here; promtool says so too where it is installed."""
    rules: list[dict[str, Any]] = [r for group in yaml.safe_load(RULES.read_text())["groups"] for r in group["rules"]]
    names = [rule["alert"] for rule in rules]
    board = json.loads(BOARD.read_text())
    boxes = [panel["gridPos"] for panel in board["panels"]]

    assert len(names) == len(set(names)) >= 10
    for rule in rules:
        assert (
            {"alert", "expr", "labels", "annotations"} <= set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        )
        assert {"summary", "action"} == set(rule["annotations"])
        assert rule["labels"]["severity"] in ("warning", "critical")
    cells = [(x, y) for b in boxes for x in range(b["x"], b["x"] + b["w"]) for y in range(b["y"], b["y"] + b["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len(boxes) == len({panel["id"] for panel in board["panels"]})
    if promtool := shutil.which("promtool"):
        done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr
