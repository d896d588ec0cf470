"""Cancel a coroutine at each of its suspensions, once, and look what is left.

    cuts = await cut_everywhere(act, after)

`act()` gives a new coroutine each time. It is run and cancelled at its first suspension, run anew and cancelled at its
second, and so on until it ends by itself; the tasks that it starts count as its own. `after` is awaited behind each cut:
there the test asserts that nothing leaks and that the next use works.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0  # only a fault takes so long, also on a machine that is busy with other things
MOST = 2_000  # suspensions of whatever a test cuts: more is a coroutine that never ends


class When(StrEnum):
    """The two moments at which a cancellation can come to somebody who waits."""

    WAITING = "nothing has come yet"
    ANSWERED = "what it waits for is there, and it has not been told yet"


class Knife:
    """Counts the suspensions of a task and of all that it starts, and cancels it at the one that is wanted."""

    def __init__(self, at: int, when: When) -> None:
        self.root: asyncio.Task[Any] | None = None
        self.has_cut = False
        self._left, self._when = at, when

    def suspended(self, pending: asyncio.Future[Any] | None) -> None:
        """One of them waits for `pending`; None: only for the next turn of the loop."""
        self._left -= 1
        if self._left != 0 or self.root is None:
            return
        self.has_cut = True
        if pending is None or self._when is When.WAITING:
            self.root.cancel()
        else:
            pending.add_done_callback(lambda _: self.root and self.root.cancel())  # called before the one who waits

    def task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """The task factory of the loop while it cuts."""
        return asyncio.Task(_counted(coroutine, self), loop=loop, **options)


class _Counting:
    """Awaits a coroutine as `await` does, and tells the knife whenever it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], knife: Knife) -> None:
        self._coroutine, self._knife = coroutine, knife

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            try:
                pending = step()
            except StopIteration as end:
                return end.value
            self._knife.suspended(pending)
            try:
                came = yield pending
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, came)


async def _counted(coroutine: Coroutine[Any, Any, Any], knife: Knife) -> Any:
    return await _Counting(coroutine, knife)


async def cut_at(act: Callable[[], Coroutine[Any, Any, object]], at: int, when: When) -> bool:
    """Whether it came so far. A cancellation that somebody swallowed is a failure, and so is a task that goes on."""
    loop = asyncio.get_running_loop()
    before, factory = asyncio.all_tasks(), loop.get_task_factory()
    knife = Knife(at, when)
    loop.set_task_factory(knife.task)
    try:
        knife.root = loop.create_task(act(), name=f"cut at {at}")
        (result,) = await asyncio.gather(knife.root, return_exceptions=True)
    finally:
        loop.set_task_factory(factory)
    if isinstance(result, BaseException) and not (knife.has_cut and isinstance(result, asyncio.CancelledError)):
        raise result
    assert knife.has_cut == isinstance(result, asyncio.CancelledError), f"cut {at} ({when}) was swallowed"
    await until(lambda: asyncio.all_tasks() <= before)
    return knife.has_cut


async def cut_everywhere(
    act: Callable[[], Coroutine[Any, Any, object]],
    after: Callable[[], Awaitable[object]],
    *,
    before: Callable[[], Awaitable[object]] | None = None,
) -> int:
    """How many cuts were made, in both moments together. `before` is awaited ahead of each run."""
    cuts = 0
    for when in When:
        for at in count(1):
            assert at < MOST, "it never ends"
            if before is not None:
                await before()
            if not await cut_at(act, at, when):
                break
            cuts += 1
            try:
                await after()
            except Exception as error:
                error.add_note(f"after cut {at}: {when}")
                raise
    return cuts


def descriptors() -> list[str]:
    """What each open file of this process is: sockets, pipes and paths."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()).partition(":")[0])
        except FileNotFoundError:  # that of the look itself
            continue
    return sorted(found)


async def until(condition: Callable[[], object]) -> None:
    """Wait on a condition."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.001)


async def until_open_files_are(wanted: list[str]) -> None:
    """No file more than these: what closes by a thread, or in the next turn of the loop, is waited for."""
    try:
        await until(lambda: len(descriptors()) <= len(wanted))
    except AssertionError:
        assert wanted == descriptors()
        raise
