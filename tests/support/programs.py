"""Programs that a test needs."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str) -> str:
    """Its path. Missing: a failure in CI, a visible skip elsewhere."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path:
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed; CI must have it (make tools-test)")
    pytest.skip(f"{name} is not installed (make tools-test)")
