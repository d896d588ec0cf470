"""A store is made of parts, and an engine's part is its Protocol: nothing that it promises is missing, nothing else is offered."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import get_type_hints

import pytest

from directdnsonly.outbox.sqlite.approval import SqliteApproval
from directdnsonly.outbox.sqlite.drift import SqliteDrift
from directdnsonly.outbox.sqlite.looking import SqliteLooking
from directdnsonly.outbox.sqlite.operators import SqliteOperators
from directdnsonly.outbox.sqlite.peering import SqlitePeering
from directdnsonly.outbox.sqlite.recording import SqliteRecording
from directdnsonly.outbox.sqlite.stopped import StoppedSqlite
from directdnsonly.outbox.sqlite.upkeep import SqliteUpkeep
from directdnsonly.outbox.sqlite.work import SqliteWork
from directdnsonly.outbox.store import Store
from directdnsonly.outbox.store.stopped import StoppedStore

PROTOCOLS = {
    name: get_type_hints(part.fget)["return"] for name, part in vars(Store).items() if isinstance(part, property)
}
SQLITE = {
    "recording": SqliteRecording, "approval": SqliteApproval, "work": SqliteWork, "looking": SqliteLooking,
    "drift": SqliteDrift, "operators": SqliteOperators, "upkeep": SqliteUpkeep, "peering": SqlitePeering,
}  # fmt: skip


def offered(part: type) -> dict[str, str]:
    """Public names, each with how it is called."""
    return {
        name: "a property" if isinstance(found, property) else str(inspect.signature(found))
        for name, found in vars(part).items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_part_of_the_engine_is_exactly_its_protocol(name):
    """The same names, called in the same way, and no more."""
    assert offered(PROTOCOLS[name]) == offered(SQLITE[name])
    assert (PROTOCOLS[name],) == SQLITE[name].__bases__


def test_what_need_not_be_open_is_exactly_its_protocol():
    assert offered(StoppedStore) == offered(StoppedSqlite)


def test_no_act_of_the_store_is_in_two_parts():
    """Who looks for one finds one."""
    names = Counter(name for part in PROTOCOLS.values() for name in offered(part))

    assert [] == [name for name, count in names.items() if count > 1]
    assert set(PROTOCOLS) == set(SQLITE)
