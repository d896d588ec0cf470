"""`pytest --backend TYPE`: the tests of one type of backend alone (`make test-backend BACKEND=nsd`).

A test belongs to the types that its parameters name; otherwise to those that its own name, its file's or the support
modules that its file imports name. `coredns` there means every type of that server.
"""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from directdnsonly.backends.registry import BACKENDS

PROGRAMS = {"named": "bind"}  # support modules and parameters that are called as the program is


def types_in(text: str) -> set[str]:
    """The types that a name tells of: `test_coredns_mysql` of one, `test_coredns_answers` of each of that server."""
    exact, rest = set(), re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    for kind in sorted(BACKENDS, key=len, reverse=True):  # powerdns_mysql is no powerdns
        if re.search(rf"(?<![a-z]){kind}(?![a-z])", rest):
            exact.add(kind)
            rest = re.sub(rf"(?<![a-z]){kind}(?![a-z])", "_", rest)
    servers = {kind for kind in BACKENDS if re.search(rf"(?<![a-z]){kind.split('_')[0]}(?![a-z])", rest)}
    return exact | servers


def belongs(item: pytest.Item, wanted: str) -> bool:
    """Whether a test is one of this type."""
    module: ModuleType | None = getattr(item, "module", None)
    callspec = getattr(item, "callspec", None)
    imported = " ".join(
        each.__name__.rpartition(".")[2] if isinstance(each, ModuleType) else str(getattr(each, "__module__", ""))
        for each in vars(module or item).values()
    )
    ids = callspec.id if callspec is not None else ""
    modules = " ".join(PROGRAMS.get(each, each) for each in re.findall(r"tests\.support\.(\w+)", imported))
    for name in (PROGRAMS.get(ids, ids), item.name.partition("[")[0], item.path.stem, modules):
        if found := types_in(name):
            return wanted in found
    return False


def pytest_addoption(parser: pytest.Parser) -> None:
    """Of pytest."""
    parser.addoption("--backend", choices=[*BACKENDS], help="only the tests of this type of backend")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of pytest."""
    wanted = config.getoption("--backend")
    if wanted:
        left = [item for item in items if not belongs(item, wanted)]
        items[:] = [item for item in items if belongs(item, wanted)]
        config.hook.pytest_deselected(items=left)
