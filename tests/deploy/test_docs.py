"""Generated pages are current, and every event that code logs is documented."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

from bench.plot import curve
from docs import cli_session

from directdnsonly.log import EVENTS

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_are_current():
    """`make docs` would change nothing."""
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()

    assert {path.name: text for path, text in pages.items()} == {path.name: path.read_text() for path in pages}


def test_every_command_has_its_section_with_a_call():
    """`make docs-cli` writes it from a real run; tests/e2e/test_cli_page.py runs the session again."""
    text = (ROOT / "docs" / "cli.md").read_text()
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n### ")[1:]}

    assert set(cli_session.commands_once()) == set(sections)
    for name, about in cli_session.commands_once().items():
        assert about in sections[name]
        assert re.search(rf"^\$ .*dadns {name}( |$)", sections[name], re.MULTILINE), name
    assert text.startswith((ROOT / "docs" / "cli-head.md").read_text())


def test_every_logged_event_is_in_the_list():
    """And nothing is in the list that nobody logs."""
    logged = set()
    for file in (ROOT / "src").rglob("*.py"):
        if file.name != "log.py":
            logged |= set(re.findall(r'"([a-z]+\.[a-z_]+)"', file.read_text()))
    assert set(EVENTS) <= logged


def test_a_curve_is_a_picture_with_every_series():
    """make bench draws it; a floor has the colour of what it lies below."""
    picture = curve("t", {"A & B": [(10, 1), (1000, 20)], "floor: A & B": [(10, 0.5)]}, x="zones", y="ms")

    root = ET.fromstring(picture)

    lines = [part.get("stroke") for part in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [lines[0]] * 2 == lines
    assert "A &amp; B" in picture
