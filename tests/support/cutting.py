"""Cancel a coroutine at each of its awaits, once, and look what is left.

    cuts = await cut_everywhere(act, after)

`act()` gives a new coroutine each time. It is run and cancelled where it waits first, run anew and cancelled at the next
await, and so on until a run comes to no new one; the tasks that it starts count as its own. An await in a loop is cut in
the first round and in a later one. `after` is awaited behind each cut: there the test asserts that nothing leaks and that
the next use works.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from enum import StrEnum
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0  # only a fault takes so long, also on a machine that is busy with other things
MOST = 500  # awaits of whatever a test cuts: more is a coroutine that never comes to an end
Place = tuple[object, ...]  # the awaits that stand in each other, from the task down; and in which round


class When(StrEnum):
    """The two moments at which a cancellation can come to somebody who waits."""

    WAITING = "nothing has come yet"
    ANSWERED = "what it waits for is there, and it has not been told yet"


class Knife:
    """Cancels a task where it, or one that it has started, waits for the first time at a place that is not in `cut`."""

    def __init__(self, cut: set[Place], when: When) -> None:
        self.root: asyncio.Task[Any] | None = None
        self.place: Place = ()  # where it has cut
        self._cut, self._when = cut, when
        self._rounds: Counter[Place] = Counter()

    def suspended(self, coroutine: object, pending: asyncio.Future[Any] | None) -> None:
        """One of them waits for `pending`; None: only for the next turn of the loop."""
        place = _place_of(coroutine)
        self._rounds[place] += 1
        place = (*place, min(self._rounds[place], 2))
        if self.place or place in self._cut or self.root is None:
            return
        self.place = place
        self._cut.add(place)
        if pending is None or self._when is When.WAITING:
            self.root.cancel()
        else:
            pending.add_done_callback(lambda _: self.root and self.root.cancel())  # called before the one who waits

    def task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """The task factory of the loop while it cuts."""
        return asyncio.Task(_Watched(coroutine, self), loop=loop, **options)


class _Watched(Coroutine[Any, Any, Any]):
    """The coroutine itself, but that the knife is told whenever it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], knife: Knife) -> None:
        self._coroutine, self._knife = coroutine, knife

    def send(self, value: Any) -> Any:
        return self._waits(self._coroutine.send(value))

    def throw(self, *error: Any) -> Any:
        return self._waits(self._coroutine.throw(*error))

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("a task runs it: it is never awaited")

    def _waits(self, pending: Any) -> Any:
        self._knife.suspended(self._coroutine, pending)
        return pending


def _place_of(coroutine: Any) -> Place:
    found: list[object] = []
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            break
        found.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return tuple(found)


async def cut_once(act: Callable[[], Coroutine[Any, Any, object]], cut: set[Place], when: When) -> Place:
    """Where; empty when there was no new place. A cancellation that somebody swallows fails, and a task that goes on."""
    loop = asyncio.get_running_loop()
    before, factory = asyncio.all_tasks(), loop.get_task_factory()
    knife = Knife(cut, when)
    loop.set_task_factory(knife.task)
    try:
        knife.root = loop.create_task(act())
        (result,) = await asyncio.gather(knife.root, return_exceptions=True)
    finally:
        loop.set_task_factory(factory)
    if isinstance(result, BaseException) and not (knife.place and isinstance(result, asyncio.CancelledError)):
        raise result
    assert bool(knife.place) == isinstance(result, asyncio.CancelledError), f"cut at {knife.place} ({when}): swallowed"
    await until(lambda: asyncio.all_tasks() <= before)
    return knife.place


async def cut_everywhere(
    act: Callable[[], Coroutine[Any, Any, object]],
    after: Callable[[], Awaitable[object]],
    *,
    before: Callable[[], Awaitable[object]] | None = None,
) -> int:
    """How many places were cut, each in both moments. `before` is awaited ahead of each run."""
    most = 0
    for when in When:
        cut: set[Place] = set()
        while len(cut) < MOST:
            if before is not None:
                await before()
            place = await cut_once(act, cut, when)
            if not place:
                break
            try:
                await after()
            except Exception as error:
                error.add_note(f"after a cut at {' > '.join(map(str, place))}: {when}")
                raise
        assert len(cut) < MOST, "it never ends"
        most = max(most, len(cut))
    return most


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
