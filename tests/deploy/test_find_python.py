"""Which Python the recipes take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/debian/find-python.sh"


def found(**environ: str) -> str:
    done = subprocess.run(["sh", SCRIPT], env=os.environ | environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def stand_in(tmp_path: Path):
    """A Python that runs, and fails at every program that has this word in it."""

    def made(word: str) -> str:
        path = tmp_path / f"python-{word}"
        path.write_text(f'#!/bin/sh\ncase "$*" in *{word}*) exit 1;; esac\nexec {sys.executable} "$@"\n')
        path.chmod(0o755)
        return str(path)

    return made


def test_the_one_that_is_asked_for_comes_first(stand_in):
    """A path or a name."""
    chosen = stand_in("nothing")

    assert chosen == found(PYTHON=chosen)


@pytest.mark.parametrize("lacking", ["ensurepip", "version_info"], ids=["no environments", "does not run"])
def test_one_that_is_of_no_use_is_passed_over(stand_in, lacking):
    """Then Debian's own, or what the PATH has."""
    chosen = found(PYTHON=stand_in(lacking))

    assert "python-" not in chosen
    subprocess.run([chosen, "-c", "import sys, ensurepip, venv; assert sys.version_info >= (3, 11)"], check=True)
