"""A failing test must not fail its neighbour.

The traceback of a failure keeps the test's objects: connections, sockets, processes. They are collected while some later
test runs, each with a warning that it was never closed, and a warning is an error there. So what a failed test leaves
is collected at its own end, where it is nobody else's.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around each test with its fixtures."""
    before = item.session.testsfailed
    done = yield
    if item.session.testsfailed > before:
        _forget()
    return done


def _forget() -> None:
    """Drop what the interpreter keeps of the last error, and everything that hung on it, without a word."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    heard, sys.unraisablehook = sys.unraisablehook, lambda _told: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    finally:
        sys.unraisablehook = heard
