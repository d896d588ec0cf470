"""Tables of the commands: whole lines for a pipe, whole values on a terminal of any width."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from bench.service import DADNS

from tests.support.api_server import PASSWORD, USER, Answer, Asked, api_server
from tests.support.terminals import run_on_terminal

SRC = Path(__file__).parents[2] / "src"
LONG = ".".join(["x" * 62, "y" * 62, "z" * 62, "w" * 56, "example"])
REASON = "the name server says: " + " ".join(f"word{number}" for number in range(60))
WHEN = "2026-11-23T01:02:03.000+00:00"
assert len(LONG) == 253, len(LONG)  # without the dot at the end: the longest that a name can be in text


def answer(asked: Asked) -> Answer:
    """A service with one zone of the longest name, dead on a backend with a long reason."""
    owner = {"credential": "c", "hostname": "da1.host.example", "username": "[red]alice\t\n\x1b[31m"}
    if asked.path.endswith("/zones"):
        zone = {"zone": LONG, "serial": 7, "version": 1, "records": 5, "pushed_at": WHEN, "owner": owner}
        return 200, {"items": [zone, {**zone, "zone": "short.example"}], "next": None}
    if asked.path.endswith("/attempts"):
        tried = {"at": WHEN, "backend": "ns1", "version": 3, "attempt": 2, "state": "dead", "elapsed_s": 1}
        return 200, {"items": [{**tried, "reason": REASON}], "next": None}
    if asked.path.endswith("/outbox"):
        entry = {"zone": LONG, "backend": "ns1", "state": "dead", "want_version": 1, "attempts": 5, "due_at": None}
        return 200, {"items": [{**entry, "reason": REASON}], "next": None}
    if asked.path.endswith("/refused"):
        push = {"at": WHEN, "zone": LONG, "rule": "syntax", "owner": owner, "reason": REASON, "faults": []}
        return 200, {"items": [push], "next": None}
    event = {"at": WHEN, "event": "zone.put", "zone": LONG, "actor": "c", "address": "127.0.0.1", "detail": REASON}
    return 200, {"items": [event], "next": None}


COMMANDS = [
    (["zones"], 3, 7),
    (["outbox", "--dead"], 2, 7),
    (["attempts", LONG], 2, 7),
    (["refused"], 2, 5),
    (["events"], 2, 6),
]  # arguments, lines, cells of a line


def environ(url: str, **more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
    known = {"DADNS_URL": url, "DADNS_USERNAME": USER, "DADNS_PASSWORD": PASSWORD, "PYTHONPATH": str(SRC)}
    return {**clean, **known, **more}


def dadns(*arguments: str) -> list[str]:
    return [str(DADNS), *arguments]


@pytest.mark.parametrize(("arguments", "lines", "cells"), COMMANDS, ids=lambda value: str(value)[:12])
def test_a_pipe_gets_one_whole_line_per_row(arguments, lines, cells, tmp_path):
    """Whatever the terminal's width is; no colour; the cells are parted by tabs, and no value holds one."""
    with api_server(answer) as server:
        done = subprocess.run(
            dadns(*arguments), capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
            env=environ(server.url, COLUMNS="40", TERM="xterm-256color"),
        )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    rows = done.stdout.splitlines()
    assert lines == len(rows), done.stdout
    assert {cells} == {len(row.split("\t")) for row in rows}
    assert LONG in rows[1] or arguments[0] == "attempts"
    assert REASON in rows[1] or arguments[0] == "zones"
    assert "\x1b" not in done.stdout


SHOWN = "2026-11-23 01:02:03"
FIRST_ROWS: list[tuple[list[str], dict[str, str]]] = [
    (["zones"], {"zone": LONG, "serial": "7", "version": "1", "records": "5", "server": "da1.host.example", "user": "[red]alice???[31m", "pushed": SHOWN}),
    (["outbox"], {"zone": LONG, "backend": "ns1", "state": "dead", "version": "1", "tries": "5", "due": "", "reason": REASON}),
    (["attempts", LONG], {"at": SHOWN, "backend": "ns1", "version": "3", "try": "2", "then": "dead", "seconds": "1.00", "reason": REASON}),
    (["refused"], {"at": SHOWN, "zone": LONG, "rule": "syntax", "server": "da1.host.example", "reason": REASON}),
    (["events"], {"at": SHOWN, "event": "zone.put", "zone": LONG, "who": "c", "from": "127.0.0.1", "detail": REASON}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "row"), FIRST_ROWS, ids=[arguments[0] for arguments, _ in FIRST_ROWS])
def test_each_value_stands_under_its_name(arguments, row, tmp_path):
    """In the order in which a script counts its columns."""
    with api_server(answer) as server:
        table = subprocess.check_output(dadns(*arguments), text=True, cwd=tmp_path, env=environ(server.url, TZ="UTC"))

    names, values, *_ = (line.split("\t") for line in table.splitlines())
    assert list(row.items()) == list(zip(names, values, strict=True))


def test_zones_through_grep_and_awk(tmp_path):
    """As people use it in a shell."""
    pipe = f"{DADNS} zones | grep '^x' | awk -F'\\t' '{{print $1, $5}}'"
    with api_server(answer) as server:
        seen = subprocess.check_output(["/bin/sh", "-c", pipe], cwd=tmp_path, env=environ(server.url), text=True)

    assert f"{LONG} da1.host.example\n" == seen


def test_a_reader_who_leaves_early_sees_no_traceback(tmp_path):
    """`dadns zones | head -1`, with more behind it than a pipe holds."""
    zone = {"serial": 7, "version": 1, "records": 5, "pushed_at": WHEN}
    owner = {"credential": "c", "hostname": "", "username": ""}
    many = [{**zone, "zone": f"{number}.{LONG[10:]}", "owner": owner} for number in range(1000)]
    pipe = f"{DADNS} zones --limit 1000 | head -1"
    with api_server(lambda _: (200, {"items": many, "next": None})) as server:
        done = subprocess.run(
            ["/bin/sh", "-c", pipe], cwd=tmp_path, env=environ(server.url), capture_output=True, text=True, check=False
        )

    assert (1, "") == (len(done.stdout.splitlines()), done.stderr)


@pytest.mark.parametrize("columns", [10, 80, 400])
@pytest.mark.parametrize(("arguments", "lines", "cells"), COMMANDS, ids=lambda value: str(value)[:12])
def test_a_terminal_shows_the_whole_value(arguments, lines, cells, columns, tmp_path):
    """Folded where it is narrow, never cut: no ellipsis, and every character of the name is there."""
    with api_server(answer) as server:
        code, seen = run_on_terminal(
            dadns(*arguments), columns=columns, cwd=tmp_path, env=environ(server.url, NO_COLOR="1")
        )

    assert 0 == code
    assert "…" not in seen
    whole = LONG if arguments[0] != "attempts" else REASON
    for letter in set(whole) - set(" .:"):
        assert whole.count(letter) <= seen.count(letter), (letter, seen)
    if columns >= 80:
        assert columns >= max(map(len, seen.splitlines()))
