"""`make check` asks for known vulnerabilities of the lock, fails on one, and says aloud when nobody could be asked."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/release/audit.py"
CLEAN = {"name": "idna", "version": "3.20", "vulns": []}
HOLED = {
    "name": "jinja2",
    "version": "2.10",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.10.1"], "aliases": ["CVE-1"]}],
}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (15.0.0)"}


@pytest.fixture(scope="module")
def audit():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("release_audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_known_vulnerability_fails_the_check_and_is_named(audit):
    """With the version that mends it."""
    verdict = audit.judge({"dependencies": [CLEAN, HOLED]})

    assert (True, True) == (verdict.fails, verdict.known)
    assert "jinja2 2.10: PYSEC-1, mended in 2.10.1" in verdict.lines


def test_one_that_does_not_concern_us_is_ignored_by_any_of_its_names(audit, monkeypatch):
    """An alias does; the reason stands in the script."""
    monkeypatch.setattr(audit, "IGNORED", {"CVE-1": "we render no templates of others"})

    assert not audit.judge({"dependencies": [CLEAN, HOLED]}).fails


def test_packages_of_which_nothing_is_known_are_named(audit):
    """They are not counted as sound."""
    verdict = audit.judge({"dependencies": [CLEAN, UNKNOWN]})

    assert (
        "audit: 1 packages of requirements.lock, 0 known vulnerabilities; NOT AUDITED, since nothing is known of them: rich",
    ) == verdict.lines
    assert not verdict.fails


def test_an_index_that_knows_nothing_is_no_answer(audit):
    """The next one is asked."""
    assert not audit.judge({"dependencies": [UNKNOWN]}).known
    assert not audit.judge({}).known


def test_without_a_network_it_says_so_and_does_not_fail(tmp_path):
    """pip-audit itself, its way out closed: the reason of each service stands on one line."""
    lock = tmp_path / "requirements.lock"
    lock.write_text("idna==3.10 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    closed = {
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "NO_PROXY": "",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, SCRIPT, lock], env=os.environ | closed, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert done.stdout.startswith("audit: NOT AUDITED: pypi: ")
    assert "; osv: " in done.stdout
    assert 1 == len(done.stdout.splitlines())
