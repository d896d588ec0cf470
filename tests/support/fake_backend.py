"""A backend for faults: a dictionary with a real DNS responder on UDP, so that the real verifier asks it.

It passes the same contract suite as the real ones. What a real name server cannot be told to do (hang at one zone,
say ok and serve old, say an error and have applied) is switched on by its attributes.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dns.rdata
import dns.rdatatype

from directdnsonly.backends.contract import Capabilities, Outcome, OutcomeKind, ServerAddress, ZoneChange, ZoneObserved
from directdnsonly.errors import BackendUnavailable
from directdnsonly.zone.model import Record, Zone
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import records_of
from tests.support.rig import RigKind

NOERROR, NXDOMAIN, REFUSED = 0, 3, 5
POISON = 'TXT "poison"'


@dataclass
class Served:
    """What the fake serves for a zone."""

    version: int
    serial: int
    records: int
    text: str

    def answers(self, owner: str, kind: str) -> list[bytes]:
        """The records of an RRset as in a message, the owner as a pointer to the question."""
        found = [record for record in records_of(self.text) if (record.owner, record.type) == (owner, kind)]
        if kind == "SOA" and not self.text:  # only its serial is known
            found = [Record(owner, 3600, kind, f". . {self.serial} 3600 3600 1209600 86400")]
        wires = [dns.rdata.from_text("IN", kind, record.rdata).to_wire() or b"" for record in found]
        number = dns.rdatatype.from_text(kind)
        return [
            b"\xc0\x0c" + struct.pack("!HHIH", number, 1, record.ttl, len(wire)) + wire
            for record, wire in zip(found, wires, strict=True)
        ]


class FakeBackend:
    """Backend over a dictionary. Use `async with`."""

    def __init__(self, name: str = "fake", *, batch_size: int = 100) -> None:
        self.name = name
        self.capabilities = Capabilities(batch_size=batch_size, concurrency=2)
        self.servers: Sequence[ServerAddress] = ()
        self.zones: dict[ZoneName, Served] = {}
        self.applied: list[tuple[ZoneName, int]] = []  # every change that was taken, in order
        self.down = ""  # reason: apply and ready fail
        self.hang_on: set[str] = set()  # apply never returns when one of these is in the batch
        self.refuse: dict[str, str] = {}  # zone -> reason: refused for good
        self.fail: dict[str, int] = {}  # zone -> how often it fails before it works
        self.lie: set[str] = set()  # says applied, serves the old
        self.error_but_applied: set[str] = set()  # says retry, serves the new
        self.drop = 0  # how often the connection is closed in the middle of apply, after the first change
        self.silent = False  # answers no DNS
        self.asked: list[tuple[str, str]] = []  # by DNS: owner and type
        self.mute_zones: set[str] = set()  # zones about which it answers no DNS
        self.delay_s = 0.0
        self.gate = asyncio.Event()  # closed by `clear`: what is being applied waits until it is set
        self.gate.set()
        self.applying = 0  # calls of apply that run now
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> FakeBackend:
        await self.listen()
        return self

    async def listen(self, port: int = 0) -> None:
        """Answer by UDP at this port."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Responder(self), local_addr=("127.0.0.1", port)
        )
        host, port = self._transport.get_extra_info("sockname")
        self.servers = (ServerAddress(host=host, port=port),)

    def answer(self, owner: str, kind: str) -> bool:
        """Whether this question is answered."""
        del owner, kind
        return not self.silent

    def serve(self, zone: Zone) -> None:
        """Hold this from now on, whoever says so."""
        self.zones[zone.name] = Served(1, zone.serial, zone.records, zone.text)

    async def __aexit__(self, *_error: object) -> None:
        assert self._transport is not None
        self._transport.close()
        await asyncio.sleep(0)

    async def apply(self, changes: Sequence[ZoneChange]) -> Sequence[Outcome]:
        if self.down:
            raise BackendUnavailable(self.down, backend=self.name)
        if any(str(change.name) in self.hang_on for change in changes):
            await asyncio.Event().wait()
        self.applying += 1
        try:
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await self.gate.wait()
        finally:
            self.applying -= 1
        if self.drop:
            self.drop -= 1
            self._apply_one(changes[0])
            raise BackendUnavailable("closed in the middle", backend=self.name) from ConnectionResetError()
        return [self._apply_one(change) for change in changes]

    def _apply_one(self, change: ZoneChange) -> Outcome:
        name = str(change.name)
        if change.text and POISON in change.text:
            return Outcome(kind=OutcomeKind.REFUSED, reason="told that it is poison")
        if name in self.refuse:
            return Outcome(kind=OutcomeKind.REFUSED, reason=self.refuse[name])
        if self.fail.get(name, 0) > 0:
            self.fail[name] -= 1
            return Outcome(kind=OutcomeKind.RETRY, reason="told to fail")
        if name not in self.lie:
            self.applied.append((change.name, change.version))
            if change.text is None:
                self.zones.pop(change.name, None)
            else:
                self.zones[change.name] = Served(change.version, change.serial, change.records, change.text)
        if name in self.error_but_applied:
            return Outcome(kind=OutcomeKind.RETRY, reason="told to say so")
        return Outcome(kind=OutcomeKind.APPLIED)

    async def inventory(self) -> AsyncIterator[ZoneObserved]:
        if self.down:
            raise BackendUnavailable(self.down, backend=self.name)
        for name in list(self.zones):
            (observed,) = await self.observe([name])
            if observed is not None:
                yield observed

    async def observe(self, names: Sequence[ZoneName]) -> Sequence[ZoneObserved | None]:
        if self.down:
            raise BackendUnavailable(self.down, backend=self.name)
        return [
            ZoneObserved(name=name, serial=served.serial, records=served.records, version=served.version)
            if (served := self.zones.get(name))
            else None
            for name in names
        ]

    async def stored(self, name: ZoneName) -> Sequence[Record] | None:
        served = self.zones.get(name)
        return list(records_of(served.text)) if served else None

    async def ready(self) -> None:
        if self.down:
            raise BackendUnavailable(self.down, backend=self.name)

    async def aclose(self) -> None:
        return


class FakeDaemon:
    """Down and up for the fake."""

    def __init__(self, backend: FakeBackend) -> None:
        self.backend = backend

    async def stop(self) -> None:
        self.backend.down = "stopped"
        self.backend.silent = True

    async def start(self) -> None:
        self.backend.down = ""
        self.backend.silent = False


@asynccontextmanager
async def fake_under_test(_folder: Path) -> AsyncIterator[tuple[FakeBackend, FakeDaemon]]:
    async with FakeBackend() as backend:
        yield backend, FakeDaemon(backend)


RIGS = [RigKind(name="fake", open=fake_under_test, poison="{name}. 60 IN " + POISON + "\n", refusal="poison")]


class _Responder(asyncio.DatagramProtocol):
    """Answers from the dictionary, as far as exact names go (RFC 1035, section 4)."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # its base class is missing in CPython 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, position = [], 12
        while length := data[position]:
            labels.append(data[position + 1 : position + 1 + length].decode("ascii").lower())
            position += 1 + length
        question = data[12 : position + 5]
        if ".".join(labels) in self._backend.mute_zones:
            return
        kind = dns.rdatatype.to_text(
            dns.rdatatype.RdataType.make(int.from_bytes(data[position + 1 : position + 3], "big"))
        )
        self._backend.asked.append((".".join(labels), kind))
        if not self._backend.answer(".".join(labels), kind):
            return
        served = next(
            (
                zone
                for at in range(len(labels))
                if (zone := self._backend.zones.get(ZoneName.trusted(".".join(labels[at:]))))
            ),
            None,
        )
        identity = data[:2]
        if served is None:
            self._transport.sendto(identity + struct.pack("!HHHHH", 0x8000 | REFUSED, 1, 0, 0, 0) + question, addr)
            return
        found = served.answers(".".join([*labels, ""]), kind)
        header = struct.pack("!HHHHH", 0x8400, 1, len(found), 0, 0)
        self._transport.sendto(identity + header + question + b"".join(found), addr)
