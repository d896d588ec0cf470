"""All faults of a refused zone and the warnings of an accepted one, in every place that tells of them."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import parse_qsl

import httpx
import pytest
from bench.load import PASSWORD, USER, zone_text
from bench.service import DADNS

SERIAL = 2026112300
MISTAKES = "mail 300 IN MX 10 192.0.2.1\n_x 300 IN TXT v=DMARC1; p=none\n"
FAULTS = 'a 300 IN A 192.0.2.300\nb 300 IN TXT "open\nwww 300 IN CNAME x\n'


@pytest.fixture
def dadns(service, tmp_path):
    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [DADNS, *arguments, "--config", str(service.folder / "app.yml")],
            capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        assert code == done.returncode, done.stdout + done.stderr
        return done

    return run


def test_the_warnings_of_a_zone_are_told_wherever_it_is_shown(service, dadns, tmp_path):
    """By the answer of the API, push, show, explain, history, import, the JSON of zone and history, and the page."""
    text = zone_text("example.com", SERIAL).decode() + MISTAKES
    (tmp_path / "example.com.db").write_text(text)

    pushed = dadns("push", "example.com.db").stdout

    first = text.count("\n") - 1
    words = [
        f"line {first}: 192.0.2.1 is in the place of a host name",
        f"line {first + 1}: a semicolon outside quotation",
    ]
    shown = [pushed, dadns("show", "example.com").stdout, dadns("explain", "example.com").stdout]
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", auth=(USER, PASSWORD)) as http:
        page = http.get("/status/zones/example.com").text
        zone = http.get("/api/v1/zones/example.com").json()
        history = http.get("/api/v1/zones/example.com/history").json()["items"][0]
        change = http.get(f"/api/v1/changes/{zone['change_id']}").json()
        answer = http.put("/api/v1/zones/example.com", content=(tmp_path / "example.com.db").read_bytes()).json()
    for text in (*shown, page):
        assert all(word in text for word in words), text
    for told in (zone, history, change, answer, json.loads(dadns("show", "example.com", "--json").stdout)):
        assert ["address-as-name", "text-cut"] == [one["rule"] for one in told["warnings"]]
    assert {"rule", "text", "owner", "type", "line"} == zone["warnings"][0].keys()
    assert "2" == dadns("history", "example.com").stdout.splitlines()[1].split()[-1]

    imported = dadns("import", ".")
    assert f"example.com: warning: {words[0]}" in imported.stderr
    assert "1 zone has warnings" in imported.stdout


def test_all_faults_of_a_zone_are_told_wherever_it_is_refused(service, dadns, tmp_path):
    """DirectAdmin, the API, push, import, the list of refused pushes, and the page: not only the first one."""
    text = zone_text("bad.example", SERIAL).decode() + FAULTS
    (tmp_path / "bad.example.db").write_text(text)
    reasons = [
        "'192.0.2.300' is not an IPv4 address; an A record is written like: 192.0.2.1",
        "a string is not closed",
        "a CNAME must stand alone",
    ]

    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", auth=(USER, PASSWORD)) as http:
        query = {"action": "rawsave", "domain": "bad.example", "hostname": "h1.example", "username": "alice"}
        answer = dict(parse_qsl(http.post("/CMD_API_DNS_ADMIN", params=query, content=text.encode()).text))

    assert all(reason in answer["details"] for reason in reasons), answer
    pushed = dadns("push", "bad.example.db", code=1).stderr
    imported = dadns("import", ".", code=1).stderr
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", auth=(USER, PASSWORD)) as http:
        problem = http.put("/api/v1/zones/bad.example", content=text.encode()).json()
        refused = http.get("/api/v1/refused").json()["items"][0]
        pages = http.get("/status/zones/bad.example").text, http.get("/status").text
    for told in (pushed, imported, *(page.replace("&#39;", "'") for page in pages)):
        assert all(reason in told for reason in reasons), told
    for told in (problem, refused):
        assert reasons == [fault["reason"].split(" and also A: ")[-1] for fault in told["faults"]]
        assert all(fault["line"] for fault in told["faults"])
    assert (refused["rule"], refused["reason"]) == (problem["rule"], problem["detail"])
    listed = dadns("refused").stdout
    assert "(and 2 more)" in listed
