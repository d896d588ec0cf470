"""Errors carry what they were made of: who catches one decides by its facts, never by its words."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import pytest

from directdnsonly import errors
from directdnsonly.errors import ConfigProblem, DirectDNSOnlyError

FACTS: Final[dict[str, Any]] = {
    "reason": "why it is so", "rule": "a-rule", "line": 3, "owner": "www.a.example.", "zone": "a.example", "backend": "ns1",
    "expected": 41, "newest": 42, "version": 43, "key": "deploy-17", "file": "outbox.sqlite", "most_bytes": 44, "again_in_s": 4.5,
    "known": True, "full": True, "problems": [ConfigProblem("app.listen", "is no address")],
}  # fmt: skip


def kinds(of: type[DirectDNSOnlyError] = DirectDNSOnlyError) -> Iterator[type[DirectDNSOnlyError]]:
    """Those of our tree that have a constructor, their own or that of a kind above."""
    for kind in of.__subclasses__():
        if kind.__module__ == errors.__name__ and inspect.isfunction(kind.__init__):
            yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(kinds(), key=lambda kind: kind.__name__))
def test_an_error_carries_each_fact_under_the_name_by_which_it_was_given(kind):
    """The reason is in its text, in which a line may stand before it."""
    _, *names = inspect.signature(kind.__init__).parameters
    given = {name: FACTS[name] for name in names}

    error = kind(**given)

    facts = set(given) - {"reason"}
    assert {name: given[name] for name in facts} == {name: getattr(error, name, None) for name in facts}
    assert given.get("reason", "") in str(error)
