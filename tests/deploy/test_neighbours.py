"""What the suite promises about itself: a failure stays where it is, and the way in which it was started does not matter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUSY = ROOT / "tests/busy.sh"
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
# A program that has no handler of its own: a signal that reaches Python just before it sleeps wakes nobody.
INTERRUPTS = """
import signal, subprocess

def test_a_child_can_be_interrupted():
    with subprocess.Popen(["sleep", "600"]) as child:
        try:
            child.send_signal(signal.SIGINT)
            assert child.wait(120) == -signal.SIGINT
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


def busy_ones() -> int:
    """How many processes of this script, and of what it has started, there are."""
    found = 0
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            found += str(BUSY).encode() in (each / "cmdline").read_bytes().split(b"\0")
    return found


def test_a_busy_machine_is_made_for_one_command_and_leaves_nobody_behind() -> None:
    """The exit code is the command's; also when the script itself is killed, the busy ones end."""
    before = busy_ones()
    done = subprocess.run([BUSY, "-n", "2", "sh", "-c", "exit 3"], timeout=120, check=False)
    assert 3 == done.returncode

    with subprocess.Popen([BUSY, "-n", "2", "cat"], stdin=subprocess.PIPE) as killed:
        try:
            end = time.monotonic() + 120
            while busy_ones() < before + 3:
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            killed.send_signal(signal.SIGKILL)
        assert killed.stdin is not None
    end = time.monotonic() + 120
    while busy_ones() > before:
        assert time.monotonic() < end, "somebody is busy for nobody"
        time.sleep(0.05)
