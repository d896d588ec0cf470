"""The folders of the tests are what they say, and each of them is run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from directdnsonly.backends.registry import BACKENDS
from tests.support.selecting import types_in

ROOT = Path(__file__).parents[2]
UNIT = sorted((ROOT / "tests/unit").rglob("*.py"))
NEVER = {"asyncio", "multiprocessing", "socket", "subprocess", "threading"}
EXCEPTIONS: set[str] = set()  # none: what needs one of these belongs into tests/component
NO_UNIT_TESTS = {
    "starts a process": "import os\ndef test_it():\n    os.system('true')\n",
    "runs an event loop": "import os\nasync def test_it():\n    pass\n",
    "writes /": "def test_it():\n    open('/nowhere-of-ours', 'w')\n",
    "starts a process, though": "import os\ndef test_it():\n    try:\n        os.system('true')\n    except Exception: pass\n",
}


def modules_of(tree: ast.AST) -> set[str]:
    """The outermost packages that are imported anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_no_unit_test_can_start_a_process_or_a_loop():
    """So all of them can run at each save; `tests/unit/conftest.py` sees what is done behind other names."""
    trees = {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in UNIT}

    assert 30 < len(trees)
    assert EXCEPTIONS == {name for name, tree in trees.items() if modules_of(tree) & NEVER}
    assert EXCEPTIONS == {
        name for name, tree in trees.items() if any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree))
    }


@pytest.mark.parametrize(("what", "text"), NO_UNIT_TESTS.items(), ids=NO_UNIT_TESTS)
def test_what_is_no_unit_test_fails_among_them(tmp_path: Path, what: str, text: str) -> None:
    """Also where the code under test catches what we raise."""
    (tmp_path / "test_it.py").write_text(text)
    options = ["-c", str(ROOT / "pyproject.toml"), "-p", "tests.unit.conftest", "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(tmp_path / "test_it.py")],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert 1 == done.returncode, done.stdout + done.stderr
    assert what.partition(",")[0] in done.stdout


def test_each_folder_of_tests_is_run_by_a_target_of_the_makefile():
    """A folder that nobody runs is one that nobody keeps."""
    makefile = (ROOT / "Makefile").read_text()
    recipes = {part.split(":")[0]: part for part in makefile.split("\n\n")}
    with_tests = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}
    apart = {"image": "test-image", "machine": "test-systemd"}  # they need an engine, or root

    assert 8 <= len(with_tests)
    for folder in with_tests:
        assert f"tests/{folder}" in recipes[apart.get(folder, "test")], folder
    assert "make test\n" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ({"bind"}, "bind-managed-native"),
        ({"powerdns_mysql"}, "powerdns_mysql"),
        ({"powerdns"}, "powerdns-sqlite"),
        ({"coredns_mysql"}, "test_coredns_mysql"),
        ({"coredns_mysql", "coredns_file"}, "test_coredns_answers"),
        ({"nsd", "knot"}, "nsd knot"),
        (set(), "test_what_is_named_after_binding_knots"),
    ],
)
def test_a_name_tells_the_types_of_backend(expected: set[str], name: str) -> None:
    """By whole words: `make test-backend` takes the tests of one."""
    assert expected == types_in(name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_type_of_backend_has_tests_of_its_own(backend: str) -> None:
    """And `--backend` leaves out those of the others."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--collect-only", "--backend", backend]
    done = subprocess.run(
        [*command, "tests/contract/test_backends.py"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )

    found = [line for line in done.stdout.splitlines() if "::" in line]
    assert 10 <= len(found)
    assert all(types_in(line.partition("[")[2]) <= {backend} for line in found)
