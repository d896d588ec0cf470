"""Pages that describe code name all of it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from directdnsonly.backends.contract import Backend, Capabilities, OutcomeKind, ZoneObserved
from directdnsonly.backends.settings import BackendSettings
from directdnsonly.outbox.lifecycle import Event

ROOT = Path(__file__).parents[2]
CONTRACT = [
    *(name for name in vars(Backend) if not name.startswith("_")),
    *(field.name for field in dataclasses.fields(Capabilities)),
    *(field.name for field in dataclasses.fields(ZoneObserved)),
    *BackendSettings.model_fields,
    *OutcomeKind,
]


@pytest.mark.parametrize("name", sorted(set(CONTRACT)))
def test_the_page_on_backends_names_the_whole_contract(name):
    """A part of the contract that nobody explains is one that nobody keeps."""
    page = (ROOT / "docs/writing-a-backend.md").read_text()

    assert f"`{name}`" in page or f"`{name}(" in page


@pytest.mark.parametrize("event", [Event.CLAIM, Event.REVIVE, Event.SUPERSEDE, Event.DRIFT])
def test_the_glossary_has_the_words_of_the_lifecycle(event):
    """Words of code are words of the glossary."""
    assert str(event).split()[0] in (ROOT / "docs/glossary.md").read_text()


def test_tests_benchmarks_and_pages_start_us_as_users_do():
    """By a command that we ship. `python -m` hid a fault of every such command for weeks."""
    module = re.compile(r"""-m"?,? *"?directdnsonly(?![.\w])""")
    files = [
        file
        for folder in ("tests", "bench", "docs")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in (".py", ".md", ".sh")
    ]

    assert 100 < len(files)
    assert module.search('[sys.executable, "-m", "directdnsonly", "serve"]')
    assert module.search("python3 -m directdnsonly serve")
    assert [] == [file for file in files if file != Path(__file__) and module.search(file.read_text())]


@pytest.mark.parametrize("file", ["deploy/write-command.sh", "Dockerfile"])
def test_the_scripts_that_we_write_can_be_imported(file):
    """Python's own tools import the main script again in other processes; pip's scripts have this guard too."""
    written = (ROOT / file).read_text().replace("\\n", "\n").replace("${3:-main}", "main")

    assert 'if __name__ == "__main__":\n    main()\n' in written


def test_each_decision_is_in_the_list():
    """And nothing is listed that is not there."""
    pages = {file.name for file in (ROOT / "docs/adr").glob("0*.md")}
    listed = (ROOT / "docs/adr/README.md").read_text()

    assert pages
    assert all(f"]({name})" in listed for name in pages)


@pytest.mark.parametrize("page", ["docs/failure.md", "docs/refusals.md", "docs/glossary.md"])
def test_a_page_says_nothing_twice(page):
    """Two wordings of one row or paragraph, as two merged branches leave them: no reader knows which one is true."""
    begins = [line[:60] for line in (ROOT / page).read_text().splitlines() if len(line) > 60]
    assert [] == [line for line in begins if begins.count(line) > 1]


@pytest.mark.parametrize("page", ["docs/failure.md", "docs/topologies.md"])
def test_each_row_of_failure_behaviour_names_a_test_that_is_there(page):
    """In the columns "test" and "shown by"; a row of what is not built says "not yet" instead."""
    rows, inside = [], False
    for line in (ROOT / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        inside = line.startswith("|") and (inside or cells[-1] in ("test", "shown by"))
        if inside and cells[-1] not in ("test", "shown by") and not line.startswith("|--"):
            rows.append(cells)

    assert 20 < len(rows)
    for first, *_, shown in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", shown)
        assert named or "not yet" in shown, first
        for path, name in named:
            assert re.search(rf"(?m)^(async def|def) {name}\(|^{name} = ", (ROOT / path).read_text()), f"{path}::{name}"


CODE = [file for room in ("src", "tests", "bench", "deploy") for file in sorted((ROOT / room).rglob("*.py"))]


def test_code_cites_only_pages_that_its_reader_has():
    """By their path from the top, or by name within docs/; and no numbered row of a list that is not in the repository."""
    pages = {str(page.relative_to(ROOT)) for page in ROOT.rglob("*.md") if ".venv" not in page.parts}
    known = pages | {page.removeprefix("docs/") for page in pages}
    cited = {
        (str(file.relative_to(ROOT)), page)
        for file in CODE
        for page in re.findall(r"(?<![\w/.])(?:[\w-]+/)*[\w-]+\.md\b", file.read_text(encoding="utf-8"))
    }
    assert set() == {(file, page) for file, page in cited if page not in known}
    rows = re.compile(r"\((?:faults|[Ww]ire rows?) [A-K]?\d|\b[Ww]ire row \d|\bgotcha")
    assert [] == [
        str(file) for file in CODE if file != Path(__file__) and rows.search(file.read_text(encoding="utf-8"))
    ]
