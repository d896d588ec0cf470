"""`make new-backend`, in a copy of the tree: what it writes is good code, and its contract tests say what is to be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OF_THE_TREE = ("src", "tests", "docs", "bench", "deploy", "pyproject.toml", "Makefile")
METHODS = """
import asyncio
from pathlib import Path
from directdnsonly.backends.registry import BACKENDS, type_of
from directdnsonly.zone.name import ZoneName

kind = BACKENDS[type_of("foo_db_dc1")]
backend = kind.build("foo_db_dc1", kind.settings(), Path("data"))
name = ZoneName("a.example")


async def all_of_it() -> None:
    for work in (backend.apply([]), anext(backend.inventory()), backend.observe([name]), backend.stored(name), backend.ready()):
        try:
            await work
        except NotImplementedError as error:
            print(error)
    await backend.aclose()


asyncio.run(all_of_it())
"""


def run(tree: Path, *command: object) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"}
    return subprocess.run(
        [str(word) for word in command], cwd=tree, env=environ, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with a new backend."""
    copy = tmp_path_factory.mktemp("new") / "tree"
    copy.mkdir()
    for name in OF_THE_TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    done = run(copy, sys.executable, "-m", "docs.new_backend", "foo_db")
    assert 0 == done.returncode, done.stderr
    assert "src/directdnsonly/backends/foo_db/backend.py" in done.stdout
    return copy


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "src", "tests/support", "tests/contract/kinds.py", "docs"],
        ["ruff", "check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_the_skeleton_passes_make_check(tree: Path, command: list[str]) -> None:
    """It is part of the house from its first minute: typed, formatted, and knowing no other name server."""
    done = run(tree, BIN / command[0], *command[1:])

    assert 0 == done.returncode, done.stdout + done.stderr


def test_its_contract_tests_say_what_is_to_be_done(tree: Path) -> None:
    """First the name server itself; not one passes."""
    done = run(
        tree, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--backend", "foo_db", "tests/contract"
    )

    assert 1 == done.returncode, done.stdout + done.stderr
    *_, last = done.stdout.splitlines()
    errors = int(last.split(" error")[0].rpartition(" ")[2])
    assert 10 <= errors == done.stdout.count("\nERROR ")
    assert " passed" not in last
    told = "to do: tests/support/foo_db.py: start a real foo_db on free ports"
    assert errors == done.stdout.count(f"E       NotImplementedError: {told}")


def test_each_method_of_it_says_what_is_to_be_done(tree: Path) -> None:
    """And the registry knows it by its name."""
    done = run(tree, sys.executable, "-c", METHODS)

    assert ["apply", "observe", "observe", "stored", "ready"] == [
        line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("to do: ")
    ], done.stderr


def test_the_pages_know_it(tree: Path) -> None:
    """`make docs` writes its keys down; its page has the headings of the others."""
    done = run(tree, sys.executable, "docs/generate.py")

    assert 0 == done.returncode, done.stderr
    assert "foo_db" in (tree / "docs/configuration.md").read_text()
    ours, theirs = (
        [line for line in (tree / f"docs/backends/{name}.md").read_text().splitlines() if line.startswith("## ")]
        for name in ("foo_db", "bind")
    )
    assert theirs == ours


@pytest.mark.parametrize(
    "name", ["", "nsd", "contract", "files", "named", "1st", "a-b", "A", "class", "../x", "x" * 40]
)
def test_a_name_that_cannot_be_writes_nothing(tree: Path, name: str) -> None:
    """What is there already, and what no module can be called."""
    before = sorted(tree.rglob("*.py"))

    done = run(tree, sys.executable, "-m", "docs.new_backend", name)

    assert 2 == done.returncode, done.stdout
    assert done.stderr.strip()
    assert before == sorted(tree.rglob("*.py"))
