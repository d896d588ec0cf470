"""What makes this folder one of unit tests: none starts a process, opens a socket (as each event loop does) or writes a
file outside of the temporary folder. The interpreter tells us of each by its audit events (PEP 578).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

STARTS = {
    "subprocess.Popen": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "socket.__new__": "opens a socket, or runs an event loop",
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
HYPOTHESIS = Path(__file__).parents[2] / ".hypothesis"  # the examples that it remembers


class NoUnitTest(AssertionError):
    """The test belongs into tests/component."""


class Watch:
    """Objects while a test runs; what is caught by the code under test is told at its end."""

    def __init__(self) -> None:
        self.found: list[str] | None = None  # None: no test runs
        self.places: list[str] = []

    def hook(self, event: str, details: tuple[object, ...]) -> None:
        if self.found is None:
            return
        what = STARTS.get(event) or (self._writing(*details) if event == "open" else "")
        if what:
            self.found.append(what)
            raise NoUnitTest(f"it {what}: tests/component is the folder for that")

    def _writing(self, path: object, _mode: object, flags: object) -> str:
        if not isinstance(path, str | bytes) or not isinstance(flags, int) or not flags & WRITES:
            return ""
        place = str(Path(os.fsdecode(path)).absolute())
        if place.startswith(tuple(self.places)) or "__pycache__" in place or place == os.devnull:
            return ""
        return f"writes {place}"

    def around(self, item: pytest.Item) -> Iterator[None]:
        base = item.config.getoption("basetemp", None)
        self.places = [tempfile.gettempdir(), str(HYPOTHESIS), *([str(Path(base).absolute())] if base else [])]
        self.found = []
        try:
            yield
        finally:
            found, self.found = self.found, None
        if found:
            pytest.fail(f"{item.nodeid} {', '.join(sorted(set(found)))}: tests/component is the folder for that")


WATCH = Watch()
sys.addaudithook(WATCH.hook)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    yield from WATCH.around(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield from WATCH.around(item)
