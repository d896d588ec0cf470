"""Programs that a test needs."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from typing import Any

import pytest


def require_program(name: str) -> str:
    """Its path. Missing: a failure in CI, a visible skip elsewhere."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path:
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed; CI must have it (make tools-test)")
    pytest.skip(f"{name} is not installed (make tools-test)")


@functools.cache
def version_of(program: str, option: str) -> tuple[int, ...]:
    """Of a program of this machine, two or three numbers."""
    done = subprocess.run([require_program(program), option], capture_output=True, text=True, check=False, timeout=60)
    version = re.search(r"\b(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    assert version is not None, done
    return tuple(int(number) for number in version.groups() if number)


def named_version() -> tuple[int, ...]:
    """9.18.49"""
    return version_of("named", "-v")


def nsd_version() -> tuple[int, ...]:
    """4.6.1"""
    return version_of("nsd", "-v")


def knot_version() -> tuple[int, ...]:
    """3.2.6"""
    return version_of("knotd", "--version")


def powerdns_version() -> tuple[int, ...]:
    """4.7.3"""
    return version_of("pdns_server", "--version")


def no_lock_file() -> str:
    """The option by which a named takes no lock on a file that all of them share; 9.20 has neither any more."""
    return "lock-file none;" if named_version() < (9, 20) else ""


def end(process: subprocess.Popen[Any], *, limit_s: float = 60.0) -> int:
    """SIGTERM, and its exit code. What does not end by that is killed and raises TimeoutExpired: nothing is left behind."""
    process.terminate()
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
