"""Running lanes over the real store and the real verifier, for backends that misbehave on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from directdnsonly.backends.contract import Backend
from directdnsonly.clock import Clock, SystemClock
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.dispatch.lane import Lane
from directdnsonly.dispatch.settings import DispatchSettings
from directdnsonly.outbox.changes import NewVersion, Priority
from directdnsonly.outbox.deliveries import Placement
from directdnsonly.outbox.lifecycle import State
from directdnsonly.outbox.settings import OutboxSettings
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.verify.compare import Depth
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from tests.support.fake_backend import FakeBackend

QUICK = {
    "retry_delays_s": (0.05, 0.05), "retry_jitter": 0.0, "max_attempts": 2, "apply_timeout_s": 30.0, "verify_patience_s": 1.0,
    "probe_delay_s": 0.05, "probe_delay_max_s": 0.1, "probe_timeout_s": 30.0, "lease_s": 600.0,
}  # fmt: skip
PATIENCE_S = 60.0  # only a fault takes so long, also on a machine that is busy with other things


class Rig:
    """A store, and a running lane for each backend."""

    def __init__(self, store: SqliteStore, lanes: dict[str, Lane]) -> None:
        self.store, self.lanes = store, lanes

    async def push(self, *pushes: NewVersion) -> None:
        for one in pushes:
            receipt = await self.store.recording.record_push(one)
            self.wake(one.priority, begun=receipt.begun)

    def wake(self, priority: Priority = Priority.INTERACTIVE, *, begun: frozenset[str] = frozenset()) -> None:
        for name, lane in self.lanes.items():
            if name not in begun:
                lane.wake(priority)

    async def placement(self, name: str, backend: str = "one") -> Placement:
        found = await self.store.looking.placements(ZoneName.parse(name))
        return next(placement for placement in found if placement.backend == backend)

    async def until(self, name: str, state: State, backend: str = "one", limit_s: float = PATIENCE_S) -> Placement:
        end = time.monotonic() + limit_s
        while (found := await self.placement(name, backend)).state is not state:
            assert time.monotonic() < end, found
            await asyncio.sleep(0.01)
        return found


async def until(condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Wait on a condition."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running_lanes(
    folder: Path,
    *backends: Backend,
    store: Mapping[str, object] = MappingProxyType({}),
    clock: Clock | None = None,
    depth: Depth = Depth.COUNT,
    **options: object,
) -> AsyncIterator[Rig]:
    """Open the store in `folder` and run a lane for each backend while the block runs."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        for backend in backends:
            if isinstance(backend, FakeBackend):
                await stack.enter_async_context(backend)
        names = [backend.name for backend in backends]
        settings = OutboxSettings(**{"disk_reserve_mb": 0, **store})
        opened = await stack.enter_async_context(open_store(folder, settings=settings, clock=clock, backends=names))
        await opened.upkeep.adopt_backends(names)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        lanes = {}
        for backend in backends:
            can = backend.capabilities
            verifier = Verifier(
                backend.servers, allows_transfer=can.allows_transfer, authoritative=can.authoritative,
                forgets=can.forgets, rewrites=can.rewrites, depth=depth,
            )  # fmt: skip
            stack.callback(verifier.close)
            lanes[backend.name] = Lane(
                backend=backend, verifier=verifier, work=opened.work, clock=clock, depth=depth,
                settings=DispatchSettings(**{**QUICK, **options}),
            )  # fmt: skip
        dispatcher = Dispatcher(list(lanes.values()), watch_every_s=0.2)
        opened.recording.serve(dispatcher)
        task = group.create_task(dispatcher.run())
        stack.callback(task.cancel)
        yield Rig(opened, lanes)
