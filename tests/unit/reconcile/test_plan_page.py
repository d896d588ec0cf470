"""The plan that docs/reconcile.md shows is what the command says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from directdnsonly.cli.reconcile import KINDS, WHAT, _finish_job

PAGE = Path(__file__).parents[3] / "docs" / "reconcile.md"


def shown() -> str:
    """What stands below the command."""
    block = re.search(r"\$ dadns reconcile --plan\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1]


def line_of(found: str, zone: str, where: str, detail: str) -> dict[str, object]:
    return {"found": found, "zone": zone, "where": where, "detail": detail}


def test_the_page_shows_a_drifted_set() -> None:
    """Somebody who reads it sees what was missed, what lingers, and what a name server lost."""
    counts = {kind: int(number) for kind, number in re.findall(r"^(\w+)\s+(\d+)\s", shown(), re.MULTILINE)}

    assert set(counts) >= set(KINDS)
    assert counts["missing"] == 200
    assert counts["missed"] == 3
    assert counts["orphaned"] == 2


def test_the_command_still_says_it_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same plan, told by the command of today, gives the lines of the page."""
    monkeypatch.setenv("COLUMNS", "110")
    said = shown()
    head = re.match(r"(\S+): (\d+) zones? listed, (\d+) of (\d+) of ours present", said)
    assert head is not None
    server = {"server": head[1], "reason": "", "listed": int(head[2]), "present": int(head[3]), "owned": int(head[4])}
    plan = {"servers": [server | {"pushes_as": "", "serials": True}], "unreachable": {}, "approvals": {}}
    plan["counts"] = {kind: int(number) for kind, number in re.findall(r"^(\w+)\s+(\d+)\s", said, re.MULTILINE)}
    plan |= {kind: [] for kind in KINDS}
    for zone, found, where, detail in re.findall(r"^(\S+\.example)\s+(\w+)\s+(\S+)\s+(.*?)\s*$", said, re.MULTILINE):
        plan[found].append(line_of(found, zone, where, detail))

    _finish_job({"failure": "", "live": False, "result": {"plan": plan}}, as_json=False)

    def squeezed(text: str) -> list[str]:
        return [" ".join(one.split()) for one in text.strip().splitlines()]

    assert squeezed(said) == squeezed(capsys.readouterr().out)
    assert all(WHAT[kind].split()[0] in said for kind in KINDS)
