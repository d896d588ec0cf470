"""The real service as a process that can be killed at a named step: python -m tests.faults.child --config FILE

It is put together from the parts of `app` with a few of them wrapped, so that production code has no hook. The process
kills itself with SIGKILL, as a power cut would, when it comes to the step named in the file `arm` beside the
configuration ("step number": the number-th time). STEPS is the way of a push from its acceptance to its proof.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from directdnsonly import app as composition
from directdnsonly import log
from directdnsonly.backends.contract import Backend, Outcome, ZoneChange
from directdnsonly.clock import SystemClock
from directdnsonly.config import load
from directdnsonly.dispatch.dispatcher import Dispatcher
from directdnsonly.door.server import listen, make_server
from directdnsonly.outbox.deliveries import Settle
from directdnsonly.outbox.sqlite.store import SqliteStore, open_store
from directdnsonly.service import Service

STEPS = (
    "accepted, not recorded",
    "in the transaction",
    "committed, not answered",
    "leased with its push",
    "before a claim",
    "claimed",
    "zone file written",
    "name server told",
    "applied",
    "proven, not settled",
    "settled",
)
BUG = "a bug in a backend"  # no kill: an actor ends with an unexpected error


class Arm:
    """Says when the end has come."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = 0

    def step(self) -> tuple[str, int]:
        """The one that shall be reached, and how often; an empty one while nothing is armed."""
        try:
            wanted, number = self._file.read_text().rsplit(" ", 1)
        except (FileNotFoundError, ValueError):
            return "", 0
        return wanted, int(number)

    def reached(self, step: str) -> bool:
        wanted, number = self.step()
        if wanted != step:
            return False
        self._seen += 1
        return self._seen >= number

    def at(self, step: str) -> None:
        if self.reached(step):
            os.kill(os.getpid(), signal.SIGKILL)


class Wrapped:
    """Passes everything on to `inner` that a subclass does not do itself."""

    def __init__(self, inner: Any, arm: Arm) -> None:
        self.inner, self.arm = inner, arm

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Commits(Wrapped):
    def submit(self, write: Callable[[Any], Any], **options: Any) -> Any:
        def and_end(connection: Any) -> Any:
            result = write(connection)
            self.arm.at("in the transaction")
            return result

        return self.inner.submit(and_end, **options)


class Recording(Wrapped):
    async def record_push(self, push: Any) -> Any:
        return await self._record(self.inner.record_push, push)

    async def record_delete(self, deletion: Any) -> Any:
        return await self._record(self.inner.record_delete, deletion)

    async def _record(self, record: Callable[[Any], Any], what: Any) -> Any:
        self.arm.at("accepted, not recorded")
        receipt = await record(what)
        self.arm.at("committed, not answered")
        return receipt


class Work(Wrapped):
    async def claim(self, backend: str, **options: Any) -> Any:
        self.arm.at("before a claim")
        claims = await self.inner.claim(backend, **options)
        if claims:
            self.arm.at("claimed")
        return claims

    async def settle(self, settlements: Sequence[Any]) -> None:
        verified = any(end.how is Settle.VERIFIED for end in settlements)
        if verified:
            self.arm.at("proven, not settled")
        await self.inner.settle(settlements)
        if verified:
            self.arm.at("settled")


class Store(Wrapped):
    def __init__(self, inner: SqliteStore, arm: Arm) -> None:
        super().__init__(inner, arm)
        self.recording = Recording(inner.recording, arm)
        self.work = Work(inner.work, arm)


class Takers(Wrapped):
    """Where a claim is to be reached, nothing is leased without one."""

    def waiting(self) -> Any:
        return {} if self.arm.step()[0] in {"before a claim", "claimed"} else self.inner.waiting()

    def take(self, claims: Any) -> None:
        self.arm.at("leased with its push")
        self.inner.take(claims)


class Bind(Wrapped):
    def __init__(self, inner: Any, arm: Arm) -> None:
        super().__init__(inner, arm)
        ask = inner._ask

        async def ask_and_end(line: str) -> Any:
            if line != "status":
                arm.at("zone file written")
            reply = await ask(line)
            if line != "status":
                arm.at("name server told")
            return reply

        inner._ask = ask_and_end

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        if self.arm.reached(BUG):
            raise ZeroDivisionError(BUG)
        outcomes = await self.inner.apply(changes)
        self.arm.at("applied")
        return outcomes


class ShiftedClock(SystemClock):
    """The clock of a machine whose time was set forth or back while we were down."""

    def __init__(self, shift_s: float) -> None:
        super().__init__()
        self._offset_s += shift_s


async def serve(config: Path, shift_s: float) -> None:
    settings = load(config)
    arm = Arm(config.with_name("arm"))
    clock = ShiftedClock(shift_s)
    names = list(settings.enabled_backends())
    async with open_store(settings.store_folder, settings=settings.outbox, clock=clock, backends=names) as real:
        await real.upkeep.adopt_backends(names)
        service = wired(settings, clock, real, arm)
        sockets = listen(settings.app)
        server = make_server(composition.build_api(service), settings.app)
        try:
            async with asyncio.TaskGroup() as group:
                actors = group.create_task(lingering(service.run(), config.with_name("linger")))
                await server.serve(sockets=sockets)
                actors.cancel()
        finally:
            await service.aclose()


async def lingering(running: Coroutine[None, None, None], file: Path) -> None:
    """What it raises ends the process only when the file is gone: the moment between the two can be looked at."""
    try:
        await running
    finally:
        while file.exists():
            await asyncio.sleep(0.05)


def wired(settings: Any, clock: SystemClock, real: SqliteStore, arm: Arm) -> Service:
    """A Service with a wrapped store and wrapped backends."""
    real.engine.commits = Commits(real.engine.commits, arm)
    store: Any = Store(real, arm)
    service = Service(settings, clock=clock, store=store)
    backends: dict[str, Backend] = {name: Bind(backend, arm) for name, backend in service.backends.items()}
    service.backends = backends
    service.dispatcher = Dispatcher([service.lane(backend) for backend in backends.values()])
    real.recording.serve(Takers(service.dispatcher, arm))
    return service


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--shift", type=float, default=0.0, help="seconds by which our clock is wrong")
    options = parser.parse_args()
    log.configure(level="INFO", fmt="json", timezone="UTC")
    return composition.run_to_its_end(serve(options.config, options.shift))


if __name__ == "__main__":
    sys.exit(main())
