"""How many zones may go at once before a person looks."""

from __future__ import annotations

import pytest

from directdnsonly.outbox.cap import cap, plan_id


@pytest.mark.parametrize(("zones", "most"), [(0, 10), (10, 10), (100, 10), (300, 30), (5_000, 500), (100_000, 1000)])
def test_how_many_zones_may_go_at_once(zones, most):
    """A few always; else a share of them, up to a number."""
    assert most == cap(zones, most=1000, share=0.1, least=10)


def test_a_plan_is_a_set_of_deletes():
    one = plan_id([("a.example", "1"), ("b.example", "2")])

    assert one == plan_id([("b.example", "2"), ("a.example", "1")])
    assert one != plan_id([("a.example", "1"), ("b.example", "3")])
    assert one != plan_id([("a.example", "1")])
