"""Runs a command as a process of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from bench.service import DADNS

SRC = Path(__file__).parents[2] / "src"


@pytest.fixture
def dadns(tmp_path: Path):
    """Runs `dadns` in an empty folder."""

    def run(*arguments: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DADNS_")}
        done = subprocess.run(
            [DADNS, *arguments],
            input=stdin, capture_output=True, timeout=180, cwd=tmp_path, check=False,
            env={**clean, "PYTHONPATH": str(SRC), "COLUMNS": "200", "NO_COLOR": "1", **environ},
        )  # fmt: skip
        assert b"Traceback" not in done.stderr
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
