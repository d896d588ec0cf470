"""What the contract suite needs of each kind of backend, and the handle that its tests work with.

A backend joins the suite by a `RigKind` in its support module (`RIGS`) and one line in tests/contract/kinds.py.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from directdnsonly.backends.contract import Backend, OutcomeKind, ZoneChange
from directdnsonly.clock import SystemClock
from directdnsonly.dispatch.proof import Proof
from directdnsonly.errors import BackendUnavailable
from directdnsonly.nameservers.contract import DaemonPhase
from directdnsonly.nameservers.program import Program
from directdnsonly.nameservers.supervisor import ManagedDaemon
from directdnsonly.outbox.changes import Kind, Priority
from directdnsonly.outbox.deliveries import Claim
from directdnsonly.verify.compare import Depth, Finding, Verdict
from directdnsonly.verify.verifier import Verifier
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

CNAME_BESIDE_DATA = "{name}. 60 IN CNAME elsewhere.example.\n"


class Daemon(Protocol):
    """Down and up."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class RigKind:
    """One way to run one kind of backend.

    `poison` is appended to a good zone text and makes this backend refuse it, with `refusal` in the reason; `batch` is
    the size of the big batch (smaller where each zone costs a subprocess). `title` names the column of the RR-type
    matrix; one kind per name server has it. `unservable`: zones of the suite that this backend rightly refuses.
    """

    name: str
    open: Callable[[Path], AbstractAsyncContextManager[tuple[Backend, Daemon]]]
    poison: str = CNAME_BESIDE_DATA
    refusal: str = "CNAME and other data"
    batch: int = 500
    title: str = ""
    most: int = 10_000
    unservable: frozenset[str] = frozenset()


class Rig:
    """A backend, its daemon, and proof as dispatch asks for it."""

    def __init__(self, kind: RigKind, backend: Any, daemon: Any) -> None:
        self.kind, self.backend, self.daemon = kind, backend, daemon
        can = backend.capabilities
        self.verifier = Verifier(
            backend.servers, allows_transfer=can.allows_transfer, authoritative=can.authoritative,
            forgets=can.forgets, rewrites=can.rewrites,
        )  # fmt: skip
        self.proof = Proof(backend, self.verifier)
        self.content = Verifier(
            backend.servers, allows_transfer=can.allows_transfer, authoritative=can.authoritative,
            forgets=can.forgets, rewrites=can.rewrites, depth=Depth.CONTENT,
        )  # fmt: skip
        self.known: set[ZoneName] = set()

    def put(self, name: str, serial: int, extra: str = "", *, raw: str = "") -> ZoneChange:
        """A small good zone; `raw` goes into the text behind the parser's back."""
        text = (
            f"@ 3600 IN SOA ns.host.example. h.host.example. {serial} 60 60 60 60\n@ 60 IN NS ns.host.example.\n{extra}"
        )
        return self.put_text(name, text, raw=raw)

    def put_text(self, name: str, text: str, *, raw: str = "", version: int | None = None) -> ZoneChange:
        """A zone as DirectAdmin would push it, in our normal form."""
        origin = ZoneName.parse(name)
        zone = parse(text, origin)
        return ZoneChange(
            name=origin, version=version or zone.serial, text=zone.text + raw, serial=zone.serial,
            records=zone.records, known=origin in self.known,
        )  # fmt: skip

    def poisoned(self, name: str, serial: int) -> ZoneChange:
        """A zone that this backend refuses for good."""
        return self.put(name, serial, raw=self.kind.poison.format(name=name))

    async def apply(self, *changes: ZoneChange) -> list[OutcomeKind]:
        """Apply, and remember what the backend knows, as the store does."""
        outcomes = await self.backend.apply(changes)
        self.known |= {change.name for change in changes if not change.is_delete}
        return [outcome.kind for outcome in outcomes]

    async def verdicts(
        self, changes: Sequence[ZoneChange], *, patience_s: float = 5, content: bool = False
    ) -> list[Verdict]:
        """What dispatch would find."""
        proof = Proof(self.backend, self.content, depth=Depth.CONTENT) if content else self.proof
        return await proof.verify([_claim(change) for change in changes], patience_s=patience_s)

    async def finding(self, name: str, serial: int | None, records: int = 0) -> Finding:
        """Serial None: gone; records 0: not counted."""
        change = ZoneChange(
            name=ZoneName.parse(name), version=1, text=None if serial is None else "", serial=serial or 0,
            records=records,
        )  # fmt: skip
        (verdict,) = await self.verdicts([change], patience_s=3)
        return verdict.finding

    def close(self) -> None:
        """Release sockets."""
        self.verifier.close()
        self.content.close()


async def is_ready(backend: Backend) -> bool:
    """Whether its control channel answers."""
    try:
        await backend.ready()
    except BackendUnavailable:
        return False
    return True


def _claim(change: ZoneChange) -> Claim:
    return Claim(
        backend="", name=change.name, fence=0, attempts=0, priority=Priority.BULK, wanted_at=0.0, change_id="",
        version=change.version, kind=Kind.DELETE if change.is_delete else Kind.PUT, serial=change.serial,
        records=change.records, text=change.text, known=change.known,
    )  # fmt: skip


class SupervisedDaemon:
    """A bundled name server under our own supervisor; each start makes a new one, as a restart of ours does."""

    def __init__(self, make: Callable[[], Program]) -> None:
        self._make = make
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        program = await asyncio.to_thread(self._make)
        supervisor = ManagedDaemon(
            name="under-test", program=program, clock=SystemClock(), on_phase=lambda _status: None
        )
        self._task = asyncio.create_task(supervisor.run(), name=program.kind)
        async with asyncio.timeout(120):
            while supervisor.status.phase is not DaemonPhase.RUNNING:
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


class ChildDaemon:
    """Somebody else's name server (or database): a process that the test starts; `ready` is awaited after the start."""

    def __init__(
        self, command: Sequence[str], *, ready: Callable[[], Any], log: Path | None = None, stop_s: float = 10
    ) -> None:
        self._command, self._ready, self._log, self._stop_s = list(command), ready, log, stop_s
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        def launch() -> subprocess.Popen[bytes]:
            if self._log is None:
                return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with self._log.open("ab") as out:
                return subprocess.Popen(self._command, stdout=out, stderr=out)

        self.process = await asyncio.to_thread(launch)
        async with asyncio.timeout(120):
            while not await self._ready():
                code = self.process.poll()
                assert code is None, (
                    f"{self._command[0]} ended with {code}: {self._log and self._log.read_text()[-2000:]}"
                )
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                await asyncio.to_thread(self.process.wait, self._stop_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                await asyncio.to_thread(self.process.wait)
            self.process = None
