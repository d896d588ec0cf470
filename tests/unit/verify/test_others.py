"""Whether anybody but us asks, from the kernel's counts."""

from __future__ import annotations

from itertools import count

import pytest

from directdnsonly.verify.others import EVERY_S, FEW, Others, Ours

A_SECOND = 1000.0


class _Kernel:
    def __init__(self) -> None:
        self.came: int | None = 12_345

    def __call__(self) -> int | None:
        return self.came


@pytest.fixture
def kernel():
    return _Kernel()


def _others(kernel, *, asked: int, of_ours: int = 0) -> Others:
    """After a second in which so many datagrams of others came, and so many questions of ours went to this machine."""
    ours = Ours()
    others = Others(kernel, ours)
    others.look(A_SECOND)
    ours.datagrams += 2 * of_ours
    kernel.came += asked + 2 * of_ours
    others.look(A_SECOND + 1)
    return others


@pytest.mark.parametrize(("asked", "of_ours", "expected"), [
    (0, 0, False), (int(FEW), 0, False), (int(FEW) + 1, 0, True), (0, 5000, False), (10, 5000, True),
])  # fmt: skip
def test_datagrams_of_our_own_questions_are_nobody_else(kernel, asked, of_ours, expected):
    assert expected is _others(kernel, asked=asked, of_ours=of_ours).ask


def test_as_long_as_nothing_is_known_somebody_asks(kernel):
    others = Others(kernel, Ours())
    assert others.ask
    others.look(A_SECOND)
    assert others.ask


def test_a_kernel_that_tells_nothing_any_more_makes_it_unknown_again(kernel):
    others = _others(kernel, asked=0)
    assert not others.ask
    kernel.came = None
    others.look(A_SECOND + 2)
    assert others.ask
    kernel.came = 0
    others.look(A_SECOND + 3)
    others.look(A_SECOND + 4)
    assert not others.ask


def test_it_is_not_counted_more_often_than_it_tells_something():
    told = count()
    others = Others(lambda: next(told), Ours())
    for turn in range(10):
        others.look(A_SECOND + turn * EVERY_S / 10)

    assert 1 == next(told)
