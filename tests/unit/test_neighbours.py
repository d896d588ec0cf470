"""What the suite promises about itself: a failure stays where it is, and the way in which it was started does not matter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAILS_AND_PASSES = """
import gc, signal, socket, subprocess, sys

def test_that_fails_and_leaves_things_open():
    left = socket.create_server(("127.0.0.1", 0))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.stdin.close()
    round_and_round = [left, child]
    round_and_round.append(round_and_round)
    assert child.stdin is None

def test_beside_it():
    gc.collect()
"""
INTERRUPTS = """
import signal, subprocess, sys

def test_a_child_can_be_interrupted():
    child = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
    with child:
        try:
            child.stdout.readline()
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == -signal.SIGINT
        finally:
            child.kill()
"""


def run(folder: Path, text: str, *before: str) -> subprocess.CompletedProcess[str]:
    """pytest with our configuration and our conftest on one file."""
    (folder / "test_it.py").write_text(text)
    options = ["-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider", "-q"]
    command = [*before, sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", str(folder / "test_it.py")]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)


def test_what_a_failing_test_leaves_open_does_not_fail_the_next_one(tmp_path: Path) -> None:
    """Its socket and its process are collected with it: warnings about them are errors of whoever runs then."""
    done = run(tmp_path, FAILS_AND_PASSES)

    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("ignored", ["INT", "INT HUP"])
def test_a_suite_in_the_background_can_interrupt_what_it_starts(tmp_path: Path, ignored: str) -> None:
    """`make test &` in a script, `nohup make test &`, and a CI that ignores Ctrl-C."""
    done = run(tmp_path, INTERRUPTS, "sh", "-c", f"trap '' {ignored}; exec \"$@\"", "sh")

    assert "1 passed" in done.stdout, done.stdout + done.stderr
